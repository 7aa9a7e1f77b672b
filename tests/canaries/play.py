"""What happens: cases of all kinds, each with something that goes wrong, and people who type what they should not."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from contracts.envelope import encode, message
from contracts.police import ElicenceGrantV1
from contracts.topics import COMMANDS
from services.runtime import leaps
from services.scenario.stage import View
from tests.canaries.forms import ANYBODY, Canary
from tests.canaries.people import (
    BANK,
    INSURER,
    MAKER,
    OTHER_INSURER,
    PRICE,
    SELLER,
    SOLD_ON,
    Car,
    Person,
    sale,
    sale_v1,
)
from tests.canaries.subscribers import REVOKED
from tests.canaries.town import Town

BEGAN: Final = datetime(2026, 3, 2, 1, tzinfo=UTC)
SHANGHAI: Final = "310115"
CONFIRMED: Final = "tongche.sale.confirmed"

_CASES: Final = (
    "loan",
    "kafka",
    "file",
    "abroad",
    "declined",
    "corrected",
    "cancelled",
    "returned",
    "dead",
    "latest",
    "contested",
    "refused",
    "poison",
    "desk",
    "grantee",
    "declined-to",
    "corrected-to",
)
PEOPLE: Final = {
    case: Person(
        case,
        number,
        latin=case in {"kafka", "latest", "refused"},
        insurer=OTHER_INSURER if case == "kafka" else INSURER,
        region=SHANGHAI if case == "latest" else "500105",
    )
    for number, case in enumerate(_CASES)
}
CARS: Final = {
    case: Car(case, number, engine=case == "kafka")
    for number, case in enumerate(_CASES)
    if case not in {"contested", "desk", "grantee", "declined-to", "corrected-to"}
}
_ORGANISATION: Final = {"insurer": f"insurer-{INSURER}", "bank": f"bank-{BANK}"}
_ECHOED: Final = {"loan": "error", "file": "answer", "corrected": "refusal"}
"""Every operation about these cars is answered once with what was asked."""


_REASONED: Final = ("corrected", "cancelled", "declined", "returned", "desk")
_FINANCED: Final = frozenset({"loan", "file", "declined", "refused", "poison"})
_SAYS: Final[Mapping[str, frozenset[str]]] = {
    "abroad": frozenset(),
    "grantee": frozenset(),
    "declined-to": frozenset({"phone", "address"}),
    "corrected-to": frozenset({"buyer_name", "phone", "address"}),
}
"""Which of a person's values a case tells, where not all of them."""


def _told_of(case: str) -> frozenset[str]:
    everything = frozenset({"buyer_name", "buyer_id_no", "phone", "address"})
    return _SAYS.get(case, everything | {"loan_amount"} if case in _FINANCED else everything)


def reason(case: str) -> str:
    """What somebody writes about a case as the reason of something."""
    return f"事由丝雀{case}因故办理"


def canaries() -> Iterator[Canary]:
    """Everything that is put in; what agencies make up is learnt from their books."""
    for person in PEOPLE.values():
        yield from (canary for canary in person.canaries() if canary.field in _told_of(person.case))
    grantee = PEOPLE["grantee"]
    yield Canary("grantee", "grantee_name", grantee.name)
    yield Canary("grantee", "grantee_id_no", grantee.id_no)
    for car in CARS.values():
        yield from car.canaries()
    yield Canary("contested", "order_no", _contested()["order_no"])
    yield from (Canary(case, "reason", reason(case)) for case in _REASONED)
    yield from (Canary(ANYBODY, "buyer_id_type", kind) for kind in ("RESIDENT_ID", "PASSPORT"))
    yield from (Canary(ANYBODY, "plate_kind", kind) for kind in ("FUEL", "NEV_SMALL"))
    yield from (Canary(ANYBODY, "decision", kind) for kind in ("APPROVED", "REJECTED"))
    yield Canary("refused", "account", ACCOUNT)
    yield Canary("refused", "unknown", UNKNOWN)
    yield Canary("refused", "source_id", ID)


ACCOUNT: Final = "6222020200112233445"
UNKNOWN: Final = "未知字段丝雀列"
ID: Final = "编号丝雀自称"
"""A publisher's own id, which may be anything and goes back to that publisher."""


async def play(town: Town) -> None:
    """Everything, from the first sale to the last look."""
    await _break_agencies(town)
    await town.operator("projection", "POST", f"/v1/grants/{REVOKED}/revoke", {"reason": reason("desk"), "by": "desk"})
    await _publish(town)
    await asyncio.gather(town.killed("intake", "dispatch", "console"), _hand_in_wrongly(town))
    await town.killed("journey", "projection", "simulator")
    await _poison(town)
    await _change_minds(town)
    await _mend_agencies(town)
    await _until_registered(town)
    await _operate(town)
    await _afterwards(town)
    await _look(town)


# -- agencies


async def _break_agencies(town: Town) -> None:
    scripts: dict[str, list[Mapping[str, Any]]] = {}
    for case, how in _ECHOED.items():
        for name, row in COMMANDS.items():
            organisation = _ORGANISATION.get(row.agency, row.agency)
            script = {"vin": CARS[case].vin, "operation": name, "echo": how, "times": 1}
            scripts.setdefault(organisation, []).append(script)
    declined = {"vin": CARS["declined"].vin, "operation": "loan.apply", "code": "B451"}
    scripts[_ORGANISATION["bank"]].append(declined)
    for organisation, known in scripts.items():
        await town.stage.turn(organisation, lambda _, known=known: {"scripts": known})  # type: ignore[misc]
    await town.stage.turn("police", lambda _: {"down": "503"})
    await town.stage.turn("customs", lambda _: {"garbage": 1.0})
    corrected = CARS["corrected"].vin
    await town.stage.turn("miit", lambda _: {"absent": [CARS["dead"].vin, corrected], "tail_rate": 0.5, "tail_ms": 200})


async def _mend_agencies(town: Town) -> None:
    await town.stage.turn("police", lambda _: {"down": None})
    await town.stage.turn("customs", lambda _: {"garbage": 0})
    await town.stage.turn("miit", lambda _: {"absent": [CARS["dead"].vin]})


# -- publishers


async def _publish(town: Town) -> None:
    for case in ("loan", "declined", "corrected", "cancelled", "returned", "dead"):
        financed = case in {"loan", "declined"}
        await _sell(town, "platform", case, sale(CARS[case], PEOPLE[case], financed=financed))
    await _sell(town, "platform", "abroad", sale(CARS["abroad"], None))
    await _sell(town, "byd", "contested", _contested())
    await _sell(town, "platform", "latest", _latest(), version=3)
    await town.produce([_submitted(sale_v1(CARS["kafka"], PEOPLE["kafka"]), "kafka", "v1")])
    await town.post_sale("platform", _file(), "/v1/sales/import?filename=sales.csv", "text/csv")


async def _sell(town: Town, publisher: str, case: str, data: Mapping[str, Any], version: int = 2) -> None:
    status = await town.hand_in(publisher, f"canary-{case}", f"{CONFIRMED}.v{version}", data)
    assert status == 202, case


def _contested() -> dict[str, Any]:
    """The loan's car, sold once more to somebody else."""
    return sale(CARS["loan"], PEOPLE["contested"]) | {"order_no": "CANARYSECONDORDER"}


def _latest() -> dict[str, Any]:
    told = sale(CARS["latest"], PEOPLE["latest"])
    return {name: value for name, value in told.items() if name != "motor_no"} | {"motor_nos": [told["motor_no"]]}


def _submitted(
    data: Mapping[str, Any], case: str, version: str, **headers: bytes
) -> tuple[str, str, list[tuple[str, bytes]], bytes]:
    told = {
        "content-type": b"application/json",
        "ce_specversion": b"1.0",
        "ce_id": f"canary-{case}".encode(),
        "ce_source": b"urn:tongche:publisher:byd",
        "ce_type": f"{CONFIRMED}.{version}".encode(),
    } | headers
    return "submit.byd", CARS["kafka"].vin, list(told.items()), json.dumps(data, ensure_ascii=False).encode()


def _file() -> bytes:
    """A dealer's file in GB18030: one sale on credit, one that is wrong in every cell, and a column nobody knows."""
    out = io.StringIO()
    rows = csv.DictWriter(out, [*_row("file"), UNKNOWN])
    rows.writeheader()
    rows.writerow(_row("file") | {UNKNOWN: ACCOUNT})
    person = PEOPLE["refused"]
    rows.writerow(
        dict.fromkeys(_row("refused"), person.name) | {"手机号": f"{person.phone}x", "付款方式": person.id_no}
    )
    return out.getvalue().encode("gb18030")


def _row(case: str) -> dict[str, Any]:
    car, person = CARS[case], PEOPLE[case]
    return {
        "销售单号": car.order_no,
        "车架号": car.vin,
        "合格证编号": car.coc_no,
        "发动机号": "",
        "电机号": car.power_unit[1],
        "厂商": "比亚迪",
        "车型": "汉EV",
        "燃料种类": "纯电动",
        "座位数": "5",
        "整备质量kg": "2100",
        "排量mL": "",
        "制造日期": "2026-02-02",
        "销售日期": SOLD_ON,
        "价税合计": f"{PRICE['amount_incl'] / 100:.2f}",
        "经销商统一社会信用代码": SELLER,
        "厂商统一社会信用代码": MAKER,
        "购车人": person.name,
        "证件类型": "居民身份证",
        "证件号码": person.id_no,
        "手机号": person.phone,
        "地址": person.address,
        "登记地": "500105",
        "付款方式": "贷款",
        "贷款银行信用代码": BANK,
        "贷款金额": f"{person.loan_amount / 100:.2f}",
        "保险公司信用代码": INSURER,
        "新能源目录": "是",
    }


async def _hand_in_wrongly(town: Town) -> None:
    """What no door takes, with a person's data in every place where somebody might repeat it."""
    car, person = CARS["refused"], PEOPLE["refused"]
    good = sale(car, person, financed=True)
    wrong = [
        good | {person.name: ACCOUNT},
        good | {"account": ACCOUNT},
        good | {"buyer": person.buyer | {person.id_no: person.phone, UNKNOWN: 1}},
        good | {"buyer": person.buyer | {"buyer_id_type": person.id_no, "phone": person.name, "region": person.phone}},
        good | {"buyer": person.name, "loan": person.address},
        good | {"vin": f"{car.vin[:8]}0{car.vin[9:]}", "seats": person.phone, "sold_on": person.id_no},
        good | {"model": f"{person.name}\x00", "maker": "", "coc_no": person.address},
        good | {"loan": {"lender_uscc": person.id_no, "loan_amount": -person.loan_amount}},
    ]
    for number, data in enumerate(wrong):
        assert await town.hand_in("platform", f"canary-refused-{number}", f"{CONFIRMED}.v2", data) == 422
    attributes: list[dict[str, Any]] = [
        {"id": f"{person.phone}\n"},
        {"source": f"urn:{person.id_no}"},
        {"type": person.phone},
        {"time": person.name},
        {"traceparent": person.phone, "specversion": person.id_no},
        {"datacontenttype": person.name},
    ]
    for attribute in attributes:
        assert await town.hand_in("platform", "canary-refused", f"{CONFIRMED}.v2", **{"data": good} | attribute) in {
            400,
            403,
            422,
        }
    text = json.dumps(good, ensure_ascii=False)
    await town.post_sale("platform", text[:-9].encode())
    await town.post_sale("platform", text.encode("gb18030"))
    await town.post_sale("platform", text.replace('"seats": 5', '"seats": NaN').encode())
    await town.post_sale("platform", b"[" + text.encode() + b"]", content="application/cloudevents-batch+json")
    await town.post_sale("platform", text.encode(), content=f"text/plain; charset={person.id_no}")
    await town.post_sale(
        "platform", text.encode(), f"/v1/sales/import?filename={person.phone}.pdf&dated={person.id_no}"
    )
    await town.post_sale("platform", f"{person.name},{person.phone}\n{ACCOUNT}".encode(), "/v1/sales/import")
    for path in (person.name, person.phone, f"?order_no={person.name}", f"{person.id_no}/{person.address}"):
        await town.look("platform", f"/v1/sales/{path}" if "?" not in path else f"/v1/sales{path}")
    await town.produce(
        [
            _submitted(good | {person.name: 1}, ID, "v2"),
            _submitted(good | {"buyer": person.name}, "refused-kafka", "v2", ce_source=person.name.encode()),
            _submitted(good, "refused-kafka-2", "v2", ce_type=person.id_no.encode()),
            ("submit.byd", car.vin, [("ce_id", ID.encode()), (person.phone, person.name.encode())], text.encode()),
        ]
    )


_FOLLOWED: Final = ("case.events", "police.commands", "telemetry.spans")
"""Topics on which a sale, whole and right as it may be, is nothing that their readers know."""


async def _poison(town: Town) -> None:
    """Strangers' bytes on our own topics."""
    car, person = CARS["poison"], PEOPLE["poison"]
    data = sale(car, person, financed=True)
    text = json.dumps(data, ensure_ascii=False).encode()
    claims = [
        ("content-type", b"application/json"),
        ("ce_specversion", b"1.0"),
        ("ce_id", b"canary-poison"),
        ("ce_source", b"urn:stranger"),
        ("ce_subject", b"canary-poison"),
        ("ce_time", b"2026-03-02T01:00:00Z"),
        ("ce_dataschema", b"urn:x"),
    ]
    typed = ("ce_type", f"{CONFIRMED}.v2".encode())
    wrong = json.dumps(data | {person.name: person.phone, "buyer": person.address}, ensure_ascii=False).encode()
    topics = ("sale.events", "case.events", "delivery.events", "tax.events", "police.commands", "telemetry.spans")
    await town.produce(
        [(topic, car.vin, [*claims, typed], wrong) for topic in topics]
        + [(topic, car.vin, [*claims, ("ce_type", person.name.encode())], text) for topic in topics]
        + [(topic, car.vin, [(person.phone, person.id_no.encode())], text[:-7]) for topic in topics]
        + [(topic, car.vin, [*claims, typed, ("note", person.address.encode())], text) for topic in _FOLLOWED]
    )


# -- what happens to the cases


async def _change_minds(town: Town) -> None:
    """While no car can be registered yet."""
    corrected, to = CARS["corrected"], PEOPLE["corrected-to"]
    change = {"buyer_name": to.name, "phone": to.phone, "address": to.address, "reason": reason("corrected")}
    await town.until(lambda _: town.headline(corrected.vin), "the case that is corrected")
    await _tell(town, "corrected", "corrected", change)
    await town.until(lambda view: view.cases_of(corrected.vin)[0]["version"] > 1, "the correction")
    await _tell(town, "cancelled", "cancelled", {"reason": reason("cancelled")})
    going = {"CANCELLING", "CANCELLED"}
    await town.until(lambda _: town.headline(CARS["cancelled"].vin) in going, "being called off")


async def _until_registered(town: Town) -> None:
    await town.until(lambda _: town.headline(CARS["cancelled"].vin) == "CANCELLED", "called off")
    await town.until(lambda _: town.facet(CARS["declined"].vin, "loan") == "REJECTED", "declined")
    to = PEOPLE["declined-to"]
    cash = {"pay_cash": True, "phone": to.phone, "address": to.address, "reason": reason("declined")}
    await _tell(town, "declined", "corrected", cash)
    _leap(town, timedelta(minutes=2))
    closing = ("loan", "kafka", "file", "declined", "corrected", "returned", "latest")
    for case in closing:
        await town.until(lambda _, case=case: town.headline(CARS[case].vin) == "CLOSED", case)  # type: ignore[misc]
    await town.until(lambda _: town.headline(CARS["abroad"].vin, "export-new") == "CLOSED", "abroad")


async def _tell(town: Town, case: str, what: str, data: Mapping[str, Any]) -> None:
    told = {"vin": CARS[case].vin, **data}
    status = await town.hand_in("platform", f"canary-{case}-{what}", f"tongche.sale.{what}.v1", told)
    assert status == 202, case


async def _afterwards(town: Town) -> None:
    """What comes after the end: the loan is paid back, the car goes back, the owner lets somebody see the licence."""
    await _tell(town, "returned", "returned", {"returned_on": SOLD_ON, "reason": reason("returned")})
    bank, car = _ORGANISATION["bank"], CARS["loan"]
    contract = dict(town.results(car.vin))["loan.apply"]["contractNo"]
    settled = {"vin": car.vin, "loan_contract_no": contract, "settled_on": SOLD_ON}
    notice = {"id": "canary-settled", "type": "tongche.loan.settled.v1", "data": settled}
    person = PEOPLE["refused"]
    bad = settled | {"settled_on": person.phone, person.name: ACCOUNT}
    assert await town.give_notice(bank, notice | {"data": bad}) == 422
    assert await town.give_notice(bank, notice | {"type": person.id_no, "id": person.name}) == 422
    assert await town.give_notice(bank, notice) == 202
    await _grant(town)
    done = {"mortgage.release", "elicence.grant"}
    await town.until(lambda _: done <= dict(town.results(car.vin)).keys(), "mortgage off, licence shown")
    back = CARS["returned"].vin
    await town.until(lambda _: town.headline(back, "returned-car") == "CLOSED", "the car went back")


async def _grant(town: Town) -> None:
    car, grantee = CARS["loan"], PEOPLE["grantee"]
    wish = ElicenceGrantV1(
        vin=car.vin,
        elicence_no=dict(town.results(car.vin))["elicence.issue"]["dzxszbh"],
        grantee_name=grantee.name,
        grantee_id_no=grantee.id_no,
        grant_purpose="年检",
        grant_until=town.stage.clock.now() + timedelta(days=30),
    )
    now = town.stage.clock.now()
    sent = message(wish, id="canary-grant", source="urn:tongche:test", subject=town.case_id(car.vin), time=now)
    await town.produce([("police.commands", car.vin, *encode(sent))])


async def _operate(town: Town) -> None:
    """Operators write the numbers of persons where they should write why."""
    person, dead = PEOPLE["desk"], CARS["dead"]
    words = {"reason": f"{reason('desk')} {person.phone} {person.id_no} {CARS['loan'].vin}", "by": person.phone}
    case_id = town.case_id(dead.vin)
    buyer = PEOPLE["dead"]
    named = words | {"reason": f"{words['reason']} {buyer.name}，{buyer.address}"}
    await town.operator("journey", "POST", f"/v1/cases/{case_id}/assign", named | {"owner": person.id_no})
    await town.operator("journey", "POST", f"/v1/cases/{case_id}/assign", words | {person.name: person.phone})
    _leap(town, timedelta(minutes=40))
    await town.until(lambda view: _dead(view, case_id), "dead")
    at = f"/v1/deliveries/{_dead(town.stage.view, case_id)[0]}"
    await town.operator("dispatch", "POST", f"{at}/reveal", words)
    await town.operator("dispatch", "POST", f"{at}/edit", words | {"set": {"coc_no": person.name, person.phone: 1}})
    await town.operator("dispatch", "POST", f"{at}/answer", words | {"data": {"vin": person.phone, person.name: 1}})
    await town.operator("dispatch", "POST", f"{at}/edit", words | {"set": {"coc_no": CARS["poison"].coc_no}})
    await town.operator("dispatch", "POST", f"{at}/cancel", words)
    plan = words | {"act": "retry", "filter": {"state": "dead"}}
    await town.operator("dispatch", "POST", "/v1/repairs", plan)
    await town.operator("journey", "POST", f"/v1/cases/{case_id}/resume", words)
    await town.stage.turn("miit", lambda _: {"absent": []})
    await town.operator("journey", "POST", f"/v1/cases/{case_id}/cancel", words)


def _dead(view: View, case_id: str) -> list[str]:
    rows = view.waiting.values()
    return [str(row["id"]) for row in rows if (row["case"], row["state"]) == (case_id, "dead")]


def _leap(town: Town, by: timedelta) -> None:
    clock = town.stage.clock
    assert isinstance(clock, leaps.LeapingClock)
    leaps.leap(clock.file, clock.now() + by)


# -- and everybody looks


async def _look(town: Town) -> None:
    """At everything that is shown anywhere."""
    person = PEOPLE["refused"]
    await town.stream("/api/tail")
    for path in ("/api/status", "/api/cases?limit=500", "/api/stats/cases"):
        await town.operator("console", "GET", path)
    for looked_for in (CARS["loan"].vin, person.name, person.phone):
        await town.operator("console", "POST", "/api/search", {"q": looked_for})
    cookie = await town.session()
    for path in ("/", "/cases?state=closed", "/cases?state=manual", f"/cases?state={person.phone}", f"/{person.name}"):
        await town.page(cookie, path)
    for case in town.stage.view.cases:
        for path in (f"/api/cases/{case}", f"/api/cases/{case}/trace"):
            await town.operator("console", "GET", path)
        await town.operator("journey", "GET", f"/v1/cases/{case}")
        await town.operator("journey", "GET", f"/v1/cases/{case}/policies")
        await town.operator("dispatch", "GET", f"/v1/deliveries?case={case}")
        await town.page(cookie, f"/cases/{case}")
        await town.look("platform", f"/v1/sales/{case}")
        await town.look("byd", f"/v1/sales/{case}")
    await town.operator("dispatch", "GET", "/v1/repairs")
    await town.operator("dispatch", "GET", "/v1/organisations")
