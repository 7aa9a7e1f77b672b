"""What a run does with what it sees: when it is quiet, what an answer says after a cut, whose knobs it turns."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.scenario.catalogue import chosen
from services.scenario.course import Course, Played, _answer, _mended, _worsened
from services.scenario.seen import Answer, Seen
from services.scenario.stage import Said, Stage, View
from services.stack.data import DataFolder
from services.stack.running import Running
from services.stack.state import Stack

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
ASK: dict[str, Any] = {"id": "d1", "ended": False}
SOON, PAST = NOW + timedelta(minutes=2), NOW - timedelta(seconds=1)


def view(*asks: dict[str, Any], timers: tuple[datetime, ...] = (), **waiting: Any) -> View:
    """One case that asked for this, with what waits at dispatch."""
    told = [{"name": "hold:tax", "due": due.isoformat()} for due in timers]
    case = {"id": "c1", "headline": "OPEN", "asks": list(asks), "timers": told}
    return View(NOW, {"c1": case}, {"d1": waiting} if waiting else {})


@pytest.mark.parametrize(
    "seen",
    [
        view(),
        view(timers=(SOON,)),
        view(ASK, state="held", next_try_at=None),
        view(ASK, state="dead", next_try_at=None),
        view(ASK, state="parked", next_try_at=SOON.timestamp()),
        view(ASK | {"ended": True}),
    ],
    ids=["nothing asked", "a timer later", "held", "dead", "parked", "ended"],
)
def test_it_is_quiet_when_all_that_is_asked_waits(seen: View) -> None:
    """Then time may go on."""
    assert seen.is_quiet("c1")


@pytest.mark.parametrize(
    "seen",
    [
        view(ASK),
        view(timers=(PAST,)),
        view(ASK, state="parked", next_try_at=PAST.timestamp()),
        view(ASK, {"id": "d2", "ended": False}, state="held", next_try_at=None),
        View(NOW),
    ],
    ids=["on its way", "a timer is due", "a try is due", "another is on its way", "no case yet"],
)
def test_it_is_not_quiet_while_anything_goes_on(seen: View) -> None:
    """A leap would make what is on its way seem old."""
    assert not seen.is_quiet("c1")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """One whose stack is not asked."""
    nothing = Stack(phase="stopped", data="", logs="", ports={}, urls={}, ready={})
    return Stage(Running(DataFolder(tmp_path), nothing), patience_s=0)


def sold_and_returned(stage: Stage, *asks: dict[str, Any]) -> tuple[Course, Played]:
    """A closed sale, and what its return has asked for."""
    (scenario,) = chosen(["R1"])
    told: dict[str, Any] = {"vin": scenario.vins["car"], "headline": "CLOSED", "asks": [], "timers": []}
    sold = told | {"id": "c1", "kind": "new-car"}
    back = told | {"id": "c2", "kind": "returned-car", "headline": "OPEN", "asks": list(asks)}
    stage.view = View(NOW, {"c1": sold, "c2": back})
    heard: list[str] = []
    course = Course([scenario], [], stage, heard.append, heard.append)
    played = course.played[scenario.name]
    played.cases["car"] = "c1"
    return course, played


def test_a_return_is_followed_by_its_car(stage: Stage) -> None:
    """Nobody published its case, and yet time does not go on while something in it is on its way."""
    course, played = sold_and_returned(stage, ASK)
    assert [one.what for one in course._noise(played)] == ["returned-car"]
    course, played = sold_and_returned(stage)
    assert course._noise(played) == []


def test_a_returns_case_is_seen_by_the_name_it_was_given(stage: Stage) -> None:
    """And its sale's by that of the sale."""
    course, played = sold_and_returned(stage)
    seen = [asyncio.run(course._sight(played, label, Seen(headline="CLOSED"))) for label in ("car", "back")]
    assert [sight.case and sight.case["id"] for sight in seen] == ["c1", "c2"]


def test_a_return_that_has_not_begun_has_no_case(stage: Stage) -> None:
    """It is not taken for that of its sale."""
    course, played = sold_and_returned(stage)
    stage.view = View(NOW, {"c1": stage.view.cases["c1"]})
    assert course._case(played, "back") == ""


@pytest.mark.parametrize(
    ("said", "first", "answer"),
    [
        (Said(202, {"code": "0"}, cut=False), True, Answer(status=202, codes=("0",))),
        (Said(202, {"code": "1"}, cut=False), True, Answer(status=202, codes=("1",))),
        (Said(202, {"code": "1"}, cut=True), True, Answer(status=202, codes=("0",))),
        (Said(202, {"code": "1"}, cut=True), False, Answer(status=202, codes=("1",))),
        (
            Said(422, {"errors": [{"code": "V101", "field": "vin", "suggestion": "L1"}, {"code": "V102"}]}, cut=False),
            True,
            Answer(status=422, codes=("V101", "V102"), suggestions=("L1",)),
        ),
    ],
    ids=["first", "again", "first after a cut", "again after a cut", "refused"],
)
def test_an_answer_is_told_without_what_a_crash_makes_of_it(said: Said, answer: Answer, *, first: bool) -> None:
    """Who comes a second time because nobody answered the first came a first time."""
    assert _answer(said, first=first) == answer


def test_a_script_is_one_however_often_it_is_said() -> None:
    """Whoever was killed while it heard it hears it again; and it goes although the agency tells more about it."""
    ours = {"operation": "tax.pay", "vin": "A", "silent": True}
    theirs = {"operation": "tax.pay", "vin": "B", "silent": True, "code": None}
    known = {"scripts": [theirs, ours | {"code": None, "times": None}]}
    assert _worsened(known, {"scripts": [ours]}) == {"scripts": [theirs, ours]}
    assert _mended(known, {"scripts": [ours]}) == {"scripts": [theirs]}


def test_knobs_of_others_stay_as_they_are() -> None:
    """Scenarios share the organisations: each adds its own and takes only that back."""
    known = {"absent": ["A"], "altered": {"A": {"engineNo": "1"}}, "delay_ms": 5, "scripts": ["one"]}
    mine: dict[str, Any] = {"absent": ["B"], "altered": {"B": {}}, "down": "503"}
    worse = _worsened(known, mine)
    assert worse == {"absent": ["A", "B"], "altered": {"A": {"engineNo": "1"}, "B": {}}, "down": "503"}
    assert _worsened(known | worse, mine) == worse
    assert _mended(known | worse, mine | {"down": None}) == {
        "absent": ["A"],
        "altered": {"A": {"engineNo": "1"}},
        "down": None,
    }
