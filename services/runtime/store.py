"""A service's database: one writer thread that commits many small acts together."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

from sqlalchemy import Connection, Engine, Insert
from sqlalchemy.exc import SQLAlchemyError

from observability import logs, metrics

from .outages import conflict, outage

T = TypeVar("T")
G = TypeVar("G", bound="Gathered")
Op = Callable[[Connection], T]
Listener = Callable[[list[Any]], None]

MOST_A_COMMIT: Final = 1000
_PAUSE_S: Final = 0.5
_READ_S: Final = 5.0
_LATER: Final = "tongche.later"
_TOLD: Final = "tongche.told"


class StoreUnavailable(RuntimeError):
    """The database cannot be used now (full, read-only, locked, unreachable).

    Nothing of the act is stored; only where the connection broke during the commit itself can nobody tell, so an act
    that is tried again must know its own traces.
    """


class Doubt:
    """Told to the listener when a transaction failed as a whole: more may be durable than it has heard of."""


async def waited_out(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask the store again and again while it is unavailable: what happened must not be forgotten."""
    while True:
        try:
            return await ask()
        except StoreUnavailable as away:
            metrics.count("tongche_store_unavailable_total")
            logs.get().warning("store_unavailable", error=str(away))
            await asyncio.sleep(_PAUSE_S)


@dataclass(slots=True)
class _Job:
    op: Op[Any]
    future: asyncio.Future[Any]
    alone: bool = False
    result: Any = None
    error: BaseException | None = None


@dataclass(slots=True)
class Store:
    """Group commit: acts that wait at the same time share one durable transaction.

    An act that raises is rolled back alone, and its exception comes to its caller. Acts run one after
    another, so within one process an act sees all acts before it.
    """

    writer: Engine
    reader: Engine
    gather_s: float = 0.001
    """How long to gather after the first act; a lone act pays it, a busy store commits less often."""
    on_commit: Listener | None = None
    """Called on the event loop, in commit order, with what acts `tell` after they are durable, and with `Doubt`s."""
    asked: int = 0
    done: int = 0
    """Of the acts that were asked for: what was done, or could not be."""
    _writable: bool = True
    _readable: bool = True
    _jobs: queue.SimpleQueue[_Job | None] = field(default_factory=queue.SimpleQueue)
    _thread: threading.Thread | None = None
    _loop: asyncio.AbstractEventLoop | None = None
    _reads: set[asyncio.Task[Any]] = field(default_factory=set)

    def start(self) -> None:
        """Start the writer thread; call it on the event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._write, name="store", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Finish what was asked, then end the writer thread."""
        if self._reads:
            await asyncio.wait(self._reads, timeout=_READ_S)
        if self._thread is not None:
            self._jobs.put(None)
            await asyncio.to_thread(self._thread.join)
        self.writer.dispose()
        self.reader.dispose()

    async def run(self, op: Op[T], *, alone: bool = False) -> T:
        """Run an act in the next grouped transaction; returns when it is durable.

        `alone` is for an act that waits for other processes' locks: in a transaction of its own it holds none
        for which they wait in turn. Raises what the act raised, or `StoreUnavailable`.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.asked += 1
        self._jobs.put(_Job(op, future, alone))
        return await future

    async def read(self, op: Op[T]) -> T:
        """Run a reading act on its own connection, in a thread. Raises what it raised, or `StoreUnavailable`."""
        # Whoever asked may be cancelled; the thread and its connection are not, and `stop` waits for them.
        reading = asyncio.create_task(asyncio.to_thread(self._read, op))
        self._reads.add(reading)
        reading.add_done_callback(self._has_read)
        return await asyncio.shield(reading)

    def _has_read(self, reading: asyncio.Task[Any]) -> None:
        self._reads.discard(reading)
        if not reading.cancelled():
            reading.exception()  # who asked has it, or is gone

    @property
    def available(self) -> bool:
        """Whether the last thing asked of the database could be done."""
        return self._writable and self._readable

    def _read(self, op: Op[T]) -> T:
        try:
            with self.reader.connect() as connection:
                found = op(connection)
        except SQLAlchemyError as error:
            away = outage(error)
            if away is None:
                raise
            self._readable = False
            raise StoreUnavailable(away) from error
        self._readable = True
        return found

    def _write(self) -> None:
        while (batch := self._next_batch()) is not None:
            for part in _parts(batch):
                told = self._done(part)
                if self._loop is not None and not self._loop.is_closed():
                    self._loop.call_soon_threadsafe(self._resolve, part, told)

    def _next_batch(self) -> list[_Job] | None:
        first = self._jobs.get()
        if first is None:
            return None
        batch = [first]
        if self._jobs.empty() and self.gather_s:
            time.sleep(self.gather_s)
        while len(batch) < MOST_A_COMMIT and not self._jobs.empty():
            job = self._jobs.get()
            if job is None:
                self._jobs.put(None)
                break
            batch.append(job)
        return batch

    def _done(self, batch: list[_Job]) -> list[Any]:
        told = self._together(batch)
        return told if told is not None else [fact for job in batch for fact in self._alone(job)]

    def _together(self, batch: list[_Job]) -> list[Any] | None:
        """All in one transaction; None when one of them failed and each must be tried alone."""
        try:
            with self.writer.connect() as connection:
                connection.info[_LATER], connection.info[_TOLD] = {}, []
                began = time.monotonic()
                with connection.begin():
                    for job in batch:
                        job.result = job.op(connection)
                    _flush(connection)
                metrics.observe("tongche_store_commit_seconds", time.monotonic() - began)
                self._writable = True
                return list(connection.info[_TOLD])
        except Exception as error:  # noqa: BLE001 - whose fault it was shows when each runs alone
            reason = _as_unavailable(error)
            if len(batch) > 1 and (conflict(error) or not isinstance(reason, StoreUnavailable)):
                return None
            for job in batch:
                job.error = reason
            if not isinstance(reason, StoreUnavailable):
                return []
            self._writable = False
            return [Doubt()]

    def _alone(self, job: _Job) -> list[Any]:
        return self._together([job]) or []

    def _resolve(self, batch: Sequence[_Job], told: list[Any]) -> None:
        self.done += len(batch)
        if told and self.on_commit is not None:
            self.on_commit(told)
        for job in batch:
            if job.future.cancelled():
                continue
            if job.error is not None:
                job.future.set_exception(job.error)
            else:
                job.future.set_result(job.result)


class Gathered(Protocol):
    """What acts of one transaction have put off, to be done together."""

    def flush(self, connection: Connection) -> None:
        """Do it, at the end of the transaction or as soon as somebody must see it."""


def gathered(connection: Connection, key: Hashable, make: Callable[[], G]) -> G:
    """What was put off under a key in this transaction so far; made when it is first asked for."""
    put_off: dict[Hashable, Any] = connection.info[_LATER]
    if key not in put_off:
        put_off[key] = make()
    found: G = put_off[key]
    return found


def seen_to(connection: Connection, key: Hashable) -> None:
    """Do now what was put off under a key, because what follows must see it."""
    found: Gathered | None = connection.info.get(_LATER, {}).get(key)
    if found is not None:
        found.flush(connection)


@dataclass(frozen=True, slots=True)
class _Rows:
    statement: Insert
    rows: list[dict[str, Any]] = field(default_factory=list)

    def flush(self, connection: Connection) -> None:
        connection.execute(self.statement, self.rows)
        self.rows.clear()


def later(connection: Connection, statement: Insert, row: dict[str, Any]) -> None:
    """Insert a row at the end of the transaction, together with its like: many rows, one round trip."""
    gathered(connection, id(statement), lambda: _Rows(statement)).rows.append(row)


def tell(connection: Connection, fact: Any) -> None:
    """Have a fact told to the store's listener once the transaction is durable."""
    connection.info[_TOLD].append(fact)


def _flush(connection: Connection) -> None:
    for put_off in connection.info[_LATER].values():
        put_off.flush(connection)


def _parts(batch: Iterable[_Job]) -> list[list[_Job]]:
    """The same in the same order, divided before and after each that must be alone."""
    parts: list[list[_Job]] = []
    for job in batch:
        if not parts or job.alone or parts[-1][0].alone:
            parts.append([])
        parts[-1].append(job)
    return parts


def _as_unavailable(error: BaseException) -> BaseException:
    away = outage(error)
    return error if away is None else StoreUnavailable(away)
