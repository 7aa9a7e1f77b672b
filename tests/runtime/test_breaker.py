"""The breaker holds everybody back while an organisation is down, and probes with one."""

from __future__ import annotations

import asyncio

import pytest

from services.runtime.breaker import FAILURES_TO_OPEN, Breaker, State
from services.runtime.lanes import Gone


def _opened(breaker: Breaker) -> Breaker:
    for _ in range(FAILURES_TO_OPEN):
        breaker.failed("down")
    return breaker


def test_it_opens_after_failures_in_a_row_only() -> None:
    """A success in between begins the count again."""
    breaker = Breaker("police")
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker.failed("down")
    breaker.succeeded()
    breaker.failed("down")
    assert breaker.state is State.CLOSED
    assert _opened(breaker).state is State.OPEN


def test_one_call_probes_and_its_success_lets_all_through() -> None:
    """While it is half-open everybody else waits."""

    async def play() -> None:
        now = [0.0]
        breaker = _opened(Breaker("police", now=lambda: now[0]))
        now[0] = 60.0
        waiting = [asyncio.create_task(breaker.enter(lambda: False)) for _ in range(3)]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        assert sum(task.done() for task in waiting) == 1
        breaker.succeeded()
        await asyncio.gather(*waiting)
        assert breaker.state is State.CLOSED

    asyncio.run(play())


def test_a_failed_probe_opens_it_again_for_longer() -> None:
    """The pauses double up to a bound."""
    now = [0.0]
    breaker = _opened(Breaker("police", now=lambda: now[0]))
    first = breaker.probe_at - now[0]
    now[0] = breaker.probe_at
    asyncio.run(breaker.enter(lambda: False))
    states = [breaker.state]
    breaker.failed("still down")
    assert [*states, breaker.state] == [State.HALF_OPEN, State.OPEN]
    assert breaker.probe_at - now[0] > first


def test_who_asks_for_a_pause_gets_it() -> None:
    """Retry-After opens it at once, for that long."""
    now = [0.0]
    breaker = Breaker("tax", now=lambda: now[0])
    breaker.failed("busy", 7.0)
    assert breaker.state is State.OPEN
    assert breaker.probe_at == 7.0


def test_those_who_must_leave_do_not_wait() -> None:
    """A partition that goes must not wait for an organisation that is down."""

    async def play() -> None:
        leaving = False
        breaker = _opened(Breaker("police"))
        waiter = asyncio.create_task(breaker.enter(lambda: leaving))
        await asyncio.sleep(0)
        leaving = True
        breaker.wake()
        with pytest.raises(Gone):
            await waiter

    asyncio.run(play())


def test_a_probe_that_never_came_to_a_result_lets_another_probe() -> None:
    """Its partition went while it waited for its turn: nobody else may be held for that."""

    async def play() -> None:
        now = [0.0]
        breaker = _opened(Breaker("police", now=lambda: now[0]))
        now[0] = 60.0
        await breaker.enter(lambda: False)
        waiting = asyncio.create_task(breaker.enter(lambda: False))
        await asyncio.sleep(0)
        breaker.abandoned()
        async with asyncio.timeout(2):
            await waiting
        assert breaker.state is State.HALF_OPEN

    asyncio.run(play())


def test_after_a_failed_probe_the_next_comes_when_it_is_due() -> None:
    """Those who waited for the result of the first learn of the new pause."""

    async def play() -> None:
        breaker = _opened(Breaker("police"))
        await breaker.enter(lambda: False)
        waiting = asyncio.create_task(breaker.enter(lambda: False))
        await asyncio.sleep(0)
        breaker.failed("still down")
        async with asyncio.timeout(4):
            await waiting

    asyncio.run(play())


def test_a_shorter_pause_does_not_take_back_a_longer_one() -> None:
    """Two answers with Retry-After: the later moment counts."""
    breaker = Breaker("tax", now=lambda: 0.0)
    breaker.failed("busy", 60.0)
    breaker.failed("busy", 1.0)
    assert breaker.probe_at == 60.0
