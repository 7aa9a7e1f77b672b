"""Commands that an earlier or a later version wrote: carried out where they can be read, else told to be dead."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any, Final

from contracts.certificate import CocQueryV1
from contracts.delivery import DeliveryChangedV1
from contracts.envelope import Message, decode
from contracts.refusal import AgencyRefusedV1
from contracts.registry import CONTRACTS
from services.runtime.parking import Parked
from services.runtime.record import Record
from services.runtime.settings import Settings
from tests.contracts.test_said_before import SAID
from tests.dispatch.agency import vin
from tests.dispatch.office import WHY, Office, Police, answering, come_true, office, parked, record_of, release

INSURER: Final = "insurer-91110000MAY1GEUH59"
SENT_TO: Final = {
    "mortgage.register": "police",
    "mortgage.release": "police",
    "tax.reclaim": "tax",
    "insurance.cancel": INSURER,
}
NOT_SO: Final = {"code": "-1400", "jieGuoMa": "SW4000", "errCode": "E1002"}
"""The request is not as it must be, in the words of all three."""


def play(settings: Settings, police: Police, scene: Callable[[Office], Awaitable[None]], *organisations: str) -> None:
    """A scene in an office that tries what is parked with these organisations, all of them behind one address."""

    async def run() -> None:
        async with AsyncExitStack() as stack:
            own = settings.model_copy(update={"simulator_url": await stack.enter_async_context(answering(police))})
            tasks = [f"{task} {name}" for name in organisations or ("police",) for task in ("parked", "lease")]
            desk = await stack.enter_async_context(office(own, *tasks))
            await scene(desk)

    asyncio.run(run())


def spoilt(row: Parked, **changes: Any) -> Parked:
    """A parked command with other data, of which None is taken out."""
    data = json.loads(row.record.value or b"") | changes
    value = json.dumps({name: told for name, told in data.items() if told is not None}).encode()
    return replace(row, record=row.record._replace(value=value))


def of_old(name: str, offset: int) -> Parked:
    """A command as it was parked before its contract grew."""
    organisation, contract = SENT_TO[name], CONTRACTS[name]
    (data,) = (data for type_, data in SAID if type_ == contract.type_of(1))
    value = json.dumps(data).encode()
    record = record_of(contract.read(1, value), offset)
    row = parked(record._replace(topic=f"{organisation}.commands", value=value), "parked")
    return replace(row, consumer=f"dispatch.{organisation}")


async def fates(desk: Office, record: Record, *states: str) -> list[DeliveryChangedV1]:
    """Wait until these fates of a delivery were told; all of them."""

    async def there() -> list[Any]:
        found = [one.data for one in told(desk) if one.envelope.causationid == record.id]
        return found if set(states) <= {one.state for one in found} else []

    found: list[DeliveryChangedV1] = await come_true(there)
    return found


def told(desk: Office) -> list[Message[DeliveryChangedV1]]:
    """Every fate that was told on the topic that everybody reads."""
    found = [one for one in desk.said if one.topic == "delivery.events"]
    messages = [decode(one.headers, one.value) for one in found]
    return [Message(one.envelope, one.data) for one in messages if isinstance(one.data, DeliveryChangedV1)]


async def _nothing_waits(desk: Office) -> bool:
    return not (await desk.search())["total"]


def test_what_was_parked_before_contracts_grew_is_tried(settings: Settings) -> None:
    """Each is asked as far as it goes; what the agency makes of it is the journey's to hear."""
    police = Police(lambda *_: (400, NOT_SO))
    rows = {name: of_old(name, offset) for offset, name in enumerate(SENT_TO)}

    async def scene(desk: Office) -> None:
        await desk.park(*rows.values())
        for organisation in set(SENT_TO.values()):
            await desk.take(organisation=organisation)
        await come_true(lambda: _nothing_waits(desk))
        assert {key for key, _ in police.heard} == {row.record.id for row in rows.values()}
        refusals = [one.data for one in desk.heard("agency.refused")]
        assert {(one.command, one.code) for one in refusals if isinstance(one, AgencyRefusedV1)} == {
            (name, "V102") for name in SENT_TO
        }

    play(settings, police, scene, *set(SENT_TO.values()))


def test_parked_commands_that_nobody_can_read_are_dead(settings: Settings) -> None:
    """Everybody hears why and whose they are, the agency hears nothing of them, and other vehicles go on."""
    rows = [parked(release(car, car), "parked", results=["unavailable", "ambiguous"], decided=1) for car in range(1, 5)]
    dead = [
        (spoilt(rows[0], reservation_no=None), "contract:reservation_no:missing", vin(1)),
        (spoilt(rows[1], vin="LZZTEST00TA000001"), "contract:vin:vin", None),
        (replace(rows[2], record=rows[2].record._replace(value=b"[")), "contract::json_invalid", None),
        (replace(rows[3], history=({"number": "one"},)), "attempts", vin(4)),
    ]

    async def scene(desk: Office) -> None:
        good, later = release(5, 5), release(6, 6)
        await desk.park(*(row for row, _, _ in dead), parked(good, "parked"))
        await desk.take()
        for row, reason, car in dead:
            (fate,) = await fates(desk, row.record, "dead")
            assert (fate.failure, fate.owner, fate.reason, fate.vin) == ("unreadable", "integrator", reason, car)
            assert (fate.organisation, fate.command) == ("police", "plate.release")
            assert fate.revision == (len(row.history) + row.decided) * 10 + 2
            kept = await desk.row(row.record.id)
            assert kept == replace(row, state="dead", failure="unreadable", reason=reason)
        assert [one.topic for one in desk.said].count("police.dead") == len(dead)
        await desk.park(parked(later, "parked"))
        await fates(desk, later, "settled")
        assert {key for key, _ in police.heard} == {good.id, later.id}

    police = Police()
    play(settings, police, scene)


def test_people_give_up_what_cannot_be_read_and_its_vehicle_goes_on(settings: Settings) -> None:
    """To try it again is refused; cancelled, it is told as any other, and what stands behind it has its turn."""
    row = spoilt(parked(release(1), "parked", results=["unavailable"]), reservation_no=None)

    async def scene(desk: Office) -> None:
        behind = release(1, 1)
        await desk.park(row, parked(behind, "parked"))
        await desk.take()
        await fates(desk, row.record, "dead")
        listed = await desk.search(failure="unreadable")
        assert [(one["id"], one["owner"]) for one in listed["deliveries"]] == [(row.record.id, "integrator")]
        status, no = await desk.ask("POST", f"/deliveries/{row.record.id}/retry", WHY)
        assert (status, no["code"]) == (409, "unreadable")
        await desk.told("POST", f"/deliveries/{row.record.id}/cancel", WHY)
        dead, cancelled = await fates(desk, row.record, "dead", "cancelled")
        assert (cancelled.state, cancelled.vin, cancelled.reason) == ("cancelled", vin(1), WHY["reason"])
        assert (dead.revision, cancelled.revision) == (12, 23)
        await fates(desk, behind, "settled")
        assert (await desk.told("GET", f"/deliveries/{row.record.id}"))["state"] == "cancelled"

    play(settings, Police(), scene)


def test_what_a_person_decided_meanwhile_is_not_dead(settings: Settings) -> None:
    """Who looked before the person did finds that it stands so no more, and changes nothing."""
    row = spoilt(parked(release(1), "parked"), reservation_no=None)

    async def scene(desk: Office) -> None:
        await desk.told("POST", "/organisations/police/pause", WHY)
        await desk.take()
        await desk.park(row)
        await desk.told("POST", f"/deliveries/{row.record.id}/cancel", WHY)
        await desk.deliveries().heads._head(row)
        assert await desk.row(row.record.id) is None
        assert [one.state for one in await fates(desk, row.record, "cancelled")] == ["cancelled"]

    play(settings, Police(), scene)


def _typed(record: Record, **headers: str) -> Record:
    """The same bytes under other headers."""
    changed = ((name, headers[name].encode() if name in headers else value) for name, value in record.headers)
    return record._replace(headers=tuple(changed))


def test_a_command_on_kafka_that_nobody_can_read_is_set_aside_and_told(settings: Settings) -> None:
    """Its case hears that nobody delivers it, where it says which; and a copy that can be read is delivered."""
    good = release(1)
    empty, other = good._replace(value=b"{}"), record_of(CocQueryV1(vin=vin(1), coc_no="LGX695735143627"))
    strange = [
        (empty, ("plate.release", None, "contract:vin:missing")),
        (_typed(good, ce_type="tongche.plate.swap.v1"), ("plate.swap", vin(1), "unknown-type")),
        (other, ("coc.query", vin(1), "not-a-command-of-this-agency")),
        (_typed(good, ce_type="a stranger's"), None),
        (_typed(empty, ce_id="no id of ours"), None),
        (_typed(good, ce_subject=""), None),
    ]

    async def scene(desk: Office) -> None:
        await desk.take()
        for record, heard in strange:
            desk.said.clear()
            await desk.deliveries().handle(record, None)
            raw, *said = desk.said
            assert (raw.topic, raw.value, raw.key) == ("police.commands.poison", record.value, record.key)
            assert [one.topic for one in said] == (["delivery.events", "police.dead"] if heard else [])
            for one in told(desk):
                assert (one.data.command, one.data.vin, one.data.reason) == heard
                assert (one.data.state, one.data.failure, one.data.owner) == ("dead", "unreadable", "integrator")
                assert (one.envelope.subject, one.envelope.causationid) == (f"case-{vin(1)}", record.id)
        assert not police.heard
        await desk.deliveries().handle(good, None)
        assert [key for key, _ in police.heard] == [good.id]

    police = Police()
    play(settings, police, scene)
