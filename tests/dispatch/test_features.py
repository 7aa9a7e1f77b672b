"""After a call of which nobody can tell whether it was carried out, the agency's declared features decide."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from aiohttp import web

from adapters.registry import ADAPTERS
from adapters.spec import Features
from contracts.export import ExportTrackV1
from services.dispatch.carriers.http import connections
from services.runtime import parking
from services.runtime.record import Record
from tests.dispatch.agency import AFTER_A_CRASH_S, FAULTS, Customs, Fault, listening, vin
from tests.dispatch.workshop import SETTLES, Site, Worker, as_record, declaration, quick, site, until
from tests.stores import Stores

CAR = vin(1)
AFTER = Fault("500", acted=True)
BEFORE = Fault("500")
LATE = Fault("late")
DOWN = Fault("503")
T = TypeVar("T")
MOMENTS = ("before the call", "after the answer", "before saying", "after saying")
AT_ONCE = 8


@dataclass
class Stage:
    """Where scenarios are played; each has an agency, a store and processes of its own."""

    stores: Stores
    monkeypatch: pytest.MonkeyPatch

    def play(self, features: Features, scenario: Callable[[Site], Awaitable[None]], customs: Customs) -> None:
        """Play a scenario with an agency of some features."""

        async def within(where: Site, _: None) -> None:
            await scenario(where)

        self.play_each(features, [None], lambda _: customs, within)

    def play_each(
        self,
        features: Features,
        variations: Iterable[T],
        agency: Callable[[T], Customs],
        scenario: Callable[[Site, T], Awaitable[None]],
    ) -> None:
        """Play a scenario in all its variations at once: they mostly wait. A failure tells its variation."""
        self.monkeypatch.setitem(ADAPTERS, "customs", quick(features))

        async def one(variation: T, turn: asyncio.Semaphore) -> None:
            customs = agency(variation)
            customs.knows_keys = features is Features.IDEMPOTENT
            try:
                async with turn, site(self.stores, customs) as where:
                    await scenario(where, variation)
            except BaseException as failure:
                failure.add_note(f"{features.value}: {variation}")
                raise

        async def all_of() -> None:
            turn = asyncio.Semaphore(AT_ONCE)
            async with asyncio.TaskGroup() as plays:
                for variation in variations:
                    plays.create_task(one(variation, turn))

        asyncio.run(all_of())


@pytest.fixture
def stage(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A stage of the test's own."""
    return Stage(stores, monkeypatch)


def _goes_wrong(fault: Fault) -> Customs:
    """An agency at which the first call goes wrong."""
    return Customs(calls_go={CAR: [fault]})


async def _settled(where: Site, record: Record) -> None:
    await until(lambda: "settled" in where.states(record))
    assert len(where.heard("export.released")) == 1


async def _dead(worker: Worker, where: Site, record: Record) -> None:
    """Nobody tries it again, everybody can see why, and somebody owns it."""
    (row,) = await worker.parked_as("dead")
    assert (row.record.id, row.failure) == (record.id, "person")
    await until(lambda: bool(where.letters()))
    letter = where.letters()[-1]
    assert (letter.delivery_id, letter.state, letter.failure, letter.owner) == (record.id, "dead", "person", "operator")
    assert letter.reason
    assert where.heard("export.released") == []


# -- what goes wrong with the call


def test_an_agency_that_knows_our_keys_is_asked_again(stage: Stage) -> None:
    """Idempotent: the second call under the same key brings the answer, and there is one effect."""

    async def scenario(where: Site, _: Fault) -> None:
        record, customs = declaration(CAR), where.customs
        async with where.working() as worker:
            await worker.deliveries.handle(record, None)
            await _settled(where, record)
        assert (customs.effects, customs.calls_about(CAR)) == ([(CAR, record.id)], 2)
        assert customs.look_ups == []

    stage.play_each(Features.IDEMPOTENT, FAULTS, _goes_wrong, scenario)


def test_an_agency_that_can_be_asked_is_asked_before_it_is_called_again(stage: Stage) -> None:
    """Queryable: what was carried out, or still is, is found and not called again; what was not is called once more."""

    async def scenario(where: Site, fault: Fault) -> None:
        record, customs = declaration(CAR), where.customs
        async with where.working() as worker:
            await worker.deliveries.handle(record, None)
            await worker.nothing_parked()
            await _settled(where, record)
        carried_out = fault.acted or fault is LATE
        assert (customs.effects_on(CAR), customs.calls_about(CAR)) == (1, 1 if carried_out else 2)
        assert customs.look_ups

    stage.play_each(Features.QUERYABLE, [*FAULTS, LATE], _goes_wrong, scenario)


def test_a_blind_agency_is_left_to_a_person(stage: Stage) -> None:
    """Blind: one call and no second; dead, with its class, its reason and its owner; the vehicle's next one waits."""

    async def scenario(where: Site, _: Fault) -> None:
        record, following = declaration(CAR, 0), declaration(CAR, 1)
        async with where.working() as worker:
            await worker.deliveries.handle(record, None)
            await worker.deliveries.handle(following, None)
            await _dead(worker, where, record)
            assert [row.state for row in await worker.parked()] == ["dead", "parked"]
        async with where.working(generation=2) as worker:
            await worker.deliveries.handle(record, None)
            assert [row.state for row in await worker.parked()] == ["dead", "parked"]
        assert (where.customs.calls_about(CAR), where.customs.look_ups) == (1, [])

    stage.play_each(Features.BLIND, FAULTS, _goes_wrong, scenario)


@pytest.mark.parametrize("features", list(Features))
def test_what_is_certain_needs_no_features(stage: Stage, features: Features) -> None:
    """A 503 was carried out nowhere: it is called again, also where nobody could look it up."""

    async def scenario(where: Site) -> None:
        record = declaration(CAR)
        async with where.working() as worker:
            await worker.deliveries.handle(record, None)
            await worker.nothing_parked()
            await _settled(where, record)
        assert (where.customs.effects_on(CAR), where.customs.calls_about(CAR)) == (1, 2)
        assert where.customs.look_ups == []

    stage.play(features, scenario, _goes_wrong(DOWN))


# -- what goes wrong with the look-up


@pytest.mark.parametrize("doubt", [AFTER, BEFORE], ids=["carried out", "not carried out"])
def test_a_look_up_that_fails_is_repeated_and_decides_nothing(stage: Stage, doubt: Fault) -> None:
    """Neither taken for a yes, nor for a no, nor for leave to call again."""
    wrongs = [*(fault for fault in FAULTS if fault.acted), DOWN, Fault("refused")]

    async def scenario(where: Site, _: Fault) -> None:
        record, customs = declaration(CAR), where.customs
        async with where.working() as worker:
            await worker.deliveries.handle(record, None)
            await worker.nothing_parked()
            await _settled(where, record)
        assert (customs.effects_on(CAR), customs.calls_about(CAR)) == (1, 1 if doubt.acted else 2)
        assert len(customs.look_ups) >= 3

    def agency(wrong: Fault) -> Customs:
        return Customs(calls_go={CAR: [doubt]}, look_ups_go={CAR: [wrong, wrong]})

    stage.play_each(Features.QUERYABLE, wrongs, agency, scenario)


def test_while_no_look_up_answers_it_waits_parked(stage: Stage) -> None:
    """It is not called again; when the look-up answers at last, its answer is taken and no second call is made."""

    async def scenario(where: Site) -> None:
        record, customs = declaration(CAR), where.customs
        async with where.working() as worker:
            await worker.deliveries.handle(record, None)
            (row,) = await worker.parked()
            assert (row.state, row.failure) == ("parked", "ambiguous")
            customs.look_ups_go.clear()
            await worker.nothing_parked()
            await _settled(where, record)
        assert (customs.effects_on(CAR), customs.calls_about(CAR)) == (1, 1)

    stage.play(Features.QUERYABLE, scenario, Customs(calls_go={CAR: [AFTER]}, look_ups_go={CAR: [AFTER] * 50}))


def test_what_is_still_being_carried_out_when_it_is_parked_is_not_called_again(stage: Stage) -> None:
    """The time for which an "unknown" is not believed is longer than any patience in place."""

    async def scenario(where: Site) -> None:
        record, customs = declaration(CAR), where.customs
        adapter = ADAPTERS["customs"]
        hasty = replace(adapter, retry=replace(adapter.retry, in_place_for=timedelta(), longest=timedelta()))
        stage.monkeypatch.setitem(ADAPTERS, "customs", hasty)
        async with where.working() as worker:
            await worker.deliveries.handle(record, None)
            (row,) = await worker.parked()
            # On a busy machine it may have been carried out by now; then nothing is left to be tempted by.
            assert row.failure == "ambiguous"
            await worker.nothing_parked()
            await _settled(where, record)
        assert (customs.effects_on(CAR), customs.calls_about(CAR)) == (1, 1)

    stage.play(Features.QUERYABLE, scenario, _goes_wrong(LATE))


@dataclass
class SlowToSay(Customs):
    """It hangs, looks into its books, carries out what was hanging, and says what it saw when that has long settled."""

    async def look_up(self, request: web.Request) -> web.StreamResponse:
        """The first time, by the books as they stood; then as ever."""
        said = await Customs.look_up(self, request)
        if len(self.look_ups) == 1:
            asked = await request.json()
            self._act(asked, "hanging")
            await asyncio.sleep(2 * SETTLES.total_seconds())
        return said


def test_an_unknown_that_was_long_on_its_way_is_as_old_as_its_question(stage: Stage) -> None:
    """When it comes the call would have settled; when it was asked for it had not: it is looked up again."""
    customs = SlowToSay(calls_go={CAR: [Fault("hang")]})

    async def scenario(where: Site) -> None:
        record = declaration(CAR)
        async with where.working() as worker:
            await worker.deliveries.handle(record, None)
            await worker.nothing_parked()
            await _settled(where, record)
        assert (customs.effects_on(CAR), customs.calls_about(CAR)) == (1, 1)

    stage.play(Features.QUERYABLE, scenario, customs)


# -- a process that dies


@pytest.mark.parametrize("features", list(Features))
def test_a_process_that_dies_neither_doubles_nor_loses(stage: Stage, features: Features) -> None:
    """Between note and call, call and outcome, outcome and saying, saying and letting go."""

    async def scenario(where: Site, moment: str) -> None:
        record = declaration(CAR)
        await where.until_dead(moment, record)
        async with where.working() as worker:
            known = (await worker.deliveries.recall([record])).get(record.id)
            await worker.deliveries.handle(record, known)
            await _judge_after_death(worker, where, record, moment, features)

    stage.play_each(features, MOMENTS, lambda _: Customs(), scenario)


@pytest.mark.parametrize("features", list(Features))
def test_a_process_that_dies_with_a_parked_head_does_neither(stage: Stage, features: Features) -> None:
    """The same for what has no offset behind it, only its row."""

    async def scenario(where: Site, moment: str) -> None:
        record = declaration(CAR)
        async with where.working(moment) as worker:
            await _parked_untried(worker, record)
            await worker.death.reached.wait()
        async with where.working() as worker:
            await _judge_after_death(worker, where, record, moment, features)

    stage.play_each(features, MOMENTS, lambda _: Customs(), scenario)


async def _judge_after_death(worker: Worker, where: Site, record: Record, moment: str, features: Features) -> None:
    customs, decided = where.customs, moment in {"before saying", "after saying"}
    if features is Features.BLIND and not decided:
        await _dead(worker, where, record)
        assert customs.calls_about(CAR) == (0 if moment == "before the call" else 1)
        return
    await worker.nothing_parked()
    await _settled(where, record)
    again = features is Features.IDEMPOTENT and moment == "after the answer"
    assert (customs.effects_on(CAR), customs.calls_about(CAR)) == (1, 2 if again else 1)
    assert bool(customs.look_ups) == (features is Features.QUERYABLE and not decided)


async def _parked_untried(worker: Worker, record: Record) -> None:
    """Put a delivery aside as if it had stood behind another one, which is gone."""
    now = time.time()
    row = parking.Parked(worker.deliveries.book.consumer, record, since=now, deadline=now + 600)
    worker.deliveries.parked.keys.add(record.key)
    await worker.store.run(lambda connection: parking.park(connection, row))
    worker.deliveries.heads.look()


@pytest.mark.parametrize("features", list(Features))
def test_a_process_that_dies_while_the_agency_works(stage: Stage, features: Features) -> None:
    """The agency goes wrong in its way and nobody hears it: what it did, or does later, is done once."""

    async def scenario(where: Site, fault: Fault) -> None:
        record, customs = declaration(CAR), where.customs
        async with where.working("the silence") as worker:
            await _cut_off(worker, record, lambda: customs.calls_about(CAR) == 1)
        async with where.working() as worker:
            await worker.deliveries.handle(record, None)
            if features is Features.BLIND:
                await _dead(worker, where, record)
                assert customs.calls_about(CAR) == 1
                return
            await worker.nothing_parked()
            await _settled(where, record)
        assert customs.effects_on(CAR) == 1

    def agency(fault: Fault) -> Customs:
        return Customs(calls_go={CAR: [fault]}, late_s=AFTER_A_CRASH_S)

    stage.play_each(features, [*FAULTS, LATE], agency, scenario)


def test_a_second_call_that_is_cut_off_is_doubted_from_its_own_beginning(stage: Stage) -> None:
    """The first call was looked up and found undone; who comes after the second may not believe an early "unknown"."""

    async def scenario(where: Site) -> None:
        record, customs = declaration(CAR), where.customs
        async with where.working("the silence") as worker:
            await _cut_off(worker, record, lambda: customs.calls_about(CAR) == 1)
        async with where.working("the silence") as worker:
            await _cut_off(worker, record, lambda: customs.calls_about(CAR) == 2)
        async with where.working() as worker:
            await worker.deliveries.handle(record, None)
            await worker.nothing_parked()
            await _settled(where, record)
        assert (customs.effects_on(CAR), customs.calls_about(CAR)) == (1, 2)

    customs = Customs(calls_go={CAR: [Fault("hang"), LATE]}, late_s=AFTER_A_CRASH_S)
    stage.play(Features.QUERYABLE, scenario, customs)


async def _cut_off(worker: Worker, record: Record, reached: Callable[[], bool]) -> None:
    """Handle a record and be killed once the agency has been reached."""
    handling = asyncio.create_task(worker.deliveries.handle(record, None))
    await until(reached)
    handling.cancel()
    await asyncio.gather(handling, return_exceptions=True)


# -- what a person decides


def test_a_persons_retry_of_a_blind_call_sends_exactly_once_more(stage: Stage) -> None:
    """If that is doubtful again it is dead again; each retry is one call, and one that is good settles it."""

    async def scenario(where: Site) -> None:
        record, customs = declaration(CAR), where.customs
        async with where.working() as worker:
            await worker.deliveries.handle(record, None)
            await _dead(worker, where, record)
            await _retried(worker, record)
            await until(lambda: where.states(record).count("dead") == 2)
            assert customs.calls_about(CAR) == 2
            await _retried(worker, record)
            await worker.nothing_parked()
            await _settled(where, record)
        assert (customs.effects_on(CAR), customs.calls_about(CAR)) == (1, 3)

    stage.play(Features.BLIND, scenario, Customs(calls_go={CAR: [BEFORE, BEFORE]}))


def test_a_persons_retry_is_not_used_up_by_an_agency_that_is_down(stage: Stage) -> None:
    """A call that certainly did not happen is made again: the person need not decide twice."""

    async def scenario(where: Site) -> None:
        record, customs = declaration(CAR), where.customs
        async with where.working() as worker:
            await worker.deliveries.handle(record, None)
            await _dead(worker, where, record)
            await _retried(worker, record)
            await worker.nothing_parked()
            await _settled(where, record)
        assert where.states(record).count("dead") == 1
        assert (customs.effects_on(CAR), customs.calls_about(CAR)) == (1, 4)

    stage.play(Features.BLIND, scenario, Customs(calls_go={CAR: [BEFORE, DOWN, DOWN]}))


def test_a_process_that_dies_in_a_persons_retry_leaves_it_to_a_person_again(stage: Stage) -> None:
    """Of the call that a person wanted nobody knows the end either."""

    async def scenario(where: Site) -> None:
        record, customs = declaration(CAR), where.customs
        async with where.working() as worker:
            await worker.deliveries.handle(record, None)
            await _dead(worker, where, record)
        async with where.working("after the answer") as worker:
            await _retried(worker, record)
            await worker.death.reached.wait()
        async with where.working() as worker:
            (row,) = await worker.parked_as("dead")
            assert row.reason == "a call was cut off"
        assert (customs.effects_on(CAR), customs.calls_about(CAR)) == (1, 2)

    stage.play(Features.BLIND, scenario, _goes_wrong(BEFORE))


async def _retried(worker: Worker, record: Record) -> None:
    await worker.decisions.retry(record.id, "they found nothing")
    worker.deliveries.heads.look()


def test_cancelling_a_blind_call_lets_the_next_go_on(stage: Stage) -> None:
    """The cancelled one is never called again; the next of the vehicle is called once."""

    async def scenario(where: Site) -> None:
        record, following = declaration(CAR, 0), declaration(CAR, 1)
        async with where.working() as worker:
            await worker.deliveries.handle(record, None)
            await worker.deliveries.handle(following, None)
            await _dead(worker, where, record)
            await worker.decisions.cancel(record.id, "they have it already")
            worker.deliveries.heads.look()
            await worker.nothing_parked()
            await _settled(where, following)
        assert where.states(record)[-1] == "cancelled"
        assert where.customs.effects == [(CAR, record.id), (CAR, following.id)]

    stage.play(Features.BLIND, scenario, _goes_wrong(AFTER))


@pytest.mark.parametrize("features", list(Features))
def test_what_only_asks_is_asked_again_of_anybody(stage: Stage, features: Features) -> None:
    """A question changes nothing: no note, no look-up, no person."""

    async def scenario(where: Site) -> None:
        question = ExportTrackV1(vin=CAR, decl_no="223320260000012345")
        record = as_record(question, "customs.commands")
        async with where.working() as worker:
            await worker.deliveries.handle(record, None)
            await until(lambda: "settled" in where.states(record))
        assert (where.customs.calls_about(CAR), where.customs.look_ups) == (3, [])

    stage.play(features, scenario, Customs(calls_go={CAR: [AFTER, AFTER]}))


# -- mistakes of ours, and connections


def test_a_mistake_in_a_mapping_is_looked_up_and_not_called_again(stage: Stage) -> None:
    """Ours, made after the agency had acted: where it can be asked, it is, and the call is not repeated."""
    mistakes = [ZeroDivisionError()]

    async def scenario(where: Site) -> None:
        record, adapter, customs = declaration(CAR), ADAPTERS["customs"], where.customs
        operation = adapter.operations["export.declare"]

        def misunderstood(command: Any, reply: Any) -> Any:
            if mistakes:
                raise mistakes.pop()
            return operation.response(command, reply)

        wrong = {**adapter.operations, "export.declare": replace(operation, response=misunderstood)}
        stage.monkeypatch.setitem(ADAPTERS, "customs", replace(adapter, operations=wrong))
        async with where.working() as worker:
            await worker.deliveries.handle(record, None)
            await worker.nothing_parked()
            await _settled(where, record)

        assert (customs.effects_on(CAR), customs.calls_about(CAR), len(customs.look_ups)) == (1, 1, 1)

    stage.play(Features.QUERYABLE, scenario, Customs())


@pytest.mark.parametrize("features", list(Features))
def test_a_connection_is_used_again_only_where_a_second_call_is_known(features: Features) -> None:
    """An agency may close a kept connection at the moment we use it, and nobody could tell whether it took the call."""
    used: list[Any] = []

    async def note(request: web.Request) -> web.Response:
        used.append(request.transport)
        return web.Response()

    async def scenario() -> None:
        app = web.Application()
        app.router.add_post("/", note)
        async with listening(app) as url, connections(features) as http:
            for _ in range(2):
                async with http.post(url) as answer:
                    await answer.read()

    asyncio.run(scenario())
    assert (used[0] is used[1]) == (features is Features.IDEMPOTENT)
