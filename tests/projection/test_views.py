"""A view shows what the matrix allows and the grant asks for, as the matrix says, and nothing else anywhere."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from contracts.fields import FIELDS, Party
from contracts.views.masks import Unfit, subscribers_secret
from contracts.views.plan import View, is_sealed, view_of
from tests.projection.marked import CONTRACTS, VERSIONS, leaves, marked
from tests.projection.people import PARTIES, SECRET, entitled, grant, subscriber

Wanted = tuple[str, int, Party, tuple[str, ...]]


@st.composite
def wanteds(draw: st.DrawFn) -> Wanted:
    """Any version of any contract, any party that may see some of it, and any of the fields that it may see."""
    contract, version = draw(st.sampled_from(VERSIONS))
    parties = [party for party in PARTIES if entitled(party, contract, version)]
    party = draw(st.sampled_from(parties))
    fields = draw(st.lists(st.sampled_from(entitled(party, contract, version)), min_size=1, unique=True))
    return contract, version, party, tuple(fields)


def _view(contract: str, version: int, party: Party, fields: tuple[str, ...], secret: bytes = SECRET) -> View:
    one = grant(contract, version, *fields)
    return view_of(subscriber(party, one), one, secret)


@given(wanteds())
def test_every_value_is_where_the_matrix_puts_it_and_nowhere_else(wanted: Wanted) -> None:
    """Full in clear or sealed by its grade, a mask where it is masked; what was not asked for leaves no byte."""
    contract, version, party, fields = wanted
    message = marked(contract, version)
    shown = _view(*wanted).show(message.data)
    clear, sealed = to_json(shown.clear).decode(), to_json(shown.sealed).decode()
    for path, values in message.marks.items():
        name = path[-1]
        sight = FIELDS[name].seen_by(party, contract) if name in fields else "denied"
        hidden = is_sealed(name, sight)
        for value in values:
            if isinstance(value, bool):
                continue
            assert (str(value) in clear) == (sight == "full" and not hidden), name
            assert (str(value) in sealed) == hidden, name


@given(wanteds())
def test_every_leaf_of_a_view_was_asked_for_and_stands_where_it_stood(wanted: Wanted) -> None:
    """No name that the grant lacks, no other nesting, and the bits name exactly what is there."""
    view = _view(*wanted)
    message = marked(*wanted[:2])
    shown = view.show(message.data)
    paths = {path for part in (shown.clear, shown.sealed) for path, _ in leaves(part)}
    assert paths == {path for path in message.marks if path[-1] in wanted[3]}
    assert set(view.fields_of(shown.seen)) == {path[-1] for path in paths}


@given(wanteds())
def test_what_is_not_there_is_not_shown(wanted: Wanted) -> None:
    """Of an empty message nothing is seen, also no yes or no."""
    assert _view(*wanted).show({}) == ({}, {}, 0)


def test_hashes_of_two_subscribers_do_not_meet() -> None:
    """The same value in the same field: to one subscriber always the same, to another something else."""
    one, other = (subscribers_secret(SECRET, name) for name in ("insurer-one", "insurer-two"))
    wanted: Wanted = ("coc.confirmed", 1, "I", ("coc_hash",))
    data = marked("coc.confirmed", 1).data
    first, second = _view(*wanted, one).show(data), _view(*wanted, other).show(data)
    assert first.clear == _view(*wanted, one).show(data).clear
    assert first.clear["coc_hash"] != second.clear["coc_hash"]
    assert len(first.clear["coc_hash"]) == 32


@pytest.mark.parametrize(
    "data",
    [
        {"vin": {"of": "somebody"}},
        {"vin": [["nested"]]},
        {"buyer": "not a group"},
        {"buyer": [{"phone": "1"}, 7]},
        {"buyer": {"phone": {"deep": 1}}},
        {"amount_incl": "text"},
        {"nev_catalogue": {}},
    ],
)
def test_a_value_that_its_field_cannot_hold_does_not_pass(data: dict[str, Any]) -> None:
    """A view never shows what it does not understand, and says which field that was."""
    view = _view("sale.confirmed", 2, "I", ("vin", "phone", "amount_incl", "nev_catalogue"))
    with pytest.raises(Unfit, match="vin|buyer|phone|amount_incl|nev_catalogue"):
        view.show(data)


def test_a_loss_is_told_only_to_who_may_know_that_there_was_something() -> None:
    """The seller, who may see its lender, hears that a loan was lost; MIIT, which may see nothing of it, does not."""
    lost = ("loan", "battery_excl", "motor_nos")
    assert _view("sale.confirmed", 1, "O", ("vin",)).lost(lost) == lost
    assert _view("sale.confirmed", 1, "M", ("vin",)).lost(lost) == ("motor_nos",)
    newest = CONTRACTS["sale.confirmed"].newest
    assert _view("sale.confirmed", newest, "O", ("vin",)).lost(lost) == ()


def test_a_view_says_how_sensitive_it_is_by_what_it_shows() -> None:
    """Its class is that of its own most sensitive field, not of the message's."""
    assert _view("sale.confirmed", 2, "P", ("vin",)).grade == "G2"
    assert _view("sale.confirmed", 2, "P", ("vin", "buyer_id_no")).grade == "G4"
