"""Where an organisation is called: at the simulator, until somebody lets it go live; and nowhere in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.organisations import ORGANISATIONS
from adapters.registry import ADAPTERS
from services.console import words
from services.dispatch.ways import address
from services.runtime.live import Act, Live, written
from services.runtime.record import Record
from services.runtime.settings import Settings
from services.stack.data import write
from tests.dispatch.agency import vin
from tests.dispatch.mad_server import MadServer, Request, exchange_of
from tests.dispatch.office import WHY, Office, office
from tests.dispatch.workshop import as_record, until

CAR = vin(1)
TOLD = {"at": datetime(2026, 11, 22, tzinfo=UTC), "by": "li"}
SWITCHED = "unavailable: answers elsewhere now"
UNREADABLE = "unavailable: who is live cannot be read"


def test_an_organisation_is_called_where_it_is_live(tmp_path: Path) -> None:
    """An address in its row alone moves no command; an act that let it go live does, and one that took it back."""
    settings = Settings(data=tmp_path)
    live = Live(settings.live)
    bank = next(one for one in ORGANISATIONS.values() if one.adapter == "bank")
    bank = bank.model_copy(update={"url": "https://row.example"})
    gone = Act.model_validate(TOLD | {"organisation": bank.id, "url": "https://bank.example/in", "proof": "0" * 64})
    back = Act.model_validate(TOLD | {"organisation": bank.id, "reason": "over"})
    assert address(settings, live, bank) == settings.simulator_url
    write(settings.live, written((gone,)))
    assert address(settings, live, bank) == "https://bank.example/in"
    assert address(settings, live, ORGANISATIONS["tax"]) == settings.simulator_url
    assert address(settings, live, ORGANISATIONS["customs"]) == settings.simulator_sftp_url
    write(settings.live, written((gone, back)))
    assert address(settings, live, bank) == settings.simulator_url


async def _never_mad(_: MadServer, __: Request) -> None:
    raise AssertionError


def _police() -> MadServer:
    return MadServer(exchange_of(ADAPTERS["police"]), (CAR,), _never_mad, set())


@dataclass
class Town:
    """The police where they answered, and where they are to answer; what is to be done there."""

    settings: Settings
    old: MadServer
    new: MadServer
    elsewhere: str
    record: Record

    def live(self, *urls: str | None) -> None:
        """What people did: they let them answer there, or had them back."""
        why = [{"proof": "0" * 64} if url else {"reason": "over"} for url in urls]
        told = [TOLD | {"organisation": "police", "url": url} | more for url, more in zip(urls, why, strict=True)]
        write(self.settings.live, written(map(Act.model_validate, told)))

    @asynccontextmanager
    async def dispatch(self) -> AsyncIterator[Office]:
        """A process that has the command, from its start to its end."""
        async with office(self.settings, "lease police", "breakers") as desk:
            await desk.take()
            handling = asyncio.create_task(desk.deliveries().handle(self.record, None))
            try:
                yield desk
            finally:
                handling.cancel()
                await asyncio.gather(handling, return_exceptions=True)


@pytest.fixture
def play(settings: Settings) -> Callable[[Callable[[Town], Awaitable[None]]], None]:
    """Play a scenario with both of them listening."""

    async def played(scenario: Callable[[Town], Awaitable[None]]) -> None:
        old, new = _police(), _police()
        async with old.listening() as there, new.listening() as elsewhere:
            at = settings.model_copy(update={"simulator_url": there})
            record = as_record(old.exchange.command(CAR), "police.commands")
            await scenario(Town(at, old, new, elsewhere, record))

    return lambda scenario: asyncio.run(played(scenario))


async def _held(desk: Office, reason: str) -> None:
    breaker = desk.deliveries().attempts.gate.breaker
    await until(lambda: breaker.own_reason == reason and breaker.held is None)


Play = Callable[[Callable[[Town], Awaitable[None]]], None]


def test_who_is_switched_is_told_nothing_until_the_next_start(play: Play) -> None:
    """Whoever resumes before that, as often as they like: then the new party hears of it once, the old one never."""

    async def scenario(town: Town) -> None:
        async with office(town.settings) as desk:
            await desk.told("POST", "/organisations/police/pause", WHY)
        async with town.dispatch() as desk:
            await until(lambda: desk.deliveries().breaker.held is not None)
            town.live(town.elsewhere)
            for _ in range(3):
                await desk.told("POST", "/organisations/police/resume", WHY)
                await _held(desk, SWITCHED)
        assert town.old.calls == town.new.calls == []
        async with town.dispatch() as desk:
            assert [vars(one)["state"] for one in await desk.fates()] == ["settled"]
        assert (town.old.calls, town.new.effects) == ([], [(CAR, town.record.id)])

    play(scenario)


@pytest.mark.parametrize("stores", ["sqlite"], indirect=True)
def test_who_is_back_before_that_is_told_again(play: Play) -> None:
    """Without a start: it answers where this process has known it all along. Nor is anybody told on a guess."""

    async def scenario(town: Town) -> None:
        async with office(town.settings) as desk:
            await desk.told("POST", "/organisations/police/pause", WHY)
        async with town.dispatch() as desk:
            await until(lambda: desk.deliveries().breaker.held is not None)
            write(town.settings.live, "{")
            await desk.told("POST", "/organisations/police/resume", WHY)
            await _held(desk, UNREADABLE)
            assert town.old.calls == []
            town.live(town.elsewhere, None)
            assert [vars(one)["state"] for one in await desk.fates()] == ["settled"]
        assert (town.old.effects, town.new.calls) == ([(CAR, town.record.id)], [])

    play(scenario)


@pytest.mark.parametrize("reason", [SWITCHED, UNREADABLE])
def test_people_are_told_why_and_what_helps(reason: str) -> None:
    """In both languages: which file, or which commands."""
    told = words.reason(reason)
    for text in (told.zh, told.en):
        assert ("live.jsonl" if reason == UNREADABLE else "tongche down; tongche up") in text
