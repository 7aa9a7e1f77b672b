"""The link to an agency in every weather: whatever the caller hears, one key has one effect."""

from __future__ import annotations

import asyncio
import itertools
import json
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Final
from urllib.parse import urlsplit

import pytest

from adapters.errors import AgencyError, TakenIn, Unavailable
from adapters.organisations import ORGANISATIONS
from adapters.registry import ADAPTERS
from adapters.spec import Operation
from contracts.contract import Contract
from contracts.envelope import Message, message
from contracts.registry import CONTRACTS
from services.chaos.proxy import CLEAR, Proxy, Weather
from services.chaos.schedule import WEATHERS, outlasting
from services.dispatch.calls import Agency
from services.dispatch.carriers.carrier import Brought
from services.dispatch.carriers.http import Http, connections
from services.dispatch.carriers.sftp import Sftp
from services.dispatch.seals.jws import Jws
from services.runtime.settings import Identity
from services.simulator.faces.table import FACES
from tests.dispatch.agency import vin
from tests.dispatch.window import FETCH, PUT, Window, declared, fetch, put, window
from tests.dispatch.workshop import until
from tests.simulator.city import PLAINLY, City, Moment, fixture, running
from tests.simulator.seals import US, register

PATIENCE_S = 0.5
"""The agency's own time-out, made short."""
PATIENCE: Final = timedelta(seconds=PATIENCE_S)
BAD: Final = {**WEATHERS, **{f"{name}, outlasting us": one for name, one in outlasting(PATIENCE_S).items()}}


def _command() -> Message[Contract]:
    given = fixture("invoice-request")["given"]
    data = CONTRACTS[given["command"]].models[-1].model_validate_json(json.dumps(given["data"]))
    return message(data, id="0", source="urn:tongche:test", subject="case", time=Moment().now())


def _impatient(operation: Operation) -> Operation:
    assert operation.later is not None
    assert operation.later.endpoint is not None
    later = replace(operation.later, endpoint=replace(operation.later.endpoint, timeout=PATIENCE))
    return replace(operation, endpoint=replace(operation.endpoint, timeout=PATIENCE), later=later)


@pytest.mark.parametrize("weather", BAD.values(), ids=list(BAD))
def test_one_key_has_one_effect_whatever_the_link_does(tmp_path: Path, weather: Weather) -> None:
    """Asked in bad weather and again in good: each failure is an agency error, and the ledger has one line."""
    register(tmp_path)

    async def scenario(city: City) -> None:
        await city.car().through("upload")
        behind = urlsplit(city.base)
        organisation = ORGANISATIONS["tax"]
        async with (
            Proxy(str(behind.hostname), int(behind.port or 0), Random(1)) as proxy,
            connections(ADAPTERS[organisation.adapter].features) as http,
        ):
            seal = Jws(Identity.model_validate(US), list)
            agency = Agency(organisation, Http(f"http://{proxy.address}", organisation.id, http), seal)
            command = _command()
            operation = agency.adapter.operations["invoice.request"]
            proxy.turn(weather)
            for _ in range(2):
                await _tried(agency, _impatient(operation), command)
            proxy.turn(CLEAR)
            answer = await _heard(agency, operation, command)
            assert answer == await _heard(agency, operation, command)
        effects = [line for line in city.lines("ledger") if line["operation"] == "invoice.request"]
        assert len(effects) == 1

    async def played() -> None:
        styles = {**PLAINLY, "tax": FACES["tax"]}
        async with asyncio.timeout(120), running(tmp_path, Moment(), lambda: 0.5, styles) as city:
            await scenario(city)

    asyncio.run(played())


async def _tried(agency: Agency, operation: Operation, command: Message[Contract]) -> None:
    # What it hears is the link's affair; anything but an answer or an agency error would end the service.
    with suppress(AgencyError):
        await _heard(agency, operation, command)


async def _heard(agency: Agency, operation: Operation, command: Message[Contract]) -> Contract:
    """The answer, asked for until it is there."""
    with suppress(TakenIn):
        return await agency.ask(operation, command, "key", "")
    while True:
        with suppress(TakenIn):
            found = await agency.fetch(operation, command, "key", "")
            assert found is not None
            return found
        await asyncio.sleep(0.01)


def test_a_document_is_put_down_once_whatever_the_link_does(tmp_path: Path) -> None:
    """Customs in every weather at once, by lines opened in it, open before it, and caught by it at the last moment."""

    async def scenario(customs: Window) -> None:
        cases = list(itertools.product(BAD, ("opened in it", "opened before", "caught by it")))
        async with asyncio.TaskGroup() as declaring:
            for number, (weather, line) in enumerate(cases, start=1):
                declaring.create_task(_declared(customs, number, weather, line), name=f"{weather}, {line}")
        numbers = range(1, len(cases) + 1)
        assert sorted(customs.effects()) == sorted((vin(number), f"k-{number}") for number in numbers)
        assert customs.names("SentBox") == sorted(f"DEC01_k-{number}.xml" for number in numbers)

    async def played() -> None:
        async with asyncio.timeout(120), window(tmp_path) as customs:
            await scenario(customs)

    asyncio.run(played())


async def _declared(customs: Window, number: int, weather: str, line: str) -> None:
    """Put one down in bad weather and again after it, as long as nobody has it."""
    key, body, hasty = f"k-{number}", declared(vin(number)), replace(PUT, timeout=PATIENCE)
    async with Proxy("127.0.0.1", customs.face.port, Random(number)) as link:
        way = customs.way(link.port)
        if line != "opened in it":
            # So many at once come in by and by: where a machine is slow, not all do at the first try.
            assert await _fetched(way, key) == 404
        if line == "caught by it":
            link.turn(Weather(latency_s=0.02))
        else:
            link.turn(BAD[weather])
        putting = asyncio.create_task(put(way, key, body, hasty))
        if line == "caught by it":
            # It lies there already; only the word that it does is still under way.
            await until(lambda: _lies(customs, key) or putting.done())
            link.turn(BAD[weather])
        (came,) = await asyncio.gather(putting, return_exceptions=True)
        assert isinstance(came, AgencyError | Brought), came
        with suppress(AgencyError):
            await fetch(way, key, replace(FETCH, timeout=PATIENCE))
        link.turn(CLEAR)
        told = await _fetched(way, key)
        assert told == 404 or not isinstance(came, Unavailable), "what was called certain had happened"
        while told != 200:
            if told == 404:
                with suppress(AgencyError):
                    await put(way, key, body)
            told = await _fetched(way, key)


def _lies(customs: Window, key: str) -> bool:
    name = f"DEC01_{key}.xml"
    return name in customs.names("OutBox") or name in customs.names("SentBox")


async def _fetched(way: Sftp, key: str) -> int:
    """What is known of it, as soon as somebody can be asked."""
    while True:
        with suppress(AgencyError):
            return (await fetch(way, key)).status
        await asyncio.sleep(0.01)
