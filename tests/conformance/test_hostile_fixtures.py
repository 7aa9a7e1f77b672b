"""Every hostile fixture is an agency that misbehaves: who answers so is caught, for the reason that it names."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from adapters.registry import ADAPTERS
from adapters.spec import UNREADABLE, Adapter
from services.cli.grounds import Grounds
from services.conformance.fixtures import Fixture, fixtures, plain
from services.conformance.properties.which import over_http
from tests.conformance.town import Town, told


def _naming(adapter: Adapter, fixture: Fixture) -> str:
    """The case that names its fault: what is called back and is no message answers nobody."""
    later = adapter.operations[fixture.command].later
    if later is not None and later.called_back:
        response = fixture.told["response"]
        if adapter.binding.read(200, {}, response["text"].encode()).body is UNREADABLE:
            return f"{adapter.name}.a-message"
    return f"{adapter.name}.{plain(adapter, fixture.command).name}"


HOSTILE = [
    (name, fixture)
    for name, adapter in ADAPTERS.items()
    if any(over_http(adapter, operation) for operation in adapter.operations.values())
    for fixture in fixtures(adapter)
    if fixture.then.get("error") == "broken-answer" and not fixture.asks_back
]


@pytest.mark.parametrize(("agency", "fixture"), HOSTILE, ids=[fixture.name for _, fixture in HOSTILE])
def test_an_agency_that_answers_so_is_caught(agency: str, fixture: Fixture, town: Town) -> None:
    """The case that names its fault fails, and says where the answer is broken, or that it is none at all."""
    adapter = ADAPTERS[agency]
    case = _naming(adapter, fixture)
    came = asyncio.run(_answering(town, agency, fixture, case))
    assert came[case].startswith("failed: ")
    assert ("no message" if case.endswith(".a-message") else str(fixture.then["reason"])) in came[case]


async def _answering(town: Town, agency: str, fixture: Fixture, case: str) -> dict[str, str]:
    script: dict[str, Any] = {"operation": fixture.command, "fixture": fixture.name}
    grounds = Grounds(town.home)
    async with asyncio.timeout(120), grounds.simulator() as base, grounds.reached(), aiohttp.ClientSession() as http:
        run = town.asked(ADAPTERS[agency], base, (case,), grounds)
        headers = {"Authorization": f"Bearer {town.token}"}
        for one in await _organisations(agency):
            knobs = {"scripts": [script]}
            async with http.put(f"{base}/_faults/{one}", json=knobs, headers=headers) as turned:
                assert turned.status == 200
        return told(await run)


async def _organisations(agency: str) -> list[str]:
    from adapters.organisations import ORGANISATIONS

    return [one.id for one in ORGANISATIONS.values() if one.adapter == agency]
