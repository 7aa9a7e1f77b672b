"""A partner's test system that was told beforehand what our cars are: no other agency is there to ask."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from adapters.registry import ADAPTERS
from adapters.spec import Adapter
from services.cli.grounds import Grounds
from services.conformance import testbed
from services.conformance.bed import CONDITIONS
from services.conformance.neighbours import certificate
from services.conformance.run import Run
from services.conformance.walk import PAID_BACK
from services.runtime.clock import Clock
from services.simulator.faces.face import Face, Premises, Working
from services.simulator.faces.table import FACES, Build
from tests.conformance.records import Records
from tests.conformance.town import ROUND, Faithful, Town, before, first, told

Data = dict[str, Any]
"""An event as `conformance testbed` writes it."""


class Foreign(Faithful):
    """A system that is not our simulator, and has nobody else behind it."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if not request.path.startswith(f"/{self.organisation}/"):
            raise web.HTTPNotFound
        return await super().answer(request)


RESTS_ON_OTHERS = ("fixtures", "faults")
WHOLE = {"miit", "commerce"}
BETWEEN = {"police": PAID_BACK}
"""The police register a mortgage, the loan is paid back, they release it: nobody can be told that beforehand."""


@pytest.mark.parametrize("agency", sorted(ADAPTERS))
def test_a_partner_that_loaded_the_reference_data_conforms(agency: str, town: Town) -> None:
    """Nothing fails; what nobody outside can bring about is counted as not tested, and says why."""
    kind = ADAPTERS[agency].agency
    kinds = () if kind in WHOLE else RESTS_ON_OTHERS
    run = asyncio.run(_judged(town, ADAPTERS[agency], _file(agency), *kinds))
    assert told(run) == {}
    skipped = {one.case.id for one in run.results if one.state == "skipped"}
    assert skipped == {one.case.id for one in run.results if one.case.bed or BETWEEN.get(kind) in one.case.steps}
    assert all(one.came.endswith((*CONDITIONS, PAID_BACK)) for one in run.results if one.state == "skipped")


def test_a_partner_that_loaded_nothing_is_told_so(town: Town) -> None:
    """Its first answers are that it knows no such car."""
    came = told(asyncio.run(_judged(town, ADAPTERS["miit"], (), "miit.coc-query", patience_s=0.0)))
    assert came["miit.coc-query"] == "failed: HTTP 404, not-yet D404"


async def _judged(town: Town, adapter: Adapter, events: Sequence[Data], *only: str, **manner: Any) -> Run:
    grounds, kind = Grounds(town.home), adapter.agency
    styles: dict[str, Build] = {**FACES, kind: partial(_told_beforehand, kind, events)}
    async with (
        asyncio.timeout(150),
        grounds.simulator(styles) as base,
        grounds.reached(),
        before(base, first(adapter), Foreign) as address,
    ):
        if kind == "miit":
            await _uploaded(base, events)
        return await town.asked(adapter, address, only, grounds, **manner)


def _told_beforehand(kind: str, events: Sequence[Data], premises: Premises) -> Face | Working:
    """A simulated agency that knows of others what it was told, and nothing else."""
    records = Records()
    records.load(events)
    records.around(kind, premises.world.country)
    return FACES[kind](premises)


async def _uploaded(base: str, events: Sequence[Data]) -> None:
    """What MIIT is told is in its own book: there, makers would have uploaded it."""
    async with aiohttp.ClientSession() as http:
        for key, one in enumerate(events):
            body = certificate({"engine_no": None, "displacement": None} | one["data"])
            headers = {"Idempotency-Key": f"loaded-{key}"}
            async with http.post(f"{base}/miit/certificates", json=body, headers=headers) as got:
                assert got.status == 200


def _file(agency: str) -> list[Data]:
    return list(testbed.records(ADAPTERS[agency], ADAPTERS, ROUND, Clock().today()))
