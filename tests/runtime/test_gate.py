"""The gate lets in as many as an organisation bears, in the order of coming, and nobody while it is down."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from services.runtime.breaker import FAILURES_TO_OPEN, Breaker, State
from services.runtime.gate import Gate, Late, Slot
from services.runtime.lanes import Gone
from services.runtime.turns import Turns

PATIENCE_S = 60.0


@dataclass
class Visits:
    """Calls that come to a gate and stay until they are told to go."""

    gate: Gate
    inside: list[str] = field(default_factory=list)
    leaving: set[str] = field(default_factory=set)
    go: dict[str, asyncio.Event] = field(default_factory=dict)

    def come(self, name: str, act: Callable[[Slot], None] = Slot.answered, patience_s: float = PATIENCE_S) -> Visit:
        self.go[name] = asyncio.Event()
        return asyncio.ensure_future(self._visit(name, act, patience_s))

    async def _visit(self, name: str, act: Callable[[Slot], None], patience_s: float) -> None:
        async with self.gate.slot(lambda: Gone() if name in self.leaving else None, patience_s) as slot:
            self.inside.append(name)
            await self.go[name].wait()
            act(slot)


Visit = asyncio.Future[None]


def play(scenario: Callable[[Visits], Awaitable[None]], concurrency: int = 2, per_second: float | None = None) -> None:
    async def within() -> None:
        await scenario(Visits(Gate(Breaker("police"), concurrency, per_second)))

    asyncio.run(within())


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def _busy(slot: Slot) -> None:
    slot.failed("busy", busy=True)


def _silent(_: Slot) -> None:
    """Says nothing of what came of the call."""


def test_no_more_at_once_than_it_bears_and_in_the_order_of_coming() -> None:
    """Who leaves makes room for who came first."""

    async def scenario(visits: Visits) -> None:
        all_of = [visits.come(name) for name in "abcd"]
        await _settle()
        assert visits.inside == ["a", "b"]
        visits.go["b"].set()
        await _settle()
        assert visits.inside == ["a", "b", "c"]
        for event in visits.go.values():
            event.set()
        await asyncio.gather(*all_of)
        assert visits.inside == list("abcd")
        assert visits.gate.running == 0

    play(scenario)


def test_a_few_bad_calls_at_the_front_do_not_keep_a_healthy_organisation_closed() -> None:
    """Whoever waits may have to probe; one after another, all twenty at the front would have to fail first."""
    probes: list[str] = []

    async def scenario(visits: Visits) -> None:
        breaker = visits.gate.breaker
        breaker.failed("nonsense", 0.01, about="bad")

        async def call(name: str) -> None:
            async with visits.gate.slot(lambda: None, PATIENCE_S) as slot:
                probes.append(name)
                if name == "bad" and "good" not in probes:
                    slot.failed("nonsense", pause_s=0.01, about="bad")
                else:
                    slot.answered()

        await asyncio.gather(*(call("bad") for _ in range(20)), *(call("good") for _ in range(200)))
        assert probes.index("good") < 20

    random.seed(1)
    play(scenario)


def test_a_worker_takes_its_share_of_what_the_organisation_bears() -> None:
    """Half of the partitions, half of the calls; and one call, however little that is."""

    async def scenario(visits: Visits) -> None:
        visits.gate.share = 0.5
        all_of = [visits.come(name) for name in "abc"]
        await _settle()
        assert visits.inside == ["a", "b"]
        visits.gate.share = 1.0
        visits.gate.look()
        await _settle()
        assert visits.inside == ["a", "b", "c"]
        for event in visits.go.values():
            event.set()
        await asyncio.gather(*all_of)
        visits.gate.share = 0.1
        assert visits.gate.allowed == 1

    play(scenario, concurrency=4)


def test_a_worker_takes_its_share_of_the_rate() -> None:
    """A quarter of the partitions, a quarter of the calls that the organisation wants in a second."""

    async def scenario(visits: Visits) -> None:
        visits.gate.share = 0.25
        before = asyncio.get_running_loop().time()
        visit = visits.come("a")
        await _settle()
        assert visits.gate._next_at >= before + 1 / (4 * 0.25)
        visits.go["a"].set()
        await visit

    play(scenario, per_second=4.0)


def test_who_waits_for_the_others_turn_to_end_is_let_in_with_ours() -> None:
    """Nothing happens but that time passes."""

    async def scenario(visits: Visits) -> None:
        loop = asyncio.get_running_loop()
        lasts_s, began = 4.0, loop.time()
        # Partition 0 has every second turn; the other's has a tenth of a second to go.
        turns = Turns(frozenset({0}), 2, 1, 0.0, lambda: 2 * lasts_s - 0.1 + loop.time() - began)
        visits.gate.turns = turns
        visit = visits.come("a")
        await _settle()
        assert (visits.inside, visits.gate.allowed) == ([], 0)
        visits.go["a"].set()
        await visit
        assert loop.time() >= began + 0.1
        assert visits.gate.allowed == 1

    play(scenario, concurrency=1)


def test_overload_halves_what_goes_at_once_and_good_answers_bring_it_back() -> None:
    """Calls that ran together count as one sign; the limit never falls below one call."""

    async def scenario(visits: Visits) -> None:
        gate = visits.gate

        async def calls(number: int, act: Callable[[Slot], None]) -> None:
            names = [f"{len(visits.go)}-{index}" for index in range(number)]
            coming = [visits.come(name, act) for name in names]
            await _settle()
            for name in names:
                visits.go[name].set()
            await asyncio.gather(*coming)

        await calls(8, _busy)
        assert gate.allowed == 4
        gate.breaker.succeeded()
        for _ in range(4):
            await asyncio.sleep(0.001)
            await calls(1, _busy)
            gate.breaker.succeeded()
        assert gate.allowed == 1
        await calls(200, Slot.answered)
        assert gate.allowed == 8

    play(scenario, concurrency=8)


def test_a_second_has_only_so_many_calls() -> None:
    """However many could run at once."""

    async def scenario(visits: Visits) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        coming = [visits.come(str(number)) for number in range(40)]
        for event in visits.go.values():
            event.set()
        await asyncio.gather(*coming)
        # Some may go ahead of their time, as timers are coarse.
        assert loop.time() - began >= 40 / 200 - 0.06

    play(scenario, concurrency=40, per_second=200)


def test_while_it_is_down_nobody_takes_a_place() -> None:
    """They wait outside; one probes when it is due, and its good answer lets all in."""

    async def scenario(visits: Visits) -> None:
        for _ in range(FAILURES_TO_OPEN):
            visits.gate.breaker.failed("down")
        coming = [visits.come(name) for name in "abc"]
        await _settle()
        assert (visits.inside, visits.gate.running, visits.gate.waiting) == ([], 0, 3)
        async with asyncio.timeout(60):
            while not visits.inside:  # noqa: ASYNC110 - the gate tells nobody whom it lets in
                await asyncio.sleep(0.01)
        await _settle()
        assert visits.inside == ["a"]
        for event in visits.go.values():
            event.set()
        await asyncio.gather(*coming)
        assert visits.gate.breaker.state is State.CLOSED

    play(scenario)


def test_a_probe_of_which_nothing_is_heard_is_given_to_the_next() -> None:
    """It let go of its place without a word."""

    async def scenario(visits: Visits) -> None:
        visits.gate.breaker.failed("down", 0.0)
        first, second = visits.come("a", _silent), visits.come("b")
        visits.go["a"].set()
        visits.go["b"].set()
        await asyncio.gather(first, second)
        assert visits.gate.breaker.state is State.CLOSED

    play(scenario)


def test_those_who_must_leave_do_not_wait() -> None:
    """A partition that goes must not wait for an organisation that is down."""

    async def scenario(visits: Visits) -> None:
        visits.gate.breaker.hold("maintenance")
        going, staying = visits.come("a"), visits.come("b")
        await _settle()
        visits.leaving.add("a")
        visits.gate.look()
        with pytest.raises(Gone):
            await going
        assert not staying.done()
        staying.cancel()
        await asyncio.gather(staying, return_exceptions=True)

    play(scenario)


def test_patience_ends() -> None:
    """Who waits past its time is told so and takes no place; whose time is over does not even ask."""

    async def scenario(visits: Visits) -> None:
        visits.gate.breaker.hold("maintenance")
        with pytest.raises(Late):
            await visits.come("a", patience_s=0.01)
        visits.gate.breaker.let_go()
        with pytest.raises(Late):
            await visits.come("b", patience_s=0.0)
        assert (visits.inside, visits.gate.running) == ([], 0)

    play(scenario)


def test_who_is_cancelled_at_the_moment_of_its_turn_gives_it_on() -> None:
    """A place that nobody uses would be lost for good."""

    async def scenario(visits: Visits) -> None:
        first, second, third = visits.come("a"), visits.come("b"), visits.come("c")
        await _settle()
        visits.go["a"].set()
        await first
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        visits.go["c"].set()
        await third
        assert visits.gate.running == 0

    play(scenario, concurrency=1)
