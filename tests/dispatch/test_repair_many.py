"""One decision about many deliveries: planned, counted, run at a pace, paused, cancelled; a crash doubles nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select, text, update

from adapters.registry import ADAPTERS
from adapters.spec import Features
from services.dispatch.desk import paces, plans
from services.dispatch.desk.decisions import Decisions
from services.dispatch.desk.retention import Retention
from services.dispatch.desk.runner import LEASE_S
from services.dispatch.tables import acts, items, repairs
from services.dispatch.tables import paces as table
from services.runtime.settings import Settings
from tests.dispatch.agency import vin
from tests.dispatch.office import (
    POLICE,
    WHY,
    Office,
    Police,
    SetClock,
    answering,
    come_true,
    office,
    parked,
    release,
    reserve,
)

HOUR = timedelta(hours=1)
FAST = {"per_second": 1000}


def play(settings: Settings, scene: Callable[[Office], Awaitable[None]], *tasks: str) -> None:
    """A scene in an office that has just opened."""

    async def run() -> None:
        async with office(settings, *tasks) as desk:
            await scene(desk)

    asyncio.run(run())


async def done_by(desk: Office, repair: str) -> list[str]:
    """The deliveries that a repair acted upon, in the order of its acts."""
    query = select(acts.c.delivery).where(acts.c.repair == repair, acts.c.delivery.isnot(None)).order_by(acts.c.seq)
    return await desk.store.read(lambda connection: list(connection.execute(query).scalars()))


async def skipped(desk: Office, repair: str) -> dict[str, str]:
    """What a repair left alone, and why."""
    page = await desk.told("GET", f"/repairs/{repair}/items")
    return {item["delivery"]: item["why"] for item in page["items"] if item["state"] == "skipped"}


async def lease_over(desk: Office, repair: str) -> None:
    """Have the lease of a repair's runner end now."""
    ended = update(repairs).where(repairs.c.id == repair).values(lease_until=repairs.c.lease_until - LEASE_S - 60)
    await desk.store.run(lambda connection: connection.execute(ended))


def test_a_plan_counts_what_it_would_do_and_does_nothing(settings: Settings) -> None:
    """By organisation, command, class and age; of nothing there is no plan, and what is held needs none."""

    async def scene(desk: Office) -> None:
        ids = await desk.park(
            parked(release(1, 1, age=30 * HOUR)),
            parked(release(2, 2, age=2 * HOUR)),
            parked(reserve(3, 3), "parked", failure="not-yet"),
        )
        plan = await desk.planned()
        assert (plan["state"], plan["total"], plan["waiting"]) == ("planned", 3, 3)
        assert plan["counts"] == {
            "organisation": {"police": 3},
            "command": {"plate.release": 2, "plate.reserve": 1},
            "failure": {"deadline": 2, "not-yet": 1},
            "age": {"1 d to 7 d": 1, "1 h to 1 d": 1, "under 1 h": 1},
        }
        assert (await desk.planned(filter={"state": "dead", "older_than_s": 86_400}))["total"] == 1
        assert (await desk.planned(filter={"vin": vin(3)}))["total"] == 1
        assert (await desk.planned(filter={"command": "tax.pay"}))["id"] is None
        assert (await desk.ask("POST", "/repairs", {"act": "retry", **WHY, "filter": {"state": "held"}}))[0] == 422
        assert len((await desk.told("GET", "/repairs"))["repairs"]) == 3
        rows = [await desk.row(id_) for id_ in ids]
        assert [row.decided for row in rows if row] == [0, 0, 0]

    play(settings, scene, "repairs")


def test_each_vehicle_goes_in_its_order_and_the_longest_waiting_first(settings: Settings) -> None:
    """However the rows were stored and whatever their clocks said; each act names the repair, the person and why."""

    async def scene(desk: Office) -> None:
        late, early = release(1, 9, age=9 * HOUR), release(1, 4, age=HOUR)
        oldest, middle = release(2, 7, age=10 * HOUR), release(3, 1, age=5 * HOUR)
        await desk.park(*(parked(record) for record in (late, middle, early, oldest)))
        plan = await desk.planned()
        await desk.told("POST", f"/repairs/{plan['id']}/run", FAST)
        told = await desk.repaired(plan["id"])
        assert (told["done"], told["skipped"], told["since_then"]) == (4, 0, {"parked": 4})
        assert await done_by(desk, plan["id"]) == [oldest.id, early.id, late.id, middle.id]
        (act,) = (await desk.told("GET", f"/deliveries/{late.id}"))["acts"]
        assert (act["repair"], act["reason"], act["who"]) == (plan["id"], "they are back", "li")
        assert [one["act"] for one in told["acts"]] == ["plan", "run"]

    play(settings, scene, "repairs")


def test_a_repair_keeps_its_pace(settings: Settings) -> None:
    """At eight a second the sixth comes no sooner than five eighths of a second after the first."""

    async def scene(desk: Office) -> None:
        await desk.park(*(parked(release(number, number)) for number in range(6)))
        plan = await desk.planned("cancel")
        await desk.told("POST", f"/repairs/{plan['id']}/run", {"per_second": 8})
        await desk.repaired(plan["id"])
        query = select(acts.c.at).where(acts.c.act == "cancel").order_by(acts.c.seq)
        at = await desk.store.read(lambda connection: list(connection.execute(query).scalars()))
        assert at[-1] - at[0] >= 5 / 8 * 0.9

    play(settings, scene, "repairs")


def test_a_repair_is_paused_goes_on_and_is_cancelled(settings: Settings) -> None:
    """While it is paused nothing is done; what was done stays done; what is over cannot be turned any more."""

    async def scene(desk: Office) -> None:
        await desk.park(*(parked(release(number, number)) for number in range(100)))
        plan = await desk.planned()
        path = f"/repairs/{plan['id']}"
        assert (await desk.ask("POST", f"{path}/pause", {}))[0] == 409
        await desk.told("POST", f"{path}/run", {"per_second": 5})
        await come_true(lambda: done_by(desk, plan["id"]))
        paused = await desk.told("POST", f"{path}/pause", {})
        assert paused["state"] == "paused"
        assert 0 < paused["done"] < 100
        assert (await desk.store.read(lambda connection: plans.find(connection, plan["id"]))).runner is None
        await desk.runner.carry_out(plan["id"])
        assert (await desk.told("GET", path))["done"] == paused["done"]
        await desk.told("POST", f"{path}/run", {})
        await come_true(lambda: _more_than(desk, plan["id"], paused["done"]))
        cancelled = await desk.told("POST", f"{path}/cancel", {"reason": "enough"})
        assert (cancelled["state"], cancelled["per_second"]) == ("cancelled", 5)
        assert cancelled["waiting"] > 0
        assert [act["act"] for act in cancelled["acts"]] == ["plan", "run", "halt", "run", "abandon"]
        for act in ("run", "pause", "cancel"):
            status, no = await desk.ask("POST", f"{path}/{act}", {})
            assert (status, no["code"]) == (409, "cancelled")
        assert (await desk.ask("POST", "/repairs/no-such/run", {}))[0] == 404

    play(settings, scene, "repairs")


async def _more_than(desk: Office, repair: str, number: int) -> bool:
    return len(await done_by(desk, repair)) > number


def test_a_repair_that_a_crash_cut_off_is_finished_by_another_process(settings: Settings) -> None:
    """Not before the lease is over; each delivery is decided about exactly once."""

    async def run() -> None:
        async with office(settings, "repairs") as first:
            ids = await first.park(*(parked(release(number, number)) for number in range(25)))
            plan = (await first.planned())["id"]
            await first.told("POST", f"/repairs/{plan}/run", {"per_second": 2})
            await come_true(lambda: _more_than(first, plan, 1))
        async with office(settings, slot="1") as second:
            before = len(await done_by(second, plan))
            assert before < 25
            assert await second.runner._claimed() == []
            await lease_over(second, plan)
            assert await second.runner._claimed() == [plan]
            await second.told("POST", f"/repairs/{plan}/run", FAST)
            await second.runner.carry_out(plan)
            assert (await second.told("GET", f"/repairs/{plan}"))["state"] == "done"
            assert Counter(await done_by(second, plan)) == Counter(ids)
            rows = [await second.row(id_) for id_ in ids]
            assert [row.decided for row in rows if row] == [1] * 25

    asyncio.run(run())


def test_who_lost_its_lease_does_nothing_more(settings: Settings) -> None:
    """A process that was frozen finds, in the very transaction of its next act, that another one runs the repair."""

    async def run() -> None:
        async with office(settings) as frozen, office(settings, slot="1") as other:
            await frozen.park(parked(release(1)))
            plan = (await frozen.planned())["id"]
            await frozen.told("POST", f"/repairs/{plan}/run", FAST)
            assert await frozen.runner._claimed() == [plan]
            await lease_over(frozen, plan)
            assert await other.runner._claimed() == [plan]
            await frozen.runner.carry_out(plan)
            assert await done_by(frozen, plan) == []
            await other.runner.carry_out(plan)
            assert len(await done_by(frozen, plan)) == 1

    asyncio.run(run())


def test_a_lease_is_by_one_clock_for_all(settings: Settings) -> None:
    """A runner whose own clock is an hour fast takes nobody's repair away; one whose clock is slow waits no longer."""

    async def run() -> None:
        fast, slow = SetClock(), SetClock()
        fast.pass_(HOUR)
        slow.pass_(-HOUR)
        async with office(settings, clock=fast) as early, office(settings, clock=slow, slot="1") as late:
            await early.park(parked(release(1)), parked(release(2)))
            plan = (await early.planned())["id"]
            await early.told("POST", f"/repairs/{plan}/run", {"per_second": 1})
            for has_it, waits in ((late, early), (early, late)):
                assert await has_it.runner._claimed() == [plan]
                assert await waits.runner._claimed() == []
                begun = partial(has_it.runner._begin, id_=plan, consumer=POLICE)
                assert await has_it.store.run(begun, alone=True) is not None
                assert await waits.runner._claimed() == []
                await lease_over(has_it, plan)

    asyncio.run(run())


def test_of_two_repairs_over_one_delivery_the_earlier_has_it(settings: Settings) -> None:
    """The later one leaves it alone and says so; and what the earlier has decided about is changed for it, too."""

    async def scene(desk: Office) -> None:
        both, one = release(1, 1), release(2, 2)
        await desk.park(parked(both), parked(one, "parked"))
        early = (await desk.planned(filter={"state": "dead"}))["id"]
        late = (await desk.planned("cancel"))["id"]
        after = (await desk.planned("cancel", filter={"state": "dead"}))["id"]
        await desk.told("POST", f"/repairs/{early}/run", FAST)
        await desk.told("POST", f"/repairs/{early}/pause", {})
        await desk.told("POST", f"/repairs/{late}/run", FAST)
        for each in await desk.runner._claimed():
            await desk.runner.carry_out(each)
        assert await skipped(desk, late) == {both.id: "in-another-repair"}
        assert await done_by(desk, late) == [one.id]
        for repair in (early, after):
            await desk.told("POST", f"/repairs/{repair}/run", FAST)
        for each in await desk.runner._claimed():
            await desk.runner.carry_out(each)
        assert await done_by(desk, early) == [both.id]
        assert await skipped(desk, after) == {both.id: "changed"}

    play(settings, scene)


def test_what_has_changed_since_the_plan_is_left_alone(settings: Settings) -> None:
    """Settled, cancelled, decided about otherwise, being tried: skipped, each with its reason; the rest is done."""

    async def scene(desk: Office) -> None:
        records = [release(number, number) for number in range(5)]
        settled, cancelled, retried, tried, rest = (record.id for record in records)
        await desk.park(*(parked(record, "parked") for record in records))
        plan = (await desk.planned())["id"]
        given = {**WHY, "data": {"vin": vin(0), "reservation_no": "R-1"}}
        await desk.told("POST", f"/deliveries/{settled}/answer", given)
        await desk.told("POST", f"/deliveries/{cancelled}/cancel", WHY)
        await desk.told("POST", f"/deliveries/{retried}/retry", WHY)
        await desk.take()
        row = await desk.row(tried)
        assert row is not None
        assert await desk.deliveries().book.take_up(row) is not None
        await desk.told("POST", f"/repairs/{plan}/run", FAST)
        await desk.runner._claimed()
        await desk.runner.carry_out(plan)
        assert await skipped(desk, plan) == {
            settled: "settled",
            cancelled: "cancelled",
            retried: "changed",
            tried: "being-tried",
        }
        assert await done_by(desk, plan) == [rest]
        assert (await desk.told("GET", f"/repairs/{plan}"))["why_skipped"]["being-tried"] == 1

    play(settings, scene)


@pytest.mark.parametrize("vouched", [False, True])
def test_many_of_unknown_outcome_are_sent_again_only_on_somebodys_word(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, *, vouched: bool
) -> None:
    """Of an agency that does not know a call again; those that surely never had an effect go without it."""
    monkeypatch.setitem(ADAPTERS, "police", replace(ADAPTERS["police"], features=Features.BLIND))

    async def scene(desk: Office) -> None:
        doubtful, sure = release(1, 1), release(2, 2)
        await desk.park(parked(doubtful, results=["ambiguous"]), parked(sure, results=["unavailable"]))
        plan = (await desk.planned(not_carried_out=vouched))["id"]
        await desk.told("POST", f"/repairs/{plan}/run", FAST)
        await desk.runner._claimed()
        await desk.runner.carry_out(plan)
        assert await skipped(desk, plan) == ({} if vouched else {doubtful.id: "doubtful"})

    play(settings, scene)


def test_a_mistake_about_one_delivery_does_not_end_the_repair(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of that one is stored; the others are done."""
    real = Decisions.cancelling

    def cancelling(self: Decisions, connection: Any, id_: str, because: Any) -> None:
        real(self, connection, id_, because)
        if id_ == broken.id:
            raise ZeroDivisionError

    broken, sound = release(1, 1), release(2, 2)
    monkeypatch.setattr(Decisions, "cancelling", cancelling)

    async def scene(desk: Office) -> None:
        await desk.park(parked(broken), parked(sound))
        plan = (await desk.planned("cancel"))["id"]
        await desk.told("POST", f"/repairs/{plan}/run", FAST)
        await desk.runner._claimed()
        await desk.runner.carry_out(plan)
        assert await skipped(desk, plan) == {broken.id: "unplanned"}
        assert await desk.row(broken.id) == parked(broken)
        assert await desk.row(sound.id) is None

    play(settings, scene)


def test_a_repair_over_a_running_agency_sends_each_once_and_in_order(settings: Settings) -> None:
    """The whole way: planned, run, tried, answered; each vehicle's commands arrive as they stood."""

    async def run() -> None:
        police = Police()
        async with answering(police) as url:
            own = settings.model_copy(update={"simulator_url": url})
            async with office(own, "repairs", "parked police", "lease police") as desk:
                rows = [
                    parked(
                        release(number % 3, number, age=HOUR, number=f"R-{number}"), "dead" if number < 3 else "parked"
                    )
                    for number in range(12)
                ]
                await desk.park(*rows)
                await desk.take()
                plan = (await desk.planned())["id"]
                await desk.told("POST", f"/repairs/{plan}/run", FAST)
                await come_true(lambda: _all_gone(desk, plan))
        for car in range(3):
            assert [body["yllsh"] for _, body in police.heard if body["clsbdh"] == vin(car)] == [
                f"R-{number}" for number in range(car, 12, 3)
            ]

    asyncio.run(run())


async def _all_gone(desk: Office, plan: str) -> bool:
    told = await desk.told("GET", f"/repairs/{plan}")
    return bool(told["state"] == "done" and not (await desk.search())["total"])


def test_one_process_runs_a_repair_however_many_look(settings: Settings) -> None:
    """Both see that nobody runs it, and one of them gets it."""

    async def run() -> None:
        async with office(settings) as one, office(settings, slot="1") as two:
            await one.park(parked(release(1)))
            plan = (await one.planned())["id"]
            await one.told("POST", f"/repairs/{plan}/run", FAST)
            found = await asyncio.gather(*(desk.runner._claimed() for desk in (one, two)))
            assert sorted(found) == [[], [plan]]
            repair = await one.store.read(lambda connection: plans.find(connection, plan))
            assert repair.runner in {one.runner.who, two.runner.who}
            again = [await desk.runner._claimed() for desk in (one, two)]
            assert again == found, "who has it may claim it again: perhaps it never heard that it had it"

    asyncio.run(run())


def test_repairs_that_run_at_once_decide_about_each_delivery_once(settings: Settings) -> None:
    """Three over the same deliveries, carried out by two processes side by side."""

    async def run() -> None:
        async with office(settings, "repairs") as one, office(settings, "repairs", slot="1") as two:
            ids = await one.park(*(parked(release(number, number)) for number in range(40)))
            repairs = [(await one.planned())["id"] for _ in range(3)]
            for desk, repair in zip((one, two, one), repairs, strict=True):
                await desk.told("POST", f"/repairs/{repair}/run", {"per_second": 200})
            ended = [await one.repaired(repair) for repair in repairs]
            assert sum(repair["done"] for repair in ended) == 40
            assert {why for repair in ended for why in repair["why_skipped"]} <= {"in-another-repair", "changed"}
            rows = [await one.row(id_) for id_ in ids]
            assert [row.decided for row in rows if row] == [1] * 40

    asyncio.run(run())


# -- the pace


def test_all_repairs_together_keep_an_organisations_pace(settings: Settings) -> None:
    """Three in two processes whose clocks are an hour apart: at eight a second the twelfth act ends no sooner."""

    async def run() -> None:
        late = SetClock()
        late.pass_(-HOUR)
        async with office(settings, "repairs") as one, office(settings, "repairs", clock=late, slot="1") as two:
            await one.park(*(parked(release(number, number)) for number in range(12)))
            repairs = [(await one.planned(filter={"vin": vin(number)}))["id"] for number in range(12)]
            began = asyncio.get_running_loop().time()
            for number, repair in enumerate(repairs):
                await (one, two)[number % 2].told("POST", f"/repairs/{repair}/run", {"per_second": 8})
            for repair in repairs:
                assert (await one.repaired(repair))["done"] == 1
            assert asyncio.get_running_loop().time() - began >= 11 / 8

    asyncio.run(run())


def test_an_organisation_does_not_wait_for_anothers_turn(settings: Settings) -> None:
    """Their deliveries are taken side by side, though all of the one's have waited longer than any of the other's."""

    async def scene(desk: Office) -> None:
        old = [parked(release(number, number, age=HOUR)) for number in range(3)]
        young = [replace(parked(release(9 + number, number)), consumer="dispatch.tax") for number in range(3)]
        await desk.park(*old, *young)
        plan = (await desk.planned("cancel"))["id"]
        await desk.told("POST", f"/repairs/{plan}/run", {"per_second": 5})
        await desk.repaired(plan)
        query = select(items.c.consumer, items.c.at).where(items.c.repair == plan).order_by(items.c.position)
        rows = await desk.store.read(lambda connection: connection.execute(query).all())
        assert [row.consumer for row in rows] == ["dispatch.police"] * 3 + ["dispatch.tax"] * 3
        assert rows[3].at < rows[1].at

    play(settings, scene, "repairs")


def test_turns_are_one_after_another_also_when_the_clock_was_put_back(settings: Settings) -> None:
    """Each is reserved behind the one before; a turn that a later clock noted keeps nobody waiting for that long."""

    async def scene(desk: Office) -> None:
        def turn(connection: Connection) -> float:
            return paces.turn(connection, POLICE, 100.0)

        first, second, third = [await desk.store.run(turn) for _ in range(3)]
        assert first <= 0.0
        assert 90 < second <= 100
        assert 190 < third <= 200
        put_back = update(table).values(noted_at=table.c.noted_at + 7200, next_at=table.c.next_at + 7200)
        await desk.store.run(lambda connection: connection.execute(put_back))
        assert await desk.store.run(turn) <= 0.0
        assert 90 < await desk.store.run(turn) <= 100

    play(settings, scene)


def test_who_waited_for_its_turn_at_the_row_has_it_behind_the_one_before(database: str, tmp_path: Path) -> None:
    """What time it is counts once the row is its own: by a moment of before, the clock would seem to be put back."""

    async def run() -> None:
        def turn(connection: Connection) -> float:
            return paces.turn(connection, POLICE, 100.0)

        settings = Settings(data=tmp_path, database=database)
        async with office(settings) as one, office(settings, slot="1") as two:
            await one.store.run(turn)
            with one.store.writer.begin() as connection:
                connection.execute(select(table).with_for_update())
                waiting = asyncio.create_task(two.store.run(turn, alone=True))
                await come_true(lambda: _waits_for_a_lock(one))
                assert 90 < turn(connection) <= 100
            assert 190 < await waiting <= 200

    asyncio.run(run())


async def _waits_for_a_lock(desk: Office) -> bool:
    query = text(
        "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    )
    return await desk.store.read(lambda connection: connection.execute(query).scalar_one() > 0)


# -- retention


def test_what_people_did_is_kept_for_a_time_and_no_longer(settings: Settings) -> None:
    """Acts and repairs that are over go together; what runs, and what was done about one that still waits, stays."""

    async def run() -> None:
        clock = SetClock()
        async with office(settings.model_copy(update={"acts_kept_days": 100}), clock=clock) as desk:
            gone, waits = release(1, 1), release(2, 2)
            await desk.park(parked(gone), parked(waits))
            over = (await desk.planned("cancel", filter={"vin": vin(1)}))["id"]
            held_up = (await desk.planned(filter={"vin": vin(2)}))["id"]
            never = (await desk.planned(filter={"vin": vin(2)}))["id"]
            await desk.told("POST", f"/repairs/{over}/run", FAST)
            await desk.runner._claimed()
            await desk.runner.carry_out(over)
            await desk.told("POST", f"/repairs/{held_up}/run", FAST)
            await desk.told("POST", f"/repairs/{held_up}/pause", {})
            await desk.told("POST", f"/deliveries/{waits.id}/retry", WHY)
            retention = getattr(desk.runtime.tasks["retention"], "__self__", None)
            assert isinstance(retention, Retention)
            clock.pass_(timedelta(days=99))
            await retention.prune()
            assert {one["id"] for one in (await desk.told("GET", "/repairs"))["repairs"]} == {over, held_up, never}
            clock.pass_(timedelta(days=2))
            await desk.told("POST", "/organisations/tax/pause", WHY)
            await retention.prune()
            assert [one["id"] for one in (await desk.told("GET", "/repairs"))["repairs"]] == [held_up]
            assert (await desk.told("GET", f"/repairs/{held_up}"))["total"] == 1
            query = select(acts.c.act, acts.c.delivery).order_by(acts.c.seq)
            rows = await desk.store.read(lambda connection: connection.execute(query).all())
            assert [tuple(row) for row in rows] == [("retry", waits.id), ("pause", None)]
            left = select(items.c.repair).distinct()
            assert await desk.store.read(lambda c: list(c.execute(left).scalars())) == [held_up]

    asyncio.run(run())
