"""Dispatch with the police's platform: whatever it says instead of an answer, each command is carried out once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from adapters.registry import ADAPTERS
from services.runtime.record import Record
from services.runtime.settings import Settings
from services.simulator.faces.face import Face, Premises, Working
from services.simulator.faces.soap import Soap
from services.simulator.faces.table import FACES
from tests.dispatch.agency import Customs, vin
from tests.dispatch.mad_server import MadServer, Misdeed, Request, exchange_of, never, say
from tests.dispatch.office import keep_secrets, office
from tests.dispatch.test_misbehaviour import PATIENCE, SHORT
from tests.dispatch.workshop import Site, as_record, quick, until
from tests.envelopes import said
from tests.simulator.city import PLAINLY, Moment, running

CAR: Final = vin(1)
FAULT: Final = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
    "<faultcode>s:{code}</faultcode><faultstring>?</faultstring></s:Fault></s:Body></s:Envelope>"
)


def says(body: bytes, status: str = "200 OK", *, acts: bool) -> Misdeed:
    """It says this to the first call, after it has done what was asked or without doing it."""

    async def misdeed(server: MadServer, request: Request) -> None:
        if acts:
            server.act(request)
        await say(request, body, status)

    return misdeed


MISDEEDS: Final[dict[str, tuple[Misdeed, str]]] = {
    "a system error, though it was done": (says(said("$E"), acts=True), "ambiguous"),
    "a system error, and nothing was done": (says(said("$E"), acts=False), "ambiguous"),
    "a server's fault, though it was done": (
        says(FAULT.format(code="Server.userException").encode(), "500 Oops", acts=True),
        "ambiguous",
    ),
    "a client's fault": (says(FAULT.format(code="Client").encode(), "500 Oops", acts=False), "broken-answer"),
    "a failure without a code of theirs, though it was done": (says(said("0"), acts=True), "broken-answer"),
    "a record about nobody": (says(said("1"), acts=True), "broken-answer"),
    "an unknown caller": (says(said("-403"), acts=False), "unavailable"),
    "a lapsed grant": (says(said("-415"), acts=False), "not-yet"),
    "entities": (says(b'<!DOCTYPE a [<!ENTITY b "b">]>' + said(), acts=True), "broken-answer"),
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ADAPTERS, "police", quick(ADAPTERS["police"].features, ADAPTERS["police"], PATIENCE))


def commanded(server: MadServer) -> Record:
    """The command about our car, as it comes."""
    return as_record(server.exchange.command(CAR), "police.commands")


@pytest.mark.parametrize("name", MISDEEDS)
def test_what_is_no_answer_is_asked_for_again_under_the_same_number(settings: Settings, name: str) -> None:
    """Done already or not, it is done once in the end; the attempt is called what it was."""
    misdeed, called = MISDEEDS[name]

    async def scenario() -> None:
        server = MadServer(exchange_of(ADAPTERS["police"]), (CAR,), misdeed, {CAR})
        record = commanded(server)
        async with server.listening() as url:
            where = Site(settings, url, Customs(), organisation="police")
            async with where.working() as worker:
                await worker.deliveries.handle(record, None)
                await until(lambda: "settled" in where.states(record))
        settled = next(one for one in where.heard("delivery.changed") if one.state == "settled")
        assert [settled.attempts[0].result, settled.attempts[-1].result] == [called, "answered"]
        assert server.effects == [(CAR, record.id)]

    asyncio.run(scenario())


@pytest.mark.parametrize("moment", ["before the call", "after the answer"])
def test_a_crash_around_a_call_doubles_nothing(settings: Settings, moment: str) -> None:
    """The next process asks under the same number, and hears what the first one heard."""

    async def scenario() -> None:
        server = MadServer(exchange_of(ADAPTERS["police"]), (CAR,), says(b"", acts=False), set())
        record = commanded(server)
        async with server.listening() as url:
            where = Site(settings, url, Customs(), organisation="police")
            await where.until_dead(moment, record)
            async with where.working(generation=2) as worker:
                await worker.deliveries.handle(record, None)
                await until(lambda: "settled" in where.states(record))
        assert server.effects == [(CAR, record.id)]
        assert len(where.heard(server.exchange.operation.command.answer.name)) == 1

    asyncio.run(scenario())


def test_what_waits_for_a_grant_survives_a_restart(settings: Settings) -> None:
    """It is parked, for the others may go on; the next process has it carried out, once it may."""

    async def scenario() -> None:
        granted = asyncio.Event()

        async def refuses(server: MadServer, request: Request) -> None:
            server.calls.clear()
            if granted.is_set():
                server.act(request)
                await say(request, request.good)
            else:
                await say(request, said("-408"))

        server = MadServer(exchange_of(ADAPTERS["police"]), (CAR,), refuses, {CAR})
        record = commanded(server)
        async with server.listening() as url:
            where = Site(settings, url, Customs(), organisation="police")
            async with where.working() as worker:
                await worker.deliveries.handle(record, None)
                (row,) = await worker.parked_as("parked")
                assert (row.failure, row.reason) == ("not-yet", "P503")
            granted.set()
            async with where.working(generation=2):
                await until(lambda: "settled" in where.states(record))
        assert server.effects == [(CAR, record.id)]

    asyncio.run(scenario())


@pytest.mark.parametrize("stores", ["sqlite"], indirect=True)
@pytest.mark.parametrize("granted", [{}, {"police": "4AGRANTED1"}], ids=["nothing on record", "a serial number"])
def test_the_platform_knows_us_by_what_it_granted(settings: Settings, tmp_path: Path, granted: dict[str, str]) -> None:
    """As `secrets.json` has it, on both sides; an installation that has none is known as it ever was."""
    keep_secrets(settings, granted=granted)

    def police(premises: Premises) -> Face | Working:
        return FACES["police"](replace(premises, settings=settings))

    async def scenario() -> None:
        async with running(tmp_path, Moment(), lambda: 0.5, {**PLAINLY, "police": police}) as city:
            await city.turn("police", scripts=[{"operation": "elicence.grant", "fixture": "elicence-grant"}])
            at = settings.model_copy(update={"simulator_url": city.base})
            async with office(at, "lease police") as desk:
                await desk.take()
                record = as_record(exchange_of(ADAPTERS["police"]).command(CAR), "police.commands")
                await desk.deliveries().handle(record, None)
                assert [vars(one)["state"] for one in await desk.fates()] == ["settled"]

    asyncio.run(scenario())


@pytest.mark.parametrize("stores", ["sqlite"], indirect=True)
def test_where_only_we_know_a_number_the_platform_holds_us_off(settings: Settings, tmp_path: Path) -> None:
    """Nothing was done, and nothing will be for anybody, until somebody puts it right; nothing starts anew."""
    keep_secrets(settings, granted={"police": "4AGRANTED1"})

    async def scenario() -> None:
        styles = {**PLAINLY, "police": lambda premises: Soap(premises.world)}
        async with running(tmp_path, Moment(), lambda: 0.5, styles) as city:
            await city.turn("police", scripts=[{"operation": "elicence.grant", "fixture": "elicence-grant"}])
            at = settings.model_copy(update={"simulator_url": city.base})
            async with office(at, "lease police") as desk:
                await desk.take()
                record = as_record(exchange_of(ADAPTERS["police"]).command(CAR), "police.commands")
                handling = asyncio.create_task(desk.deliveries().handle(record, None))
                breaker = desk.deliveries().attempts.gate.breaker
                await until(lambda: breaker.reason == "unavailable: P503, status 422")
                assert city.lines("ledger") == []
                keep_secrets(settings)
                await handling
                assert [vars(one)["state"] for one in await desk.fates()] == ["settled"]

    asyncio.run(scenario())


def test_silence_is_no_answer_however_it_begins(settings: Settings) -> None:
    """The envelope opens and nothing follows; the second call has the answer, and it was done once."""

    async def opens(server: MadServer, request: Request) -> None:
        server.act(request)
        request.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + said()[:80])
        await never()

    async def scenario() -> None:
        server = MadServer(exchange_of(ADAPTERS["police"]), (CAR,), opens, {CAR})

        def hurried(_: str) -> timedelta | None:
            return None if server.calls else SHORT

        record = commanded(server)
        async with server.listening() as url:
            where = Site(settings, url, Customs(), organisation="police", hurried=hurried)
            async with where.working() as worker:
                await worker.deliveries.handle(record, None)
                await until(lambda: "settled" in where.states(record))
        assert server.effects == [(CAR, record.id)]

    asyncio.run(scenario())
