"""Rules that no schema can say: one that came is not frozen in silence, and no frozen file is edited in silence."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, ClassVar, Final, Self

import pytest
from pydantic import AfterValidator, Field, field_validator, model_validator
from typer.testing import CliRunner

from contracts import published
from contracts.contract import Check, Contract, Part
from contracts.published import Revision
from contracts.schemas import schema_of
from contracts.versions import Versions
from services.cli.contracts import app
from services.compatibility.gate import Finding, findings, freeze

_SOLD: Final = Check("seats_of_a_car", ("seats",), "seats", lambda seats: seats < 9)


def _even(seats: int) -> int:
    return seats if seats % 2 == 0 else seats + 1


class PaidV1(Contract):
    """A payment, as it was published."""

    vin: str
    seats: int


class Paid(Contract):
    """A payment with a rule between its fields."""

    CHECKS: ClassVar[tuple[Check, ...]] = (_SOLD,)

    vin: str
    seats: int


class PaidOtherwise(Contract):
    """A rule of the same name that reads more."""

    CHECKS: ClassVar[tuple[Check, ...]] = (Check("seats_of_a_car", ("seats", "vin"), "seats", lambda *_: True),)

    vin: str
    seats: int


class PaidByField(Contract):
    """A field that looks at itself."""

    vin: str
    seats: Annotated[int, AfterValidator(_even)]


class PaidByFieldInside(Contract):
    """One within a type."""

    vin: str
    seats: Annotated[int, Field(strict=True)] | Annotated[int, AfterValidator(_even)]


class PaidByMethod(Contract):
    """A method that looks at a field."""

    vin: str
    seats: int

    @field_validator("seats")
    @classmethod
    def _has_seats(cls, seats: int) -> int:
        return seats


class PaidByModel(Contract):
    """A method that looks at the whole."""

    vin: str
    seats: int

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        return self


class Buyer(Part):
    """Somebody."""

    reason: str


class StrictBuyer(Part):
    """Somebody, with a rule."""

    CHECKS: ClassVar[tuple[Check, ...]] = (Check("says_why", ("reason",), "reason", bool),)

    reason: str


class PaidByBuyer(PaidV1):
    """A payment with a part."""

    buyer: Buyer | None = None


class PaidByStrictBuyer(PaidV1):
    """The part is of another class, with a rule."""

    buyer: StrictBuyer | None = None


def _versions(model: type[Contract]) -> Versions:
    return Versions("tax.settled", "event", "tax", "a test's own contract", (model,))


def _found(model: type[Contract], *before: type[Contract]) -> Finding:
    known = [Revision("tax.settled", 1, at, schema_of(_versions(one), 1)) for at, one in enumerate(before, start=1)]
    (finding,) = findings([_versions(model)], known)
    return finding


@pytest.mark.parametrize(
    ("model", "before", "rule"),
    [
        (Paid, PaidV1, "seats_of_a_car (/)"),
        (PaidOtherwise, Paid, "seats_of_a_car (/)"),
        (PaidByField, PaidV1, "_even (seats)"),
        (PaidByFieldInside, PaidV1, "_even (seats)"),
        (PaidByMethod, PaidV1, "_has_seats (/)"),
        (PaidByModel, PaidV1, "_fits_together (/)"),
        (PaidByStrictBuyer, PaidByBuyer, "says_why (buyer)"),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_a_rule_that_came_is_undecided_and_not_frozen(
    model: type[Contract], before: type[Contract], rule: str, tmp_path: Path
) -> None:
    """It may refuse what was written, whatever the schema says; the verdict names it."""
    finding = _found(model, before)
    assert finding.state == "undecided"
    assert finding.worst is not None
    assert rule in finding.worst[1].reason
    freeze([_versions(before)], tmp_path)
    assert freeze([_versions(model)], tmp_path) == []


@pytest.mark.parametrize(
    ("model", "before", "state"),
    [
        (PaidV1, (Paid,), "unfrozen"),
        (Paid, (Paid,), "same"),
        (PaidByStrictBuyer, (PaidV1,), "unfrozen"),
        (Paid, (Paid, PaidV1), "undecided"),
    ],
    ids=["went", "stays", "of a new part", "came back"],
)
def test_a_rule_that_refuses_nothing_of_before_may_be_frozen(
    model: type[Contract], before: tuple[type[Contract], ...], state: str
) -> None:
    """One that went; one of a field that nobody wrote before. One that comes back counts as one that came."""
    assert _found(model, *before).state == state


def _folder(tmp_path: Path) -> Path:
    freeze([_versions(PaidV1)], tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "harm",
    [
        lambda file: file.write_text(file.read_text(encoding="utf-8").replace("integer", "number"), encoding="utf-8"),
        lambda file: file.unlink(),
        lambda file: shutil.copy(file, file.with_name("v1.2.json")),
    ],
    ids=["edited", "gone", "made by hand"],
)
def test_a_published_file_that_is_not_as_it_was_written_is_named(
    harm: Callable[[Path], object], tmp_path: Path
) -> None:
    """Edited, gone, or written by nobody; what is frozen later does not make it right."""
    folder = _folder(tmp_path)
    assert published.altered(folder) == []
    harm(folder / "tax.settled" / "v1.1.json")
    (named,) = published.altered(folder)
    published.add(folder, Revision("tax.paid", 1, 1, schema_of(_versions(PaidV1), 1)))
    assert published.altered(folder) == [named]


def test_no_published_file_was_edited() -> None:
    """Each is what `SHA256SUMS` says, and it names no other."""
    assert published.altered(Path(published.__file__).parent) == []


@pytest.mark.parametrize("verb", ["check", "freeze"])
def test_nothing_is_held_against_an_edited_file(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who edits one hears of it from the first command that reads it."""
    monkeypatch.setattr(published, "altered", lambda folder: [f"{folder.name}/v1.1.json"])
    result = CliRunner().invoke(app, [verb])
    assert "published/v1.1.json" in str(result.exception)
