"""Every simulated agency in its own style over real sockets, and dispatch's own calls before it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final

from adapters import replies
from adapters.errors import TakenIn
from adapters.organisations import ORGANISATIONS, Organisation
from adapters.registry import ADAPTERS
from adapters.spec import Endpoint, Letter, Operation
from contracts.contract import Contract
from contracts.envelope import Message, message
from services.dispatch.calls import Agency
from services.dispatch.carriers.carrier import Brought, Carrier
from services.dispatch.carriers.http import Http, connections
from services.dispatch.carriers.sftp import Sftp
from services.dispatch.carriers.ssh import Line
from services.dispatch.seals.agreed import agreed
from services.dispatch.seals.seal import Forged
from services.runtime.settings import Identity
from services.simulator.faces.face import Face, Premises, Working
from services.simulator.faces.files import Files
from services.simulator.faces.table import FACES, Build
from services.simulator.world import Asked
from services.stack.identities import identity
from tests.simulator.branch import BANKS, Door, opened, until
from tests.simulator.city import TOKEN, City, Moment, running
from tests.simulator.seals import US, register

_PROVE: Final = frozenset({"bank", "customs"})
THEIRS: Final = {one.id: identity(one.id) for one in ORGANISATIONS.values() if one.agency in _PROVE} | BANKS
"""The own keys of those who prove what they say, or their host."""
_TRACE: Final = "00-" + "1" * 32 + "-2-01"


@dataclass
class Overheard:
    """A way to an agency that keeps what came back on it."""

    way: Carrier
    came: list[Brought] = field(default_factory=list)

    async def carry(self, endpoint: Endpoint, letter: Letter, key: str | None) -> Brought:
        brought = await self.way.carry(endpoint, letter, key)
        self.came.append(brought)
        return brought


@dataclass
class Counter:
    """One agency as dispatch meets it, in a city whose other parts are arranged plainly."""

    city: City
    agency: Agency
    ears: Overheard
    door: Door
    keys: Callable[[], str]

    @property
    def name(self) -> str:
        return self.agency.organisation.id

    def operation(self, command: str) -> Operation:
        return self.agency.adapter.operations[command]

    def message(self, command: Contract, key: str) -> Message[Contract]:
        return message(command, id=key, source="journey", subject="case-1", time=self.city.clock.now())

    async def ask(self, command: str, data: Contract, key: str) -> Contract:
        """What is said at once. Raises `AgencyError`: `TakenIn` where that is only that it will be answered."""
        return await self.agency.ask(self.operation(command), self.message(data, key), key, _TRACE)

    async def fetch(self, command: str, data: Contract, key: str) -> Contract | None:
        """What is said of it by now: where it is called back, once it was. Raises `AgencyError`."""
        operation = self.operation(command)
        if operation.later is None or not operation.later.called_back:
            return await self.agency.fetch(operation, self.message(data, key), key, _TRACE)
        return self.called_back(operation, data, key)

    async def look_up(self, command: str, data: Contract, key: str) -> Contract | None:
        """What is found of it by its business key; None where nothing is. Raises `AgencyError`."""
        return await self.agency.look_up(self.operation(command), self.message(data, key), key, _TRACE)

    def question(self, command: str) -> str:
        """What that look-up is called in the agency's own book."""
        lookup = self.operation(command).lookup
        assert lookup is not None
        return self.city.world.operation(Asked(self.name, lookup.endpoint.path, "", {}))

    async def answer(self, command: str, data: Contract, key: str) -> Contract:
        """What comes of it in the end. Raises `AgencyError`."""
        heard = len(self.door.came)
        try:
            return await self.ask(command, data, key)
        except TakenIn:
            await self.decided(key, heard)
        return await self.later(command, data, key)

    async def later(self, command: str, data: Contract, key: str) -> Contract:
        """The answer to what was taken in, once it is there. Raises `AgencyError`."""
        async with asyncio.timeout(60):
            while True:
                try:
                    said = await self.fetch(command, data, key)
                except TakenIn:
                    await asyncio.sleep(0.005)
                else:
                    assert said is not None
                    return said

    async def decided(self, key: str, heard: int) -> None:
        """Wait until an agency has dealt with what it took in, and has told it if it does so of its own accord."""
        match self.agency.adapter.agency:
            case "bank":
                await until(lambda: len(self.door.came) > heard)
            case "customs":
                await until(lambda: any(one.key == key for one in self.city.world.watch.last(self.name, "requests")))
            case _:
                await until(lambda: any(one["key"] == key and one["settled"] for one in self.city.lines("taken")))

    def called_back(self, operation: Operation, data: Contract, key: str) -> Contract:
        """The last that was brought to our door. Raises `AgencyError`."""
        _, raw = self.door.came[-1]
        try:
            raw = self.agency.sealing.opened({}, raw)
        except Forged:
            # Nobody can sign what is no message; nothing of such a thing may be taken for one.
            assert not isinstance(self.agency.adapter.binding.read(200, {}, raw).body, dict)
        got = self.agency.adapter.binding.read(200, {}, raw)
        assert got.about in {None, key}
        return replies.answer(self.agency.adapter, operation, data, replies.ours(got, self.name, key))

    def effects(self) -> list[str]:
        """The keys under which something happened there."""
        return [line["key"] for line in self.city.lines("ledger") if line["organisation"] == self.name]

    async def turn(self, **knobs: Any) -> None:
        """Turn its knobs."""
        said = await self.city.turn(self.name, **knobs)
        assert said.status == 200, said

    async def heal(self) -> None:
        await self.city.heal(self.name)


@asynccontextmanager
async def counter(folder: Path, kind: str, chance: Callable[[], float] = lambda: 0.5) -> AsyncIterator[Counter]:
    """A country whose agencies all speak as they do, and one of them as dispatch meets it."""
    register(folder, US, THEIRS)
    door, built = Door(), dict[str, Face | Working]()
    numbers = map("k{}".format, count(1))
    async with opened(door) as url:
        styles = {name: partial(_built, name, build, url, built) for name, build in FACES.items()}
        async with running(folder, Moment(), chance, styles) as bare:
            city = replace(bare, operator=TOKEN)
            organisation = next(one for one in ORGANISATIONS.values() if one.adapter == kind)
            async with _way(organisation, city, built) as way:
                ears = Overheard(way)
                yield Counter(city, _agency(organisation, ears), ears, door, lambda: next(numbers))


def _built(name: str, build: Build, door: str, built: dict[str, Face | Working], premises: Premises) -> Face | Working:
    there = premises.settings.model_copy(update={"dispatch_url": door, "simulator_sftp_port": 0})
    built[name] = build(replace(premises, settings=there))
    return built[name]


def _agency(organisation: Organisation, way: Carrier) -> Agency:
    certificates = [THEIRS[organisation.id]["certificate"]] if organisation.id in THEIRS else []
    identities = {"tongche": Identity(**US)}
    sealing = agreed(ADAPTERS[organisation.adapter].seal, identities, lambda: certificates)
    return Agency(organisation, way, sealing)


@asynccontextmanager
async def _way(organisation: Organisation, city: City, built: Mapping[str, Face | Working]) -> AsyncIterator[Carrier]:
    face = built[organisation.agency]
    if not isinstance(face, Files):
        async with connections(ADAPTERS[organisation.adapter].features) as session:
            yield Http(city.base, organisation.id, session)
        return
    async with asyncio.timeout(60):
        await face.open.wait()
    known = [THEIRS[organisation.agency]["certificate"]]
    line = Line(organisation.id, "127.0.0.1", face.port, "tongche", lambda: Identity(**US), lambda: known)
    try:
        yield Sftp(line, f"/{organisation.id}")
    finally:
        await line.close()
