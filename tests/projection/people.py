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


def entitled(party: Party, contract: str, version: int) -> list[str]:
    """Every field that the matrix lets a party see in some way."""
    names = sorted(field_names(model(contract, version)))
    return [name for name in names if FIELDS[name].seen_by(party, contract) != "denied"]
