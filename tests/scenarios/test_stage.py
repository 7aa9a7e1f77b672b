"""What a run does with what it sees: when it is quiet, what an answer says after a cut, whose knobs it turns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.scenario.course import _answer, _mended, _worsened
from services.scenario.seen import Answer
from services.scenario.stage import Said, View

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
