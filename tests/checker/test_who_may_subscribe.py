"""The checker's own reading of who may subscribe to what, and projection's: written apart, and of one opinion."""

from __future__ import annotations

from typing import Final, get_args

import pytest

from contracts.fields import Party, field_names
from contracts.registry import CONTRACTS
from contracts.topics import SUBSCRIBABLE, carried
from contracts.views.plan import judge
from contracts.views.subscriber import BY_USCC, Grant, PublicKey, Subscriber
from services.checker import subscribers as checkers
from services.checker.subscribers import LOST_FROM

KEY: Final = {"kty": "OKP", "crv": "X25519", "x": "A" * 43}
TERMS: Final = {"id": "g", "purpose": "p", "legal_basis": "b", "until": "2099-01-01T00:00:00Z"}

EVERY: Final = [(each, number) for each in CONTRACTS.values() for number in range(1, each.newest + 1)]

every_party = pytest.mark.parametrize("party", get_args(Party))


def _subscriber(party: Party, grant: Grant) -> Subscriber:
    usccs = frozenset({"91440300MAPW444F2G"} if party in BY_USCC else ())
    key = PublicKey.model_validate(KEY)
    return Subscriber(name="s", title="s", party=party, usccs=usccs, jurisdiction=(), key=key, grants=(grant,))


def _both(party: Party, contract: str, version: int, field: str) -> tuple[Subscriber, checkers.Grant]:
    told = TERMS | {"contract": contract, "version": version, "fields": (field,)}
    grant = Grant.model_validate(told)
    assert grant.until is not None
    apart = checkers.Grant(
        id=grant.id,
        subscriber="s",
        party=party,
        usccs=frozenset(),
        jurisdiction=(),
        has_key=True,
        contract=contract,
        version=version,
        fields=(field,),
        said=True,
        since=0.0,
        until=grant.until.timestamp(),
    )
    return _subscriber(party, grant), apart


@every_party
def test_both_give_the_same_grants(party: Party) -> None:
    """Each field alone, of every version of every contract; the vehicle's number with nothing else included."""
    for versions, number in EVERY:
        for field in sorted(field_names(versions.model(number))):
            subscriber, apart = _both(party, versions.name, number, field)
            assert (judge(subscriber, subscriber.grants[0]) == ()) == apart.is_good, (versions.name, number, field)


@every_party
def test_both_feed_a_grant_from_the_same_topics(party: Party) -> None:
    """What a bank refused is on a topic of which nobody but a bank may have a view."""
    for versions, number in EVERY:
        subscriber, apart = _both(party, versions.name, number, "vin")
        on = {topic for topic in SUBSCRIBABLE if versions in carried(topic) and apart.hears(topic)}
        assert set(subscriber.topics) == on, versions.name


def test_the_checker_knows_of_what_every_loss_is_a_part() -> None:
    """But of the loan, which no older version could ask for: nobody is told that there was one."""
    lost = {name for versions in CONTRACTS.values() for loss in versions.losses for name in loss.fields}
    assert lost - {"loan"} == LOST_FROM.keys()
