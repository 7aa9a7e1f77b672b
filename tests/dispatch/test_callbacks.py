"""Answers that a bank brings to our door: proved, durable before 202, and heard however and whenever they come."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

import pytest
from aiohttp import web

from adapters.bank import ADAPTER
from adapters.bindings import iso20022
from adapters.fixtures import cases
from contracts.registry import CONTRACTS
from observability import metrics
from services.dispatch import callbacks, notices
from services.dispatch.consumers import consumer_of
from services.dispatch.refusals import SHOWN_FOR, Refusals
from services.runtime.ids import new_id
from services.runtime.parking import Parked
from services.runtime.record import Record
from services.runtime.settings import Identity, Settings
from services.simulator.faces import business, loans
from services.stack.identities import identity
from tests.dispatch.agency import listening, vin
from tests.dispatch.office import WHY, Office, come_true, office, parked
from tests.dispatch.workshop import as_record

BANK: Final = "bank-91110000MAT57WXL1C"
OTHER_BANK: Final = "bank-91110000MAU5K2AT1X"
KEYS: Final = {name: Identity.model_validate(identity(name)) for name in (BANK, OTHER_BANK)}
APPLIED: Final = next(case for case in cases(ADAPTER) if case.file == "loan-apply")
CAR: Final = vin(1)
DECIDED: Final = "tcal.002.001.01"
TAKEN_IN: Final = {
    "number": 1,
    "started_at": "2026-03-01T01:30:00Z",
    "duration_ms": 12,
    "result": "not-yet",
    "status": 202,
}


def application(car: str = CAR) -> Record:
    """The command as it stands on Kafka."""
    told = APPLIED.told().model_dump(mode="json") | {"vin": car}
    model = CONTRACTS[APPLIED.command].models[-1]
    return as_record(model.model_validate_json(json.dumps(told)), f"{BANK}.commands")


def waiting(record: Record, **more: Any) -> Parked:
    """It was taken in, and is parked until its answer comes."""
    row = replace(parked(record, more.pop("state", "parked")), consumer=consumer_of(BANK), history=(TAKEN_IN,))
    return replace(row, **{"not_before": row.since + 3600, "deadline": row.since + 7200, **more})


def message(key: str, definition: str, body: business.Content, who: str = BANK, by: str | None = None) -> bytes:
    """A message of a bank about the command that was sent under a key."""
    header = business.Header(who.rpartition("-")[2], iso20022.US, new_id(), definition)
    return business.sealed(business.written(header, key, "2026-03-01T09:30:02.000+08:00", body), KEYS[by or who])


def approval(key: str, car: str = CAR, contract: str = "AL2026WXL1C0000001", **whose: str) -> bytes:
    """Yes."""
    amount = {"Ccy": "CNY", "": "158200.00"}
    told = {"VIN": car, "Dcsn": "APPR", "CtrctId": contract, "ApprvdAmt": amount}
    return message(key, DECIDED, {"CarLnDcsn": told}, **whose)


def rejection(key: str, code: str) -> bytes:
    """No, or not yet, with a code of the bank's."""
    return message(key, loans.REJECTION, loans.rejection({"respCode": code, "respMsg": "—"}))


@dataclass
class Bank:
    """Takes everything in, and writes down under which key it came."""

    sent: list[str] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        key = request.headers["Idempotency-Key"]
        self.sent.append(key)
        header = business.Header(BANK[5:], iso20022.US, new_id(), loans.RECEIPT)
        taken = business.written(header, key, "2026-03-01T09:30:01.000+08:00", loans.receipt("RCVD"))
        return web.Response(status=202, body=business.plain(taken), content_type="application/xml")


@dataclass
class Stage:
    """An office, and the bank to which it speaks."""

    desk: Office
    bank: Bank

    async def bring(self, raw: bytes, organisation: str = BANK, desk: Office | None = None) -> tuple[int, Any]:
        """What our door says to a call-back."""
        at = desk or self.desk
        async with at.http.post(f"{at.url}/v1/organisations/{organisation}/callbacks", data=raw) as said:
            text = await said.text()
            return said.status, json.loads(text) if text else None

    async def waits(self, record: Record, **more: Any) -> None:
        """A command is parked here until its answer comes."""
        await self.desk.park(waiting(record, **more))
        await self.desk.take(organisation=BANK)

    async def decided(self, kind: str = "loan.decided") -> list[Any]:
        """Wait until something was said."""

        async def there() -> list[Any]:
            return [said.data for said in self.desk.heard(kind)]

        found: list[Any] = await come_true(there)
        return found

    async def nothing_waits(self) -> None:
        async def gone() -> bool:
            return not (await self.desk.search())["total"]

        await come_true(gone)


def _counted(result: str) -> float:
    """How many call-backs of the bank came to this, as the metric says."""
    return metrics.read("tongche_callbacks_total", organisation=BANK, result=result)


def known(settings: Settings) -> None:
    tables = (
        f'[[notifiers]]\norganisation = "{name}"\ntoken_sha256 = "{index:064x}"\n'
        f"certificates = [{json.dumps(one.certificate)}]\n"
        for index, (name, one) in enumerate(KEYS.items())
    )
    settings.notifiers.parent.mkdir(parents=True, exist_ok=True)
    settings.notifiers.write_text("\n".join(tables), encoding="utf-8")


@asynccontextmanager
async def stage(settings: Settings, bank: Bank, **more: Any) -> AsyncIterator[Stage]:
    """A process of dispatch from its start until it is dropped."""
    app = web.Application()
    app.router.add_post(f"/{BANK}/messages", bank.take)
    async with listening(app) as url:
        own = settings.model_copy(update={"simulator_url": url})
        async with office(own, f"parked {BANK}", f"lease {BANK}", "refusals", **more) as desk:
            yield Stage(desk, bank)


def play(settings: Settings, scene: Callable[[Stage], Awaitable[None]]) -> None:
    """A scene in an office to which two banks bring answers."""
    known(settings)

    async def run() -> None:
        async with stage(settings, Bank()) as one:
            await scene(one)

    asyncio.run(run())


def test_an_answer_wakes_the_command_that_waits_for_it(settings: Settings) -> None:
    """Parked for an hour, it is settled at once, and nothing was sent again."""

    async def scene(at: Stage) -> None:
        record = application()
        await at.waits(record)
        assert (await at.bring(approval(record.id)))[0] == 202
        (decision,) = await at.decided()
        assert (decision.vin, decision.decision, decision.loan_amount) == (CAR, "APPROVED", 15_820_000)
        await at.nothing_waits()
        assert at.bank.sent == []

    play(settings, scene)


def test_an_answer_may_be_a_no(settings: Settings) -> None:
    """The bank's code becomes ours, as if it had been said at once."""

    async def scene(at: Stage) -> None:
        record = application()
        await at.waits(record)
        assert (await at.bring(rejection(record.id, "B0422")))[0] == 202
        (refused,) = await at.decided("agency.refused")
        assert refused.code == "D422"

    play(settings, scene)


def test_an_answer_that_comes_first_is_found_when_it_is_wanted(settings: Settings) -> None:
    """Before the command came to us, or its acknowledgement did: nothing is sent."""

    async def scene(at: Stage) -> None:
        record = application()
        assert (await at.bring(approval(record.id)))[0] == 202
        await at.desk.take(organisation=BANK)
        await at.desk.deliveries(BANK).handle(record, None)
        assert len(await at.decided()) == 1
        assert at.bank.sent == []

    play(settings, scene)


def test_an_answer_reaches_the_lane_that_waits(settings: Settings) -> None:
    """While it is asked for every moment, taken in and not parked yet."""

    async def scene(at: Stage) -> None:
        record = application()
        await at.desk.take(organisation=BANK)
        handling = asyncio.create_task(at.desk.deliveries(BANK).handle(record, None))

        async def sent() -> bool:
            return bool(at.bank.sent)

        await come_true(sent)
        assert (await at.bring(approval(record.id)))[0] == 202
        await handling
        assert len(await at.decided()) == 1
        assert at.bank.sent == [record.id]

    play(settings, scene)


def test_the_same_again_is_no_news_and_another_is_refused(settings: Settings) -> None:
    """The first stands; that another came is told to who brings it, and to people who look."""

    async def scene(at: Stage) -> None:
        record = application()
        for _ in range(3):
            assert (await at.bring(approval(record.id)))[0] == 202
        status, problem = await at.bring(approval(record.id, contract="AL2026WXL1C0000002"))
        assert status == 422
        assert problem["type"] == "urn:tongche:problem:idempotency-conflict"
        assert CAR not in json.dumps(problem)
        await at.waits(record, not_before=0.0)
        (decision,) = await at.decided()
        assert decision.loan_contract_no == "AL2026WXL1C0000001"

    play(settings, scene)


def test_a_bank_that_contradicts_itself_is_shown_to_people(settings: Settings) -> None:
    """Which one, about what, when, how often, and that nobody has cleared it up; nothing of what its answers say."""

    async def scenario(at: Stage) -> None:
        before, refused = _counted("another"), _counted("refused")
        record, other = application(), application(vin(2))
        await at.waits(record)
        for number in (1, 2, 3):
            await at.bring(approval(record.id, contract=f"AL2026WXL1C000000{number}"))
            at.desk.clock.pass_(timedelta(minutes=1))
        await at.bring(approval(other.id, vin(2)))
        await at.nothing_waits()
        banks = {row["id"]: row for row in await at.desk.told("GET", "/organisations")}
        (told,) = banks[BANK]["contradictions"]
        assert (banks[BANK]["contradicted"], banks[OTHER_BANK]["contradicted"]) == (1, 0)
        assert (told["organisation"], told["delivery"], told["others"], told["open"]) == (BANK, record.id, 2, True)
        assert 110 < told["other_at"] - told["at"] < 180
        whole = await at.desk.told("GET", f"/deliveries/{record.id}")
        assert (whole["state"], whole["called_back"]) == ("settled", [told])
        page = await at.desk.search()
        assert [row["id"] for row in page["contradicted"]] == [BANK]
        assert (await at.desk.search(agency="police"))["contradicted"] == []
        assert CAR not in json.dumps([told, page]) + json.dumps(whole["called_back"])
        assert (_counted("another") - before, _counted("refused")) == (2, refused)

    play(settings, scenario)


def test_what_a_person_has_cleared_up_is_shown_no_more_until_it_happens_again(settings: Settings) -> None:
    """Who asked the bank, and what it said, is kept beside the delivery; another contradiction is news."""

    async def scenario(at: Stage) -> None:
        record = application()
        await at.waits(record)
        assert (await at.desk.ask("POST", f"/deliveries/{record.id}/clear-up", WHY))[0] == 409
        await at.bring(approval(record.id))
        await at.bring(approval(record.id, contract="AL2026WXL1C0000002"))
        await at.nothing_waits()
        cleared = await at.desk.told("POST", f"/deliveries/{record.id}/clear-up", WHY)
        assert cleared == {"id": record.id, "cleared": 1}
        status, problem = await at.desk.ask("POST", f"/deliveries/{record.id}/clear-up", WHY)
        assert (status, problem["code"]) == (409, "undisputed")
        assert (await at.desk.search())["contradicted"] == []
        whole = await at.desk.told("GET", f"/deliveries/{record.id}")
        assert [(one["others"], one["open"]) for one in whole["called_back"]] == [(1, False)]
        assert [(act["act"], act["who"], act["reason"]) for act in whole["acts"]] == [
            ("clear-up", WHY["by"], WHY["reason"])
        ]
        await at.bring(approval(record.id, contract="AL2026WXL1C0000003"))
        (bank,) = (await at.desk.search())["contradicted"]
        assert [one["others"] for one in bank["contradictions"]] == [2]
        assert (await at.desk.told("POST", f"/deliveries/{record.id}/clear-up", WHY))["cleared"] == 1

    play(settings, scenario)


def test_what_was_called_back_about_nothing_that_is_known_can_be_looked_at_and_cleared_up(settings: Settings) -> None:
    """A key as ours are, and no delivery to it: what is shown of it leads to what there is, and that can be ended."""

    async def scenario(at: Stage) -> None:
        key = new_id()
        assert (await at.desk.ask("GET", f"/deliveries/{key}"))[0] == 404
        for contract in ("AL2026WXL1C0000001", "AL2026WXL1C0000002"):
            await at.bring(approval(f"{key}.r2", contract=contract))
        (bank,) = (await at.desk.search())["contradicted"]
        assert [one["delivery"] for one in bank["contradictions"]] == [key]
        whole = await at.desk.told("GET", f"/deliveries/{key}")
        assert (whole["id"], whole["organisation"], whole["state"], whole["case"]) == (key, BANK, "unknown", None)
        assert [(one["revision"], one["others"]) for one in whole["called_back"]] == [(2, 1)]
        assert CAR not in json.dumps(whole)
        assert (await at.desk.ask("POST", f"/deliveries/{key}/retry", WHY))[0] == 404
        assert (await at.desk.told("POST", f"/deliveries/{key}/clear-up", WHY))["cleared"] == 1
        whole = await at.desk.told("GET", f"/deliveries/{key}")
        assert [(act["act"], act["who"]) for act in whole["acts"]] == [("clear-up", WHY["by"])]
        assert (await at.desk.search())["contradicted"] == []

    play(settings, scenario)


def test_a_contradiction_about_an_edition_stands_with_its_delivery(settings: Settings) -> None:
    """Also while it waits, and beside what was called back about the edition before."""

    async def scenario(at: Stage) -> None:
        record = application()
        edition = f"{record.id}.r2"
        await at.bring(approval(record.id))
        for contract in ("AL2026WXL1C0000001", "AL2026WXL1C0000002"):
            await at.bring(approval(edition, contract=contract))
        await at.desk.park(waiting(record, revision=2))
        whole = await at.desk.told("GET", f"/deliveries/{record.id}")
        assert [(one["revision"], one["others"]) for one in whole["called_back"]] == [(1, 0), (2, 1)]
        assert (await at.desk.told("POST", f"/deliveries/{record.id}/clear-up", WHY))["cleared"] == 1

    play(settings, scenario)


def test_an_answer_names_a_key_of_ours_or_nothing(settings: Settings) -> None:
    """It is kept and shown under it: a VIN or somebody's name must not stand there, nor what is minted otherwise."""

    async def scenario(at: Stage) -> None:
        anybodys = "0b9c1b52-6f0e-4d35-9c8e-3a4b2f1d5e6f"
        for key in (CAR, "张三", f"{new_id()}.r", f"{new_id()}.x2", f"{new_id()} ", new_id().upper(), anybodys):
            status, problem = await at.bring(approval(key))
            told = [(one["field"], one["reason"]) for one in problem["faults"]]
            assert (status, told) == (422, [("about", "no_key_of_ours")]), key

    play(settings, scenario)


def test_only_the_bank_that_was_asked_proves_anything(settings: Settings) -> None:
    """Unsealed, changed, under another bank's seal, or at a door where nobody calls back: nothing is kept."""

    async def scene(at: Stage) -> None:
        record = application()
        await at.waits(record)
        good, refused = approval(record.id), _counted("refused")
        forged = {
            "unsealed": good[: good.index(b"<ds:Signature")] + b"</BizMsg>",
            "changed": good.replace(b"158200.00", b"958200.00"),
            "another's": approval(record.id, by=OTHER_BANK),
            "nothing": b"",
            "a bomb": b'<!DOCTYPE a [<!ENTITY b "bb">]><BizMsg>&b;</BizMsg>',
        }
        for name, raw in forged.items():
            status, problem = await at.bring(raw)
            assert (status, problem["type"]) == (401, "urn:tongche:problem:unauthenticated"), name
            assert "check that it covers the whole message" in problem["detail"], name
        assert (await at.bring(good, "miit"))[0] == 404
        assert (await at.bring(good, "nobody"))[0] == 404
        assert _counted("refused") - refused == len(forged)
        assert 'organisation="nobody"' not in metrics.render().decode()
        assert (await at.desk.search())["total"] == 1

    play(settings, scene)


def test_what_is_refused_is_shown_to_people_with_how_often_and_why(settings: Settings) -> None:
    """By organisation and reason, from the first to the last; a day after that nobody is told, and it starts anew."""

    async def scene(at: Stage) -> None:
        clock = at.desk.clock
        record, refusals = application(), Refusals(at.desk.store, clock)

        async def told() -> list[tuple[str, int, float]]:
            return [(one["why"], one["number"], one["last_at"] - one["since"]) for one in await shown()]

        async def shown() -> list[Any]:
            organisations = await at.desk.told("GET", "/organisations")
            assert [one["id"] for one in organisations if one["refused"]] in ([], [BANK])
            return [each for one in organisations for each in one["refused"]]

        async def three() -> bool:
            return bool(sum(one["number"] for one in await shown()) == 3)

        for raw in (approval(record.id, by=OTHER_BANK), b"garbage", approval(record.id, by=OTHER_BANK)):
            await at.bring(raw)
        await come_true(three)
        assert {(one["why"], one["number"]) for one in await shown()} == {("signature", 2), ("not-xml", 1)}
        assert [row["id"] for row in (await at.desk.search())["refused"]] == [BANK]
        assert (await at.desk.search(agency="police"))["refused"] == []
        clock.pass_(SHOWN_FOR / 2)
        refusals.note(BANK, "signature")
        await refusals.write()
        assert [one[:2] for one in await told()] == [("signature", 3), ("not-xml", 1)]
        assert (await told())[0][2] >= SHOWN_FOR.total_seconds() / 2
        clock.pass_(SHOWN_FOR)
        assert await told() == []
        refusals.note(BANK, "signature")
        await refusals.write()
        assert await told() == [("signature", 1, 0.0)]

    play(settings, scene)


def test_who_is_known_under_another_name_answers_nobody_elses_command(settings: Settings) -> None:
    """Another bank's answer stands in that bank's box, whatever key it names."""

    async def scene(at: Stage) -> None:
        record = application()
        await at.waits(record)
        assert (await at.bring(approval(record.id, who=OTHER_BANK), OTHER_BANK))[0] == 202
        assert (await at.desk.search())["total"] == 1
        assert (await at.bring(approval(record.id)))[0] == 202
        await at.nothing_waits()

    play(settings, scene)


@pytest.mark.parametrize(("raw", "status"), [(b"<Wthr/>", 400), (b"<BizMsg/>", 400)], ids=["weather", "no header"])
def test_what_is_sealed_and_no_message_is_refused(settings: Settings, raw: bytes, status: int) -> None:
    """The bank made a mistake, and should know."""

    async def scene(at: Stage) -> None:
        sealed = business.sealed(business.parsed(raw), KEYS[BANK])
        assert (await at.bring(sealed))[0] == status

    play(settings, scene)


@pytest.mark.parametrize(
    ("definition", "who", "wrong"),
    [
        ("tcal.777.001.01", BANK, ("definition", "unknown")),
        ("tcal.002.001.99", BANK, ("definition", "unknown")),
        ("tcal.001.001.01", BANK, ("definition", "unknown")),
        (DECIDED, OTHER_BANK, ("sender", "another")),
        (loans.RECEIPT, OTHER_BANK, ("sender", "another")),
    ],
    ids=["nobody's definition", "another version", "a request", "another bank's", "another bank's receipt"],
)
def test_what_answers_nothing_is_refused_and_never_kept(
    settings: Settings, definition: str, who: str, wrong: tuple[str, str]
) -> None:
    """Under the bank's own seal, so that it is told; the answer is taken in straight after it, and people see it."""

    async def scene(at: Stage) -> None:
        record = application()
        body = loans.receipt("PDNG") if definition == loans.RECEIPT else {"CarLnDcsn": {"VIN": CAR, "Dcsn": "APPR"}}
        status, problem = await at.bring(message(record.id, definition, body, who=who, by=BANK))
        assert (status, [(one["field"], one["reason"]) for one in problem["faults"]]) == (422, [wrong])

        async def told() -> bool:
            shown = await at.desk.told("GET", "/organisations")
            return [one["why"] for each in shown for one in each["refused"]] == [":".join(wrong)]

        await come_true(told)
        assert (await at.bring(approval(record.id)))[0] == 202
        await at.waits(record, not_before=0.0)
        assert len(await at.decided()) == 1
        assert (await at.desk.search())["contradicted"] == []

    play(settings, scene)


def test_an_answer_must_say_what_it_answers(settings: Settings) -> None:
    """About nothing, it is nobody's."""

    async def scene(at: Stage) -> None:
        status, problem = await at.bring(approval(""))
        assert (status, problem["faults"][0]["field"]) == (422, "about")

    play(settings, scene)


def test_a_status_is_acknowledged_and_decides_nothing(settings: Settings) -> None:
    """Still being worked on: the command waits on, and the decision comes later."""

    async def scene(at: Stage) -> None:
        record = application()
        await at.waits(record)
        pending = message(record.id, loans.RECEIPT, loans.receipt("PDNG"))
        assert (await at.bring(pending))[0] == 202
        assert (await at.desk.search())["total"] == 1
        assert (await at.bring(approval(record.id)))[0] == 202
        await at.nothing_waits()

    play(settings, scene)


@pytest.mark.parametrize("code", ["B0404", "B0999"], ids=["not yet", "a code that nobody knows"])
def test_what_decides_nothing_is_heard_and_the_command_sent_again(settings: Settings, code: str) -> None:
    """Not yet, or nonsense: the same is sent once more, and the answer to that is believed."""

    async def scene(at: Stage) -> None:
        record = application()
        await at.waits(record)
        assert (await at.bring(rejection(record.id, code)))[0] == 202

        async def sent() -> bool:
            return bool(at.bank.sent)

        await come_true(sent)
        assert (await at.bring(approval(record.id)))[0] == 202
        await at.nothing_waits()
        assert set(at.bank.sent) == {record.id}
        assert len(at.desk.heard("loan.decided")) == 1

    play(settings, scene)


def test_what_was_taken_in_and_nobody_can_read_is_shown_to_people(settings: Settings) -> None:
    """A code that nobody agreed, or a yes without a contract: once each; a "not yet" never."""

    async def scene(at: Stage) -> None:
        strange, hollow, waits = application(), application(vin(2)), application(vin(3))
        without = message(hollow.id, DECIDED, {"CarLnDcsn": {"VIN": vin(2), "Dcsn": "APPR"}})
        for raw in (
            rejection(strange.id, "ZZ99"),
            rejection(strange.id, "ZZ99"),
            without,
            rejection(waits.id, "B0404"),
        ):
            assert (await at.bring(raw))[0] == 202
        await at.bring(message(waits.id, loans.RECEIPT, loans.receipt("PDNG")))
        await at.bring(approval(application(vin(4)).id, vin(4)))

        async def told() -> list[tuple[str, int]]:
            shown = await at.desk.told("GET", "/organisations")
            return [(one["why"], one["number"]) for each in shown for one in each["refused"]]

        async def both() -> bool:
            return await told() == [("unread", 2)]

        await come_true(both)

    play(settings, scene)


def test_out_of_order_a_decision_stands_before_what_decided_nothing(settings: Settings) -> None:
    """A "not yet" overtaken by its own end is old news; a decision takes its place where it came first."""

    async def scene(at: Stage) -> None:
        late, early = application(), application(vin(2))
        assert (await at.bring(approval(late.id)))[0] == 202
        assert (await at.bring(rejection(late.id, "B0404")))[0] == 202
        assert (await at.bring(rejection(early.id, "B0404")))[0] == 202
        assert (await at.bring(approval(early.id, vin(2))))[0] == 202
        await at.waits(late, not_before=0.0)
        await at.waits(early, not_before=0.0)
        await at.nothing_waits()
        assert {one.decision for one in await at.decided()} == {"APPROVED"}
        assert at.bank.sent == []

    play(settings, scene)


def test_an_answer_revives_what_was_given_up(settings: Settings) -> None:
    """Its time was over; the bank decided all the same, and that is heard."""

    async def scene(at: Stage) -> None:
        record = application()
        await at.waits(record, state="dead", failure="deadline")
        at.desk.clock.pass_(timedelta(days=60))
        assert (await at.bring(approval(record.id)))[0] == 202
        assert len(await at.decided()) == 1
        await at.nothing_waits()

    play(settings, scene)


def test_of_what_a_person_has_cancelled_nothing_is_heard(settings: Settings) -> None:
    """The answer is acknowledged, or the bank would bring it for ever; the case has gone on without it."""

    async def scene(at: Stage) -> None:
        record = application()
        await at.waits(record)
        await at.desk.told("POST", f"/deliveries/{record.id}/cancel", WHY)
        assert (await at.bring(approval(record.id)))[0] == 202
        await at.nothing_waits()
        assert at.desk.heard("loan.decided") == []

    play(settings, scene)


def test_an_answer_to_what_was_said_before_an_edit_is_not_that_to_the_edition(settings: Settings) -> None:
    """An edition goes out under a key of its own."""

    async def scene(at: Stage) -> None:
        record = application()
        await at.waits(record, revision=2)
        assert (await at.bring(approval(record.id)))[0] == 202
        assert (await at.desk.search())["total"] == 1
        assert (await at.bring(approval(f"{record.id}.r2")))[0] == 202
        await at.nothing_waits()

    play(settings, scene)


def test_whichever_process_it_comes_to_it_outlives_that(settings: Settings) -> None:
    """Brought to one process that ends at once, it is heard by another, and known there."""
    known(settings)
    record, bank = application(), Bank()

    async def run() -> None:
        async with stage(settings, bank, slot="1") as gone:
            assert (await gone.bring(approval(record.id)))[0] == 202
        async with stage(settings, bank) as at:
            assert (await at.bring(approval(record.id)))[0] == 202
            await at.waits(record, not_before=0.0)
            assert len(await at.decided()) == 1

    asyncio.run(run())


def test_a_large_body_is_not_read_to_its_end(settings: Settings) -> None:
    """An answer has a page or two."""

    async def scene(at: Stage) -> None:
        assert (await at.bring(b" " * (callbacks.LARGEST + 1)))[0] == 413

    play(settings, scene)


def test_both_doors_are_served_as_they_are_described(settings: Settings) -> None:
    """What organisations get as a file is what stands at the door, and one no is said at both."""

    async def scenario(at: Stage) -> None:
        async with at.desk.http.get(f"{at.desk.url}/openapi.json") as said:
            served = (await said.json())["paths"]
        for door in (callbacks, notices):
            assert door.described()["paths"][door.PATH] == served[door.PATH]
            async with at.desk.http.post(at.desk.url + door.PATH.format(organisation="nobody"), data=b"") as no:
                assert no.content_type == "application/problem+json"

    play(settings, scenario)


def test_while_no_signature_can_be_checked_nothing_is_taken_in(settings: Settings) -> None:
    """Nobody can be told from anybody; mended, the same is taken in."""

    async def scene(at: Stage) -> None:
        record = application()
        at.desk.runtime.settings.notifiers.write_text("[[notifiers")
        assert (await at.bring(approval(record.id)))[0] == 503
        known(settings)
        assert (await at.bring(approval(record.id)))[0] == 202

    play(settings, scene)
