"""The record of disclosures: durable before anything is sent, many in one transaction, and asked about afterwards."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, NamedTuple

from pydantic_core import from_json, to_json
from sqlalchemy import Connection, Row, Select, case, delete, distinct, func, or_, select

from contracts.views.plan import View
from observability import metrics
from services.runtime import pruning
from services.runtime.clock import Clock
from services.runtime.sql import insert_each_once
from services.runtime.store import Op, Store, waited_out

from .tables import disclosures, grants, terms

KEPT: Final = timedelta(days=3 * 366)
"""Three years at least: PIPL 56, NDR 12."""
LONGEST_PAGE: Final = 500
_PRUNED_AT_ONCE: Final = 2_000
_PRUNE_EVERY_S: Final = 3600.0

Shown = dict[str, Any]


class Terms(NamedTuple):
    """On what terms fields are shown: the row that many disclosures share, and the grant that they rest on."""

    id: str
    grant: str
    row: dict[str, Any]


def terms_of(view: View, fields: Sequence[str], *, withheld: bool = False) -> Terms:
    """The terms under which a view has shown exactly these fields; `withheld`: only that there is a message."""
    row = {
        "subscriber": view.subscriber.name,
        "grant_id": view.grant.id,
        "contract": view.versions.name,
        "version": view.grant.version,
        "fields": to_json({name: view.sights[name] for name in sorted(fields)}).decode(),
        "purpose": view.grant.purpose,
        "legal_basis": view.grant.legal_basis,
    }
    id_ = hashlib.sha256(to_json({**row, "withheld": True} if withheld else row)).hexdigest()[:32]
    return Terms(id_, view.grant.id, {"id": id_, **row, "withheld": int(withheld)})


class Disclosure(NamedTuple):
    """One message that is about to be shown to one subscriber."""

    terms: Terms
    message: str
    case: str
    vehicle: str
    stands: Callable[[float], bool]
    """Whether it may still be shown at a moment in seconds since 1970; asked by the thread that writes."""

    @property
    def key(self) -> Key:
        """By what it is known: however often a message comes, it is recorded once."""
        return self.message, self.terms.id


Key = tuple[str, str]


@dataclass(slots=True)
class _Batch:
    """What one transaction is to hold, and who waits for it."""

    rows: list[Disclosure] = field(default_factory=list)
    waiting: list[asyncio.Future[frozenset[Key]]] = field(default_factory=list)


@dataclass(slots=True)
class Book:
    """Writes disclosures down. While one transaction is under way the next one gathers."""

    store: Store
    clock: Clock
    _open: _Batch = field(default_factory=_Batch)
    _writing: asyncio.Task[None] | None = None
    _known: set[str] = field(default_factory=set)

    async def record(self, rows: Iterable[Disclosure]) -> frozenset[Key]:
        """Return when they are durable, with the keys of those that are: whose grant was over by then is not.

        Waits out a store that cannot write, however long; the moment that counts is that of the transaction.
        """
        future: asyncio.Future[frozenset[Key]] = asyncio.get_running_loop().create_future()
        self._open.rows.extend(rows)
        self._open.waiting.append(future)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        return await future

    async def _write(self) -> None:
        try:
            while self._open.waiting:
                batch, self._open = self._open, _Batch()
                await self._commit(batch)
        finally:
            self._writing = None

    async def _commit(self, batch: _Batch) -> None:
        new = {row.terms.id: row.terms for row in batch.rows if row.terms.id not in self._known}
        act = partial(_record, rows=batch.rows, new=list(new.values()), clock=self.clock)
        try:
            recorded = await waited_out(lambda: self.store.run(act))
        except Exception as wrong:  # noqa: BLE001 - whoever waits must hear it, and ends the process
            for future in batch.waiting:
                if not future.done():
                    future.set_exception(wrong)
            return
        self._known.update(new)
        metrics.count("tongche_disclosures_total", len(recorded))
        for future in batch.waiting:
            if not future.done():
                future.set_result(recorded)


def _record(connection: Connection, rows: Sequence[Disclosure], new: Sequence[Terms], clock: Clock) -> frozenset[Key]:
    at = clock.now().timestamp()
    over = frozenset(connection.execute(_OVER).scalars())
    insert_each_once(connection, terms, [{**one.row, "first_at": at} for one in new])
    standing = [row for row in rows if row.terms.grant not in over and row.stands(at)]
    told = [
        {
            "message": row.message,
            "terms": row.terms.id,
            "subscriber": row.terms.row["subscriber"],
            "case_id": row.case,
            "vehicle": row.vehicle,
            "at": at,
        }
        for row in standing
    ]
    insert_each_once(connection, disclosures, told)
    return frozenset(row.key for row in standing)


_OVER: Final = select(grants.c.id).where(or_(grants.c.revoked_at.is_not(None), grants.c.ended_at.is_not(None)))
"""Read in the very transaction that records: once a revocation is durable nothing more can be, in any process."""


# -- asking


class Wanted(NamedTuple):
    """Which disclosures a person means; `after` is where the page before ended."""

    vehicle: str | None = None
    subscriber: str | None = None
    since: datetime | None = None
    after: tuple[float, str, str] | None = None
    most: int = 100


def page(connection: Connection, wanted: Wanted) -> Shown:
    """The newest first, each with its terms; `next` is what `after` wants."""
    query = (
        select(disclosures, terms)
        .join(terms, disclosures.c.terms == terms.c.id)
        .order_by(disclosures.c.at.desc(), disclosures.c.message.desc(), disclosures.c.terms.desc())
        .limit(wanted.most + 1)
    )
    rows = connection.execute(_narrowed(query, wanted)).all()
    more = len(rows) > wanted.most
    shown = rows[: wanted.most]
    last = shown[-1] if more else None
    return {
        "disclosures": [_shown(row) for row in shown],
        "next": [last.at, last.message, last.terms] if last is not None else None,
    }


def _narrowed(query: Select[Any], wanted: Wanted) -> Select[Any]:
    if wanted.vehicle is not None:
        query = query.where(disclosures.c.vehicle == wanted.vehicle)
    if wanted.subscriber is not None:
        query = query.where(disclosures.c.subscriber == wanted.subscriber)
    if wanted.since is not None:
        query = query.where(disclosures.c.at >= wanted.since.timestamp())
    if wanted.after is not None:
        at, message, on = wanted.after
        column = disclosures.c
        query = query.where(
            or_(
                column.at < at,
                (column.at == at) & (column.message < message),
                (column.at == at) & (column.message == message) & (column.terms < on),
            )
        )
    return query


def _shown(row: Row[Any]) -> Shown:
    return {
        "at": row.at,
        "subscriber": row.subscriber,
        "grant": row.grant_id,
        "contract": row.contract,
        "version": row.version,
        "fields": from_json(row.fields),
        "purpose": row.purpose,
        "legal_basis": row.legal_basis,
        "case": row.case_id,
        "vehicle": row.vehicle,
        "message": row.message,
    }


def by_recipient(connection: Connection, since: datetime | None) -> list[Shown]:
    """For the yearly risk report: to whom how many messages about how many vehicles went, with which fields, and why.

    `withheld` are those of which it was only told that they are there: nothing of them was shown.
    Purposes and bases are those on record, whatever the operator's file says today.
    """
    is_shown = terms.c.withheld == 0
    counted = (
        select(
            disclosures.c.subscriber,
            func.count(distinct(case((is_shown, disclosures.c.message)))).label("messages"),
            func.count(distinct(case((is_shown, disclosures.c.vehicle)))).label("vehicles"),
            func.count(distinct(case((~is_shown, disclosures.c.message)))).label("withheld"),
            func.min(disclosures.c.at).label("first_at"),
            func.max(disclosures.c.at).label("last_at"),
        )
        .join(terms, disclosures.c.terms == terms.c.id)
        .group_by(disclosures.c.subscriber)
        .order_by(disclosures.c.subscriber)
    )
    found = connection.execute(_narrowed(counted, Wanted(since=since))).all()
    on_terms = _on_terms(connection, since)
    return [
        {
            "subscriber": row.subscriber,
            "messages": row.messages,
            "vehicles": row.vehicles,
            "withheld": row.withheld,
            "first_at": row.first_at,
            "last_at": row.last_at,
            **on_terms[row.subscriber],
        }
        for row in found
    ]


def _on_terms(connection: Connection, since: datetime | None) -> dict[str, Shown]:
    """By subscriber, what its disclosures of that time rested on."""
    used = _narrowed(select(disclosures.c.terms).distinct(), Wanted(since=since))
    found: dict[str, list[Row[Any]]] = {}
    for row in connection.execute(select(terms).where(terms.c.id.in_(used))):
        found.setdefault(row.subscriber, []).append(row)
    return {subscriber: _summed(rows) for subscriber, rows in found.items()}


def _summed(rows: Sequence[Row[Any]]) -> Shown:
    """Each field and in which forms it was shown; which fields of which contract; for what, on what basis."""
    fields: dict[str, set[str]] = {}
    contracts: dict[str, set[str]] = {}
    for row in rows:
        sights = from_json(row.fields)
        contracts.setdefault(row.contract, set()).update(sights)
        for name, sight in sights.items():
            fields.setdefault(name, set()).add(sight)
    return {
        "fields": _in_order(fields),
        "contracts": _in_order(contracts),
        "purposes": sorted({row.purpose for row in rows}),
        "legal_bases": sorted({row.legal_basis for row in rows}),
    }


def _in_order(found: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    return {name: sorted(told) for name, told in sorted(found.items())}


def usage(connection: Connection) -> list[Shown]:
    """By grant, contract and version: how many messages, in how many each field was, and how many were withheld."""
    counted = (
        select(
            terms.c.grant_id,
            terms.c.subscriber,
            terms.c.contract,
            terms.c.version,
            terms.c.fields,
            terms.c.withheld,
            func.count().label("messages"),
            func.max(disclosures.c.at).label("last_at"),
        )
        .join(disclosures, disclosures.c.terms == terms.c.id)
        .group_by(terms.c.id, terms.c.grant_id, terms.c.subscriber, terms.c.contract, terms.c.version, terms.c.fields)
    )
    found: dict[tuple[Any, ...], Shown] = {}
    for row in connection.execute(counted):
        key = (row.subscriber, row.grant_id, row.contract, row.version)
        told = found.setdefault(key, dict(zip(_USAGE, (*key, 0, 0, 0.0, {}), strict=True)))
        told["withheld" if row.withheld else "messages"] += row.messages
        told["last_at"] = max(told["last_at"], row.last_at)
        for name in from_json(row.fields):
            told["fields"][name] = told["fields"].get(name, 0) + row.messages
    return [found[key] for key in sorted(found)]


_USAGE: Final = ("subscriber", "grant", "contract", "version", "messages", "withheld", "last_at", "fields")


# -- forgetting


@dataclass(frozen=True, slots=True)
class Retention:
    """Deletes what has been kept for long enough, a little at a time. Terms are few, and stay."""

    store: Store
    clock: Clock
    kept: timedelta = KEPT

    async def run(self) -> None:
        """Look each hour, for as long as the service lives."""
        await pruning.regularly(self.prune, every_s=_PRUNE_EVERY_S)

    async def prune(self) -> None:
        """Delete all whose time is over."""
        before = (self.clock.now() - self.kept).timestamp()
        await pruning.all_of(self.store, _prune(before))


def _prune(before: float) -> Op[int]:
    def act(connection: Connection) -> int:
        old = (
            select(disclosures.c.message)
            .where(disclosures.c.at < before)
            .order_by(disclosures.c.at)
            .limit(_PRUNED_AT_ONCE)
        )
        gone = delete(disclosures).where(disclosures.c.message.in_(old), disclosures.c.at < before)
        return connection.execute(gone).rowcount

    return act
