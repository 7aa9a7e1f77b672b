"""The journey as a service: what it stores, sends and shows, on a real store."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, inspect, select, update

from contracts import topics
from contracts.certificate import CocQueryV1
from contracts.envelope import Undecodable, encode, message
from contracts.loan import LoanSettledV1
from contracts.refusal import AgencyRefusedV1
from contracts.registry import contract_of
from contracts.sale import SaleCancelledV1, SaleConfirmedV3, SaleReturnedV1
from observability import metrics
from services.journey import tables
from services.runtime.database import open_store
from services.runtime.record import Record
from services.runtime.settings import Settings
from tests.journey.road import BUYER, CASE, EXPORT, INSURER, LOAN, VIN, sale
from tests.journey.shell import KEY, TRACE, Shell, play
from tests.stores import Stores

OTHER = "0190a000-0000-7000-8000-000000000002"
WHY = {"reason": "打过电话", "by": "li"}


def counted(table: Any) -> Any:
    def act(connection: Connection) -> int:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())

    return act


def settled(contract_no: str) -> LoanSettledV1:
    """A bank's notice."""
    return LoanSettledV1(vin=VIN, loan_contract_no=contract_no, settled_on=date(2026, 6, 1))


def test_it_follows_sales_deliveries_and_every_agency(tmp_path: Path) -> None:
    """In one group, so that all messages of a vehicle come in one lane's order."""

    async def scene(shell: Shell) -> None:
        assert shell.subscription.group == "journey"
        expected = {"sale.events", "delivery.events", *(f"{agency}.events" for agency in topics.AGENCIES)}
        assert {*shell.subscription.topics} == expected

    play(tmp_path, scene)


@pytest.mark.parametrize(
    "of", [sale(), sale("BEV", loan=LOAN), sale("BEV", export=EXPORT)], ids=["cash", "loan", "export"]
)
def test_a_sale_goes_its_whole_way(tmp_path: Path, of: Any) -> None:
    """Commands to the right topics under the vehicle's key, a snapshot at every change, no timer left at the end."""

    async def scene(shell: Shell) -> None:
        shell.agencies.of = of
        await shell.tell(of)
        await shell.run()
        assert shell.cases[-1].headline == "CLOSED"
        assert [case.version for case in shell.cases] == list(range(1, len(shell.cases) + 1))
        assert {sent.key for sent in shell.sent} == {KEY}
        for sent, said in zip(shell.sent, shell.messages, strict=True):
            name = contract_of(said.data)[0].name
            assert said.envelope.subject == CASE
            assert sent.topic == ("case.events" if name == "case.changed" else f"{organisation(name)}.commands")
        assert await shell.runtime.store.read(counted(tables.timers)) == 0

    play(tmp_path, scene)


def organisation(command: str) -> str:
    agency = topics.COMMANDS[command].agency
    return {"insurer": f"insurer-{INSURER}", "bank": f"bank-{LOAN.lender_uscc}"}.get(agency, agency)


def test_everything_said_belongs_to_the_trace_of_its_cause_and_names_it(tmp_path: Path) -> None:
    """One trace a case, causation message by message, packs named once they decided."""

    async def scene(shell: Shell) -> None:
        await shell.tell(sale(), id_="sale-message")
        first = shell.messages[:2]
        assert {said.envelope.causationid for said in first} == {"sale-message"}
        assert {(said.envelope.traceparent or "")[:35] for said in first} == {TRACE[:35]}
        assert TRACE not in {said.envelope.traceparent for said in first}
        await shell.run()
        assert shell.messages[-1].envelope.policypacks == "NEV-26,PTL-2019,CTPL-2020,VVT,ELIC-NATIONAL"

    play(tmp_path, scene)


@pytest.mark.parametrize("of", [sale(loan=LOAN), sale("BEV", export=EXPORT)], ids=["home", "export"])
def test_all_that_is_said_of_a_case_concerns_the_parties_of_its_sale(tmp_path: Path, of: SaleConfirmedV3) -> None:
    """So that whoever passes it on knows who may have it, without asking anybody."""

    async def scene(shell: Shell) -> None:
        await shell.tell(of)
        await shell.run()
        assert {said.envelope.concerns for said in shell.messages} == {str(of.concerns)}

    play(tmp_path, scene)


def test_no_snapshot_and_no_span_name_carries_the_buyer(tmp_path: Path) -> None:
    """`case.events` is for everybody."""

    async def scene(shell: Shell) -> None:
        await shell.tell(sale("BEV", loan=LOAN))
        await shell.run()
        told = b"".join(sent.value for sent in shell.sent if sent.topic == "case.events").decode()
        for personal in (BUYER.buyer_name, BUYER.buyer_id_no, BUYER.phone, "陕AD12345"):
            assert personal not in told

    play(tmp_path, scene)


def test_the_same_record_twice_is_decided_once(tmp_path: Path) -> None:
    """The runtime's ledger and the case are one transaction."""

    async def scene(shell: Shell) -> None:
        for _ in range(5):
            await shell.tell(sale(), id_="same")
        assert len(shell.cases) == 1
        assert await shell.runtime.store.read(counted(tables.cases)) == 1

    play(tmp_path, scene)


def test_a_second_sale_on_a_vin_is_refused_until_the_first_is_cancelled(tmp_path: Path) -> None:
    """C409 while the first lives; free again afterwards; the refused case never claims the VIN."""

    async def scene(shell: Shell) -> None:
        await shell.tell(sale())
        await shell.tell(sale(order_no="XS2"), subject=OTHER)
        first, second = (next(case for case in shell.cases[::-1] if case.order_no == no) for no in ("XS1", "XS2"))
        assert (second.headline, second.code) == ("REFUSED", "C409")
        assert [(step.rule, step.facet) for step in first.steps] == [("C409", "order")]
        assert "XS2" not in first.model_dump_json()
        await shell.tell(SaleCancelledV1(vin=VIN, reason="off"))
        assert await shell.runtime.store.read(counted(tables.live_vin)) == 0
        await shell.tell(sale(order_no="XS3"), subject=OTHER[:-1] + "3")
        assert shell.cases[-1].headline == "OPEN"

    play(tmp_path, scene)


@pytest.mark.parametrize("of", [sale("BEV"), sale("BEV", export=EXPORT)], ids=["registered", "exported"])
def test_a_car_that_is_registered_or_gone_is_never_sold_as_new_again(tmp_path: Path, of: Any) -> None:
    """C409 for ever, for a sale of either kind."""

    async def scene(shell: Shell) -> None:
        shell.agencies.of = of
        await shell.tell(of)
        await shell.run()
        await shell.tell(sale(order_no="XS2"), subject=OTHER)
        assert shell.cases[-2].code == "C409"

    play(tmp_path, scene)


def test_a_message_about_a_case_that_is_not_here_waits_for_it(tmp_path: Path) -> None:
    """Kept whole, and heard when the case is opened: a cancellation that overtook its sale still counts."""

    async def scene(shell: Shell) -> None:
        await shell.tell(SaleCancelledV1(vin=VIN, reason="off"))
        assert (await shell.call("GET", "/v1/stats"))[1]["unplaced"] == 1
        await shell.tell(sale())
        await shell.run()
        assert shell.cases[-1].headline == "CANCELLED"
        assert (await shell.call("GET", "/v1/stats"))[1]["unplaced"] == 0

    play(tmp_path, scene)


def test_what_nobody_can_read_any_more_keeps_no_case_from_opening(tmp_path: Path) -> None:
    """A message kept by an older version stays counted, and the sale is taken up."""

    async def scene(shell: Shell) -> None:
        await shell.tell(SaleCancelledV1(vin=VIN, reason="off"))
        spoil = tables.unplaced.update().values(value=b"{}")
        await shell.runtime.store.run(lambda connection: connection.execute(spoil))
        await shell.tell(sale())
        assert shell.cases[-1].headline == "OPEN"
        assert (await shell.call("GET", "/v1/stats"))[1]["unplaced"] == 1

    play(tmp_path, scene)


def test_a_notice_finds_the_case_of_its_vehicle(tmp_path: Path) -> None:
    """An organisation knows the car and not our case; what comes before any case waits for one."""

    async def scene(shell: Shell) -> None:
        shell.agencies.of = sale("BEV", loan=LOAN)
        await shell.tell(settled("L-9"), subject=KEY)
        await shell.tell(shell.agencies.of)
        shell.agencies.twist["loan.apply"] = {"loan_contract_no": "L-9"}
        await shell.run()
        facets = {facet.name: facet.state for facet in shell.cases[-1].facets}
        assert (shell.cases[-1].headline, facets["loan"], facets["mort"]) == ("CLOSED", "SETTLED", "NOT_NEEDED")

    play(tmp_path, scene)


def test_a_certificate_of_a_car_that_nobody_sold_waits_for_its_sale(tmp_path: Path) -> None:
    """MIIT tells of every car; once one is sold, what was told of it counts at once."""

    async def scene(shell: Shell) -> None:
        shell.agencies.of = sale()
        coc_no = shell.agencies.of.coc_no
        await shell.tell(shell.agencies.answer(CocQueryV1(vin=VIN, coc_no=coc_no)), subject=KEY)
        assert (await shell.call("GET", "/v1/stats"))[1]["unplaced"] == 1
        await shell.tell(shell.agencies.of)
        facets = {facet.name: facet.state for facet in shell.cases[-1].facets}
        assert (facets["coc"], (await shell.call("GET", "/v1/stats"))[1]["unplaced"]) == ("AVAILABLE", 0)
        await shell.run()
        assert shell.cases[-1].headline == "CLOSED"

    play(tmp_path, scene)


def test_a_settled_loan_is_heard_by_the_closed_case_too(tmp_path: Path) -> None:
    """The mortgage is released years later, by the same case."""

    async def scene(shell: Shell) -> None:
        shell.agencies.of = sale("BEV", loan=LOAN)
        await shell.tell(shell.agencies.of)
        shell.agencies.twist["loan.apply"] = {"loan_contract_no": "L-9"}
        await shell.run()
        await shell.tell(settled("L-9"), subject=KEY)
        await shell.run()
        facets = {facet.name: facet.state for facet in shell.cases[-1].facets}
        assert (shell.cases[-1].headline, facets["mort"]) == ("CLOSED", "RELEASED")

    play(tmp_path, scene)


def test_a_registered_car_that_goes_back_gets_a_case_of_its_own(tmp_path: Path) -> None:
    """With an id of its own, the vehicle's key, and the way to its end; told again, nothing more begins."""

    async def scene(shell: Shell) -> None:
        await shell.tell(sale())
        await shell.run()
        for number in range(2):
            await shell.tell(
                SaleReturnedV1(vin=VIN, returned_on=date(2026, 7, 1), reason="fault"), id_=f"return-{number}"
            )
            await shell.run()
        back = [case for case in shell.cases if case.kind == "returned-car"]
        assert back[-1].headline == "CLOSED"
        assert await shell.runtime.store.read(counted(tables.cases)) == 2
        assert {sent.key for sent in shell.sent} == {KEY}

    play(tmp_path, scene)


def test_other_security_is_recorded_over_the_desk(tmp_path: Path) -> None:
    """By a person, with a reason; refused where no mortgage is held."""

    async def scene(shell: Shell) -> None:
        await shell.tell(sale())
        status, told = await shell.call("POST", f"/v1/cases/{CASE}/secure", {"reason": "a guarantor", "by": "li"})
        assert (status, told["code"]) == (409, "no-mortgage-held")

    play(tmp_path, scene)


def test_every_step_says_what_it_rests_on_and_what_it_was_decided_on(tmp_path: Path) -> None:
    """Rule, source, pack and digests of the inputs, with nothing personal in what was digested."""

    async def scene(shell: Shell) -> None:
        shell.agencies.of = sale("BEV", loan=LOAN)
        await shell.tell(shell.agencies.of)
        await shell.run()
        steps = [step for case in shell.cases for step in case.steps]
        assert all(step.source for step in steps)
        (assessed,) = [step for step in steps if (step.rule, step.after) == ("T5", "ASSESSED")]
        assert (assessed.pack, assessed.source) == ("NEV-26", "PTL 3–6, 12; TCL 32")
        assert [one.name for one in assessed.inputs] == ["invoice", "coc", "tax.assessed"]
        assert len({one.sha256 for one in assessed.inputs}) == 3

    play(tmp_path, scene)


def test_bytes_that_are_none_of_ours_are_undecodable(tmp_path: Path) -> None:
    """The runtime sets them aside; the lane goes on."""

    async def scene(shell: Shell) -> None:
        record = Record("sale.events", 0, 0, KEY, (), b"{}")
        with pytest.raises(Undecodable):
            await shell.runtime.store.run(lambda connection: shell.subscription.apply(connection, record))

    play(tmp_path, scene)


@pytest.mark.parametrize("topic", ["tax.events", "delivery.events"])
def test_a_sale_comes_by_the_door_only(tmp_path: Path, topic: str) -> None:
    """Whatever stands on another's topic opens no case: it is set aside as what does not belong there."""

    async def scene(shell: Shell) -> None:
        said = message(sale(), id="m", source="urn:stranger", subject=CASE, time=shell.clock.now())
        record = Record(topic, 0, 0, KEY, *encode(said))
        with pytest.raises(Undecodable, match="unexpected-type"):
            await shell.runtime.store.run(lambda connection: shell.subscription.apply(connection, record))
        assert shell.sent == []

    play(tmp_path, scene)


def test_timers_ring_by_the_injected_clock(tmp_path: Path) -> None:
    """Silence becomes HOLD, then MANUAL with an owner; a timer rings once."""

    async def scene(shell: Shell) -> None:
        await shell.tell(sale())
        assert await shell.alarm.ring() == 0
        shell.clock.pass_(timedelta(minutes=31))
        assert await shell.alarm.ring() == 1
        assert shell.cases[-1].headline == "HOLD"
        shell.clock.pass_(timedelta(hours=4))
        assert (await shell.alarm.ring(), await shell.alarm.ring()) == (1, 0)
        assert (shell.cases[-1].headline, shell.cases[-1].owner) == ("MANUAL", "miit-desk")
        assert (shell.messages[-1].envelope.traceparent or "")[:35] == TRACE[:35]

    play(tmp_path, scene)


def test_the_alarm_clock_runs_by_itself_and_the_gauges_tell(tmp_path: Path, until: Any) -> None:
    """What the service starts beside its consumer."""

    async def scene(shell: Shell) -> None:
        await shell.tell(sale())
        shell.clock.pass_(timedelta(minutes=31))
        tasks = [asyncio.ensure_future(shell.runtime.tasks[name]()) for name in ("timers", "census")]
        await until(lambda: shell.cases[-1].headline == "HOLD")
        await until(lambda: metrics.read("tongche_timers_waiting") == 1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    play(tmp_path, scene)


def test_a_case_survives_a_restart(tmp_path: Path) -> None:
    """Another process finds it where the first left it."""
    asked: list[Any] = []

    async def first(shell: Shell) -> None:
        await shell.tell(sale("PHEV", loan=LOAN))
        shell.agencies.of = sale("PHEV", loan=LOAN)
        await shell.run("registration.register")
        asked.extend(said for said in shell.messages if contract_of(said.data)[0].name == "registration.register")

    async def second(shell: Shell) -> None:
        registered = shell.agencies.answer(asked[0].data)
        await shell.tell(registered, cause=asked[0].envelope)
        await shell.run()
        assert shell.cases[-1].headline == "CLOSED"

    play(tmp_path, first)
    play(tmp_path, second)


def test_an_operator_gives_resumes_and_cancels(tmp_path: Path) -> None:
    """Each act answers with the case as it stands, told to everybody as well."""

    async def scene(shell: Shell) -> None:
        await shell.tell(sale())
        await shell.tell(refusal(), cause=shell.messages[1].envelope)
        assert shell.cases[-1].headline == "HOLD"
        status, case = await shell.call("POST", f"/v1/cases/{CASE}/assign", WHY | {"owner": "王工"})
        assert (status, case["headline"], case["owner"], case["version"]) == (200, "MANUAL", "王工", 3)
        status, case = await shell.call("POST", f"/v1/cases/{CASE}/resume", WHY)
        assert (status, case["headline"]) == (200, "OPEN")
        assert [sent.topic for sent in shell.sent].count("miit.commands") == 2
        status, case = await shell.call("POST", f"/v1/cases/{CASE}/cancel", WHY)
        assert (status, case["headline"]) == (200, "CANCELLED")
        assert shell.cases[-1].model_dump(mode="json", exclude_none=True) == {
            name: value for name, value in case.items() if name != "id"
        }

    play(tmp_path, scene)


def refusal() -> AgencyRefusedV1:
    return AgencyRefusedV1(vin=VIN, organisation="miit", command="coc.query", code="D422", reason="no")


def test_what_an_operator_writes_is_cleaned_of_personal_data(tmp_path: Path) -> None:
    """A telephone number in a reason does not reach the topic."""

    async def scene(shell: Shell) -> None:
        await shell.tell(sale())
        await shell.call("POST", f"/v1/cases/{CASE}/assign", {"reason": "电话 13812345678", "owner": "li"})
        assert b"13812345678" not in shell.sent[-1].value

    play(tmp_path, scene)


def test_what_an_operator_writes_does_not_name_the_buyer(tmp_path: Path) -> None:
    """A name and an address look like any words, but the case knows its own."""
    told, address = sale(), "样例路1号"
    buyer = told.buyer
    assert buyer is not None
    at_home = told.model_copy(update={"buyer": buyer.model_copy(update={"address": address})})

    async def scene(shell: Shell) -> None:
        await shell.tell(at_home)
        why = f"{buyer.buyer_name}住{address}，号牌待查"
        await shell.call("POST", f"/v1/cases/{CASE}/assign", {"reason": why, "owner": "li"})
        said = shell.sent[-1].value.decode()
        assert "号牌待查" in said
        assert buyer.buyer_name not in said
        assert address not in said

    play(tmp_path, scene)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", f"/v1/cases/{OTHER}", None, 404, "not-found"),
        ("POST", f"/v1/cases/{OTHER}/resume", WHY, 404, "not-found"),
        ("POST", f"/v1/cases/{CASE}/cancel", WHY, 409, "ended"),
        ("POST", f"/v1/cases/{CASE}/resume", WHY, 409, "ended"),
        ("POST", f"/v1/cases/{CASE}/cancel", {}, 422, "not-valid"),
        ("POST", f"/v1/cases/{CASE}/assign", WHY | {"owner": ""}, 422, "not-valid"),
        ("POST", "/v1/cases/search", {"vin": "13812345678"}, 422, "not-valid"),
    ],
)
def test_a_no_is_a_problem_document(  # noqa: PLR0913, PLR0917 - the columns of a table
    tmp_path: Path, method: str, path: str, body: Any, status: int, code: str
) -> None:
    """RFC 9457, with a stable code, in both languages, without an echo."""

    async def scene(shell: Shell) -> None:
        await shell.tell(sale())
        await shell.run()
        got, problem = await shell.call(method, path, body)
        assert got == status
        assert {"type", "title", "status", "code"} <= {*problem}
        assert problem["code"] in {code, "nothing-held"}
        assert "13812345678" not in str(problem)

    play(tmp_path, scene)


def test_after_the_pivot_the_operator_hears_that_only_forward_repair_is_left(tmp_path: Path) -> None:
    """409, and the case goes on."""

    async def scene(shell: Shell) -> None:
        await shell.tell(sale())
        await shell.run("elicence.issue")
        status, problem = await shell.call("POST", f"/v1/cases/{CASE}/cancel", WHY)
        assert (status, problem["code"]) == (409, "after-pivot")

    play(tmp_path, scene)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/stats"), ("GET", "/v1/export/cases"), ("POST", "/v1/cases/search"), ("GET", f"/v1/cases/{CASE}")],
)
def test_nothing_is_shown_without_the_token(tmp_path: Path, method: str, path: str) -> None:
    """401 before anything else is looked at."""

    async def scene(shell: Shell) -> None:
        status, told = await shell.call(method, path, token="guess")
        assert status == 401, told

    play(tmp_path, scene)


def test_a_car_is_found_by_its_vin_and_exported_without_its_buyer(tmp_path: Path) -> None:
    """All its cases, newest first; the export names facets, timers, owner and source."""

    async def scene(shell: Shell) -> None:
        await shell.tell(sale("BEV", loan=LOAN))
        shell.clock.pass_(timedelta(minutes=1))
        await shell.tell(sale(order_no="XS2"), subject=OTHER)
        status, found = await shell.call("POST", "/v1/cases/search", {"vin": f" {VIN.lower()} "})
        assert (status, [case["id"] for case in found["cases"]]) == (200, [OTHER, CASE])
        status, lines = await shell.call("GET", "/v1/export/cases")
        assert [line["id"] for line in lines] == [CASE, OTHER]
        order = {"name": "order", "state": "CONFIRMED", "hold": None, "code": None, "until": None, "owner": None}
        assert order in lines[0]["facets"]
        assert lines[0]["timers"]
        assert lines[0]["source"] == "urn:maker"
        assert BUYER.buyer_name not in str(lines)
        stats = (await shell.call("GET", "/v1/stats"))[1]
        assert (stats["open"], stats["refused"], stats["closed"], stats["manual"]) == (1, 1, 0, 0)

    play(tmp_path, scene)


def test_a_case_that_is_just_being_decided_can_be_looked_at(stores: Stores) -> None:
    """Whoever looks sees it as it stood, and neither waits for the decision nor is turned away by it."""

    async def scene(shell: Shell) -> None:
        await shell.tell(sale())
        with shell.runtime.store.writer.begin() as deciding:
            deciding.execute(update(tables.cases).values(owner="somebody"))
            for path in (f"/v1/cases/{CASE}", f"/v1/cases/{CASE}/policies"):
                async with asyncio.timeout(30):
                    status, told = await shell.call("GET", path)
                assert (status, told.get("owner")) == (200, None), told

    settings = stores.empty()
    play(settings.data, scene, settings.database)


def test_the_migration_makes_what_the_tables_say(tmp_path: Path) -> None:
    """Same tables, same columns, same keys, same indexes."""
    store = open_store(Settings(data=tmp_path), "journey")
    found = inspect(store.reader)
    for table in tables.metadata.sorted_tables:
        columns = {column["name"]: bool(column["nullable"]) for column in found.get_columns(table.name)}
        assert columns == {column.name: bool(column.nullable) for column in table.columns}
        assert found.get_pk_constraint(table.name)["constrained_columns"] == [c.name for c in table.primary_key]
        assert {index["name"] for index in found.get_indexes(table.name)} == {index.name for index in table.indexes}
    store.writer.dispose()
    store.reader.dispose()
