"""What operators see of the organisations and their deliveries, and may do about them, in this process of dispatch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, Row

from services.dispatch import mailbox, refusals
from services.dispatch.breakers import Breakers, Pause
from services.dispatch.consumers import consumer_of, organisation_of
from services.dispatch.mailbox import Kept
from services.dispatch.refusals import Refusal
from services.runtime import ledger, parking
from services.runtime.breaker import State
from services.runtime.clock import Clock
from services.runtime.consumer import KafkaTrouble
from services.runtime.parking import Parked
from services.runtime.store import Store, StoreUnavailable

from . import held, lineage, plans, shown
from .counter import Counter
from .decisions import CannotDecide
from .editing import Change
from .held import Held
from .lineage import Act, Because, Name
from .plans import ActName, Plan, Repair
from .runner import Runner
from .search import Filter, Search, Searching, UnknownOrganisation
from .shown import Shown

__all__ = ["Counter", "Desk", "UnknownDelivery"]

_BACKLOG_S: Final = 2.0
_MOST_BEHIND: Final = 100
_MOST_OF_A_CASE: Final = 1000
_MOST_CONTRADICTIONS: Final = 200


class UnknownDelivery(LookupError):
    """Dispatch has never decided about a delivery of that id, and none waits."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A parked delivery among those of its key."""

    row: Parked
    head: Parked | None
    behind: list[Parked]
    acts: list[Act]
    data: Shown | None
    called_back: list[Kept]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many deliveries wait, by consumer and state, and what organisations brought that nobody could go by.

    That is what they contradicted and nobody cleared up, and what our door refused.
    """

    waiting: dict[tuple[str, str], int]
    contradicted: dict[str, int]
    contradictions: list[Kept]
    refused: list[Refusal]


@dataclass(frozen=True, slots=True)
class Desk:
    """All organisations of this installation, by id."""

    store: Store
    clock: Clock
    ids: Callable[[], str]
    breakers: Breakers
    counters: Mapping[str, Counter]
    searching: Searching
    runner: Runner

    # -- organisations

    async def organisations(self) -> list[Shown]:
        """Every organisation: its breaker and why, how many deliveries wait how, and where it contradicted itself."""
        await self.breakers.look()
        counts = await self.store.read(self._counted)
        return [await self._organisation(name, counter, counts) for name, counter in self.counters.items()]

    def _counted(self, connection: Connection) -> Counts:
        return Counts(
            parking.counts(connection, self._consumers),
            mailbox.contradicted(connection),
            mailbox.contradictions(connection, _MOST_CONTRADICTIONS),
            refusals.standing(connection, self._now()),
        )

    async def _organisation(self, name: str, counter: Counter, counts: Counts) -> Shown:
        breaker, gate = counter.deliveries.breaker, counter.deliveries.attempts.gate
        consumer = counter.deliveries.book.consumer
        word = self.breakers.pause(name)
        backlog = 0 if breaker.state is State.CLOSED else await _backlog(counter)
        return {
            "id": name,
            "zh": counter.organisation.zh,
            "en": counter.organisation.en,
            "state": breaker.state.value,
            "reason": breaker.reason,
            "paused_by": word.by if word else None,
            "since": self.breakers.since(name),
            "probe_at": self.breakers.probe_at(name),
            "held": backlog,
            "parked": counts.waiting.get((consumer, "parked"), 0) + counts.waiting.get((consumer, "answered"), 0),
            "dead": counts.waiting.get((consumer, "dead"), 0),
            "in_flight": gate.running,
            "allowed": gate.allowed,
            "contradicted": counts.contradicted.get(name, 0),
            "contradictions": [shown.called_back(one) for one in counts.contradictions if one.organisation == name],
            "refused": [shown.refused(one) for one in counts.refused if one.organisation == name],
        }

    async def pause(self, organisation: str, because: Because) -> State:
        """Hold everything for an organisation until somebody resumes it. Raises `UnknownOrganisation`."""
        word = Pause(because.by, because.reason, self._now())
        act = Act("pause", because, word.since, organisation)
        return await self._turned(organisation, partial(self.breakers.holding, pause=word), act)

    async def resume(self, organisation: str, because: Because) -> State:
        """End any pause and have one call probe now; how it stands then. Raises `UnknownOrganisation`."""
        act = Act("resume", because, self._now(), organisation)
        return await self._turned(organisation, partial(self.breakers.letting_go, at=act.at), act)

    async def _turned(self, organisation: str, turn: Callable[..., Row[Any]], act: Act) -> State:
        """A person's word and that they gave it are stored together; only then does it hold here, and is it told."""
        if organisation not in self.counters:
            raise UnknownOrganisation(organisation)

        def both(connection: Connection) -> Row[Any]:
            lineage.keep(connection, act)
            return turn(connection, organisation)

        return self.breakers.decided(await self.store.run(both, alone=True))

    # -- deliveries

    async def search(self, search: Search) -> Shown:
        """A page of what waits, oldest first, and the organisations for which it waits.

        Raises `UnknownOrganisation`.
        """
        page = await self.searching.page(search, self._now())
        named = [one for one in await self.organisations() if self.searching.means(search, one["id"])]
        return {
            "deliveries": [shown.row(one) for one in page.rows],
            "total": page.total,
            "next": page.next,
            "held": [one for one in named if one["state"] != State.CLOSED.value],
            "contradicted": [one for one in named if one["contradicted"]],
            "refused": [one for one in named if one["refused"]],
        }

    async def of_case(self, case: str, state: parking.State | None) -> list[Shown]:
        """What is parked or dead of one case, oldest first."""
        wanted = parking.Wanted(case=case, states=None if state is None else {state})
        rows = await self.store.read(partial(parking.page, wanted=wanted, after=None, most=_MOST_OF_A_CASE))
        return [shown.row(one) for one in rows]

    async def show(self, id_: str) -> Shown:
        """Everything about one delivery, personal data masked. Raises `UnknownDelivery`."""
        standing = await self.store.read(partial(_standing, id_=id_, consumers=self._consumers, reveal=False))
        if standing is not None:
            return self._stands(standing)
        waiting = await self._held(id_)
        if waiting:
            return self._waits(*waiting)
        try:
            return await self._ended(id_)
        except UnknownDelivery:
            return await self._only_answered(id_)

    async def reveal(self, id_: str, because: Because) -> Shown:
        """The same with its data as it is; that somebody looked, and why, is kept. Raises `UnknownDelivery`."""

        def act(connection: Connection) -> Standing:
            standing = _standing(connection, id_, self._consumers, reveal=True)
            if standing is None:
                raise UnknownDelivery(id_)
            row, organisation = standing.row, organisation_of(standing.row.consumer)
            looked = Act("reveal", because, self._now(), organisation, id_, row.state, row.revision)
            lineage.keep(connection, looked)
            return standing

        return self._stands(await self.store.run(act), reveal=True)

    def _stands(self, standing: Standing, *, reveal: bool = False) -> Shown:
        return {
            **shown.row(standing.row),
            "data": standing.data,
            "attempts": shown.attempts(standing.row),
            "acts": [shown.act(one, reveal=reveal) for one in standing.acts],
            "head": shown.row(standing.head) if standing.head else None,
            "behind": [shown.row(one) for one in standing.behind],
            "called_back": [shown.called_back(one) for one in standing.called_back],
        }

    async def _held(self, id_: str) -> tuple[Held, list[Held]] | None:
        """A held delivery, and all that is held of its vehicle, in order."""

        def look(connection: Connection) -> tuple[Held, list[Held]] | None:
            one = held.find(connection, id_, self._consumers)
            return (one, held.lane(connection, one)) if one else None

        with suppress(StoreUnavailable):  # as for a search
            await self.searching.holding.note()
        return await self.store.read(look)

    def _waits(self, one: Held, lane: list[Held]) -> Shown:
        place, breaker = lane.index(one), self.counters[organisation_of(one.consumer)].deliveries.breaker
        return {
            **shown.row(one),
            "reason": breaker.reason,
            "data": shown.data(one.record, reveal=False),
            "attempts": [],
            "acts": [],
            "head": shown.row(lane[0]) if place else None,
            "behind": [shown.row(each) for each in lane[place + 1 :][:_MOST_BEHIND]],
            "called_back": [],
        }

    async def _ended(self, id_: str) -> Shown:
        def look(connection: Connection) -> Shown | None:
            found = (ledger.decided(connection, consumer, [id_]).get(id_) for consumer in self._consumers)
            fate = shown.ended(next(filter(None, found), []))
            return None if fate is None else _over(connection, shown.fate(fate))

        whole = await self.store.read(look)
        if whole is None:
            raise UnknownDelivery(id_)
        return whole

    async def _only_answered(self, id_: str) -> Shown:
        """What was called back about a delivery that is not known here. Raises `UnknownDelivery` if nothing was."""

        def look(connection: Connection) -> Shown | None:
            brought = mailbox.about(connection, id_)
            return shown.only_answered(brought, lineage.of_delivery(connection, id_)) if brought else None

        whole = await self.store.read(look)
        if whole is None:
            raise UnknownDelivery(id_)
        return whole

    async def retry(self, id_: str, because: Because) -> None:
        """Try a delivery again now. Raises `CannotDecide`."""
        counter = await self._counter_of(id_)
        await counter.decisions.retry(id_, because.reason, because.by)
        counter.deliveries.heads.look()

    async def cancel(self, id_: str, because: Because) -> None:
        """Give a delivery up. Raises `CannotDecide`."""
        counter = await self._counter_of(id_)
        await counter.decisions.cancel(id_, because.reason, because.by)
        counter.deliveries.heads.look()

    async def edit(self, id_: str, change: Change, because: Because) -> int:
        """Have a delivery say something else; its new revision. Raises `CannotDecide` or `NotValid`."""
        counter = await self._counter_of(id_)
        revision = await counter.decisions.edit(id_, change, because)
        counter.deliveries.heads.look()
        return revision

    async def answer(self, id_: str, raw: Mapping[str, Any], because: Because) -> None:
        """Settle a delivery with the answer that a person has. Raises `CannotDecide` or `NotValid`."""
        counter = await self._counter_of(id_)
        await counter.decisions.answer(id_, raw, because)
        counter.deliveries.heads.look()

    async def clear_up(self, id_: str, because: Because) -> int:
        """Note that a person knows which of its answers is true; how many contradicted the first.

        Raises `CannotDecide` where none did, or that is cleared up.
        """

        def act(connection: Connection) -> int:
            found = mailbox.clear_up(connection, id_)
            for one in found:
                lineage.keep(connection, Act("clear-up", because, self._now(), one.organisation, id_))
            return sum(one.others - one.cleared for one in found)

        cleared = await self.store.run(act)
        if not cleared:
            raise CannotDecide("undisputed")
        return cleared

    async def _counter_of(self, id_: str) -> Counter:
        """Where people are served about a parked delivery. Raises `CannotDecide`."""
        consumer = await self.store.read(partial(parking.consumer_of, id_=id_, consumers=self._consumers))
        if consumer is not None:
            return self.counters[organisation_of(consumer)]
        if await self._held(id_):
            raise CannotDecide("held")
        try:
            await self._ended(id_)
        except UnknownDelivery:
            raise CannotDecide("unknown") from None
        raise CannotDecide("ended")

    # -- repairs of many

    async def plan(self, act: ActName, filter_: Filter, because: Because) -> Shown:
        """Store what is to be done to which deliveries, and count them. Raises `UnknownOrganisation`."""
        new = Plan(self.ids(), act, self.searching.wanted(filter_, self._now()), because, self._now())
        if not await self.store.run(partial(plans.plan, new=new)):
            return {"id": None, "act": act, "total": 0}
        return await self.repair(new.id)

    async def repairs(self, after: str | None, most: int) -> Shown:
        """A page of repairs, the newest first, each with its progress."""

        def look(connection: Connection) -> list[tuple[Repair, Shown]]:
            rows = plans.page(connection, after, most + 1)
            return [(row, plans.progress(connection, row.id)) for row in rows]

        found = await self.store.read(look)
        rows = [shown.repair(row, progress) for row, progress in found[:most]]
        return {"repairs": rows, "next": rows[-1]["id"] if len(found) > most else None}

    async def repair(self, id_: str) -> Shown:
        """One repair: what, why, how far, and how its deliveries spread. Raises `UnknownRepair`."""

        def look(connection: Connection) -> Shown:
            row = plans.find(connection, id_)
            acts = [shown.act(one) for one in lineage.of_repair(connection, id_)]
            told = shown.repair(row, plans.progress(connection, id_))
            return {**told, "counts": plans.counts(connection, row), "acts": acts}

        return await self.store.read(look)

    async def items(self, id_: str, after: int, most: int) -> Shown:
        """A page of a repair's deliveries, in the order in which they are taken. Raises `UnknownRepair`."""

        def look(connection: Connection) -> list[plans.Item]:
            plans.find(connection, id_)
            return plans.items_of(connection, id_, after, most + 1)

        found = await self.store.read(look)
        rows = [shown.item(one) for one in found[:most]]
        return {"items": rows, "next": rows[-1]["position"] if len(found) > most else None}

    async def turn(self, id_: str, act: Name, because: Because, per_second: float | None = None) -> Shown:
        """Run, halt or abandon a repair. Raises `UnknownRepair` or `CannotRepair`."""

        def turned(connection: Connection) -> None:
            plans.turn(connection, id_, act, because, self._now())
            if per_second is not None:
                plans.pace(connection, id_, per_second)

        await self.store.run(turned)
        self.runner.look()
        return await self.repair(id_)

    def acted(self, consumers: Collection[str]) -> None:
        """A repair changed deliveries of these: their heads may be due."""
        for consumer in consumers:
            self.counters[organisation_of(consumer)].deliveries.heads.look()

    @property
    def _consumers(self) -> list[str]:
        return list(map(consumer_of, self.counters))

    def _now(self) -> float:
        return self.clock.now().timestamp()


async def _backlog(counter: Counter) -> int:
    """How many are held; where Kafka does not say, those that have come out of it."""
    try:
        async with asyncio.timeout(_BACKLOG_S):
            return await counter.lanes.backlog()
    except (TimeoutError, KafkaTrouble):
        return counter.lanes.in_memory


def _standing(connection: Connection, id_: str, consumers: Collection[str], *, reveal: bool) -> Standing | None:
    consumer = parking.consumer_of(connection, id_, consumers)
    row = parking.find(connection, consumer, id_) if consumer else None
    if row is None:
        return None
    return Standing(
        row,
        parking.head_of(connection, row),
        parking.behind(connection, row, _MOST_BEHIND),
        lineage.of_delivery(connection, id_),
        shown.data(row.record, reveal=reveal),
        mailbox.kept(connection, organisation_of(row.consumer), id_, row.revision),
    )


def _over(connection: Connection, fate: Shown) -> Shown:
    """All about a delivery that waits no more."""
    id_ = fate["id"]
    return {
        **fate,
        "data": None,
        "acts": [shown.act(one) for one in lineage.of_delivery(connection, id_)],
        "head": None,
        "behind": [],
        "called_back": [
            shown.called_back(one) for one in mailbox.kept(connection, fate["organisation"], id_, fate["revision"])
        ],
    }
