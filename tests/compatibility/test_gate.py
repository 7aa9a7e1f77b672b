"""Our contracts against what was published of them: what is as it was, what may be frozen, what breaks somebody."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from contracts import published
from contracts.contract import Contract
from contracts.published import Revision
from contracts.registry import CONTRACTS
from contracts.schemas import schema_of
from contracts.versions import Versions
from services.compatibility.changes import changes
from services.compatibility.gate import Finding, findings, freeze, mode_of, opened
from services.compatibility.judge import judge
from services.compatibility.modes import Mode


class PaidV1(Contract):
    """A payment, as it was published."""

    vin: str
    seats: Annotated[int, Field(ge=1, le=9)]


class PaidWithRemark(Contract):
    """One more field, which may be left out."""

    vin: str
    seats: Annotated[int, Field(ge=1, le=9)]
    reason: str | None = None


class PaidWithColour(Contract):
    """One more field, which may not."""

    vin: str
    seats: Annotated[int, Field(ge=1, le=9)]
    reason: str


class PaidByMany(Contract):
    """A wider bound."""

    vin: str
    seats: Annotated[int, Field(ge=1, le=12)]


class PaidUnexplained(Contract):
    """Fields that nobody has described, one of them in a part."""

    class Wobble(Contract):
        """A part."""

        jiggle: str = ""

    vin: str
    seats: Annotated[int, Field(ge=1, le=9)]
    zigzag: int = 0
    wobble: Wobble | None = None


class PaidOddly(Contract):
    """A pattern that no proof covers."""

    vin: Annotated[str, Field(json_schema_extra={"pattern": "^(?!x)"})]
    seats: Annotated[int, Field(ge=1, le=9)]


def _versions(model: type[Contract], kind: Literal["command", "event"] = "event") -> Versions:
    return Versions("tax.settled", kind, "tax", "a test's own contract", (model,))


def _published(*models: type[Contract]) -> list[Revision]:
    return [
        Revision("tax.settled", 1, number, schema_of(_versions(model), 1))
        for number, model in enumerate(models, start=1)
    ]


def _found(model: type[Contract], *before: type[Contract], kind: Literal["command", "event"] = "event") -> Finding:
    (finding,) = findings([_versions(model, kind)], _published(*before))
    return finding


@pytest.mark.parametrize(
    ("model", "kind", "state", "direction"),
    [
        (PaidV1, "event", "same", None),
        (PaidWithRemark, "event", "unfrozen", None),
        (PaidWithRemark, "command", "unfrozen", None),
        (PaidWithColour, "event", "broken", "backward"),
        (PaidWithColour, "command", "broken", "backward"),
        (PaidByMany, "command", "unfrozen", None),
        (PaidByMany, "event", "broken", "forward"),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_a_change_is_judged_by_what_it_owes(
    model: type[Contract], kind: Literal["command", "event"], state: str, direction: str | None
) -> None:
    """What lies stored must stay readable; of events, what subscribers read must too, and they ignore new fields."""
    finding = _found(model, PaidV1, kind=kind)
    # The kind is told in an annotation, so of a command even the same class differs from what an event published.
    assert finding.state == state
    assert (finding.worst[1].direction if finding.worst else None) == direction


def test_all_revisions_count() -> None:
    """A field that a second revision brought may not go again, though the first did not have it."""
    finding = _found(PaidV1, PaidV1, PaidWithRemark)
    assert finding.state == "broken"
    assert finding.worst is not None
    assert finding.worst[0].revision == 2


def test_a_pattern_that_no_proof_covers_is_not_let_through() -> None:
    """Where it stays as it was, nothing is in question; where it comes, the search finds what it refuses."""
    assert _found(PaidOddly, PaidOddly).state == "same"
    assert _found(PaidOddly, PaidV1).state == "broken"


def test_what_was_published_may_not_vanish() -> None:
    """A version without its class can be read by nobody any more."""
    (finding,) = findings([], _published(PaidV1))
    assert (finding.contract, finding.version, finding.state) == ("tax.settled", 1, "broken")


def test_freezing_writes_what_may_be_and_nothing_twice(tmp_path: Path) -> None:
    """The first revision, then one for each compatible change; what breaks somebody is left alone."""
    assert freeze([_versions(PaidV1)], tmp_path) == ["tax.settled/v1.1.json"]
    assert freeze([_versions(PaidV1)], tmp_path) == []
    assert freeze([_versions(PaidWithColour)], tmp_path) == []
    assert freeze([_versions(PaidWithRemark)], tmp_path) == ["tax.settled/v1.2.json"]
    assert [one.file for one in published.read(tmp_path)] == ["tax.settled/v1.1.json", "tax.settled/v1.2.json"]


def test_what_nobody_described_is_not_frozen(tmp_path: Path) -> None:
    """Neither a new contract nor an addition; its fields are named, those of parts too, and a group is no field."""
    for before in ((), (PaidV1,)):
        finding = _found(PaidUnexplained, *before)
        assert (finding.state, finding.undescribed) == ("undescribed", ("jiggle", "zigzag"))
    assert freeze([_versions(PaidUnexplained)], tmp_path) == []
    assert list(tmp_path.iterdir()) == []
    assert _found(PaidWithRemark, PaidV1).undescribed == ()


def test_an_open_reader_is_open_all_the_way_down() -> None:
    """But what merely looks like a keyword is left as it is: names of properties, members of enums."""
    schema: Any = {
        "additionalProperties": False,
        "properties": {"additionalProperties": {"type": "object", "unevaluatedProperties": False}},
        "anyOf": [{"additionalProperties": False}, {"additionalProperties": {"type": "string"}}],
        "enum": [{"additionalProperties": False}],
        "items": False,
    }
    assert opened(schema) == {
        "properties": {"additionalProperties": {"type": "object"}},
        "anyOf": [{}, {"additionalProperties": {"type": "string"}}],
        "enum": [{"additionalProperties": False}],
        "items": False,
    }


def test_commands_and_events_owe_different_things() -> None:
    """We write commands; events are read by others."""
    assert {mode_of(one) for one in CONTRACTS.values() if one.kind == "command"} == {Mode.BACKWARD_TRANSITIVE}
    assert {mode_of(one) for one in CONTRACTS.values() if one.kind == "event"} == {Mode.FULL_TRANSITIVE}


def test_changes_are_told_field_by_field() -> None:
    """What came, what went, what changed, by dotted names through references, nullable groups and lists."""
    sale = CONTRACTS["sale.confirmed"]
    told = {one.field: one.kind for one in changes(schema_of(sale, 1), schema_of(sale, 2))}
    assert told["price"] == told["buyer_name"] == "removed"
    assert told["amount_incl"] == told["buyer.buyer_name"] == told["loan.lender_uscc"] == "added"
    assert "vin" not in told
    old, new = schema_of(sale, 3), schema_of(sale, 3)
    new["properties"]["motor_nos"]["items"]["pattern"] = "^x"
    new["required"].remove("seats")
    assert [(one.field, one.kind) for one in changes(old, new)] == [("motor_nos[]", "changed"), ("seats", "changed")]
    assert changes(old, old) == []


def test_a_tree_is_told_once() -> None:
    """Not every branch within every branch: with eight of them nobody would live to read it."""
    branches: dict[str, Any] = {name: {"anyOf": [{"$ref": "#"}, {"type": "null"}]} for name in "abcdefgh"}
    old = {"properties": {**branches, "leaf": {"type": "string"}}}
    new = {"properties": {**branches, "leaf": {"type": "integer"}}}
    assert [(one.field, one.kind) for one in changes(old, new)] == [("leaf", "changed")]


@pytest.mark.parametrize("name", ["sale.confirmed", "insurance.bound"])
def test_versions_of_one_contract_are_not_compatible(name: str) -> None:
    """Else there would have been no need of a version: the casts are what joins them."""
    versions = CONTRACTS[name]
    for number in range(1, versions.newest):
        assert judge(schema_of(versions, number), schema_of(versions, number + 1)).compatible is False
