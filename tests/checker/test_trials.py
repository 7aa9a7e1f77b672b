"""What a test left in the agencies' books is no fault, if they were told before; nothing of ours hides behind it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from services.checker import Verdict, check
from tests.checker.synthetic import NOW, Car, Scene, scene

TESTED = Car(99, "cash").vin
EARLIER = (NOW - timedelta(hours=2)).isoformat()


@pytest.fixture
def made() -> Scene:
    """Two sales that came to their end, and the policy of a car that nobody sold."""
    found = scene(("cash", "cash"))
    found.ledger.append({**found.effect("insurance.bind"), "vin": TESTED, "key": "conformance-1"})
    return found


def _what(verdict: Verdict) -> set[str]:
    return {finding.what for finding in verdict.findings}


def test_what_nobody_announced_was_asked_for_by_nobody(made: Scene, tmp_path: Path) -> None:
    """As ever: an effect without a command is a finding, also where other cars were announced."""
    made.trials.append({"at": EARLIER, "vins": [Car(98, "cash").vin]})
    verdict = check(made.write(tmp_path), NOW)
    assert "uncommanded" in _what(verdict)
    assert verdict.notes["on_trial"] == 0


def test_a_car_that_was_announced_before_it_came_is_counted_and_not_blamed(made: Scene, tmp_path: Path) -> None:
    """Whatever the agencies did with it; the others are judged as ever."""
    made.trials.append({"at": EARLIER, "vins": [TESTED]})
    verdict = check(made.write(tmp_path), NOW)
    assert (verdict.clean, verdict.notes["on_trial"]) == (True, 1)


def test_an_announcement_afterwards_excuses_nothing(made: Scene, tmp_path: Path) -> None:
    """Nor does one more, later, take anything from the first."""
    made.trials.append({"at": (NOW + timedelta(hours=1)).isoformat(), "vins": [TESTED]})
    assert "uncommanded" in _what(check(made.write(tmp_path / "after"), NOW))
    made.trials.insert(0, {"at": EARLIER, "vins": [TESTED]})
    assert check(made.write(tmp_path / "before"), NOW).clean


def test_a_car_of_ours_is_judged_though_somebody_announced_it(made: Scene, tmp_path: Path) -> None:
    """A sale, a message or a case: it is no test, and an effect of it that no command asked for is found."""
    made.trials.append({"at": EARLIER, "vins": [TESTED, *(car.vin for car in made.cars)]})
    made.ledger.append({**made.effect("plate.dispatch"), "key": "nobody's"})
    assert "uncommanded" in _what(check(made.write(tmp_path), NOW))
