"""The breaker opens while an organisation is down, and lets one call find out whether it is back."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest

from services.runtime.breaker import FAILURES_TO_OPEN, LONGEST_PAUSE_S, Breaker, State


@dataclass
class Watch:
    """A clock that stands until it is moved."""

    at: float = 0.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def breaker(watch: Watch) -> Breaker:
    return Breaker("police", now=watch)


def _opened(breaker: Breaker) -> Breaker:
    for _ in range(FAILURES_TO_OPEN):
        breaker.failed("down")
    return breaker


def test_it_opens_after_failures_in_a_row_only(breaker: Breaker) -> None:
    """A success in between begins the count again."""
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker.failed("down")
    breaker.succeeded()
    breaker.failed("down")
    assert breaker.admits()
    assert _opened(breaker).state is State.OPEN
    assert not breaker.admits()


def test_one_vehicle_alone_does_not_hold_the_others(breaker: Breaker) -> None:
    """Bad answers about the same one count once; about different ones each counts."""
    for _ in range(FAILURES_TO_OPEN * 3):
        breaker.failed("broken", about="one")
    assert _state_after(breaker, FAILURES_TO_OPEN - 2) is State.CLOSED
    assert _state_after(breaker, FAILURES_TO_OPEN - 1) is State.OPEN


def _state_after(breaker: Breaker, others: int) -> State:
    for number in range(others):
        breaker.failed("broken", about=f"other {number}")
    return breaker.state


def test_one_call_probes_and_its_success_lets_all_through(breaker: Breaker, watch: Watch) -> None:
    """While it is half-open everybody else waits."""
    _opened(breaker)
    watch.at = breaker.probe_at
    assert [breaker.admits(), breaker.admits()] == [True, False]
    breaker.succeeded()
    assert breaker.admits()


def test_a_failed_probe_opens_it_again_for_longer(breaker: Breaker, watch: Watch) -> None:
    """The pauses double up to a bound."""
    _opened(breaker)
    pauses = []
    for _ in range(10):
        pauses.append(breaker.probe_at - watch.at)
        watch.at = breaker.probe_at
        assert breaker.admits()
        breaker.failed("still down")
    assert pauses[1] == 2 * pauses[0]
    assert pauses[-1] == LONGEST_PAUSE_S


def test_who_asks_for_a_pause_gets_it(breaker: Breaker) -> None:
    """Retry-After opens it at once, for that long."""
    breaker.failed("busy", 7.0)
    assert breaker.state is State.OPEN
    assert breaker.probe_at == 7.0


def test_a_call_from_before_does_not_end_a_pause_that_was_asked_for(breaker: Breaker) -> None:
    """It was under way when the organisation asked; but where nobody asked, its answer shows that they are there."""
    breaker.failed("busy", 7.0)
    breaker.succeeded()
    assert breaker.state is State.OPEN
    other = _opened(Breaker("tax"))
    other.succeeded()
    assert other.state is State.CLOSED


def test_a_shorter_pause_does_not_take_back_a_longer_one(breaker: Breaker) -> None:
    """Two answers with Retry-After: the later moment counts, and is what people are told."""
    breaker.failed("maintenance", 60.0)
    breaker.failed("busy", 1.0)
    assert (breaker.probe_at, breaker.reason) == (60.0, "maintenance")
    breaker.failed("closed for today", 3600.0)
    assert (breaker.probe_at, breaker.reason) == (3600.0, "closed for today")


def test_a_probe_that_never_came_to_a_result_lets_another_probe(breaker: Breaker, watch: Watch) -> None:
    """Its partition went while it waited for its turn: nobody else may be held for that."""
    _opened(breaker)
    watch.at = breaker.probe_at
    assert breaker.admits()
    breaker.abandoned()
    assert breaker.admits()


def test_a_person_holds_and_a_person_lets_go(breaker: Breaker, watch: Watch) -> None:
    """No answer and no time ends a person's pause; then counts what calls have shown meanwhile."""
    breaker.hold("maintenance")
    breaker.succeeded()
    watch.at = 1e9
    assert not breaker.admits()
    assert (breaker.state, breaker.reason, breaker.probe_at) == (State.OPEN, "maintenance", math.inf)
    breaker.failed("busy", 7.0)
    assert breaker.reason == "maintenance"
    breaker.let_go()
    assert (breaker.reason, breaker.probe_at) == ("busy", 1e9 + 7)
    watch.at += 7
    assert [breaker.admits(), breaker.admits()] == [True, False]


def test_a_probe_that_succeeds_lifts_no_persons_pause(breaker: Breaker, watch: Watch) -> None:
    """It was under way when the person spoke."""
    breaker.failed("busy", 0.0)
    assert breaker.admits()
    breaker.hold("maintenance")
    breaker.succeeded()
    assert (breaker.state, breaker.admits()) == (State.OPEN, False)
    breaker.let_go()
    assert (breaker.state, breaker.admits()) == (State.CLOSED, True)


def test_time_away_is_counted_once_whoever_holds_it(breaker: Breaker, watch: Watch) -> None:
    """From the first moment at which it may not be called to the last, by itself or by a person."""
    breaker.hold("maintenance")
    watch.at = 3.0
    breaker.failed("busy", 10.0)
    watch.at = 5.0
    breaker.let_go()
    assert breaker.away_s == 5.0
    watch.at = 13.0
    assert breaker.admits()
    breaker.succeeded()
    watch.at = 20.0
    assert breaker.away_s == 13.0
