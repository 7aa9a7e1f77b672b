"""What a person decided about a delivery is no fault; what looks like it and has no person on record is one."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts import police
from services.checker import check
from services.checker.expectations import delivery_of
from tests.checker.synthetic import INSURER, NOW, Scene, scene

INSURER_ID = f"insurer-{INSURER}"


@pytest.fixture
def made() -> Scene:
    """One cash sale that came to its end."""
    return scene(("cash",))


def _found(made: Scene, folder: Path) -> list[tuple[str, str]]:
    verdict = check(made.write(folder), NOW)
    return [(finding.what, finding.about) for finding in verdict.findings]


@pytest.mark.parametrize(
    ("key", "delivery", "revision"),
    [
        ("a", "a", 1),
        ("a.r2", "a", 2),
        ("a.r10", "a", 10),
        ("a.r1", "a.r1", 1),
        ("a.r2.r3", "a.r2", 3),
        (".r2", ".r2", 1),
    ],
)
def test_a_key_tells_its_delivery_and_revision(key: str, delivery: str, revision: int) -> None:
    """The first edition has the delivery's own id; only later ones are marked."""
    assert delivery_of(key) == (delivery, revision)


def _edit(made: Scene, operation: str, organisation: str, *, told: bool) -> None:
    """Have an operation done once more under an edited command, at the end of the ledger."""
    effect, asked = made.effect(operation), made.command(operation)
    made.ledger.append({**effect, "key": f"{effect['key']}.r2"})
    if told:
        dead = {"state": "dead", "failure": "ambiguous", "owner": "operator"}
        made.tell(organisation, made.cars[0], asked, revision=12, **dead)
        made.tell(organisation, made.cars[0], asked, revision=25, state="settled")


def test_an_edited_command_may_have_its_effect_again(made: Scene, tmp_path: Path) -> None:
    """The first effect's answer never came, a person edited, and the second edition was carried out, much later."""
    _edit(made, "insurance.bind", INSURER_ID, told=True)
    assert _found(made, tmp_path) == []


def test_an_edit_that_nobody_made_is_found(made: Scene, tmp_path: Path) -> None:
    """A new key for what was never put aside is a machine's doing, and a duplicate."""
    _edit(made, "insurance.bind", INSURER_ID, told=False)
    assert _found(made, tmp_path) == [("edited-by-nobody", "insurance.bind")]


def test_an_edited_key_counts_once_too(made: Scene, tmp_path: Path) -> None:
    """Two effects under one key are a duplicate, whichever edition the key is of."""
    _edit(made, "insurance.bind", INSURER_ID, told=True)
    made.ledger.append(made.ledger[-1])
    assert _found(made, tmp_path) == [("key-twice", "insurance.bind")]


def test_an_edited_command_keeps_its_place(made: Scene, tmp_path: Path) -> None:
    """What stands behind a parked command waits for it, edited or not: the first effect of each delivery counts."""
    first = made.effect("elicence.issue")
    _edit(made, "elicence.issue", "police", told=True)
    made.ledger.remove(first)
    assert _found(made, tmp_path) == [("effects-reordered", "elicence.issue")]


def _unanswer(made: Scene, operation: str, organisation: str, *, decided: bool) -> None:
    """A blind agency did it, and its answer got lost: the delivery is dead, or a person has given it up."""
    asked, (car,) = made.command(operation), made.cars
    for topic in (f"{organisation.partition('-')[0]}.events", "delivery.events"):
        made.topics[topic] = [line for line in made.topics[topic] if line["headers"].get("ce_causationid") != asked.id]
    fate = {"state": "cancelled" if decided else "dead", "failure": "person", "owner": "operator"}
    made.tell(organisation, car, asked, **fate)
    made.tell(organisation, car, asked, topic=f"{organisation}.dead", **fate)


@pytest.mark.parametrize("decided", [True, False])
def test_what_was_given_up_may_be_asked_anew(made: Scene, tmp_path: Path, decided: bool) -> None:  # noqa: FBT001
    """The first effect's answer was lost: only after a person's decision may the same be asked again."""
    (car,) = made.cars
    _unanswer(made, "plate.dispatch", "police", decided=decided)
    command = made.record("police.commands", "plate.dispatch")
    asked = made.say("police.commands", car, police.PlateDispatchV1.model_validate_json(command["value"]))
    made.ledger.append({**made.effect("plate.dispatch"), "key": asked.id})
    made.say("police.events", car, police.PlateDispatchedV1(vin=car.vin, tracking_no="SF2"), cause=asked)
    made.tell("police", car, asked, state="settled")
    assert _found(made, tmp_path) == ([] if decided else [("second-effect", "plate.dispatch")])


@pytest.mark.parametrize("decided", [True, False])
def test_a_cancelled_case_may_keep_what_a_person_saw(made: Scene, tmp_path: Path, decided: bool) -> None:  # noqa: FBT001
    """An unanswered effect that a person gave up stands beyond our knowledge; any other must be taken back."""
    made.ledger = [made.effect("plate.reserve")]
    made.case().update(headline="CANCELLED", facets=[])
    _unanswer(made, "plate.reserve", "police", decided=decided)
    assert _found(made, tmp_path) == ([] if decided else [("cancelled-with-effect", "plate.reserve")])
