"""A partner's test system that was told beforehand what our cars are: no other agency is there to ask."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from adapters.registry import ADAPTERS
from services.cli.grounds import Grounds
from services.conformance import testbed
from services.conformance.neighbours import certificate
from services.conformance.run import Run
from services.runtime.clock import Clock
from tests.conformance.town import ROUND, Faithful, Town, before, first, told


class Foreign(Faithful):
    """A system that is not our simulator, and has nobody else behind it."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if not request.path.startswith(f"/{self.organisation}/"):
            raise web.HTTPNotFound
        return await super().answer(request)


@pytest.mark.parametrize("agency", ["miit", "commerce"])
def test_a_partner_that_loaded_the_reference_data_conforms(agency: str, town: Town) -> None:
    """Nothing fails; what nobody outside can bring about is counted as not tested, and says why."""
    run = asyncio.run(_judged(town, agency))
    assert told(run) == {}
    assert run.passed > 20
    skipped = {one.case.bed for one in run.results if one.state == "skipped"}
    assert skipped <= {"down", "throttled", "live"}
    assert "down" in skipped


def test_a_partner_that_loaded_nothing_is_told_so(town: Town) -> None:
    """Its first answers are that it knows no such car."""
    came = told(asyncio.run(_judged(town, "miit", "miit.coc-query", load=False)))
    assert came["miit.coc-query"] == "failed: HTTP 404, not-yet D404"


async def _judged(town: Town, agency: str, *only: str, load: bool = True) -> Run:
    adapter, grounds = ADAPTERS[agency], Grounds(town.home)
    async with (
        asyncio.timeout(150),
        grounds.simulator() as base,
        before(base, first(adapter), Foreign) as address,
        aiohttp.ClientSession() as http,
    ):
        for key, data in enumerate(_certificates(agency) if load else ()):
            # What the partner's own people would do with the file.
            headers = {"Idempotency-Key": f"loaded-{key}"}
            async with http.post(f"{base}/miit/certificates", json=certificate(data), headers=headers) as got:
                assert got.status == 200
        patience = {} if load else {"patience_s": 0.0}
        return await town.asked(adapter, address, only, grounds, **patience)


def _certificates(agency: str) -> Iterator[dict[str, Any]]:
    for record in testbed.records(ADAPTERS[agency], ADAPTERS, ROUND, Clock().today()):
        if record["event"] == "coc.confirmed":
            yield {"engine_no": None, "displacement": None} | record["data"]
