"""What an agency has only taken in is not sent again: its answer is fetched, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from adapters.registry import ADAPTERS
from adapters.spec import Adapter, Endpoint, Features, Later, Letter
from services.dispatch.carriers.carrier import Brought
from services.runtime.record import Record
from tests.dispatch.agency import Customs, vin
from tests.dispatch.workshop import Site, declaration, quick, until
from tests.stores import Stores

CAR = vin(1)
ASK = Endpoint("POST", "/answers")
UNKNOWN = Brought(404, {}, b'{"returnCode": "HG404"}')
PENDING = Brought(202, {}, b"{}")
FOR_EVER = 10**9


def refused() -> Brought:
    """No, in the agency's own words."""
    return Brought(422, {}, b'{"returnCode": "HG422"}')


@dataclass
class Office:
    """Takes commands in, and answers who asks often enough. `oddly` is what it says first to who asks."""

    pending: int = 2
    oddly: list[Brought] = field(default_factory=list)
    says: Callable[[], Brought] | None = None
    forgets: int = 0
    """How many commands it takes in and knows nothing of afterwards."""
    submitted: list[str] = field(default_factory=list)
    asked: int = 0
    open: dict[str, str] = field(default_factory=dict)
    """Cars by key."""

    async def carry(self, endpoint: Endpoint, letter: Letter, key: str | None) -> Brought:
        body = json.loads(letter.raw)
        if endpoint.path == ASK.path:
            return self._answer(body["key"])
        assert key is not None
        self.submitted.append(key)
        if self.forgets:
            self.forgets -= 1
        else:
            self.open[key] = body["vinNo"]
        return PENDING

    def _answer(self, key: str) -> Brought:
        self.asked += 1
        if key not in self.open:
            return UNKNOWN
        if self.oddly:
            return self.oddly.pop(0)
        if self.pending:
            self.pending -= 1
            return PENDING
        if self.says is not None:
            return self.says()
        told = {"vinNo": self.open[key], "entryId": "223320260000012345", "declareDate": "20260302"}
        return Brought(200, {}, json.dumps(told).encode())


def later(features: Features) -> Adapter:
    """Customs that answer later, and can be asked for nothing but that answer."""
    adapter = quick(features)
    operation = adapter.operations["export.declare"]
    answers = Later(ASK, lambda _, key: {"key": key}, timedelta(milliseconds=20), settles=timedelta(milliseconds=100))
    return replace(
        adapter, operations={**adapter.operations, "export.declare": replace(operation, lookup=None, later=answers)}
    )


@dataclass
class Stage:
    """Where a scenario is played."""

    stores: Stores
    monkeypatch: pytest.MonkeyPatch

    def play(self, features: Features, office: Office, scenario: Callable[[Site, Record], Awaitable[None]]) -> None:
        """One command to that office."""
        self.monkeypatch.setitem(ADAPTERS, "customs", later(features))

        async def play() -> None:
            settings = await asyncio.to_thread(self.stores.ready)
            await scenario(Site(settings, "", Customs(), carrier=office), declaration(CAR))

        asyncio.run(play())


@pytest.fixture
def stage(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A stage of the test's own."""
    return Stage(stores, monkeypatch)


def _results(where: Site, state: str = "settled") -> list[tuple[str, int | None]]:
    fates = [one for one in where.heard("delivery.changed", "delivery.events") if one.state == state]
    return [(one.result, one.status) for one in fates[-1].attempts]


@pytest.mark.parametrize("features", list(Features))
def test_an_answer_that_comes_later_is_fetched(stage: Stage, features: Features) -> None:
    """Sent once, asked for until it is there; asking in vain is no part of the story."""
    office = Office()

    async def scenario(where: Site, record: Record) -> None:
        async with where.working() as worker:
            await worker.deliveries.handle(record, None)
            await until(lambda: "settled" in where.states(record))
        assert (office.submitted, office.asked) == ([record.id], 3)
        assert len(where.heard("export.released")) == 1
        assert _results(where) == [("not-yet", 202), ("answered", 200)]

    stage.play(features, office, scenario)


def test_a_no_may_come_later_too(stage: Stage) -> None:
    """It is the command's, not that of the question."""
    office = Office(says=refused)

    async def scenario(where: Site, record: Record) -> None:
        async with where.working() as worker:
            await worker.deliveries.handle(record, None)
            await until(lambda: "refused" in where.states(record))
        assert len(office.submitted) == 1
        assert _results(where, "refused")[-1] == ("refused", 422)

    stage.play(Features.QUERYABLE, office, scenario)


@pytest.mark.parametrize("features", list(Features))
@pytest.mark.parametrize(
    "oddity",
    [Brought(500, {}, b""), Brought(503, {}, b""), Brought(200, {}, b"\x00 garbage"), Brought(302, {}, b"")],
    ids=lambda brought: str(brought.status),
)
def test_trouble_with_asking_says_nothing_about_the_command(stage: Stage, features: Features, oddity: Brought) -> None:
    """It is asked for again; it is not sent again, and no person is called."""
    office = Office(oddly=[oddity] * 3)

    async def scenario(where: Site, record: Record) -> None:
        async with where.working() as worker:
            await worker.deliveries.handle(record, None)
            await until(lambda: "settled" in where.states(record))
        assert office.submitted == [record.id]
        assert where.letters() == []

    stage.play(features, office, scenario)


@pytest.mark.parametrize("features", list(Features))
def test_what_is_parked_until_its_answer_comes_is_fetched_by_the_next_process(stage: Stage, features: Features) -> None:
    """That it was taken in stands with it."""
    office = Office(pending=FOR_EVER)

    async def scenario(where: Site, record: Record) -> None:
        async with where.working() as worker:
            await worker.deliveries.handle(record, None)
            await worker.parked_as("parked")
        office.pending = 0
        async with where.working(generation=2) as worker:
            await worker.nothing_parked()
        assert office.submitted == [record.id]
        assert where.states(record)[-1] == "settled"

    stage.play(features, office, scenario)


@pytest.mark.parametrize(
    ("features", "sent"),
    [(Features.IDEMPOTENT, 2), (Features.QUERYABLE, 1)],
    ids=["sends again where the key is known", "asks first where it can"],
)
def test_a_process_that_dies_in_between_makes_sure(stage: Stage, features: Features, sent: int) -> None:
    """It cannot know that it was taken in: the agency can, or asking for the answer is how one finds out."""
    office = Office(pending=FOR_EVER)

    async def scenario(where: Site, record: Record) -> None:
        await _cut_off(where, record, office)
        async with where.working(generation=2) as worker:
            await worker.deliveries.handle(record, None)
            await until(lambda: "settled" in where.states(record))
        assert office.submitted == [record.id] * sent

    stage.play(features, office, scenario)


def test_a_process_that_dies_in_between_leaves_it_to_a_person_where_nobody_can_tell(stage: Stage) -> None:
    """Blind: the note of the call is all that there is."""
    office = Office(pending=FOR_EVER)

    async def scenario(where: Site, record: Record) -> None:
        await _cut_off(where, record, office)
        async with where.working(generation=2) as worker:
            await worker.deliveries.handle(record, None)
            await worker.parked_as("dead")
        assert office.submitted == [record.id]

    stage.play(Features.BLIND, office, scenario)


async def _cut_off(where: Site, record: Record, office: Office) -> None:
    """A process that is dropped while it waits for the answer, which is there a moment later."""
    async with where.working() as worker:
        handling = asyncio.create_task(worker.deliveries.handle(record, None))
        await until(lambda: office.asked > 0)
        handling.cancel()
        await asyncio.gather(handling, return_exceptions=True)
    office.pending = 0


@pytest.mark.parametrize("features", [Features.IDEMPOTENT, Features.QUERYABLE])
def test_what_an_agency_forgets_is_sent_again(stage: Stage, features: Features) -> None:
    """Where a second one would be known, at once; where it can only be asked, when the first is surely gone."""
    office = Office(forgets=1)

    async def scenario(where: Site, record: Record) -> None:
        async with where.working() as worker:
            await worker.deliveries.handle(record, None)
            await until(lambda: "settled" in where.states(record))
        assert office.submitted == [record.id] * 2

    stage.play(features, office, scenario)


def test_what_a_blind_agency_forgets_is_a_persons(stage: Stage) -> None:
    """It said that it had it, and says that it has not: nobody can tell."""
    office = Office(forgets=1)

    async def scenario(where: Site, record: Record) -> None:
        async with where.working() as worker:
            await worker.deliveries.handle(record, None)
            await worker.parked_as("dead")
        assert office.submitted == [record.id]

    stage.play(Features.BLIND, office, scenario)
