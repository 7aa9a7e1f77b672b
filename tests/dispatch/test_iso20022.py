"""Dispatch and a bank over their real wire, both ways: receipts and call-backs lost, late, twice, spoilt, out of order.

What the store keeps of a call-back is proved on both databases in `test_callbacks`; here one is enough.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from aiohttp import web

from adapters.registry import ADAPTERS
from adapters.spec import Letter, Operation, RetryPolicy
from services.dispatch.consumers import consumer_of
from services.runtime.record import Record
from services.runtime.settings import Settings
from services.simulator.faces import business
from tests.dispatch.agency import listening, vin
from tests.dispatch.office import SECRETS, Office, come_true, office
from tests.dispatch.workshop import AMPLE, as_record
from tests.simulator.branch import BANK, BANKS, OTHER, OTHER_BANK, Branch, Door, branch, seal, until
from tests.simulator.city import Car, Moment

pytestmark = pytest.mark.parametrize("stores", ["sqlite"], indirect=True)

Said = tuple[int, bytes]
Spoil = Callable[["Between", Said], Awaitable[Said]]
"""What becomes of what was said on its way."""
Knock = Callable[["Between", bytes], Awaitable[int]]
"""What becomes of a call-back on its way to our door: what the bank hears of it."""


@dataclass
class Between:
    """The network between us and the bank. Hooks are for a car, by what its messages say, and used up one by one."""

    bank: str = ""
    desk: Office | None = None
    requests: dict[str, list[Callable[[bytes], bytes]]] = field(default_factory=dict)
    receipts: dict[str, list[Spoil]] = field(default_factory=dict)
    calls: dict[str, list[Knock]] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    receipted: list[str] = field(default_factory=list)
    brought: list[Said] = field(default_factory=list)
    """What reached our door, and what it said."""

    async def send(self, request: web.Request) -> web.Response:
        """A message of ours to the bank, and its receipt back."""
        key, raw = request.headers["Idempotency-Key"], await request.read()
        self.sent.append(key)
        for change in _next(self.requests, raw):
            raw = change(raw)
        async with aiohttp.ClientSession() as http, http.post(f"{self.bank}{request.path}", data=raw) as got:
            said = got.status, await got.read()
        for spoil in _next(self.receipts, raw):
            said = await spoil(self, said)
        self.receipted.append(key)
        return web.Response(status=said[0], body=said[1], content_type="application/xml")

    async def call(self, request: web.Request) -> web.Response:
        """What the bank calls back, on its way to our door."""
        raw = await request.read()
        for knock in _next(self.calls, raw):
            return web.Response(status=await knock(self, raw))
        return web.Response(status=await self.knock(raw))

    async def knock(self, raw: bytes) -> int:
        """Bring something to our door; 503 while nobody is behind it."""
        if self.desk is None:
            return 503
        async with self.desk.http.post(f"{self.desk.url}/v1/organisations/{BANK}/callbacks", data=raw) as got:
            status = got.status
        self.brought.append((status, raw))
        return status

    def taken(self, car: Car) -> int:
        """How often our door took an answer about a car."""
        return sum(status == 202 and _about(car) in raw for status, raw in self.brought)


def _next(hooks: dict[str, list[Any]], raw: bytes) -> list[Any]:
    """The next hook for the car that a message is about, if there is one."""
    return next(([mine.pop(0)] for car, mine in hooks.items() if car.encode() in raw and mine), [])


def _about(car: Car) -> bytes:
    return str(car.certificate["vin"]).encode()


@dataclass
class Scene:
    """A bank that lives on, and processes of ours that come and go."""

    settings: Settings
    between: Between
    bank: Branch
    desks: list[Office] = field(default_factory=list)

    @asynccontextmanager
    async def process(self) -> AsyncIterator[Office]:
        """One of ours, from its start until it is dropped as a crash drops it."""
        async with office(self.settings, f"parked {BANK}", f"lease {BANK}") as desk:
            self.desks.append(desk)
            self.between.desk = desk
            await desk.take(organisation=BANK, generation=len(self.desks))
            try:
                yield desk
            finally:
                self.between.desk = None

    async def car(self, number: int = 1) -> Car:
        """A car with an invoice."""
        own = {"certificateNo": f"LZZ1234567890{number:02d}", "driveMotorNo": f"TZ213XS{number:04d}"}
        return await self.bank.arranged("loan-apply", vin=vin(number), **own)

    def command(self, car: Car) -> Record:
        """Its loan, as the journey asks for it."""
        return as_record(self.bank.told("loan-apply", car), f"{BANK}.commands")

    async def decided(self, count: int = 1) -> list[Any]:
        """Wait until so many decisions were said, by whichever process; each once, however often it was said."""

        async def enough() -> list[Any]:
            said = [one for desk in self.desks for one in desk.heard("loan.decided")]
            told = list({one.envelope.id: one.data for one in said}.values())
            return told if len(told) >= count else []

        found: list[Any] = await come_true(enough)
        assert len(found) == count
        return found

    def attempts(self, record: Record) -> list[tuple[str, int | None]]:
        """How each attempt of a delivery ended that is over."""
        fates = [one.data for desk in self.desks for one in desk.heard("delivery.changed")]
        over: Any = next(
            one for one in fates if vars(one)["state"] == "settled" and vars(one)["delivery_id"] == record.id
        )
        return [(one.result, one.status) for one in over.attempts]

    def effects(self) -> list[str]:
        """Under which keys the bank lent."""
        return [key for _, key in self.bank.effects()]


Play = Callable[[Callable[[Scene], Awaitable[None]]], None]


def _known(settings: Settings) -> None:
    told = f'organisation = "{BANK}"\ntoken_sha256 = "{1:064x}"'
    certificates = f"certificates = [{json.dumps(BANKS[BANK]['certificate'])}]"
    settings.notifiers.parent.mkdir(parents=True, exist_ok=True)
    settings.notifiers.write_text(f"[[notifiers]]\n{told}\n{certificates}\n", encoding="utf-8")


def _leisurely(operation: Operation) -> Operation:
    """With time for every answer: how often something is sent is counted here."""
    return replace(operation, endpoint=replace(operation.endpoint, timeout=AMPLE))


@pytest.fixture
def play(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Play a scene with one bank."""
    patient = RetryPolicy(timedelta(seconds=60), timedelta(milliseconds=20), 2.0, timedelta(milliseconds=100))
    operations = {name: _leisurely(one) for name, one in ADAPTERS["bank"].operations.items()}
    monkeypatch.setitem(ADAPTERS, "bank", replace(ADAPTERS["bank"], retry=patient, operations=operations))
    _known(settings)
    us = SECRETS.identities["tongche"].model_dump()

    async def played(scene: Callable[[Scene], Awaitable[None]]) -> None:
        between, app = Between(), web.Application()
        app.router.add_post(f"/{BANK}/messages", between.send)
        app.router.add_post("/v1/organisations/{organisation}/callbacks", between.call)
        async with (
            asyncio.timeout(150),
            listening(app) as url,
            branch(tmp_path / "banks", Moment(), Door(), url, us) as bank,
        ):
            between.bank = bank.city.base
            await scene(Scene(settings.model_copy(update={"simulator_url": url}), between, bank))

    (tmp_path / "banks").mkdir()
    return lambda scene: asyncio.run(played(scene))


@pytest.fixture
def parks_at_once(play: Play, monkeypatch: pytest.MonkeyPatch) -> Play:
    """The same, and what has no answer yet is parked."""
    monkeypatch.setitem(ADAPTERS, "bank", replace(ADAPTERS["bank"], retry=RetryPolicy(timedelta())))
    return play


async def _handled(desk: Office, *records: Record) -> None:
    await asyncio.gather(*(desk.deliveries(BANK).handle(record, None) for record in records))


def test_a_decision_that_comes_late_wakes_what_is_parked_for_it(parks_at_once: Play) -> None:
    """Asked for once, and once is what it is told."""

    async def scene(at: Scene) -> None:
        car = await at.car()
        record = at.command(car)
        at.bank.city.pauses.over.clear()
        async with at.process() as desk:
            await _handled(desk, record)
            row = await desk.row(record.id, consumer_of(BANK))
            assert row is not None
            assert (row.state, row.failure) == ("parked", "not-yet")
            at.bank.city.pauses.over.set()
            (decision,) = await at.decided()
        assert (decision.vin, decision.loan_amount) == (vin(1), 15_820_000)
        assert at.attempts(record) == [("not-yet", 202), ("answered", 200)]
        assert (at.between.sent, at.effects()) == ([record.id], [record.id])

    parks_at_once(scene)


async def _unheard(between: Between, raw: bytes) -> int:
    """Our door has it, and its word for that is lost."""
    assert await between.knock(raw) == 202
    return 504


async def _shut(_: Between, __: bytes) -> int:
    return 503


def test_a_decision_that_comes_twice_and_thrice_is_one(play: Play) -> None:
    """The bank never heard that we have it: it brings the same again, until it does."""

    async def scene(at: Scene) -> None:
        car = await at.car()
        record = at.command(car)
        at.between.calls[vin(1)] = [_unheard, _unheard]
        async with at.process() as desk:
            await _handled(desk, record)
            await at.bank.settled(record.id)
            await at.decided()
        assert at.between.taken(car) == 3
        assert (at.between.sent, at.effects()) == ([record.id], [record.id])

    play(scene)


def test_decisions_come_out_of_order_each_to_its_own_command(play: Play) -> None:
    """What was asked first is answered last."""

    async def scene(at: Scene) -> None:
        first, second = await at.car(1), await at.car(2)
        early, late = at.command(first), at.command(second)

        async def after_the_other(between: Between, raw: bytes) -> int:
            await until(lambda: between.taken(second) == 1)
            return await between.knock(raw)

        at.between.calls[vin(1)] = [after_the_other]
        async with at.process() as desk:
            await _handled(desk, early, late)
            decisions = await at.decided(2)
        assert {one.vin for one in decisions} == {vin(1), vin(2)}
        assert len({one.loan_contract_no for one in decisions}) == 2
        assert sorted(at.effects()) == sorted([early.id, late.id])

    play(scene)


def test_a_crash_between_receipt_and_decision_loses_nothing_and_doubles_nothing(play: Play) -> None:
    """The bank finds nobody; the next process asks under the same key, and hears what was decided once."""

    async def scene(at: Scene) -> None:
        record = at.command(await at.car())
        at.bank.city.pauses.over.clear()
        async with at.process() as desk:
            handling = asyncio.create_task(_handled(desk, record))
            await until(lambda: at.between.receipted == [record.id])
            handling.cancel()
            await asyncio.gather(handling, return_exceptions=True)
        at.bank.city.pauses.over.set()
        await until(lambda: at.effects() == [record.id])
        async with at.process() as desk:
            await _handled(desk, record)
            await at.decided()
        assert set(at.between.sent) == {record.id}
        assert at.effects() == [record.id]

    play(scene)


def test_what_is_parked_survives_a_restart_and_is_not_sent_again(parks_at_once: Play) -> None:
    """The decision wakes it in a process that never sent it."""

    async def scene(at: Scene) -> None:
        record = at.command(await at.car())
        at.bank.city.pauses.over.clear()
        async with at.process() as desk:
            await _handled(desk, record)
        async with at.process():
            at.bank.city.pauses.over.set()
            await at.decided()
        assert (at.between.sent, at.effects()) == ([record.id], [record.id])

    parks_at_once(scene)


def test_a_decision_may_overtake_its_receipt(play: Play) -> None:
    """It is there when the receipt comes."""

    async def scene(at: Scene) -> None:
        car = await at.car()
        record = at.command(car)

        async def after_the_decision(between: Between, said: Said) -> Said:
            await until(lambda: between.taken(car) == 1)
            return said

        at.between.receipts[vin(1)] = [after_the_decision]
        async with at.process() as desk:
            await _handled(desk, record)
            await at.decided()
        assert at.attempts(record) == [("not-yet", 202), ("answered", 200)]
        assert at.between.sent == [record.id]

    play(scene)


def test_a_crash_between_decision_and_receipt_finds_the_decision(play: Play) -> None:
    """It lies there: the next process sends nothing at all."""

    async def scene(at: Scene) -> None:
        car = await at.car()
        record = at.command(car)

        async def never(_: Between, __: Said) -> Said:
            await asyncio.Event().wait()
            raise AssertionError

        at.between.receipts[vin(1)] = [never]
        async with at.process() as desk:
            handling = asyncio.create_task(_handled(desk, record))
            await until(lambda: at.between.taken(car) == 1)
            handling.cancel()
            await asyncio.gather(handling, return_exceptions=True)
        async with at.process() as desk:
            await _handled(desk, record)
            await at.decided()
        assert (at.between.sent, at.effects()) == ([record.id], [record.id])

    play(scene)


def _says(status: int, raw: bytes) -> Spoil:
    async def spoil(_: Between, __: Said) -> Said:
        return status, raw

    return spoil


async def _of_another(_: Between, said: Said) -> Said:
    root = business.parsed(said[1])
    return said[0], business.plain(business.about(root, "0198c0de-0000-7000-8000-00000000ffff"))


async def _with_entities(_: Between, said: Said) -> Said:
    return said[0], said[1].replace(b"<BizMsg", b'<!DOCTYPE a [<!ENTITY b "RCVD">]><BizMsg', 1).replace(
        b"RCVD<", b"&b;<"
    )


RECEIPTS: Final[dict[str, tuple[Spoil, str]]] = {
    "no XML": (_says(202, b"\x00 garbage"), "broken-answer"),
    "nothing": (_says(200, b""), "broken-answer"),
    "entities": (_with_entities, "broken-answer"),
    "another's receipt": (_of_another, "broken-answer"),
    "an error page": (_says(500, b"<html><body>Oops"), "ambiguous"),
}


def test_a_receipt_that_is_none_has_the_same_sent_again(play: Play) -> None:
    """Under the same key, whatever stood there instead: the bank lends once on each car, and each is told once."""

    async def scene(at: Scene) -> None:
        cars = [await at.car(number) for number in range(1, len(RECEIPTS) + 1)]
        records = [at.command(car) for car in cars]
        # Decided only when all were sent again: what is decided is not asked for any more.
        at.bank.city.pauses.over.clear()
        for number, (spoil, _) in enumerate(RECEIPTS.values(), 1):
            at.between.receipts[vin(number)] = [spoil]
        async with at.process() as desk:
            handling = asyncio.create_task(_handled(desk, *records))
            await until(lambda: all(at.between.receipted.count(one.id) == 2 for one in records))
            at.bank.city.pauses.over.set()
            await handling
            await at.decided(len(cars))
        for record, (_, result) in zip(records, RECEIPTS.values(), strict=True):
            assert [one for one, _ in at.attempts(record)] == [result, "not-yet", "answered"]
        assert sorted(at.effects()) == sorted(one.id for one in records)
        assert sorted(at.between.sent) == sorted([one.id for one in records] * 2)

    play(scene)


def test_a_message_that_was_changed_on_its_way_does_nothing(play: Play) -> None:
    """The bank refuses it by our seal; that is no answer, and the same goes out once more."""

    async def scene(at: Scene) -> None:
        record = at.command(await at.car())
        at.between.requests[vin(1)] = [lambda raw: raw.replace(b">158200.00<", b">958200.00<")]
        async with at.process() as desk:
            await _handled(desk, record)
            (decision,) = await at.decided()
        assert decision.loan_amount == 15_820_000
        assert at.attempts(record)[0] == ("broken-answer", 401)
        assert (at.between.sent, at.effects()) == ([record.id] * 2, [record.id])

    play(scene)


def _resealed(raw: bytes, who: dict[str, str]) -> bytes:
    opened = seal().opened({}, raw)
    return seal(who).sealed(Letter(opened.replace(b">158200.00<", b">958200.00<"), {})).raw


CALLS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "no XML": lambda _: b"\x00 garbage",
    "no seal": lambda raw: seal().opened({}, raw),
    "changed": lambda raw: raw.replace(b">158200.00<", b">958200.00<"),
    "another key": lambda raw: _resealed(raw, OTHER),
    "another bank's seal": lambda raw: _resealed(raw, BANKS[OTHER_BANK]),
    "entities": lambda raw: raw.replace(b"<BizMsg", b'<!DOCTYPE a [<!ENTITY b "bb">]><BizMsg', 1),
    "half of it": lambda raw: raw[: len(raw) // 2],
}


def test_a_call_back_that_proves_nothing_decides_nothing(play: Play) -> None:
    """Each is turned away at our door; the bank's own is heard, and nothing of the others."""

    async def scene(at: Scene) -> None:
        record = at.command(await at.car())

        async def forged(between: Between, raw: bytes) -> int:
            for spoil in CALLS.values():
                await between.knock(spoil(raw))
            return 503

        at.between.calls[vin(1)] = [forged]
        async with at.process() as desk:
            await _handled(desk, record)
            (decision,) = await at.decided()
        turned_away, (took, _) = at.between.brought[:-1], at.between.brought[-1]
        assert dict(zip(CALLS, [status for status, _ in turned_away], strict=True)) == dict.fromkeys(CALLS, 401)
        assert (took, decision.loan_amount) == (202, 15_820_000)
        assert at.attempts(record) == [("not-yet", 202), ("answered", 200)]
        assert at.effects() == [record.id]

    play(scene)


def test_of_a_bank_that_decides_twice_the_first_word_stands(play: Play) -> None:
    """It forgot that it had lent, and lends again when the same is sent again: one is told, and it hears that."""

    async def scene(at: Scene) -> None:
        car = await at.car()
        record = at.command(car)
        await at.bank.city.turn(BANK, forgetful=True)

        async def after_the_decision(between: Between, _: Said) -> Said:
            await until(lambda: len(at.effects()) == 1)
            return 500, b""

        at.between.calls[vin(1)] = [_shut]
        at.between.receipts[vin(1)] = [after_the_decision]
        async with at.process() as desk:
            await _handled(desk, record)
            (decision,) = await at.decided()
            first = next(raw for status, raw in at.between.brought if status == 202)
            assert decision.loan_contract_no.encode() in first
            again = await at.bank.send("loan-apply", car, record.id, by=SECRETS.identities["tongche"].model_dump())
            assert again.status == 202
            await until(lambda: any(status == 422 for status, _ in at.between.brought))
        assert len(at.effects()) > 1
        assert len(await at.decided()) == 1

    play(scene)
