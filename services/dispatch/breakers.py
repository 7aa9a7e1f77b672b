"""The breakers of all organisations, shared by the processes of dispatch and kept over a restart.

Each process decides for itself what calls have shown, and writes it under a number that grows by one: who comes second
takes over what the first wrote, unless what it knows itself holds longer. Each second it reads what the others wrote.
So one process that finds an organisation down holds all, and a pause of an hour survives a restart. All processes write
these rows, so each write has a transaction of its own: a lock on one is never held while another is waited for.

What a person decides stands in columns of its own, written in the transaction that keeps the act and under a number of
its own. Nothing that calls show can cover or lift it, and no two clocks are compared for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, Row, func, or_, select, update

from observability import metrics
from services.dispatch.tables import breakers as table
from services.runtime.breaker import LONGEST_PAUSE_S, Breaker, State
from services.runtime.clock import Clock
from services.runtime.gate import Gate
from services.runtime.sql import insert_once
from services.runtime.store import Store, waited_out

_READ_EVERY_S: Final = 1.0
_NUMBER: Final = {State.CLOSED: 0, State.HALF_OPEN: 1, State.OPEN: 2}
_TO_BE_PROBED: Final = "resumed, to be probed"


@dataclass(frozen=True, slots=True)
class Pause:
    """A person's word that an organisation is not to be called. `since` is in seconds since 1970."""

    by: str
    reason: str
    since: float


@dataclass(slots=True)
class _Shared:
    """One organisation's breaker, and what this process has heard of the table: both numbers, and what they brought.

    `unwritten` is what it found out by itself and has not written yet.
    """

    gate: Gate
    up_since: float
    away_since: float | None = None
    """When it went away, by the clock of who saw that first; None while it is there. No probe that fails is news."""
    version: int = 0
    turned: int = 0
    pause: Pause | None = None
    unwritten: dict[str, Any] | None = None

    @property
    def breaker(self) -> Breaker:
        """Whether it may be called."""
        return self.gate.breaker


@dataclass(slots=True)
class Breakers:
    """`who` names this process."""

    store: Store
    clock: Clock
    who: str
    known: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the table has been read: before that nobody may be called."""
    _shared: dict[str, _Shared] = field(default_factory=dict)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, gate: Gate) -> None:
        """Share the breaker of this gate from now on."""
        self._shared[gate.breaker.organisation] = _Shared(gate, self._now())
        gate.breaker.changed = self._changed
        _show(gate.breaker)

    async def run(self) -> None:
        """Read, then write and read, for as long as the service lives."""
        for row in await waited_out(self._first_look):
            self._hear(row, first=True)
        self.known.set()
        while True:
            self._wake.clear()
            for one in self._shared.values():
                await self._write(one)
            await waited_out(self.look)
            await self._next_look()

    async def look(self) -> None:
        """Hear what others have written. Raises `StoreUnavailable`."""
        for row in await self.store.read(_rows):
            self._hear(row)

    def since(self, organisation: str) -> float:
        """Since when it is down or a person holds it, or, if neither, since when it is up; at first, when we began."""
        one = self._shared[organisation]
        if one.pause is not None:
            return one.pause.since
        return one.up_since if one.away_since is None else one.away_since

    def probe_at(self, organisation: str) -> float | None:
        """From when on one call may probe, in seconds since 1970; None where it is up, being probed, or a person's."""
        breaker = self._shared[organisation].breaker
        if breaker.state is not State.OPEN or breaker.held is not None:
            return None
        return self._now() + breaker.due_at - breaker.now()

    def pause(self, organisation: str) -> Pause | None:
        """The person's word that holds it, if one does."""
        return self._shared[organisation].pause

    # -- a person's acts

    def holding(self, connection: Connection, organisation: str, pause: Pause) -> Row[Any]:
        """Within a transaction: hold everything for an organisation. Tell `decided` once it is durable."""
        _make_sure(connection, organisation, pause.since)
        held = {"paused_by": pause.by, "pause_reason": pause.reason, "paused_at": pause.since}
        this = update(table).where(table.c.organisation == organisation)
        return connection.execute(this.values(turned=table.c.turned + 1, **held).returning(*table.c)).one()

    def letting_go(self, connection: Connection, organisation: str, at: float) -> Row[Any]:
        """Within a transaction: end any pause, and have one call probe now. Tell `decided` once it is durable.

        An organisation that is not held, or is being probed, stays as it is.
        """
        _make_sure(connection, organisation, at)
        is_held = or_(table.c.paused_at.isnot(None), table.c.state == State.OPEN.value)
        this = update(table).where(table.c.organisation == organisation, is_held)
        changes = {"turned": table.c.turned + 1, "paused_by": None, "pause_reason": None, "paused_at": None}
        probe = {"version": table.c.version + 1, "state": State.OPEN.value, "since": at, "probe_at": at, "who": None}
        kept = {
            "away_since": func.coalesce(table.c.away_since, at),
            "reason": func.coalesce(table.c.reason, _TO_BE_PROBED),
        }
        found = connection.execute(this.values(**changes, **probe, **kept).returning(*table.c)).first()
        return found or _row(connection, organisation)

    def decided(self, row: Row[Any]) -> State:
        """What a person decided holds here at once; how the organisation stands now."""
        self._hear(row)
        return self._shared[row.organisation].breaker.state

    # -- what calls have shown

    def _changed(self, breaker: Breaker) -> None:
        one, at = self._shared[breaker.organisation], self._now()
        if breaker.own is State.CLOSED:
            one.up_since, one.away_since = at, None
        elif one.away_since is None:
            one.away_since = at
        one.unwritten = {
            "state": breaker.own.value,
            "reason": breaker.own_reason,
            "since": at,
            "away_since": one.away_since,
            "probe_at": at + max(0.0, breaker.due_at - breaker.now()),
            "who": self.who,
        }
        self._wake.set()
        _show(breaker)

    async def _write(self, one: _Shared) -> None:
        """Write what this process found out, on top of what it has heard; or take over what it had not heard."""
        found, seen = one.unwritten, one.version
        if found is None:
            return
        act = partial(_compare_and_set, organisation=one.breaker.organisation, seen=seen, found=found)
        row = await waited_out(lambda: self.store.run(act, alone=True))
        if (row.who, row.version) == (self.who, seen + 1):
            one.version = row.version
            if one.unwritten is found:
                one.unwritten = None
        elif row.who is not None and self._holds_longer(one.breaker, row):
            one.version = row.version
            if row.away_since is not None:
                one.away_since = row.away_since
                one.unwritten = {**found, "away_since": row.away_since}
            self._wake.set()
        else:
            one.unwritten = None
            self._hear(row)

    def _holds_longer(self, breaker: Breaker, row: Row[Any]) -> bool:
        if breaker.own is not State.OPEN or breaker.due_at <= breaker.now():
            return False
        return breaker.due_at - breaker.now() > _wait_s(row)

    # -- what others have written

    def _hear(self, row: Row[Any], *, first: bool = False) -> None:
        one = self._shared.get(row.organisation)
        if one is None:
            return
        changed = False
        # What is unwritten meets the newer version when it is written.
        if row.version > one.version and one.unwritten is None:
            one.version = row.version
            if row.who != self.who:
                self._adopt(one, row, first=first)
                changed = True
        if row.turned > one.turned:
            self._obey(one, row)
            changed = True
        if changed:
            # Only now: what a person's pause covered must be known before anybody is let in.
            _show(one.breaker)
            one.gate.look()

    def _adopt(self, one: _Shared, row: Row[Any], *, first: bool) -> None:
        wait_s, state = _wait_s(row), State(row.state)
        if first:
            # Written by a process before this: part of it may be over. Our clock may be wrong, so never more than all.
            wait_s = min(wait_s, max(0.0, row.probe_at - self._now()))
        if state is State.HALF_OPEN:
            # Somebody probes at this moment; if nothing is heard of it, we do.
            state, wait_s = State.OPEN, LONGEST_PAUSE_S
        one.up_since, one.away_since = row.since, row.away_since
        one.breaker.adopt(state, row.reason, one.breaker.now() + wait_s)

    def _obey(self, one: _Shared, row: Row[Any]) -> None:
        one.turned, one.pause = row.turned, None
        if row.paused_at is None:
            one.breaker.let_go()
        else:
            one.pause = Pause(row.paused_by, row.pause_reason, row.paused_at)
            one.breaker.hold(row.pause_reason)

    def _now(self) -> float:
        return self.clock.now().timestamp()

    async def _first_look(self) -> list[Row[Any]]:
        return await self.store.run(partial(_all, names=self._shared, at=self._now()), alone=True)

    async def _next_look(self) -> None:
        try:
            async with asyncio.timeout(_READ_EVERY_S):
                await self._wake.wait()
        except TimeoutError:
            return


def _show(breaker: Breaker) -> None:
    metrics.gauge("tongche_breaker_state", _NUMBER[breaker.state], organisation=breaker.organisation)


def _wait_s(row: Row[Any]) -> float:
    """How long after it was written one call may probe: both moments are of the clock of who wrote it."""
    return max(0.0, row.probe_at - row.since) if row.state == State.OPEN.value else 0.0


# -- acts


def _all(connection: Connection, names: Collection[str], at: float) -> list[Row[Any]]:
    """Every organisation's row; whoever has none yet gets one that says nothing."""
    for name in names:
        _make_sure(connection, name, at)
    return _rows(connection)


def _make_sure(connection: Connection, organisation: str, at: float) -> None:
    row = {"organisation": organisation, "version": 0, "turned": 0, "state": State.CLOSED.value}
    insert_once(connection, table, row | {"since": at, "probe_at": at})


def _rows(connection: Connection) -> list[Row[Any]]:
    return list(connection.execute(select(table)))


def _row(connection: Connection, organisation: str) -> Row[Any]:
    return connection.execute(select(table).where(table.c.organisation == organisation)).one()


def _compare_and_set(connection: Connection, organisation: str, seen: int, found: dict[str, Any]) -> Row[Any]:
    """Write it as the next version, unless somebody else did; how the row stands then."""
    this = (table.c.organisation == organisation) & (table.c.version == seen)
    connection.execute(update(table).where(this).values(version=seen + 1, **found))
    return _row(connection, organisation)
