"""What is brought to our own door is heard, whatever bank, breaker and clock do; an answer needs a seal anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from services.dispatch.delivery import Delivery, Failed
from services.dispatch.parked import ParkedDeliveries
from services.runtime.breaker import State
from services.runtime.gate import Gate
from services.runtime.settings import Settings
from tests.dispatch.office import come_true
from tests.dispatch.test_callbacks import (
    BANK,
    OTHER_BANK,
    Bank,
    Stage,
    application,
    approval,
    known,
    play,
    rejection,
    stage,
)

LONG_S = 3600.0


def _gate(at: Stage) -> Gate:
    gate: Gate = at.desk.deliveries(BANK).attempts.gate
    return gate


def _goes_away(at: Stage) -> None:
    """The bank does not answer, and nobody tries it for an hour."""
    _gate(at).breaker.failed("no connection", LONG_S)
    assert _gate(at).breaker.state is State.OPEN


def test_what_waits_for_a_bank_that_is_away_hears_its_answer_all_the_same(settings: Settings) -> None:
    """Taken in and parked: nobody need be asked."""

    async def scene(at: Stage) -> None:
        record = application()
        await at.waits(record)
        _goes_away(at)
        assert (await at.bring(approval(record.id)))[0] == 202
        assert len(await at.decided()) == 1
        assert _gate(at).breaker.state is State.OPEN

    play(settings, scene)


def test_what_waits_for_its_turn_hears_its_answer_all_the_same(settings: Settings) -> None:
    """Its call came to nothing that we know of, the bank went away, and then its answer came: it leaves the gate."""

    async def scene(at: Stage) -> None:
        record = application()
        await at.waits(record, history=())
        _goes_away(at)
        at.desk.clock.pass_(timedelta(hours=1))
        at.desk.deliveries(BANK).heads.look()

        async def waits() -> bool:
            return _gate(at).waiting == 1

        await come_true(waits)
        assert (await at.bring(approval(record.id)))[0] == 202
        assert len(await at.decided()) == 1
        assert at.bank.sent == []

    play(settings, scene)


def test_looking_at_our_own_door_says_nothing_of_the_bank(settings: Settings) -> None:
    """An answer is heard, another is waited for: whether the bank can be called is as unknown as before."""

    async def scene(at: Stage) -> None:
        _goes_away(at)
        record = application()
        await at.waits(record, not_before=0.0)
        deliveries = at.desk.deliveries(BANK)

        async def looked() -> bool:
            return bool((await at.desk.search())["deliveries"][0]["tries"] > 1)

        await come_true(looked)
        assert (await at.bring(approval(record.id)))[0] == 202
        await at.decided()
        assert deliveries.breaker.state is State.OPEN
        assert at.bank.sent == []

    play(settings, scene)


def test_an_answer_that_comes_during_the_last_try_is_not_lost(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """We looked, it came, we gave up: it is heard instead."""
    gave_up: list[str] = []
    put = ParkedDeliveries.put

    async def scene(at: Stage) -> None:
        record = application()

        async def late(self: ParkedDeliveries, delivery: Delivery, failed: Failed, tries: int = 0) -> bool:
            if failed.final and not gave_up:
                gave_up.append(failed.failure)
                assert (await at.bring(approval(record.id)))[0] == 202
            return await put(self, delivery, failed, tries)

        monkeypatch.setattr(ParkedDeliveries, "put", late)
        await at.waits(record, not_before=0.0, deadline=at.desk.clock.now().timestamp() - 1)
        assert len(await at.decided()) == 1
        assert gave_up == ["deadline"]
        await at.nothing_waits()

    play(settings, scene)


def test_an_answer_that_is_here_already_is_heard_after_the_deadline(settings: Settings) -> None:
    """It came in time; that the bank is away, and its time over, changes nothing."""

    async def scene(at: Stage) -> None:
        record = application()
        _goes_away(at)
        assert (await at.bring(approval(record.id)))[0] == 202
        await at.waits(record, not_before=0.0, deadline=at.desk.clock.now().timestamp() - 1)
        assert len(await at.decided()) == 1

    play(settings, scene)


def test_an_answer_that_decides_nothing_is_heard_once(settings: Settings) -> None:
    """Not yet: that has its pause: what is here and was heard keeps nobody busy."""

    async def scene(at: Stage) -> None:
        record = application()
        await at.waits(record)
        assert (await at.bring(rejection(record.id, "B0404")))[0] == 202

        async def sent_again() -> bool:
            return at.bank.sent == [record.id]

        await come_true(sent_again)
        assert (await at.bring(approval(record.id)))[0] == 202
        assert len(await at.decided()) == 1
        assert at.bank.sent == [record.id]

    play(settings, scene)


@dataclass
class Hasty(Bank):
    """Says at once what it decides, in the answer to the call."""

    says: Callable[[str], bytes] = approval
    status: int = 200

    async def take(self, request: web.Request) -> web.Response:
        key = request.headers["Idempotency-Key"]
        self.sent.append(key)
        return web.Response(status=self.status, body=self.says(key), content_type="application/xml")


def _unsealed(raw: bytes) -> bytes:
    begin, end = raw.index(b"<ds:Signature"), raw.index(b"</ds:Signature>") + len(b"</ds:Signature>")
    return raw[:begin] + raw[end:]


def _called(settings: Settings, bank: Bank, scene: Callable[[Stage], Awaitable[None]]) -> None:
    known(settings)

    async def run() -> None:
        async with stage(settings, bank) as at:
            await at.desk.take(organisation=BANK)
            await scene(at)

    asyncio.run(run())


def test_a_bank_may_decide_at_once_under_its_seal(settings: Settings) -> None:
    """In the answer to the call, as if it had been called back."""

    async def scene(at: Stage) -> None:
        await at.desk.deliveries(BANK).handle(application(), None)
        assert len(await at.decided()) == 1

    _called(settings, Hasty(), scene)


@pytest.mark.parametrize(
    "says",
    [
        lambda key: _unsealed(approval(key)),
        lambda key: _unsealed(rejection(key, "B0422")),
        lambda key: approval(key).replace(b"158200.00", b"958200.00"),
        lambda key: approval(key, who=OTHER_BANK, by=BANK),
    ],
    ids=["a yes without a seal", "a no without a seal", "a yes that was changed", "a yes of another bank's"],
)
def test_a_decision_without_its_seal_is_no_answer(settings: Settings, says: Callable[[str], bytes]) -> None:
    """Whoever sits between can say what he likes: the same is sent again, until somebody seals it."""
    bank = Hasty(says=says)

    async def scene(at: Stage) -> None:
        handling = asyncio.create_task(at.desk.deliveries(BANK).handle(application(), None))

        async def again() -> bool:
            return len(bank.sent) > 1

        await come_true(again)
        said: list[Any] = at.desk.heard("loan.decided") + at.desk.heard("agency.refused")
        assert said == []
        bank.says = approval
        await handling
        assert len(await at.decided()) == 1

    _called(settings, bank, scene)
