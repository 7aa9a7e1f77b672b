"""Subscribers for tests: one of each party, with a key of its own, and grants as a test wants them."""

from __future__ import annotations

from typing import Any, Final, get_args

from joserfc.jwk import ECKey

from contracts.fields import FIELDS, Party, field_names
from contracts.views.subscriber import BY_USCC, Grant, Subscriber
from tests.projection.marked import model

PARTIES: Final[tuple[Party, ...]] = get_args(Party)
USCC: Final = "91440300MAPW444F2G"
OTHER_USCC: Final = "91330200MATX9P939B"
PRIVATE: Final = ECKey.generate_key("P-256").as_dict(private=True)
PUBLIC: Final = {name: PRIVATE[name] for name in ("kty", "crv", "x", "y")}
SECRET: Final = bytes(range(32))


def grant(contract: str = "sale.confirmed", version: int = 2, *fields: str, **other: Any) -> Grant:
    """A grant that nothing stands against but, perhaps, its fields."""
    told = {
        "id": f"{contract.replace('.', '-')}-{version}",
        "contract": contract,
        "version": version,
        "fields": fields or ("vin",),
        "purpose": "a test",
        "legal_basis": "contract",
        "until": "2099-01-01T00:00:00+08:00",
    }
    return Grant.model_validate(told | other)


def subscriber(party: Party = "T", *grants: Grant, **other: Any) -> Subscriber:
    """One of a party, for the whole country, with a key."""
    told = {
        "name": f"party-{party.lower()}",
        "title": f"party {party}",
        "party": party,
        "usccs": [USCC] if party in BY_USCC else [],
        "jurisdiction": [],
        "key": PUBLIC,
        "grants": grants,
    }
    return Subscriber.model_validate(told | other)


_KNOWN: Final = """
sale.confirmed sale.corrected sale.cancelled coc.confirmed  O M T I P B X C E
insurance.bound                                             O . T I P B X C E
sale.returned                                               O . T I P . . . .
case.changed                                                O . . . . . . . .
agency.refused                                              . M T I P B X C .
invoice.issued invoice.reversed                             O . T I P B . . .
insurance.quoted insurance.cancelled                        O . T I P B . . .
tax.assessed tax.paid tax.refunded                          O . T . P B . . .
insurance.endorsed                                          O . T I P B X . .
loan.decided loan.withdrawn                                 . . . . . B . . .
mortgage.cosigned loan.settled                              . . . . P B . . .
plate.reserved                                              O . . I P B X . .
plate.released plate.dispatched plate.delivered             O . . . P . . . .
elicence.issued elicence.granted elicence.verified          O . . . P . . . .
elicence.revoked                                            O . . . P . . . .
registration.registered                                     O . . I P B X . E
registration.deregistered                                   O . T I P B X . E
mortgage.registered mortgage.released                       O . . I P B X C E
export.qualified                                            O . . . . . X C E
licence.issued                                              O . . . P . X C E
export.released export.exited                               . . T . P . X C E
"""
KNOWN: Final = {
    name: {party for party in line.split() if party in PARTIES}
    for line in _KNOWN.strip().splitlines()
    for name in line.split()
    if "." in name.strip(".")
}
"""Who may know of each contract that there is such a message, written by hand: who may see some fact of its own."""


def entitled(party: Party, contract: str, version: int) -> list[str]:
    """Every field that a party may ask for: by the matrix, but no free text, nor a code that is any agency's."""
    names = sorted(
        field_names(model(contract, version)) - {"reason"} - ({"code"} if contract == "case.changed" else set())
    )
    may_know = party in KNOWN[contract]
    return [name for name in names if may_know and FIELDS[name].seen_by(party, contract) != "denied"]
