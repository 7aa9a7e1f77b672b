"""A full disk: what cannot be kept is not acknowledged, and when there is room again everything goes on."""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor

import aiohttp
import pytest

from services.publisher.door import Door
from services.publisher.sales import Sale
from services.stack import readiness
from tests.road.installation import OwnInstallation, until
from tests.road.publisher import hand_in, invented

SALES = 30
WITHIN_S = 60
WRITERS = ("simulator", "intake", "journey", "dispatch", "console")

pytestmark = [
    pytest.mark.timeout(500),
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux sets a running process's limits"),
]


def answers(installation: OwnInstallation, planned: list[Sale]) -> list[tuple[int, str]]:
    """What the door answers to each sale, handed in once: status and kind of body."""

    async def ask() -> list[tuple[int, str]]:
        async with Door.of(installation.running, "platform") as door, aiohttp.ClientSession() as http:
            return [await _ask(http, door, sale) for sale in planned]

    return asyncio.run(ask())


async def _ask(http: aiohttp.ClientSession, door: Door, sale: Sale) -> tuple[int, str]:
    event = {"specversion": "1.0", "id": sale.sourceid, "source": sale.source, "type": sale.type, "data": sale.data}
    headers = {"Authorization": f"Bearer {door.token}", "Content-Type": "application/cloudevents+json"}
    async with http.post(f"{door.url}/v1/sales", json=event, headers=headers) as told:
        return told.status, told.content_type


def _nobody_writes(installation: OwnInstallation) -> bool:
    """The door has refused a sale, and behind it somebody could not keep what became of one."""
    unready = set(readiness.unready(installation.stack))
    return "intake" in unready and not unready.isdisjoint({"journey", "dispatch"})


def test_a_door_that_cannot_keep_a_sale_takes_none(installation: OwnInstallation) -> None:
    """503 and a problem document, each time; the same sales come in once there is room, and close."""
    planned = invented(installation, "platform", seed=21, number=3)
    before = installation.cases()["closed"]
    with installation.disk_full("intake"):
        assert answers(installation, planned) == [(503, "application/problem+json")] * 3
    asyncio.run(hand_in(installation, planned))
    installation.until_closed(before + 3, WITHIN_S)


def test_a_full_disk_costs_no_sale(installation: OwnInstallation) -> None:
    """Nobody of ours can write anything, logs included, while sales are on their way.

    The services wait for room. The simulated agencies fall, as whoever cannot write a ledger should, and come back.
    """
    before, processes = installation.cases()["closed"], installation.stack.children
    with ThreadPoolExecutor(1) as pool:
        planned = invented(installation, "platform", seed=22, number=SALES)
        handing_in = pool.submit(asyncio.run, hand_in(installation, planned))
        until(lambda: installation.cases().get("open"), WITHIN_S, installation.cases)
        with installation.disk_full(*WRITERS):
            until(lambda: _nobody_writes(installation), WITHIN_S, lambda: readiness.unready(installation.stack))
        handing_in.result(WITHIN_S)
    until(lambda: not readiness.unready(installation.stack), WITHIN_S, lambda: readiness.unready(installation.stack))
    installation.until_closed(before + SALES, WITHIN_S)
    verdict = installation.check()
    assert (verdict["checker"], verdict["findings"]) == ("clean", [])
    assert [name for name, child in installation.stack.children.items() if child != processes[name]] in (
        [],
        ["simulator"],
    )
