"""Customs' single window with its folders and its key, and ways to it that can be cut."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from adapters.bindings.files import Files as Binding
from adapters.spec import Endpoint, Reply, Sent
from services.dispatch.carriers.carrier import Brought
from services.dispatch.carriers.sftp import Sftp
from services.dispatch.carriers.ssh import Line
from services.runtime.settings import Identity, Settings
from services.simulator.faces.boxes import Box, Boxes
from services.simulator.faces.files import Files
from services.simulator.life import country
from services.simulator.mishaps import Chance
from services.stack.identities import identity

IDENTITIES: Final = {name: Identity(**identity(name)) for name in ("tongche", "customs", "somebody")}
BINDING: Final = Binding("DecMessage", "DecReceipt", "urn:sample:single-window:dec", "91440300MATCHE01X5", "HG404")
AMPLE: Final = timedelta(seconds=60)
"""With what will be answered: many lines at once on a slow machine take their time."""
PUT: Final = Endpoint("POST", "/export/declarations", action="DEC01", timeout=AMPLE)
FETCH: Final = Endpoint("GET", "/export/declarations", action="DEC01", timeout=AMPLE)
CAR: Final = "LZZTEST05TA000001"
WAIT_S: Final = 60.0


def declared(car: str = CAR) -> dict[str, Any]:
    """A declaration that needs no licence."""
    return {"vinNo": car, "netWt": 700, "tradeCoScc": "91440300MAPW444F2G", "codeTs": "8703809090"}


@dataclass
class Window:
    """Customs at their port, in this process."""

    face: Files
    lines: list[Line] = field(default_factory=list)

    @property
    def boxes(self) -> Boxes:
        found = self.face.boxes("customs")
        assert found is not None
        return found

    def names(self, box: Box) -> list[str]:
        """What lies in a folder."""
        return sorted(file.name for file in (self.boxes.folder / box).iterdir())

    def effects(self) -> list[tuple[str, str]]:
        """Car and key of every declaration that was accepted."""
        text = (self.face.premises.world.journal.folder / "ledger.jsonl").read_text(encoding="utf-8")
        return [(line["vin"], line["key"]) for line in map(json.loads, text.splitlines())]

    def turn(self, **knobs: Any) -> None:
        """Turn knobs."""
        world = self.face.premises.world
        world.turn("customs", world.turned("customs").merged(knobs))

    def way(self, port: int | None = None, *, us: str = "tongche", them: tuple[str, ...] = ("customs",)) -> Sftp:
        """A way to it, perhaps through something at another port, as somebody, trusting somebody."""
        known = [IDENTITIES[name].certificate for name in them]
        line = Line("customs", "127.0.0.1", port or self.face.port, "tongche", lambda: IDENTITIES[us], lambda: known)
        self.lines.append(line)
        return Sftp(line, "/customs")


async def put(way: Sftp, key: str, body: dict[str, Any] | None = None, endpoint: Endpoint = PUT) -> Brought:
    """Put a declaration down."""
    letter = BINDING.written(endpoint, declared() if body is None else body, Sent("customs", datetime.now(UTC), key))
    return await way.carry(endpoint, letter, key)


async def fetch(way: Sftp, key: str, endpoint: Endpoint = FETCH) -> Reply:
    """Fetch its receipt as it is now."""
    letter = BINDING.written(endpoint, {"MessageId": key}, Sent("customs", datetime.now(UTC), None))
    return BINDING.read(*await way.carry(endpoint, letter, None))


async def receipt(way: Sftp, key: str, endpoint: Endpoint = FETCH) -> Reply:
    """Fetch it until it is there."""
    async with asyncio.timeout(WAIT_S):
        while (got := await fetch(way, key, endpoint)).status == 202:  # noqa: ASYNC110 - a file, which tells nobody
            await asyncio.sleep(0.01)
    return got


def settings(folder: Path) -> Settings:
    """Of an installation with keys."""
    told = {name: one.model_dump() for name, one in IDENTITIES.items()}
    secrets = {"key_secret": "00" * 32, "operator_user": "op", "operator_password": "pw", "operator_token": "token"}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "secrets.json").write_text(json.dumps(secrets | {"identities": told}), encoding="utf-8")
    return Settings(data=folder, simulator_sftp_port=0)


@asynccontextmanager
async def window(folder: Path, chance: Chance = lambda: 0.5, port: int = 0) -> AsyncIterator[Window]:
    """Customs over a folder, until the block ends; nothing more is written then, as after a kill."""
    given = settings(folder).model_copy(update={"simulator_sftp_port": port})
    face = Files(country(given, chance))
    made = Window(face)
    working: list[asyncio.Task[Any]] = [
        asyncio.create_task(face.premises.world.journal.run()),
        asyncio.create_task(face.run()),
    ]
    opening: asyncio.Task[Any] = asyncio.create_task(face.open.wait())
    try:
        done, _ = await asyncio.wait({opening, *working}, return_when=asyncio.FIRST_COMPLETED)
        for ended in done:
            ended.result()
        yield made
        for task in working:
            assert not task.done(), task.exception()
    finally:
        for line in made.lines:
            await line.close()
        for task in (*working, opening):
            task.cancel()
        await asyncio.gather(*working, opening, return_exceptions=True)
        face.premises.world.journal.close()
