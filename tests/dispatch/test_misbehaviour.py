"""Every way of misbehaving, over HTTP at each of our agencies: known, harmless to others, told to nobody."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import timedelta
from itertools import dropwhile
from typing import Final

import pytest

from adapters.organisations import ORGANISATIONS
from adapters.registry import ADAPTERS
from services.dispatch.carriers import http
from services.dispatch.carriers.http import Http
from services.runtime.record import Record
from services.runtime.settings import Settings
from tests.dispatch.agency import Customs, vin
from tests.dispatch.mad_server import (
    BOMB,
    ENDLESS,
    PERSON,
    MadServer,
    Misdeed,
    Request,
    exchange_of,
    never,
    raw,
    say,
)
from tests.dispatch.workshop import Site, Worker, as_record, quick, until
from tests.stores import Stores

VICTIM, OTHER = vin(1), vin(2)
PATIENCE: Final = timedelta(seconds=15)
"""With an answer that comes: so many agencies go mad at once here that it may be slow."""
SHORT: Final = timedelta(seconds=1.5)
"""With one that does not: only of whom nothing else is expected, for a good answer may take longer."""
MOST_TAKEN: Final = 64 * 1024**2
"""Bytes of an endless answer that may leave the agency: what we take, and the buffers on the way."""
PERSON_JSON: Final = json.dumps({"name": PERSON, "cwdm": PERSON}).encode()


async def _fails(_: MadServer, request: Request) -> None:
    await say(request, PERSON_JSON, "500 Internal Server Error")


async def _hangs(_: MadServer, __: Request) -> None:
    await never()


async def _succeeds_and_hangs(server: MadServer, request: Request) -> None:
    server.act(request)
    await never()


async def _babbles(server: MadServer, request: Request) -> None:
    server.act(request)
    await say(request, f"\x00{{]<<< {PERSON}".encode())


async def _says_another_shape(server: MadServer, request: Request) -> None:
    server.act(request)
    await say(request, PERSON_JSON)


async def _repeats_anothers_answer(server: MadServer, request: Request) -> None:
    server.act(request)
    await say(request, server.exchange.answer(OTHER, request.key))


async def _answers_late(server: MadServer, request: Request) -> None:
    server.act(request)
    await asyncio.sleep(SHORT.total_seconds() * 1.2)
    await say(request, request.good)


async def _never_ends(server: MadServer, request: Request) -> None:
    server.act(request)
    await raw(request, f"HTTP/1.1 200 OK\r\nContent-Length: {ENDLESS}\r\n\r\n".encode())
    while server.written < ENDLESS:
        await raw(request, b" " * 65_536)
        server.written += 65_536


async def _never_ends_in_chunks(server: MadServer, request: Request) -> None:
    server.act(request)
    await raw(request, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while server.written < ENDLESS:
        await raw(request, b"10000\r\n" + b" " * 65_536 + b"\r\n")
        server.written += 65_536


async def _unpacks_without_end(server: MadServer, request: Request) -> None:
    server.act(request)
    await say(request, BOMB, "200 OK", "Content-Encoding: gzip")


async def _drips(server: MadServer, request: Request) -> None:
    server.act(request)
    await raw(request, f"HTTP/1.1 200 OK\r\nContent-Length: {len(request.good)}\r\n\r\n".encode())
    for number in range(len(request.good)):
        await raw(request, request.good[number : number + 1])
        await asyncio.sleep(0.05)


async def _drips_headers(_: MadServer, request: Request) -> None:
    await raw(request, b"HTTP/1.1 200 OK\r\n")
    while True:
        await raw(request, b"X")
        await asyncio.sleep(0.05)


async def _asks_for_a_pause(_: MadServer, request: Request) -> None:
    await say(request, PERSON_JSON, "429 Too Many Requests", "Retry-After: 1")


async def _is_busy(_: MadServer, request: Request) -> None:
    await say(request, PERSON_JSON, "503 Service Unavailable")


async def _sends_away(server: MadServer, request: Request) -> None:
    server.act(request)
    await say(request, b"", "302 Found", f"Location: {request.path}?{PERSON.split()[1]}")


async def _has_a_huge_header(server: MadServer, request: Request) -> None:
    server.act(request)
    await say(request, request.good, "200 OK", f"X-Much: {'x' * 1_000_000}")


async def _has_many_headers(server: MadServer, request: Request) -> None:
    server.act(request)
    await say(request, request.good, "200 OK", *(f"X-{number}: {PERSON.split()[1]}" for number in range(50_000)))


async def _promises_more(server: MadServer, request: Request) -> None:
    server.act(request)
    await raw(request, f"HTTP/1.1 200 OK\r\nContent-Length: {len(request.good) + 9}\r\n\r\n".encode() + request.good)
    request.writer.close()


async def _promises_less(server: MadServer, request: Request) -> None:
    server.act(request)
    await raw(request, f"HTTP/1.1 200 OK\r\nContent-Length: {len(request.good) - 9}\r\n\r\n".encode() + request.good)


async def _closes_mid_body(server: MadServer, request: Request) -> None:
    server.act(request)
    await raw(request, b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + PERSON_JSON)
    request.writer.close()


async def _resets(server: MadServer, request: Request) -> None:
    server.act(request)
    request.writer.transport.abort()


async def _speaks_something_else(server: MadServer, request: Request) -> None:
    server.act(request)
    await raw(request, b"SSH-2.0-OpenSSH_9.6\r\n" + PERSON.encode())


async def _invents_a_status(server: MadServer, request: Request) -> None:
    server.act(request)
    await say(request, PERSON_JSON, "999 What")


async def _promises_nonsense(server: MadServer, request: Request) -> None:
    server.act(request)
    await raw(request, b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n" + request.good)


async def _swaps(server: MadServer, request: Request) -> None:
    """Wait until both cars have called, then answer each call with the other's answer."""
    server.act(request)
    server.waiting.append(request)
    if len(server.waiting) == len(server.cars):
        one, another = server.waiting
        await say(one, another.good)
        await say(another, one.good)


OVER_HTTP: Final = sorted(name for name, adapter in ADAPTERS.items() if not adapter.by_files)
"""What is done over files goes wrong in other ways: tests/dispatch/test_customs.py."""
AMBIGUOUS, BROKEN, AWAY = frozenset({"ambiguous"}), frozenset({"broken-answer"}), frozenset({"unavailable"})
DOUBTFUL = AMBIGUOUS | BROKEN
MISDEEDS: Final[dict[str, tuple[Misdeed, frozenset[str]]]] = {
    "500": (_fails, AMBIGUOUS),
    "hang": (_hangs, AMBIGUOUS),
    "success, then time-out": (_succeeds_and_hangs, AMBIGUOUS),
    "garbage": (_babbles, BROKEN),
    "wrong schema": (_says_another_shape, BROKEN),
    "another's answer": (_repeats_anothers_answer, BROKEN),
    "late answer": (_answers_late, AMBIGUOUS),
    "10 GB": (_never_ends, BROKEN),
    "10 GB in chunks": (_never_ends_in_chunks, BROKEN),
    "a bomb of gzip": (_unpacks_without_end, BROKEN),
    "slow body": (_drips, AMBIGUOUS),
    "slow headers": (_drips_headers, AMBIGUOUS),
    "429 with Retry-After": (_asks_for_a_pause, AWAY),
    "503": (_is_busy, AWAY),
    "redirect": (_sends_away, BROKEN),
    "a huge header": (_has_a_huge_header, AMBIGUOUS),
    "many headers": (_has_many_headers, AMBIGUOUS),
    "too long a Content-Length": (_promises_more, AMBIGUOUS),
    "too short a Content-Length": (_promises_less, DOUBTFUL),
    "nonsense for a Content-Length": (_promises_nonsense, AMBIGUOUS),
    "closed mid-body": (_closes_mid_body, AMBIGUOUS),
    "reset": (_resets, AMBIGUOUS),
    "no HTTP": (_speaks_something_else, AMBIGUOUS),
    "an invented status": (_invents_a_status, AMBIGUOUS),
}
"""What the agency does, and what an attempt is called that met it; where bytes are too many, that is up to chance."""


ENDED_BY_PATIENCE: Final = {"hang", "success, then time-out", "late answer", "slow body", "slow headers"}


@dataclass(frozen=True)
class Arena:
    """Where an agency meets dispatch: each misdeed in a site of its own, all at once."""

    stores: Stores
    organisation: str

    async def meet(self, server: MadServer, *, ended_by_patience: bool = False) -> tuple[Site, Record, Record]:
        """Deliver the victim's command and another car's; return when both are settled."""

        def hurried(car: str) -> timedelta | None:
            # Until the misdeed has been met: a good answer may take its time.
            return SHORT if ended_by_patience and car == VICTIM and car not in server.calls else None

        settings = await asyncio.to_thread(self.stores.ready)
        async with server.listening() as url:
            where = Site(settings, url, Customs(), organisation=self.organisation, hurried=hurried)
            victim, other = (
                as_record(server.exchange.command(car), f"{self.organisation}.commands", offset)
                for offset, car in enumerate(server.cars)
            )
            async with where.working() as worker, asyncio.TaskGroup() as lanes:
                lanes.create_task(worker.deliveries.handle(victim, None))
                lanes.create_task(worker.deliveries.handle(other, None))
                await until(lambda: all("settled" in where.states(one) for one in (victim, other)), seconds=120)
            return where, victim, other


@pytest.mark.parametrize("agency", OVER_HTTP)
def test_no_misdeed_costs_more_than_a_repetition(
    agency: str,
    stores: Stores,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """It is called what it is, the effect happens once, another car is served at once, and nobody's data is told."""
    adapter = ADAPTERS[agency]
    organisation = next(one.id for one in ORGANISATIONS.values() if one.adapter == agency)
    arena = Arena(stores, organisation)

    async def one(name: str) -> None:
        misdeed, called = MISDEEDS[name]
        server = MadServer(exchange_of(ADAPTERS[agency]), (VICTIM, OTHER), misdeed, {VICTIM})
        try:
            hurried = name in ENDED_BY_PATIENCE
            _judge(name, called, server, *await arena.meet(server, ended_by_patience=hurried))
        except BaseException as failure:
            failure.add_note(f"{agency}: {name}")
            raise

    async def all_of_them() -> None:
        async with asyncio.TaskGroup() as meetings:
            for name in MISDEEDS:
                meetings.create_task(one(name))

    monkeypatch.setitem(ADAPTERS, agency, quick(adapter.features, adapter, PATIENCE))
    # So many connections are made at once here, and beside bombs, that a good one may be slow in coming.
    monkeypatch.setattr(http, "_CONNECT_S", PATIENCE.total_seconds())
    asyncio.run(all_of_them())
    told = "".join(capfd.readouterr())
    assert not [part for part in PERSON.split() if part in told]


def _judge(  # noqa: PLR0913, PLR0917 - what there was, and what came of it
    name: str, called: frozenset[str], server: MadServer, where: Site, victim: Record, other: Record
) -> None:
    attempts = {one.delivery_id: one.attempts for one in where.heard("delivery.changed") if one.state == "settled"}
    met = [one.result for one in attempts[victim.id]]
    if name in ENDED_BY_PATIENCE:
        # So short a patience may end before a busy machine has made the connection.
        met = list(dropwhile("unavailable".__eq__, met))
    assert met[0] in called
    assert met[-1] == "answered"
    assert sorted(server.effects) == sorted([(VICTIM, victim.id), (OTHER, other.id)])
    assert len(where.heard(server.exchange.operation.command.answer.name)) == 2
    if called != AWAY:
        assert [one.result for one in attempts[other.id]] == ["answered"]
    if name == "429 with Retry-After":
        again = [at for car, at in zip(server.calls, server.at, strict=True) if car == VICTIM]
        assert again[1] - again[0] >= 1.0
    assert server.written < MOST_TAKEN
    told = "".join(repr(one) for one in where.said).encode().decode("unicode_escape", "replace")
    said = b"".join(one.value for one in where.said).decode()
    assert not [part for part in PERSON.split() if part in said or part in told]


@pytest.mark.parametrize("agency", OVER_HTTP)
def test_answers_that_come_out_of_order_are_nobodys(
    agency: str, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two calls under way get each other's answers: neither is believed, and both cars get their own in the end."""
    monkeypatch.setitem(ADAPTERS, agency, quick(ADAPTERS[agency].features, ADAPTERS[agency], PATIENCE))
    organisation = next(one.id for one in ORGANISATIONS.values() if one.adapter == agency)

    async def scenario() -> None:
        server = MadServer(exchange_of(ADAPTERS[agency]), (VICTIM, OTHER), _swaps, {VICTIM, OTHER})
        where, victim, other = await Arena(stores, organisation).meet(server)
        attempts = {one.delivery_id: one.attempts for one in where.heard("delivery.changed") if one.state == "settled"}
        for record in (victim, other):
            assert attempts[record.id][0].result == "broken-answer"
        answers = where.heard(server.exchange.operation.command.answer.name)
        assert sorted(one.vin for one in answers) == sorted([VICTIM, OTHER])
        assert len(server.effects) == 2

    asyncio.run(scenario())


def _trusted(worker: Worker) -> list[object]:
    """The idle connections of which nothing strange has been read."""
    carrier = worker.deliveries.attempts.agency.carrier
    assert isinstance(carrier, Http)
    connector = carrier.session.connector
    assert connector is not None
    return [idle for kept in connector._conns.values() for idle, _ in kept if not idle.should_close]


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "on the idle connection"])
def test_an_answer_that_nobody_asked_for_is_not_the_next_ones(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, *, at_once: bool
) -> None:
    """A second answer to the first call waits on the kept connection; the next call takes its own."""
    monkeypatch.setitem(ADAPTERS, "police", quick(ADAPTERS["police"].features, ADAPTERS["police"], PATIENCE))
    taken, said = asyncio.Event(), asyncio.Event()

    async def says_twice(server: MadServer, request: Request) -> None:
        server.act(request)
        if at_once:
            good = f"HTTP/1.1 200 OK\r\nContent-Length: {len(request.good)}\r\n\r\n".encode() + request.good
            await raw(request, good + b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")
        else:
            await say(request, request.good)
            await taken.wait()
            await say(request, b"", "500 Oops")
        said.set()

    async def scenario() -> None:
        server = MadServer(exchange_of(ADAPTERS["police"]), (VICTIM,), says_twice, {VICTIM})
        async with server.listening() as url:
            where = Site(settings, url, Customs(), organisation="police")
            async with where.working() as worker:
                first, second = (
                    as_record(server.exchange.command(VICTIM), "police.commands", offset) for offset in range(2)
                )
                await worker.deliveries.handle(first, None)
                taken.set()
                await until(lambda: said.is_set() and not _trusted(worker))
                await worker.deliveries.handle(second, None)
        results = [[one.result for one in fate.attempts] for fate in where.heard("delivery.changed")]
        assert results == [["answered"], ["answered"]]

    asyncio.run(scenario())
