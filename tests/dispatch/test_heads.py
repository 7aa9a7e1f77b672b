"""The head of what is parked about a vehicle: people decide about it unless it is being tried this very moment."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from services.dispatch.heads import Heads
from services.runtime.parking import Parked
from services.runtime.record import Outgoing
from services.runtime.settings import Settings
from tests.dispatch.office import WHY, Office, Police, answering, come_true, office, parked, release
from tests.dispatch.workshop import Broker
from tests.envelopes import said

Scene = Callable[[Office, Police], Awaitable[None]]


def play(settings: Settings, scene: Scene, police: Police) -> None:
    """A scene in an office that tries what is parked with these police."""

    async def run() -> None:
        async with answering(police) as url:
            own = settings.model_copy(update={"simulator_url": url})
            async with office(own, "parked police", "lease police") as desk:
                await scene(desk, police)

    asyncio.run(run())


async def _waits_at_the_gate(desk: Office) -> None:
    async def one() -> bool:
        return desk.deliveries().attempts.gate.waiting == 1

    await come_true(one)


def test_a_head_that_waits_for_its_turn_is_people_s_to_decide(settings: Settings) -> None:
    """An organisation may be away for days; what waits for it is edited meanwhile, and the edition goes out."""

    async def scene(desk: Office, police: Police) -> None:
        record = release(1, number="R-wrong")
        await desk.told("POST", "/organisations/police/pause", WHY)
        await desk.park(parked(record, "parked"))
        await desk.take()
        await _waits_at_the_gate(desk)
        wish = {**WHY, "set": {"reservation_no": "R-right"}}
        assert (await desk.told("POST", f"/deliveries/{record.id}/edit", wish))["revision"] == 2
        await desk.told("POST", "/organisations/police/resume", WHY)
        await come_true(lambda: _settled(desk))
        assert [(key, body["yllsh"]) for key, body in police.heard] == [(f"{record.id}.r2", "R-right")]

    play(settings, scene, Police())


def test_a_head_that_was_cancelled_while_it_waited_is_never_sent(settings: Settings) -> None:
    """Its turn comes after the person's word."""

    async def scene(desk: Office, police: Police) -> None:
        record, next_one = release(1), release(2, 1)
        await desk.told("POST", "/organisations/police/pause", WHY)
        await desk.park(parked(record, "parked"))
        await desk.take()
        await _waits_at_the_gate(desk)
        await desk.told("POST", f"/deliveries/{record.id}/cancel", WHY)
        await desk.park(parked(next_one, "parked"))
        await desk.told("POST", "/organisations/police/resume", WHY)
        await come_true(lambda: _settled(desk))
        assert [key for key, _ in police.heard] == [next_one.id]

    play(settings, scene, Police())


def test_what_a_try_came_to_is_stored_before_people_may_decide(settings: Settings) -> None:
    """A call that may have had its effect, and then the organisation is away: an edit must not take it for untried."""
    calls: list[Office] = []

    def no_answer(*_: Any) -> tuple[int, Any]:
        calls[0].deliveries().breaker.failed("away", 3600.0)
        return 500, {}

    async def scene(desk: Office, _: Police) -> None:
        calls.append(desk)
        record = release(1)
        await desk.park(parked(record, "parked"))
        await desk.take()
        await _waits_at_the_gate(desk)
        row = await desk.row(record.id)
        assert row is not None
        assert (row.trying, [one["result"] for one in row.history]) == (None, ["ambiguous"])
        wish = {**WHY, "set": {"reservation_no": "R-2"}}
        status, no = await desk.ask("POST", f"/deliveries/{record.id}/edit", wish)
        assert (status, no["code"]) == (409, "doubtful")

    play(settings, scene, Police(no_answer))


class Later(Police):
    """Has nothing yet, and wants to be asked in an hour."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        del request
        return web.Response(body=said("-1404"), headers={"Retry-After": "3600"})


def test_a_try_that_a_dead_process_left_stays_a_doubt_after_the_next_one(settings: Settings) -> None:
    """Nobody knows what came of it, whatever the next try comes to."""

    async def scene(desk: Office, _: Police) -> None:
        record = release(1)
        await desk.park(parked(record, "parked", trying="0/a-dead-process"))
        await desk.take()

        async def tried() -> bool:
            row = await desk.row(record.id)
            return row is not None and row.tries == 2

        await come_true(tried)
        row = await desk.row(record.id)
        assert row is not None
        assert row.history[0]["result"] == "ambiguous"
        wish = {**WHY, "set": {"reservation_no": "R-2"}}
        status, no = await desk.ask("POST", f"/deliveries/{record.id}/edit", wish)
        assert (status, no["code"]) == (409, "doubtful")

    play(settings, scene, Later())


def test_a_try_of_ours_that_was_cut_off_keeps_nobody_from_deciding(settings: Settings) -> None:
    """Its partition went in the middle of a call and came back to the same process, and then the agency is away."""

    async def scene(desk: Office, _: Police) -> None:
        record = release(1)
        await desk.told("POST", "/organisations/police/pause", WHY)
        await desk.park(parked(record, "parked", trying=desk.deliveries().book.fence.name))
        await desk.take()
        await _waits_at_the_gate(desk)
        wish = {**WHY, "set": {"reservation_no": "R-2"}}
        status, no = await desk.ask("POST", f"/deliveries/{record.id}/edit", wish)
        assert (status, no["code"]) == (409, "doubtful")
        await desk.told("POST", f"/deliveries/{record.id}/cancel", WHY)

    play(settings, scene, Police())


@dataclass
class Slow(Police):
    """Answers when it is told to."""

    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        answer = await Police.handle(self, request)
        await self.may_answer.wait()
        return answer


def test_a_call_about_a_head_is_finished_before_its_partition_goes(settings: Settings) -> None:
    """Whoever has the partition next finds no doubt, but nothing."""
    police = Slow()

    async def scene(desk: Office, _: Police) -> None:
        record = release(1)
        await desk.park(parked(record, "parked"))
        await desk.take()

        async def called() -> bool:
            return bool(police.heard)

        await come_true(called)
        places, work = list(desk.deliveries().attempts.mine), desk.deliveries()
        work.leaving(places)
        going = asyncio.create_task(work.revoked(places))
        await asyncio.sleep(0)
        police.may_answer.set()
        await going
        assert not (await desk.search())["total"]
        assert len(police.heard) == 1

    play(settings, scene, police)


async def _settled(desk: Office) -> bool:
    return not (await desk.search())["total"]


def test_what_was_seen_of_a_head_while_it_was_being_tried_is_old_news(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look at what is due may be slow, and what it found answered be said and gone by then: it is not said again."""
    due, send, seen, over, looks = Heads._due, Broker.send_all, asyncio.Event(), asyncio.Event(), Counter[str]()

    async def slowly(heads: Heads) -> list[Parked]:
        rows = await due(heads)
        looks["police"] += 1
        if any(row.state == "answered" for row in rows):
            seen.set()
            await over.wait()
        return rows

    async def once_seen(broker: Broker, messages: Sequence[Outgoing]) -> None:
        if any(one.topic == "police.events" for one in messages):
            await seen.wait()
        await send(broker, messages)

    monkeypatch.setattr(Heads, "_due", slowly)
    monkeypatch.setattr(Broker, "send_all", once_seen)

    async def scene(desk: Office, _: Police) -> None:
        record, heads = release(1), desk.deliveries().heads

        async def gone() -> bool:
            return seen.is_set() and await desk.row(record.id) is None and not heads._trying

        async def looked() -> bool:
            heads.look()
            return looks["police"] > before + 1 and not heads._trying

        await desk.park(parked(record, "parked"))
        await desk.take()
        await come_true(gone)
        before = looks["police"]
        over.set()
        await come_true(looked)
        assert len(desk.heard("plate.released")) == 1

    play(settings, scene, Police())
