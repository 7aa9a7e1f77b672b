"""A stack that is read while it works gives no false finding, and hides no true one for long."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.checker import Verdict, check
from services.checker.queues import PATIENCE_S, Queues, Worked
from tests.checker.synthetic import NOW, Scene, scene, tax_payment

MOMENT = timedelta(seconds=1)


@pytest.fixture
def made() -> Scene:
    """Two sales that came to their end long ago."""
    return scene(("cash", "cash"))


def _what(verdict: Verdict) -> set[str]:
    return {finding.what for finding in verdict.findings}


@pytest.mark.parametrize(("age", "found"), [(MOMENT, set()), (timedelta(hours=1), {"sale-not-published"})])
def test_a_sale_just_acknowledged_may_be_on_its_way(
    made: Scene, tmp_path: Path, age: timedelta, found: set[str]
) -> None:
    """The door answers once a sale is durable, and its relay publishes a moment later."""
    made.history.append({**made.history[0], "id": "new", "sourceid": "P-new", "at": (NOW - age).isoformat()})
    assert _what(check(made.write(tmp_path), NOW)) == found


@pytest.mark.parametrize(("sent", "lost"), [(NOW - MOMENT, False), (NOW - timedelta(hours=1), True)])
def test_a_sale_just_published_may_have_no_case_yet(
    made: Scene,
    tmp_path: Path,
    sent: datetime,
    lost: bool,  # noqa: FBT001
) -> None:
    """The journey takes a sale in a moment after it stands in the topic."""
    made.cases.remove(made.case(1))
    made.record("sale.events", "sale.confirmed", 1)["timestamp"] = sent.timestamp() * 1000
    assert ("sale-without-case" in _what(check(made.write(tmp_path), NOW))) is lost


def test_an_effect_after_the_topics_ends_needs_no_command(made: Scene, tmp_path: Path) -> None:
    """Its command stands behind the end that was looked up; before that end it must be there."""
    made.ledger.append({**made.effect("plate.dispatch"), "key": "behind the end"})
    made.known_effects = len(made.ledger) - 1
    assert check(made.write(tmp_path / "busy"), NOW).clean
    made.known_effects = None
    assert "uncommanded" in _what(check(made.write(tmp_path / "quiet"), NOW))


@pytest.mark.parametrize(("age", "found"), [(MOMENT, set()), (timedelta(hours=1), {"change-untold"})])
def test_a_case_may_know_more_than_the_topics(made: Scene, tmp_path: Path, age: timedelta, found: set[str]) -> None:
    """It was read after the topics' ends: what it claims has its effect behind them."""
    made.case().update(version=3, headline="CLOSED", changed_at=(NOW - age).isoformat())
    made.ledger.remove(made.effect("elicence.issue"))
    assert _what(check(made.write(tmp_path), NOW)) == found


@pytest.mark.parametrize(("sent", "waits"), [(NOW - MOMENT, False), (NOW - timedelta(hours=1), True)])
def test_a_command_just_given_may_not_have_been_taken_up(
    made: Scene,
    tmp_path: Path,
    sent: datetime,
    waits: bool,  # noqa: FBT001
) -> None:
    """Dispatch says nothing of a command before its first result."""
    made.ask("tax", made.cars[0], tax_payment(made.cars[0]))
    made.topics["tax.commands"][-1]["timestamp"] = sent.timestamp() * 1000
    assert ("waits-unheld" in _what(check(made.write(tmp_path), NOW))) is waits


OLD, NEW = -2 * PATIENCE_S, 0.0


@pytest.mark.parametrize(
    ("since", "worked", "forgotten"),
    [
        (NEW, None, False),
        (OLD, None, True),
        (OLD, Worked(last=NEW, passed=3), False),
        (OLD, Worked(last=NEW, passed=9), True),
        (OLD, Worked(last=OLD, passed=3), True),
        (NEW, Worked(last=OLD, passed=9), False),
    ],
)
def test_a_queue_tells_who_was_forgotten(since: float, worked: Worked | None, forgotten: bool) -> None:  # noqa: FBT001
    """Somebody old is forgotten where nothing moves or where others passed him long ago; a queue that moves is long."""
    queues = Queues(0.0, {("t", 0): worked} if worked else {})
    assert queues.forgot("t", 0, 5, since) is forgotten


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.integers(0, 100))
def test_who_came_a_moment_ago_is_never_forgotten(since: float, last: float, passed: int) -> None:
    """However the others fare."""
    queues = Queues(since + PATIENCE_S / 2, {("t", 0): Worked(last, passed)})
    assert not queues.forgot("t", 0, 50, since)
