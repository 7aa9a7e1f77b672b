"""Customs that go wrong, each in one way: the simulated ones with a fault in their files, or in their hosts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle

from services.runtime.settings import Identity
from services.simulator.faces import documents
from services.simulator.faces.boxes import Title
from services.simulator.faces.face import Premises
from services.simulator.faces.files import KIND, Files
from services.simulator.faces.sftp import Door, Receipt
from services.simulator.faults import Faults
from services.simulator.world import Asked, Outcome
from services.stack.identities import identity


@dataclass
class HalfWritten(Files):
    """It writes receipts where they are read: who looks early sees the half of one."""

    _seen: set[str] = field(default_factory=set)

    async def receipt(self, organisation: str, name: str) -> Receipt | None:
        found = await super().receipt(organisation, name)
        if found is None or name in self._seen:
            return found
        self._seen.add(name)
        raw = found.read()
        return Receipt(raw[: len(raw) // 2])


@dataclass
class Misfiled(Files):
    """It puts the receipt for the declaration before into this one's place."""

    _before: list[str] = field(default_factory=list)

    def _answer(self, asked: Asked, about: Title, outcome: Outcome) -> None:
        self._before.append(about.key)
        other = self._before[-2:][0]
        raw = documents.receipt(other, outcome.said, self.premises.world.country.clock.now())
        self._boxes[asked.organisation].put_receipt(about, raw)


class Unanswering(Files):
    """It takes declarations away, and no receipt ever comes."""

    def _answer(self, asked: Asked, about: Title, outcome: Outcome) -> None:
        del asked, about, outcome


@dataclass
class Utf8Only(Files):
    """It reads UTF-8, whatever a document says of itself."""

    def _answer(self, asked: Asked, about: Title, outcome: Outcome) -> None:
        lies = self._boxes[asked.organisation].path("OutBox", about.name)
        if lies.exists() and b"GB18030" in lies.read_bytes():
            outcome = self._no(asked.organisation, "V102")
        super()._answer(asked, about, outcome)


def twice(premises: Premises) -> Files:
    """It takes the same declaration again for another one."""
    premises.world.turn(KIND, Faults(forgetful=True))
    return Files(premises)


class TwoHosts(Door):
    """Behind their address there are two hosts in turn, and the second has a key that they told nobody."""

    @asynccontextmanager
    async def open(self, host: str, port: int) -> AsyncIterator[int]:
        untold = Identity.model_validate(identity(KIND))
        other = Door(self.office, self.ours, lambda: untold)
        async with (
            Door.open(self, host, 0) as first,
            other.open(host, 0) as second,
            _in_turn(host, port, cycle((first, second))) as at,
        ):
            yield at


@asynccontextmanager
async def _in_turn(host: str, port: int, hosts: Iterator[int]) -> AsyncIterator[int]:
    """One port, and whoever comes to it is led to the next of these."""
    passing: set[asyncio.Task[None]] = set()

    async def leads(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(host, next(hosts))
        for one in (_passed(reader, back), _passed(there, writer)):
            passing.add(asyncio.create_task(one))

    server = await asyncio.start_server(leads, host, port)
    async with server:
        yield int(server.sockets[0].getsockname()[1])
    for task in passing:
        task.cancel()
    await asyncio.gather(*passing, return_exceptions=True)


async def _passed(said: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
    try:
        while some := await said.read(65_536):
            to.write(some)
    finally:
        to.close()
