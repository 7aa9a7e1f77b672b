"""A view shows what the matrix allows and the grant asks for, as the matrix says, and nothing else anywhere."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from contracts.fields import FIELDS, Party, field_names, parts_of
from contracts.versions import Versions
from contracts.views.losses import BEFORE
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


@pytest.mark.parametrize(
    ("of", "party", "fields", "told"),
    [
        (("sale.confirmed", 1), "O", ("vin", "motor_no", "price"), ("battery_excl", "motor_nos")),
        (("sale.confirmed", 1), "O", ("vin",), ()),
        (("sale.confirmed", 1), "B", ("vin", "buyer_name"), ()),
        (("sale.confirmed", 1), "M", ("vin", "motor_no"), ("motor_nos",)),
        (("sale.confirmed", 2), "P", ("vin", "motor_no"), ("motor_nos",)),
        (("sale.confirmed", 2), "O", ("vin", "amount_incl"), ()),
        (("sale.confirmed", 3), "O", ("vin", "motor_nos"), ()),
        (("insurance.bound", 1), "I", ("vin", "start_date"), ("start_at",)),
        (("insurance.bound", 1), "I", ("vin", "vvt"), ("withheld",)),
        (("insurance.bound", 2), "P", ("vin", "end_at"), ()),
    ],
)
def test_a_loss_is_told_only_to_who_asks_for_what_was_lost(
    of: tuple[str, int], party: Party, fields: tuple[str, ...], told: tuple[str, ...]
) -> None:
    """By the name it had before, or as a part of its group; nobody asked for the loan, so nobody hears that it was."""
    lost = ("loan", "battery_excl", "motor_nos") if of[0] == "sale.confirmed" else ("start_at", "end_at", "withheld")
    assert _view(*of, party, fields).lost(lost) == told


@pytest.mark.parametrize("versions", CONTRACTS.values(), ids=list(CONTRACTS))
def test_every_loss_has_a_name_that_an_older_version_knows(versions: Versions) -> None:
    """Else a new version would lose something in silence for all who pinned an older one; but for the loan."""
    for number, loss in enumerate(versions.losses, start=1):
        older = set().union(*(field_names(model) for model in versions.models[:number]))
        for name in set(loss.fields) - {"loan"}:
            inside = parts_of(versions.model(number + 1).model_fields[name].annotation)
            leaves = set().union(*map(field_names, inside)) or {name}
            assert {BEFORE.get(leaf, leaf) for leaf in leaves} & older, name


def test_a_view_says_how_sensitive_it_is_by_what_it_shows() -> None:
    """Its class is that of its own most sensitive field, not of the message's."""
    assert _view("sale.confirmed", 2, "P", ("vin",)).grade == "G2"
    assert _view("sale.confirmed", 2, "P", ("vin", "buyer_id_no")).grade == "G4"
