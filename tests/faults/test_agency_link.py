"""The link to an agency in every weather: whatever the caller hears, one key has one effect."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Final
from urllib.parse import urlsplit

import pytest

from adapters.errors import AgencyError, TakenIn
from adapters.organisations import ORGANISATIONS
from adapters.registry import ADAPTERS
from adapters.spec import Operation
from contracts.contract import Contract
from contracts.envelope import Message, message
from contracts.registry import CONTRACTS
from services.chaos.proxy import CLEAR, Proxy, Weather
from services.chaos.schedule import WEATHERS, outlasting
from services.dispatch.calls import Agency
from services.dispatch.carriers.http import Http, connections
from services.dispatch.seals.jws import Jws
from services.runtime.settings import Identity
from services.simulator.faces.table import FACES
from tests.simulator.city import PLAINLY, City, Moment, fixture, running
from tests.simulator.seals import US, register

PATIENCE_S = 0.5
"""The agency's own time-out, made short."""
BAD: Final = {**WEATHERS, **{f"{name}, outlasting us": one for name, one in outlasting(PATIENCE_S).items()}}


def _command() -> Message[Contract]:
    given = fixture("invoice-request")["given"]
    data = CONTRACTS[given["command"]].models[-1].model_validate_json(json.dumps(given["data"]))
    return message(data, id="0", source="urn:tongche:test", subject="case", time=Moment().now())


def _impatient(operation: Operation) -> Operation:
    patience = timedelta(seconds=PATIENCE_S)
    assert operation.later is not None
    assert operation.later.endpoint is not None
    later = replace(operation.later, endpoint=replace(operation.later.endpoint, timeout=patience))
    return replace(operation, endpoint=replace(operation.endpoint, timeout=patience), later=later)


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
            operation = _impatient(agency.adapter.operations["invoice.request"])
            proxy.turn(weather)
            for _ in range(2):
                await _tried(agency, operation, command)
            proxy.turn(CLEAR)
            answer = await _heard(agency, operation, command)
            assert answer == await _heard(agency, operation, command)
        effects = [line for line in city.lines("ledger") if line["operation"] == "invoice.request"]
        assert len(effects) == 1

    async def played() -> None:
        styles = {**PLAINLY, "tax": FACES["tax"]}
        async with asyncio.timeout(60), running(tmp_path, Moment(), lambda: 0.5, styles) as city:
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
