"""A database in a simulated world, SQLite or PostgreSQL, with commits that take time, fail, or are done unheard.

Whatever touches it does so between two callbacks of the world, from the first statement to the commit: so no process is
frozen or killed with a transaction open, and none waits for another's lock, which on one thread would be for ever.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import StaticPool

from services.dispatch.tables import metadata as of_dispatch
from services.journey.tables import metadata as of_journey
from services.runtime.store import Op, Store, _Job, _parts
from services.runtime.tables import metadata as of_runtime
from tests.simulation.world import Process, World

T = TypeVar("T")

_TABLES: Final = (of_runtime, of_dispatch, of_journey)
_DONE: Final = 0.5
"""Of the commits of which nobody hears, so many were done."""


class Device:
    """One database for all runs, since making tables takes longer than a run. Fails as the disk in it says."""

    def __init__(self, engine: Engine) -> None:
        self.disk: Disk | None = None
        self.engine = engine
        self.tables = [table for metadata in _TABLES for table in metadata.sorted_tables]
        for metadata in _TABLES:
            metadata.create_all(self.engine)
        event.listen(self.engine, "before_cursor_execute", self._execute)
        event.listen(self.engine, "commit", self._commit)

    def _execute(self, *_: Any) -> None:
        if self.disk is not None and self.disk.full:
            raise OperationalError("execute", {}, RuntimeError("disk is full"))

    def _commit(self, connection: Connection) -> None:
        if self.disk is None or self.disk.world.chance.random() >= self.disk.doubt:
            return
        driver = connection.connection.driver_connection
        assert driver is not None
        if self.disk.world.chance.random() < _DONE:
            driver.execute("commit")
        raise OperationalError("commit", {}, RuntimeError("connection lost"))


@cache
def device(database: str | None) -> Device:
    """The one at a URL; without one, in memory."""
    return Device(_in_memory() if database is None else _at(database))


def _in_memory() -> Engine:
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None

    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("begin"))
    return engine


def _at(database: str) -> Engine:
    url = make_url(database).set(drivername="postgresql+psycopg")
    # One connection, and no waiting for it: two transactions open at once are an error here, not a wait for a lock.
    return create_engine(
        url, connect_args={"options": "-csearch_path=dispatch"}, pool_size=1, max_overflow=0, pool_timeout=0
    )


@dataclass(slots=True, eq=False, repr=False)
class Disk:
    """What stays when processes die. `full` while nothing can be written or read."""

    world: World
    full: bool = False
    slowness: float = 1.0
    """How much longer than usual reading takes."""
    doubt: float = 0.0
    """How often the connection breaks after a commit."""

    def __post_init__(self) -> None:
        self.device.disk = None
        with self.device.engine.begin() as connection:
            for table in self.device.tables:
                connection.exec_driver_sql(f"delete from {table.name}")  # noqa: S608 - our own tables' names
        self.device.disk = self

    @property
    def device(self) -> Device:
        """What it is in."""
        return device(self.world.database)

    def ask(self, question: str, *about: str) -> list[Any]:
        """Look at it from outside of the world, past everything that could fail."""
        with self.device.engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            asked = question if self.world.database is None else question.replace("?", "%s")
            return list(driver.execute(asked, about).fetchall())

    def store(self, process: Process) -> SimulatedStore:
        """A process's way to it."""
        return SimulatedStore(self.device.engine, self.device.engine, disk=self, process=process)


@dataclass(slots=True, repr=False)
class SimulatedStore(Store):
    """The store's own grouping of acts and its own way of failing, without its thread."""

    disk: Disk = field(kw_only=True)
    process: Process = field(kw_only=True)
    _asked: list[_Job] = field(default_factory=list)
    _busy: bool = False

    def start(self) -> None:
        """Nothing to start."""

    async def stop(self) -> None:
        """Nothing to stop."""

    async def run(self, op: Op[T], *, alone: bool = False) -> T:
        """In the next grouped transaction."""
        job = _Job(op, self.process.loop.create_future(), alone)
        self._asked.append(job)
        if not self._busy:
            self._busy = True
            self.process.world.after(self.process.world.short(), self._write)
        return await job.future  # type: ignore[no-any-return]

    async def read(self, op: Op[T]) -> T:
        """At some moment between the question and the answer."""
        moment = self.process.world.short() * self.disk.slowness
        return await self.process.wait(moment, lambda: self._read(op))

    def _write(self) -> None:
        if self.process.frozen:
            # The thread that writes is as frozen as the rest.
            self.process.world.after(1.0, self._write)
            return
        if not self.process.alive:
            return
        batch, self._asked = self._asked, []
        heard = [fact for part in _parts(batch) for fact in self._done(part)]
        self.process.world.mischief(self.process)
        self.process.world.after(self.process.world.short(), lambda: self._tell(batch, heard))

    def _tell(self, batch: list[_Job], told: list[Any]) -> None:
        self._busy = False
        if self._asked:
            self._busy = True
            self.process.world.after(self.process.world.short(), self._write)
        # As from another thread: the loop hears of it when it gets to it.
        self.process.loop.call_soon(self._resolve, batch, told)
