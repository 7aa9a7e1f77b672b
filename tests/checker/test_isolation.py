"""One organisation's outage that stopped another is proved; whatever else made it wait is not blamed on anybody."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from contracts.delivery import Attempt
from contracts.telemetry import TelemetrySpansV1
from services.checker import check
from services.checker.isolation import Call, Traffic, Wait, isolation
from tests.checker.synthetic import INSURER, NOW, Scene, binding, scene

DOWN, WELL = "police", "tax"
OUTAGE = range(100, 121, 2)
"""Seconds at which the police were asked in vain; they are well again at 122."""


def _asked(*moments: float, good: bool = True) -> list[Call]:
    return [Call(moment, moment + 0.1, good) for moment in moments]


def _traffic() -> Traffic:
    """The tax office is not called from 99 to 123, while a command for it waits from 101 on."""
    police = [*_asked(98), *_asked(*OUTAGE, good=False), *_asked(122)]
    return Traffic(
        {DOWN: police, WELL: _asked(97, 98, 99, 123, 124)},
        {WELL: [Wait(98.9, 99), Wait(101, 123), Wait(102, 124)]},
        range(90, 130),
    )


def _found(traffic: Traffic) -> list[tuple[str, str, str]]:
    return [(finding.what, finding.where, finding.about) for finding in isolation(traffic)]


def test_standing_still_for_as_long_as_another_is_down_is_found() -> None:
    """Nothing was called, work waited, all else lived, and it went on when the other was well."""
    assert _found(_traffic()) == [("stood-still", "tax.commands", "police (20 s)")]


def _calls(traffic: Traffic, organisation: str, calls: Sequence[Call]) -> Traffic:
    return replace(traffic, calls={**traffic.calls, organisation: sorted(calls, key=lambda call: call.began)})


INNOCENT: dict[str, Callable[[Traffic], Traffic]] = {
    "calls went on": lambda made: _calls(made, WELL, [*made.calls[WELL], *_asked(105, 112)]),
    "one long call was under way": lambda made: _calls(made, WELL, [*made.calls[WELL], Call(99.5, 122.9, good=True)]),
    "nothing waited": lambda made: replace(made, waits={WELL: [Wait(98.9, 99), Wait(122.5, 123)]}),
    "its own last answer was a failure": lambda made: _calls(
        made, WELL, [*_asked(97, 98), *_asked(99, good=False), *_asked(123, 124)]
    ),
    "its own next answer was a failure": lambda made: _calls(
        made, WELL, [*_asked(97, 98, 99), *_asked(123, good=False), *_asked(124)]
    ),
    "Kafka took no records": lambda made: replace(made, beats=[*range(90, 104), *range(118, 130)]),
    "it went on long before the other was well": lambda made: _calls(made, WELL, [*made.calls[WELL], *_asked(114)]),
    "it went on long after the other was well": lambda made: replace(
        _calls(made, WELL, _asked(97, 98, 99, 140, 141)), waits={WELL: [Wait(101, 140), Wait(102, 141)]}
    ),
    "the other was away for a moment": lambda made: _calls(
        made, DOWN, [*_asked(98), *_asked(100, 101, 102, good=False), *_asked(*range(103, 123, 2))]
    ),
    "the other never came back": lambda made: _calls(made, DOWN, made.calls[DOWN][:-1]),
    "it stands still as long on a good day": lambda made: replace(
        _calls(made, WELL, _asked(97, 98, 99, 123, 124, 134)),
        waits={WELL: [*made.waits[WELL], Wait(125, 134)]},
        beats=range(90, 140),
    ),
}


@pytest.mark.parametrize("name", INNOCENT)
def test_what_has_another_explanation_is_not_found(name: str) -> None:
    """An organisation's own troubles, a silent broker, and mere coincidence are no proof."""
    assert _found(INNOCENT[name](_traffic())) == []


@pytest.mark.parametrize("slow", [False, True])
def test_a_standstill_is_found_in_the_evidence(tmp_path: Path, slow: bool) -> None:  # noqa: FBT001
    """Calls are read from what agencies and dispatch wrote down, waits from the topics, life from any record."""
    made = scene(("cash", "cash"))
    _stop_insurer_while_police_are_down(made, slow=slow)
    verdict = check(made.write(tmp_path), NOW)
    found = [(finding.what, finding.where) for finding in verdict.findings]
    assert found == ([] if slow else [("stood-still", f"insurer-{INSURER}.commands")])


def _stop_insurer_while_police_are_down(made: Scene, *, slow: bool) -> None:
    """The police say 503 for a while, and the insurer's next command waits; or it merely takes that long."""
    car = made.cars[0]
    police = {**made.requests[-1], "organisation": "police", "operation": "plate.reserve", "key": "probe"}
    asked = made.ask(f"insurer-{INSURER}", car, binding(car))
    long = Attempt(number=1, started_at=made.tick(), duration_ms=60_000, result="answered", status=200)
    for _ in range(10):
        made.requests.append({**police, "at": made.tick().isoformat(), "status": 503})
        made.say("telemetry.spans", car, TelemetrySpansV1(spans=()))
    made.requests.append({**police, "at": made.tick().isoformat(), "status": 200})
    answered = {**police, "organisation": f"insurer-{INSURER}", "key": asked.id, "status": 200}
    made.requests.append({**answered, "at": made.tick().isoformat()})
    made.tell(f"insurer-{INSURER}", car, asked, state="cancelled", attempts=(long,) if slow else ())
