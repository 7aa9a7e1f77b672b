"""A simulated bank as we meet it: messages under our seal to its one address, and a door to which it calls back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from adapters.bank import ADAPTER
from adapters.spec import Letter, Reply, Sent
from contracts.contract import Contract
from services.dispatch.seals.xmldsig import XmlSignature
from services.runtime.settings import Identity
from services.simulator.faces.face import Premises
from services.simulator.faces.iso20022 import Iso20022
from services.stack.identities import identity
from tests.simulator.city import BANK, BEFORE, PLAINLY, TOKEN, Car, City, Moment, recorded, running
from tests.simulator.seals import OTHER, US, register

OTHER_BANK: Final = "bank-91110000MAU5K2AT1X"
BANKS: Final = {name: identity(name) for name in (BANK, OTHER_BANK)}
"""The banks' own keys."""
_KNOWN: Final = {
    "invoice_no": "invoiceNumber",
    "loan_contract_no": "contractNo",
    "reg_cert_no": "registrationCertNo",
    "plate_no": "plateNumber",
}
"""Which of a car's numbers a command names, and what the books call them."""
_LARGEST: Final = 4 * 1024 * 1024
_ENOUGH: Final = 1_000
_LIVES: Final = count(1)
WAIT_S: Final = 60.0


def seal(ours: dict[str, str] = US, bank: str = BANK) -> XmlSignature:
    """Dispatch's seals: what it writes the bank must open, and the other way round."""
    return XmlSignature(Identity(**ours), lambda: [BANKS[bank]["certificate"]])


async def until(fact: Callable[[], bool]) -> None:
    """Wait for a fact, not for a time."""
    async with asyncio.timeout(WAIT_S):
        while not fact():  # noqa: ASYNC110 - facts of many kinds, most of which tell nobody
            await asyncio.sleep(0.005)


@dataclass
class Door:
    """Where banks bring answers. It says the statuses in `says`, one after another, and then that it has them.

    What it turns away is brought again.
    """

    says: list[int] = field(default_factory=list)
    came: list[tuple[str, bytes]] = field(default_factory=list)
    turns_away: Callable[[bytes], bool] = lambda _: False

    async def take(self, request: web.Request) -> web.Response:
        raw = await request.read()
        self.came.append((request.match_info["organisation"], raw))
        if self.turns_away(raw):
            return web.Response(status=503)
        return web.Response(status=self.says.pop(0) if self.says else 202)

    def answers(self, bank: str = BANK) -> list[Reply]:
        """What that bank brought under its seal, as its adapter reads it. Raises `Forged`."""
        return [
            ADAPTER.binding.read(200, {}, seal(bank=bank).opened({}, raw)) for name, raw in self.came if name == bank
        ]


@asynccontextmanager
async def opened(door: Door) -> AsyncIterator[str]:
    """The address of a door."""
    app = web.Application(client_max_size=_LARGEST)
    app.router.add_post("/v1/organisations/{organisation}/callbacks", door.take)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@dataclass
class Branch:
    """The city's bank, and our door."""

    city: City
    folder: Path
    door: Door

    async def arranged(self, name: str = "loan-apply", **certificate: Any) -> Car:
        """A car for which this can be asked; what comes before was asked for plainly."""
        car = self.city.car(**certificate)
        if certificate:
            await car.through("upload")
            about = {"cheJiaHao": certificate["vin"], "heGeZhengHao": certificate["certificateNo"]}
            said = await car.attempt("invoice-request", **about, dianJiHao=certificate["driveMotorNo"])
            assert said.status == 200, said
        await car.through(*BEFORE[name])
        return car

    def told(self, name: str, car: Car, **changes: Any) -> Contract:
        """A recorded command about this car."""
        command = recorded(name).told()
        known = {field: car.known[theirs] for field, theirs in _KNOWN.items() if theirs in car.known}
        own = {field: value for field, value in known.items() if hasattr(command, field)}
        return command.model_copy(update={**own, "vin": car.certificate["vin"], **changes})

    def letter(self, name: str, car: Car, key: str | None = "k1", bank: str = BANK, **changes: Any) -> bytes:
        """The same as a message, not sealed."""
        operation = recorded(name).operation
        body = operation.request(self.told(name, car, **changes))
        return ADAPTER.binding.written(operation.endpoint, body, Sent(bank, self.city.clock.now(), key)).raw

    async def post(self, raw: bytes, bank: str = BANK, path: str = "/messages") -> Reply:
        """Bytes as they are; what the bank says at once."""
        async with self.city.session.post(f"{self.city.base}/{bank}{path}", data=raw) as got:
            headers = {name.lower(): value for name, value in got.headers.items()}
            return ADAPTER.binding.read(got.status, headers, await got.read())

    async def send(
        self, name: str, car: Car, key: str | None = "k1", *, bank: str = BANK, by: dict[str, str] = US, **changes: Any
    ) -> Reply:
        """A command under a seal."""
        letter = Letter(self.letter(name, car, key, bank, **changes), {})
        return await self.post(seal(by).sealed(letter).raw, bank)

    async def brought(self, count: int = 1) -> list[Reply]:
        """Wait until so many answers came; all of them."""
        await until(lambda: len(self.door.came) >= count)
        return self.door.answers()

    async def settled(self, key: str = "k1") -> None:
        """Wait until the bank is done with it."""
        await until(lambda: any(line["settled"] and line["key"] == key for line in self.city.lines("taken")))

    def effects(self) -> list[tuple[str, str]]:
        """What the bank did over its messages, by operation and key."""
        return [(line["operation"], line["key"]) for line in self.city.lines("ledger") if line["organisation"] == BANK]


@asynccontextmanager
async def branch(folder: Path, clock: Moment, door: Door, url: str, us: dict[str, str] = US) -> AsyncIterator[Branch]:
    """Banks over a folder that call back to an address, until the block ends as a kill ends it."""
    register(folder, us, BANKS)

    def bank(premises: Premises) -> Iso20022:
        return Iso20022(replace(premises, settings=premises.settings.model_copy(update={"dispatch_url": url})))

    async with running(folder, clock, lambda: 0.5, {**PLAINLY, "bank": bank}) as city:
        # Other keys in each life: what was asked plainly before a kill is something else than what is asked after it.
        yield Branch(replace(city, operator=TOKEN, _keys=count(next(_LIVES) * _ENOUGH)), folder, door)


__all__ = ["BANK", "BANKS", "OTHER", "OTHER_BANK", "US", "Branch", "Door", "branch", "opened", "seal", "until"]
