"""The simulator as a process: fed by a real Kafka, killed without warning, and back with everything it knew."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from contracts.topics import SALE_EVENTS, events
from services.runtime.producer import Producer
from services.runtime.record import outgoing
from services.stack.identities import identity
from services.stack.ports import choose
from tests.simulator.city import VIN, City, Moment
from tests.simulator.test_simulated_makers import SALE, told

ROOT = Path(__file__).parents[2]


async def _publish_sale(kafka: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    there = await admin.list_topics()
    lacking = [topic for topic in (SALE_EVENTS, events("bank")) if topic.name not in there]
    await admin.create_topics([NewTopic(topic.name, topic.partitions, 1) for topic in lacking])
    await admin.close()
    producer = Producer(kafka, "test")
    await producer.send(outgoing(SALE_EVENTS.name, "key", told(SALE)))
    await producer.stop()


def _start(folder: Path, kafka: str, port: int) -> subprocess.Popen[bytes]:
    env = os.environ | {
        "TONGCHE_DATA": str(folder),
        "TONGCHE_KAFKA": kafka,
        "TONGCHE_SIMULATOR_SFTP_PORT": "0",
        "TONGCHE_SIMULATOR_PORT": str(port),
        "TONGCHE_BUSINESS_DATE": "2026-03-02",
    }
    with (folder / "simulator.log").open("ab") as log:
        return subprocess.Popen([sys.executable, "-m", "services.simulator"], cwd=ROOT, env=env, stdout=log, stderr=log)


@asynccontextmanager
async def _process(folder: Path, kafka: str) -> AsyncIterator[tuple[City, subprocess.Popen[bytes]]]:
    port = choose(("simulator",), {})["simulator"]
    process = _start(folder, kafka, port)
    try:
        async with aiohttp.ClientSession() as session:
            city = City(f"http://127.0.0.1:{port}", session, Moment(), operator="t")
            await _eventually(lambda: _status(city, "/ready"), 200)
            yield city, process
    finally:
        process.kill()
        process.wait()


async def _eventually(ask: Callable[[], Awaitable[int]], wanted: int) -> None:
    async with asyncio.timeout(60):
        while True:
            if await ask() == wanted:
                return
            await asyncio.sleep(0.05)


async def _status(city: City, path: str) -> int:
    try:
        async with city.session.get(city.base + path) as got:
            return got.status
    except aiohttp.ClientError:
        return 0


async def _certificate(city: City) -> int:
    return (await city.car().attempt("coc-query")).status


@pytest.mark.timeout(300)
def test_a_killed_simulator_knows_what_it_knew(kafka: str, tmp_path: Path) -> None:
    """A published sale finds its certificate; after kill -9 certificate and invoice are still there, once."""
    secrets = {"key_secret": "00" * 32, "operator_user": "o", "operator_password": "p", "operator_token": "t"}
    keys = {"identities": {name: identity(name) for name in ("tongche", "customs")}}
    (tmp_path / "secrets.json").write_text(json.dumps(secrets | keys), encoding="utf-8")

    async def scenario() -> None:
        await _publish_sale(kafka)
        async with _process(tmp_path, kafka) as (city, process):
            await _eventually(lambda: _certificate(city), 200)
            car = city.car()
            first = await car.attempt("invoice-request", key="once")
            assert first.status == 200
            process.send_signal(signal.SIGKILL)
        async with _process(tmp_path, kafka) as (city, process):
            await _eventually(lambda: _certificate(city), 200)
            assert (await city.car().attempt("invoice-request", key="once")).body == first.body
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, 30) == 0
        effects = (tmp_path / "simulator" / "ledger.jsonl").read_text(encoding="utf-8").splitlines()
        assert [json.loads(line)["vin"] for line in effects] == [VIN]

    asyncio.run(scenario())
