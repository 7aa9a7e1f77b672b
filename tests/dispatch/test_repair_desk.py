"""People look for deliveries, see everything about one, and decide; every act is kept with who and why."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from contracts.police import PlateReleasedV1, PlateReserveV1
from services.dispatch.desk import held
from services.dispatch.desk.decisions import CannotDecide
from services.dispatch.desk.lineage import Because
from services.runtime import ledger, parking
from services.runtime.consumer import KafkaTrouble
from services.runtime.record import Place, read
from services.runtime.settings import Settings
from services.runtime.window import Tenure
from tests.dispatch.agency import vin
from tests.dispatch.office import POLICE, WHY, Office, Police, answering, come_true, office, parked, release, reserve

HOUR = timedelta(hours=1)


def play(settings: Settings, scene: Callable[[Office], Awaitable[None]], *tasks: str) -> None:
    """A scene in an office that has just opened."""

    async def run() -> None:
        async with office(settings, *tasks) as desk:
            await scene(desk)

    asyncio.run(run())


def test_deliveries_are_found_by_what_is_known_of_them(settings: Settings) -> None:
    """Organisation, kind of agency, state, class, command, vehicle, case and age, alone and together."""

    async def scene(desk: Office) -> None:
        old, young, named = release(1, 1, age=5 * HOUR), release(2, 2), reserve(3, 3, age=2 * HOUR)
        await desk.park(parked(old), parked(young, "parked"), parked(named, "parked", failure="not-yet"))
        for wanted, found in (
            ({}, [old, named, young]),
            ({"organisation": "police"}, [old, named, young]),
            ({"agency": "police", "state": "dead"}, [old]),
            ({"agency": "tax"}, []),
            ({"state": "parked"}, [named, young]),
            ({"failure": "not-yet"}, [named]),
            ({"command": "plate.reserve"}, [named]),
            ({"vin": vin(2)}, [young]),
            ({"vin": vin(9)}, []),
            ({"case": f"case-{vin(1)}"}, [old]),
            ({"older_than_s": 3600}, [old, named]),
            ({"older_than_s": 3600, "state": "parked", "command": "plate.release"}, []),
        ):
            told = await desk.search(**wanted)
            assert [row["id"] for row in told["deliveries"]] == [record.id for record in found], wanted
            assert told["total"] == len(found)
        assert (await desk.told("GET", f"/deliveries?case=case-{vin(1)}&state=dead"))[0]["id"] == old.id
        assert (await desk.ask("POST", "/deliveries/search", {"organisation": "nobody"}))[0] == 404

    play(settings, scene)


def test_pages_hold_every_delivery_once_and_in_order(settings: Settings) -> None:
    """Also those that became due in the same moment, stored and held ones in one sequence."""

    async def scene(desk: Office) -> None:
        rows = [parked(release(number, number), "parked") for number in range(9)]
        rows = [replace(row, since=rows[number // 3].since) for number, row in enumerate(rows)]
        await desk.park(*rows)
        held = [release(20 + number, 20 + number, age=HOUR * number) for number in range(3)]
        desk.hold(*held)
        desk.deliveries().breaker.hold("a drill")
        page = await desk.search(most=2)
        seen: list[dict[str, Any]] = page["deliveries"]
        while page["next"] and len(seen) <= page["total"]:
            page = await desk.search(most=2, after=page["next"])
            seen += page["deliveries"]
        assert [(row["since"], row["id"]) for row in seen] == sorted((row["since"], row["id"]) for row in seen)
        assert {row["id"] for row in seen} == {row.record.id for row in rows} | {record.id for record in held}
        assert len(seen) == page["total"] == 12

    play(settings, scene)


def test_what_is_held_is_listed_while_its_organisation_is_down(settings: Settings) -> None:
    """By vehicle and case as well, with what is held behind it; it cannot be decided about, for it goes by itself."""

    async def scene(desk: Office) -> None:
        first, second, other = release(1, 1, age=HOUR), release(1, 2), release(2, 3)
        desk.hold(first, second, other)
        assert (await desk.search(state="held"))["deliveries"] == []
        desk.deliveries().breaker.hold("they asked for an hour")
        told = await desk.search(state="held", vin=vin(1))
        assert [(row["id"], row["state"]) for row in told["deliveries"]] == [(first.id, "held"), (second.id, "held")]
        (police,) = told["held"]
        assert (police["id"], police["reason"]) == ("police", "they asked for an hour")
        shown = await desk.told("GET", f"/deliveries/{second.id}")
        assert (shown["state"], shown["head"]["id"], shown["behind"]) == ("held", first.id, [])
        assert shown["reason"] == "they asked for an hour"
        status, no = await desk.ask("POST", f"/deliveries/{first.id}/cancel", WHY)
        assert (status, no["code"]) == (409, "held")

    play(settings, scene)


def test_what_one_process_holds_is_seen_in_all_and_after_its_end(settings: Settings) -> None:
    """With its place in the lane; until the next owner of the partition has it, and says itself what it holds."""

    async def run() -> None:
        first, second = release(1, 1, age=HOUR), release(1, 2)
        async with office(settings) as one, office(settings, slot="1") as two:
            await one.take()
            one.hold(first, second)
            one.deliveries().breaker.hold("maintenance")
            assert (await one.search())["total"] == 2
            assert [row["id"] for row in (await two.search(state="held"))["deliveries"]] == [first.id, second.id]
            assert (await two.told("GET", f"/deliveries/{second.id}"))["head"]["id"] == first.id
            assert (await two.ask("POST", f"/deliveries/{first.id}/cancel", WHY))[1]["code"] == "held"
        async with office(settings, slot="1") as two:
            assert (await two.search(state="held"))["total"] == 2
            await two.take(generation=2)
            assert (await two.search(state="held"))["total"] == 0
            assert await noted(two) == [], "what its owner of before noted counts no more"
            two.hold(first)
            two.deliveries().breaker.hold("maintenance")
            assert [row["id"] for row in (await two.search())["deliveries"]] == [first.id]
            two.deliveries().breaker.let_go()
            assert (await two.search())["total"] == 0

    asyncio.run(run())


def test_notes_go_with_their_partitions_and_no_others(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many they are; whoever writes one late, not having heard that he lost it, has it deleted in the end."""
    monkeypatch.setattr(held, "_AT_ONCE", 2)

    async def run() -> None:
        lane = [release(1, number) for number in range(5)]
        elsewhere = release(2, 9)._replace(partition=1)
        async with office(settings) as one:
            for partition in (0, 1):
                await one.take(partition=partition)
            one.hold(*lane, elsewhere)
            one.deliveries().breaker.hold("maintenance")
            assert (await one.search())["total"] == 6
        async with office(settings, slot="1") as two:
            await two.take(generation=2)
            assert (await two.search())["total"] == 1
            assert await noted(two) == [elsewhere.id], "its owner is dead, and nobody has it yet"
            two.hold(lane[0])
            two.deliveries().breaker.hold("maintenance")
            assert (await two.search())["total"] == 2
            late = text("update held set who = '0/late' where \"partition\" = 0")
            await two.store.run(lambda connection: connection.execute(late))
            await two.store.run(held.forget_stale)
            assert await noted(two) == [elsewhere.id]

    asyncio.run(run())


async def noted(desk: Office) -> list[str]:
    """Of which commands there are notes, whether they count or not."""
    query = text("select id from held order by id")
    return await desk.store.read(lambda connection: list(connection.execute(query).scalars()))


def test_what_was_parked_a_moment_ago_is_counted_once(settings: Settings) -> None:
    """It is still in its lane; also where it does not stand on the page that is shown."""

    async def scene(desk: Office) -> None:
        old, both = release(1, 1, age=HOUR), release(2, 2)
        await desk.park(parked(old), parked(both, "parked"))
        desk.hold(both)
        desk.deliveries().breaker.hold("a drill")
        page = await desk.search(most=1)
        assert ([row["id"] for row in page["deliveries"]], page["total"]) == ([old.id], 2)
        assert (await desk.search(state="held"))["total"] == 0

    play(settings, scene)


def test_what_was_held_for_a_moment_only_is_not_written_down(settings: Settings) -> None:
    """An organisation that comes and goes would cost a note a command each time."""

    async def scene(desk: Office) -> None:
        desk.hold(release(1, 1))
        desk.deliveries().breaker.hold("a drill")
        holding = getattr(desk.runtime.tasks["held"], "__self__", None)
        assert isinstance(holding, held.Holding)
        await holding.note(3600.0)
        assert await desk.store.read(lambda connection: held.count(connection, parking.Wanted())) == 0
        await holding.note(0.0)
        assert await desk.store.read(lambda connection: held.count(connection, parking.Wanted())) == 1

    play(settings, scene)


class _Away:
    """A Kafka that does not answer."""

    async def ends(self, _: Any) -> Any:
        raise KafkaTrouble


def test_what_is_held_is_counted_as_far_as_it_is_known(settings: Settings) -> None:
    """While Kafka is away, which keeps the backlog, those that have come out of it still are."""

    async def scene(desk: Office) -> None:
        desk.hold(release(1, 1), release(2, 2))
        desk.deliveries().breaker.hold("a drill")
        lanes = desk.lanes()
        lanes._membership.tenures[Place("police.commands", 0)] = Tenure()
        lanes._consumer = _Away()  # type: ignore[assignment]
        told = await desk.search(agency="police")
        assert [(one["id"], one["held"]) for one in told["held"]] == [("police", 2)]
        assert (await desk.search(agency="tax"))["held"] == []

    play(settings, scene)


def test_showing_a_delivery_tells_everything_but_who_the_buyer_is(settings: Settings) -> None:
    """Attempts, deadline, owner, the head, what stands behind it; a person's data only for a reason, which is kept."""

    async def scene(desk: Office) -> None:
        head, middle, last = reserve(1, 5), release(1, 7), release(1, 9)
        await desk.park(
            parked(last, "parked"), parked(head, results=["unavailable", "not-yet"]), parked(middle, "parked")
        )
        shown = await desk.told("GET", f"/deliveries/{head.id}")
        assert [one["result"] for one in shown["attempts"]] == ["unavailable", "not-yet"]
        assert (shown["owner"], shown["failure"], shown["head"]) == ("operator", "deadline", None)
        assert shown["deadline"] == pytest.approx(shown["since"] + 3600)
        assert [row["id"] for row in shown["behind"]] == [middle.id, last.id]
        assert (await desk.told("GET", f"/deliveries/{last.id}"))["head"]["id"] == head.id
        assert shown["data"]["region"] == "440300"
        for secret in ("测试甲", "440301199001010011", vin(1)):
            assert secret not in json.dumps(shown, ensure_ascii=False).replace(f"case-{vin(1)}", "")
        revealed = await desk.told("POST", f"/deliveries/{head.id}/reveal", WHY)
        assert revealed["data"]["buyer_name"] == "测试甲"
        (act,) = (await desk.told("GET", f"/deliveries/{head.id}"))["acts"]
        assert (act["act"], act["who"], act["reason"]) == ("reveal", "li", "they are back")

    play(settings, scene)


def test_every_act_is_kept_with_who_and_why(settings: Settings) -> None:
    """Also after the delivery has gone, when it still can be shown."""

    async def scene(desk: Office) -> None:
        record = release(1)
        await desk.park(parked(record))
        await desk.told("POST", f"/deliveries/{record.id}/retry", {"reason": "call 13812345678", "by": "li"})
        await desk.told("POST", f"/deliveries/{record.id}/cancel", {"reason": "done by telephone"})
        shown = await desk.told("GET", f"/deliveries/{record.id}")
        assert (shown["state"], shown["case"]) == ("cancelled", f"case-{vin(1)}")
        acts = [(act["act"], act["who"], act["reason"], act["was"]) for act in shown["acts"]]
        assert acts == [
            ("retry", "li", "call [phone]", "dead"),
            ("cancel", "operator", "done by telephone", "parked"),
        ]
        status, no = await desk.ask("POST", f"/deliveries/{record.id}/retry", WHY)
        assert (status, no["code"]) == (409, "ended")
        assert (await desk.ask("POST", "/deliveries/no-such/retry", WHY))[0] == 404
        assert (await desk.ask("GET", "/deliveries/no-such"))[0] == 404

    play(settings, scene)


def test_an_organisation_is_held_and_let_go_with_a_reason(settings: Settings) -> None:
    """Both are kept; and who names none that there is, is told so."""

    async def scene(desk: Office) -> None:
        await desk.told("POST", "/organisations/police/pause", WHY)
        assert desk.deliveries().breaker.reason == "they are back"
        assert (await desk.ask("POST", "/organisations/police/resume", {}))[0] == 422
        await desk.told("POST", "/organisations/police/resume", WHY)
        assert (await desk.ask("POST", "/organisations/nobody/pause", WHY))[0] == 404
        acts = await desk.store.read(lambda connection: connection.execute(text("select act from acts order by seq")))
        assert [row.act for row in acts] == ["pause", "resume"]

    play(settings, scene)


def test_a_reason_made_of_blanks_is_none(settings: Settings) -> None:
    """Years later somebody reads it."""

    async def scene(desk: Office) -> None:
        record = release(0)
        await desk.park(parked(record))
        for path in ("retry", "cancel", "reveal"):
            for blank in ("", "  ", "\u3000\n\t"):
                status, no = await desk.ask("POST", f"/deliveries/{record.id}/{path}", {"reason": blank, "by": "li"})
                assert (status, no["code"]) == (422, "not-valid"), (path, blank)
        status, _ = await desk.ask("POST", "/organisations/police/pause", {"reason": " ", "by": "li"})
        assert status == 422

    play(settings, scene)


def test_a_mistyped_car_is_not_named_by_what_is_suggested(settings: Settings) -> None:
    """The right check digit after a wrong one is a whole VIN: who has it before them recognises its ends."""

    async def scene(desk: Office) -> None:
        record = release(1)
        await desk.park(parked(record))
        right = vin(1)
        wrong = right[:8] + ("1" if right[8] != "1" else "2") + right[9:]
        given = {**WHY, "data": {"vin": wrong, "reservation_no": "R-1"}}
        status, no = await desk.ask("POST", f"/deliveries/{record.id}/answer", given)
        assert (status, no["code"]) == (422, "contract")
        (suggested,) = (fault["suggestion"] for fault in no["faults"] if fault["field"] == "vin")
        assert (suggested[:3], suggested[-4:]) == (right[:3], right[-4:])
        assert right not in json.dumps(no)

    play(settings, scene)


def test_no_answer_repeats_a_value(settings: Settings) -> None:
    """What was wrong in a request is told by field and kind: a VIN with a wrong digit is still somebody's car."""

    async def scene(desk: Office) -> None:
        status, no = await desk.ask("POST", "/deliveries/search", {"vin": "LZZTEST00TA000007X", "buyer": "测试甲"})
        assert (status, no["code"]) == (422, "not-valid")
        assert {fault["field"] for fault in no["faults"]} >= {"vin"}
        said = json.dumps(no, ensure_ascii=False)
        assert "LZZTEST00TA000007X" not in said
        assert "测试甲" not in said

    play(settings, scene)


# -- while it is being tried


def test_a_head_that_is_being_tried_is_nobodys_to_decide(settings: Settings) -> None:
    """Neither in the process that tries it nor in any other; a name that a dead process left stands in nobody's way."""

    async def run() -> None:
        async with office(settings) as owner, office(settings, slot="1") as other:
            record = release(1)
            await owner.park(parked(record, "parked"))
            await owner.take()
            book = owner.deliveries().book
            (due,) = await book.due([record.place], record.offset + 1e12, 5)
            assert await book.take_up(due) is not None
            edit = {**WHY, "set": {"reason": "other"}, "not_carried_out": True}
            answer = {**WHY, "data": {}}
            for desk in (owner, other):
                for act, form in (("retry", WHY), ("cancel", WHY), ("edit", edit), ("answer", answer)):
                    status, no = await desk.ask("POST", f"/deliveries/{record.id}/{act}", form)
                    assert (status, no["code"]) == (409, "being-tried"), act
            await other.take(generation=2)
            await other.told("POST", f"/deliveries/{record.id}/cancel", WHY)

    asyncio.run(run())


def test_a_try_and_an_act_that_meet_go_one_after_the_other(database: str, tmp_path: Path) -> None:
    """An act from another process that comes while the try is being noted waits, and then finds it noted.

    PostgreSQL only: SQLite has one writer at a time.
    """
    settings = Settings(data=tmp_path, database=database)

    async def run() -> None:
        async with office(settings) as owner, office(settings, slot="1") as other:
            record = release(1)
            await owner.park(parked(record, "parked"))
            await owner.take()
            fence = owner.deliveries().book.fence
            taken, go_on = threading.Event(), threading.Event()

            def take_up(connection: Any) -> None:
                row = parking.find(connection, POLICE, record.id, lock=True)
                assert row is not None
                parking.put(connection, replace(row, trying=fence.name))
                taken.set()
                assert go_on.wait(30)

            trying = asyncio.create_task(owner.store.run(take_up))
            await asyncio.to_thread(taken.wait, 30)
            decisions = other.runner.decisions[POLICE]
            deciding = asyncio.create_task(decisions.cancel(record.id, "no more"))
            await _somebody_waits(other)
            go_on.set()
            await trying
            with pytest.raises(CannotDecide, match="being-tried"):
                await deciding
            assert await owner.row(record.id) is not None

    asyncio.run(run())


async def _somebody_waits(desk: Office) -> None:
    waits = text("select count(*) from pg_stat_activity where wait_event_type = 'Lock'")
    await come_true(lambda: desk.store.read(lambda connection: connection.execute(waits).scalar()))


# -- edit


def test_an_edit_names_every_fault_and_no_value(settings: Settings) -> None:
    """Fields that break the contract, fields that are not in it, and the VIN, which no edit may change; all at once."""

    async def scene(desk: Office) -> None:
        record = reserve(1)
        await desk.park(parked(record, results=["unavailable"]))
        wrong = {"vin": vin(2), "fuel_kind": "COAL", "region": "999", "nickname": "阿明"}
        status, no = await desk.ask("POST", f"/deliveries/{record.id}/edit", {**WHY, "set": wrong})
        assert (status, no["code"]) == (422, "contract")
        assert {(fault["field"], fault["reason"]) for fault in no["faults"]} >= {
            ("vin", "may-not-change"),
            ("fuel_kind", "literal_error"),
            ("an unknown field", "extra_forbidden"),
        }
        assert any(fault["field"] == "region" for fault in no["faults"])
        said = json.dumps(no, ensure_ascii=False)
        assert not [value for value in (*wrong.values(), "nickname") if value in said]
        row = await desk.row(record.id)
        assert row is not None
        assert (row.revision, row.decided, row.record) == (1, 0, record)

    play(settings, scene)


def test_an_edit_makes_a_revision_and_keeps_before_and_after(settings: Settings) -> None:
    """Due at once with a new deadline, told on delivery.events; in the lineage a person's data stays masked."""

    async def scene(desk: Office) -> None:
        record = reserve(1, age=30 * HOUR)
        await desk.park(parked(record, results=["not-yet"]))
        wish = {"region": "110101", "buyer_name": "测试乙"}
        told = await desk.told("POST", f"/deliveries/{record.id}/edit", {**WHY, "set": wish, "revision": 1})
        assert told["revision"] == 2
        row = await desk.row(record.id)
        assert row is not None
        assert (row.state, row.revision, row.decided) == ("parked", 2, 1)
        assert row.deadline > desk.clock.now().timestamp() >= row.not_before
        command = read(row.record)
        assert isinstance(command.data, PlateReserveV1)
        assert (command.data.region, command.data.buyer_name) == ("110101", "测试乙")
        assert command.envelope == read(record).envelope
        (act,) = (await desk.told("GET", f"/deliveries/{record.id}"))["acts"]
        assert act["changes"] == [
            {"field": "buyer_name", "before": "[redacted]", "after": "[redacted]"},
            {"field": "region", "before": "440300", "after": "110101"},
        ]
        revealed = await desk.told("POST", f"/deliveries/{record.id}/reveal", WHY)
        assert {"field": "buyer_name", "before": "测试甲", "after": "测试乙"} in revealed["acts"][0]["changes"]
        (fate,) = await desk.fates()
        assert (fate.state, fate.failure, fate.reason) == ("parked", "person", "they are back")
        status, no = await desk.ask("POST", f"/deliveries/{record.id}/edit", {**WHY, "set": wish})
        assert (status, no["code"]) == (409, "unchanged")
        late = {**WHY, "set": {"region": "440300"}, "revision": 1}
        assert (await desk.ask("POST", f"/deliveries/{record.id}/edit", late))[1]["code"] == "changed"

    play(settings, scene)


@pytest.mark.parametrize("doubt", ["ambiguous", "broken-answer", "cut off", "died trying"])
def test_an_edit_of_what_may_have_been_carried_out_needs_somebodys_word(settings: Settings, doubt: str) -> None:
    """Under the new key the agency would do it twice; who asserts that it was not done is kept with the act."""

    async def scene(desk: Office) -> None:
        record = release(1)
        results = [doubt] if doubt in {"ambiguous", "broken-answer"} else ["unavailable"]
        await desk.park(parked(record, results=results, trying="0/a-dead-process" if doubt == "died trying" else None))
        if doubt == "cut off":
            await desk.store.run(lambda connection: ledger.begin(connection, POLICE, record.id, 1.0))
        wish: dict[str, Any] = {**WHY, "set": {"reservation_no": "R-2"}}
        status, no = await desk.ask("POST", f"/deliveries/{record.id}/edit", wish)
        assert (status, no["code"]) == (409, "doubtful")
        assert "--not-carried-out" in no["detail"]
        wish["not_carried_out"] = True
        assert (await desk.told("POST", f"/deliveries/{record.id}/edit", wish))["revision"] == 2
        shown = await desk.told("GET", f"/deliveries/{record.id}")
        assert shown["acts"][-1]["not_carried_out"]
        assert not await desk.store.read(lambda connection: ledger.has_begun(connection, POLICE, record.id))
        again = {**WHY, "set": {"reservation_no": "R-3"}}
        assert (await desk.told("POST", f"/deliveries/{record.id}/edit", again))["revision"] == 3

    play(settings, scene)


def test_an_edited_command_goes_out_under_a_new_key_and_answers_the_old_one(settings: Settings) -> None:
    """The agency sees the edition's key and data; to the journey it is still the command that it gave."""

    async def run() -> None:
        police = Police()
        async with answering(police) as url:
            own = settings.model_copy(update={"simulator_url": url})
            async with office(own, "parked police", "lease police") as desk:
                record, behind = release(1, 1, number="R-wrong"), release(1, 2, number="R-next")
                await desk.park(parked(record, results=["not-yet"]), parked(behind, "parked"))
                await desk.take()
                wish = {**WHY, "set": {"reservation_no": "R-right"}}
                await desk.told("POST", f"/deliveries/{record.id}/edit", wish)
                await come_true(lambda: _nothing_waits(desk))
                keys = [(key, body["yllsh"]) for key, body in police.heard]
                assert keys == [(f"{record.id}.r2", "R-right"), (behind.id, "R-next")]
                first = desk.heard("plate.released")[0]
                assert isinstance(first.data, PlateReleasedV1)
                assert (first.envelope.causationid, first.data.reservation_no) == (record.id, "R-right")
                assert (await desk.told("GET", f"/deliveries/{record.id}"))["state"] == "settled"

    asyncio.run(run())


async def _nothing_waits(desk: Office) -> bool:
    return not (await desk.search())["total"]


# -- answer


def test_an_answer_that_a_person_has_settles_the_delivery(settings: Settings) -> None:
    """It is said as the agency would have said it, and is as binding: a second decision finds nothing to decide."""

    async def scene(desk: Office) -> None:
        record = release(1)
        await desk.park(parked(record, results=["ambiguous"], failure="person"))
        given = {**WHY, "data": {"vin": vin(1), "reservation_no": "R-1"}}
        await desk.told("POST", f"/deliveries/{record.id}/answer", given)
        (fate,), (said,) = await desk.fates(), desk.heard("plate.released")
        assert (said.envelope.causationid, said.envelope.subject) == (record.id, f"case-{vin(1)}")
        assert (fate.state, fate.reason) == ("settled", "they are back")
        assert await desk.row(record.id) is None
        known = await desk.store.read(lambda connection: ledger.decided(connection, POLICE, [record.id]))
        assert [one.topic for one in known[record.id]] == ["police.events", "delivery.events"]
        assert known[record.id][0].id == said.envelope.id
        assert (await desk.ask("POST", f"/deliveries/{record.id}/answer", given))[1]["code"] == "ended"

    play(settings, scene)


def test_an_answer_that_breaks_its_contract_or_is_about_another_thing_is_refused(settings: Settings) -> None:
    """Every fault is named; nothing is settled."""

    async def scene(desk: Office) -> None:
        record = release(1)
        await desk.park(parked(record))
        for data, faults in (
            ({"vin": vin(1)}, {("reservation_no", "missing")}),
            ({"vin": vin(2), "reservation_no": "R-9"}, {("vin", "not-as-asked"), ("reservation_no", "not-as-asked")}),
        ):
            status, no = await desk.ask("POST", f"/deliveries/{record.id}/answer", {**WHY, "data": data})
            assert status == 422
            assert {(fault["field"], fault["reason"]) for fault in no["faults"]} == faults
        assert await desk.row(record.id) == parked(record)

    play(settings, scene)


def test_a_retry_under_the_same_key_needs_nobodys_word(settings: Settings) -> None:
    """It is due now, keeps its revision, and has a new deadline."""

    async def scene(desk: Office) -> None:
        record = release(1, age=30 * HOUR)
        await desk.park(parked(record, results=["ambiguous"]))
        await desk.runner.decisions[POLICE].retry(record.id, "they are back", Because("").by)
        row = await desk.row(record.id)
        assert row is not None
        assert (row.state, row.revision, row.decided) == ("parked", 1, 1)
        assert row.deadline > desk.clock.now().timestamp()

    play(settings, scene)
