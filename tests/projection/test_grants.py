"""Whether a grant may be given: all that stands against it, at once, by name and never by value."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.concerns import Concerns
from contracts.fields import FIELDS, Party, field_names
from contracts.views.plan import Denial, NotEntitled, judge, view_of
from contracts.views.rows import concerned
from contracts.views.subscriber import BY_USCC, PublicKey, Subscriber, Subscribers
from tests.projection.marked import CONTRACTS, VERSIONS, model
from tests.projection.people import (
    KNOWN,
    OTHER_USCC,
    PARTIES,
    PUBLIC,
    SECRET,
    USCC,
    entitled,
    grant,
    subscriber,
)

_ALL = Concerns("310115", USCC, USCC, USCC, USCC, USCC)


def test_an_insurer_that_asks_for_the_loan_is_told_so_and_gets_nothing() -> None:
    """The rulebook's situation 26: A403 names the field; the grant is refused as a whole."""
    asks = grant("sale.confirmed", 2, "vin", "loan_amount", "tax_full", "no_such_field", "phone", "vin")
    with pytest.raises(NotEntitled, match="A403") as refused:
        view_of(subscriber("I", asks, key=None), asks, SECRET)
    assert refused.value.denials == (
        Denial("loan_amount", "denied"),
        Denial("tax_full", "unknown-field"),
        Denial("no_such_field", "unknown-field"),
        Denial("phone", "no-key"),
        Denial("vin", "twice"),
    )


@pytest.mark.parametrize(
    ("other", "field", "why"),
    [
        ({"contract": "sale.imagined"}, "contract", "unknown-contract"),
        ({"contract": "tax.declare"}, "contract", "not-subscribable"),
        ({"contract": "delivery.changed"}, "contract", "not-subscribable"),
        ({"contract": "telemetry.spans"}, "contract", "not-subscribable"),
        ({"contract": "subscription.ended"}, "contract", "not-subscribable"),
        ({"version": 0}, "version", "unknown-version"),
        ({"version": 99}, "version", "unknown-version"),
        ({"fields": ()}, "fields", "missing"),
        ({"purpose": " "}, "purpose", "missing"),
        ({"legal_basis": ""}, "legal_basis", "missing"),
        ({"until": None}, "until", "missing"),
        ({"from": "2099-01-01T00:00:00+08:00"}, "until", "over-before-it-begins"),
    ],
)
def test_what_a_grant_needs_is_not_optional(other: dict[str, Any], field: str, why: str) -> None:
    """Purpose, basis and end, a contract and a version that are there."""
    assert (field, why) in [tuple(denial) for denial in judge(subscriber(), grant(**other))]


def test_all_that_is_wrong_is_told_at_once() -> None:
    """Whoever mends a grant does it once."""
    asks = grant(fields=("loan_amount", "vin"), purpose="", until=None)
    assert [denial.field for denial in judge(subscriber("T"), asks)] == ["purpose", "until", "loan_amount"]


@given(st.sampled_from(VERSIONS), st.sampled_from(PARTIES), st.data())
def test_a_field_is_granted_exactly_where_the_matrix_allows_it(
    of: tuple[str, int], party: Party, data: st.DataObject
) -> None:
    """Any field of any contract for any party that may know of it; and whatever is sealed needs a key."""
    contract, version = of
    name = data.draw(st.sampled_from(sorted(field_names(model(contract, version)))))
    sight = FIELDS[name].seen_by(party, contract)
    asks = grant(contract, version, name)
    assert (not judge(subscriber(party), asks)) == (name in entitled(party, contract, version))
    sealed = sight == "full" and FIELDS[name].grade in {"G3", "G4"}
    assert (Denial(name, "no-key") in judge(subscriber(party, key=None), asks)) == sealed


@pytest.mark.parametrize("contract", CONTRACTS)
def test_who_may_see_no_fact_of_a_message_may_not_have_it_at_all(contract: str) -> None:
    """That a bank decided about a car is told to no insurer, also where it asks for the vehicle's number alone."""
    known = {party for party in PARTIES if not judge(subscriber(party), grant(contract, 1))}
    assert known == KNOWN[contract]
    for party in set(PARTIES) - known:
        assert judge(subscriber(party), grant(contract, 1)) == (Denial("contract", "denied"),)


@pytest.mark.parametrize("contract", ["sale.corrected", "sale.cancelled", "sale.returned", "agency.refused"])
@pytest.mark.parametrize("party", PARTIES)
def test_no_view_has_what_a_person_wrote(contract: str, party: Party) -> None:
    """A name and a telephone may stand in the reason of a correction, so no party can be granted it."""
    asks = grant(contract, 1, "vin", "reason")
    denial = next(denial for denial in judge(subscriber(party), asks) if denial.field == "reason")
    assert denial.why == "free-text"
    assert denial.zh == "自由文本可能含任何人的信息"
    assert denial.en == "free text may hold anything about anybody"


def test_the_code_of_a_case_is_nobodys() -> None:
    """It may be the bank's: that a loan was declined would reach the seller by it."""
    asks = grant("case.changed", 1, "vin", "order_no", "code")
    assert judge(subscriber("O"), asks) == (Denial("code", "denied"),)


@pytest.mark.parametrize(
    ("second", "refused"),
    [
        ({}, True),
        ({"version": 1}, True),
        ({"from": "2030-01-01T00:00:00+08:00"}, False),
        ({"from": "2029-12-31T23:59:59+08:00"}, True),
        ({"contract": "sale.returned", "version": 1}, False),
    ],
)
def test_one_message_is_shown_to_a_subscriber_once(second: dict[str, Any], refused: bool) -> None:  # noqa: FBT001 - a table
    """Two grants of one contract follow each other, and never overlap: the second is refused, the first is not."""
    first = grant(id="first", until="2030-01-01T00:00:00+08:00")
    one = subscriber("T", first, grant(id="second", **second))
    assert judge(one, first) == ()
    assert (Denial("contract", "overlaps") in judge(one, one.grants[1])) is refused


def test_words_of_a_denial_are_in_both_languages() -> None:
    """For whoever runs `tongche grant check`."""
    denial = Denial("loan_amount", "denied")
    assert denial.zh == "可见性矩阵不允许该方查看"
    assert denial.en == "the visibility matrix denies it to this party"


# -- rows


@pytest.mark.parametrize("party", PARTIES)
def test_a_message_that_concerns_nobody_is_for_nobody(party: Party) -> None:
    """No attribute, or one that names nobody."""
    is_ours = concerned(subscriber(party))
    assert not is_ours(None)
    assert not is_ours(Concerns())
    assert is_ours(_ALL)


@given(st.sampled_from(sorted(BY_USCC)), st.sampled_from(Concerns._fields[1:]))
def test_one_of_many_sees_only_what_names_it_in_its_own_role(party: Party, role: str) -> None:
    """An insurer's code in the place of the lender opens nothing to the insurer."""
    concerns = Concerns("310115")._replace(**{role: USCC})
    assert concerned(subscriber(party))(concerns) == (role in BY_USCC[party])
    assert not concerned(subscriber(party, usccs=[OTHER_USCC]))(concerns)


@pytest.mark.parametrize(
    ("jurisdiction", "region", "sees"),
    [
        (["31"], "310115", True),
        (["31"], "320100", False),
        (["3101", "44"], "440300", True),
        (["310115"], "310115", True),
        (["31"], "", False),
        ([], "", True),
        ([], "650100", True),
    ],
)
def test_a_jurisdiction_is_a_limit(jurisdiction: list[str], region: str, sees: bool) -> None:  # noqa: FBT001 - a table
    """Cars that are registered there; one that is registered nowhere, as for export, is in none."""
    concerns = Concerns(region=region, seller=USCC)
    for party in ("T", "P"):
        assert concerned(subscriber(party, jurisdiction=jurisdiction))(concerns) is sees


# -- what can be written


@pytest.mark.parametrize(
    "wrong",
    [
        {"jurisdiction": None},
        {"party": "Z"},
        {"party": "I", "usccs": []},
        {"party": "T", "usccs": [USCC]},
        {"name": "Has Blanks"},
        {"jurisdiction": ["3"]},
        {"key": PUBLIC | {"d": "secret"}},
        {"key": PUBLIC | {"crv": "X25519"}},
        {"misspelt": 1},
    ],
)
def test_a_subscriber_that_makes_no_sense_is_an_error(wrong: dict[str, Any]) -> None:
    """Also a private key where the public one belongs; and no error repeats what was written."""
    with pytest.raises(ValidationError) as error:
        subscriber(**wrong)
    assert USCC not in str(error.value)
    assert "secret" not in str(error.value)


def test_names_and_grants_are_there_once() -> None:
    """A grant's name means one grant in the whole file."""
    one = subscriber("T", grant(id="g"))
    other = subscriber("M", grant("coc.confirmed", 1, id="g"))
    with pytest.raises(ValidationError, match="there twice: g"):
        Subscribers(subscribers=(one, other))
    with pytest.raises(ValidationError, match="there twice: party-t"):
        Subscribers(subscribers=(one, subscriber("T")))


def test_a_subscriber_has_a_view_of_the_topics_that_carry_what_it_was_granted() -> None:
    """In the order of the table."""
    one: Subscriber = subscriber("T", grant("tax.paid", 1), grant())
    assert one.topics == ("sale.events", "tax.events")
    assert next(iter(Subscribers(subscribers=(one,)).views())) == ("party-t", "sale.events")


@pytest.mark.parametrize(
    ("party", "topics"),
    [
        ("M", ("miit.events",)),
        ("T", ("tax.events",)),
        ("I", ("insurer.events",)),
        ("B", ("bank.events",)),
        ("P", ("police.events",)),
        ("X", ("commerce.events",)),
        ("C", ("customs.events",)),
        ("O", ()),
        ("E", ()),
    ],
)
def test_a_refusal_is_heard_from_ones_own_agency_alone(party: Party, topics: tuple[str, ...]) -> None:
    """All agencies say it in the same words, and what a bank refused is no business of the police."""
    refusals = grant("agency.refused", 1, "vin", "command", "code")
    one = subscriber(party, refusals)
    assert one.topics == one.topics_of(refusals) == topics
    assert (judge(one, refusals) == ()) == bool(topics)


def test_both_kinds_of_keys_are_taken() -> None:
    """P-256 and X25519."""
    assert PublicKey(kty="OKP", crv="X25519", x="A" * 43).y is None
    assert PublicKey.model_validate(PUBLIC).kty == "EC"
