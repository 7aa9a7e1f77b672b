"""Each simulated agency has rules of its own, and says no in its own words."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from adapters.registry import ADAPTERS
from contracts.numbers import customs_declaration, export_licence, invoice, plate
from services.simulator.plates import Plates
from tests.simulator.city import AGENCY_OF, BANK, CERTIFICATE, INSURER, VIN, City, Play, Said

OTHER = "LZZTEST0XTA000009"
FUEL_CAR = {
    "engineNo": "4G156270845",
    "driveMotorNo": "",
    "brandModel": "样例燃油轿车",
    "fuelType": "汽油",
    "displacementMl": 1480,
}


def ours(name: str, said: Said) -> str:
    """The code that our adapter hears in an agency's refusal."""
    assert said.status >= 400, said
    return ADAPTERS[AGENCY_OF[name]].errors.codes[str(said.code)]


@pytest.mark.parametrize(
    ("after", "name", "changes", "code"),
    [
        ((), "coc-query", {}, "D404"),
        (("upload",), "coc-query", {"certificateNo": "LZZ999999999999"}, "D422"),
        ((), "invoice-request", {}, "D404"),
        (("invoice-request",), "invoice-request", {}, "C410"),
        (("upload",), "invoice-request", {"dianJiHao": "TZ9999"}, "D422"),
        (("upload",), "invoice-request", {"zengZhiShuiE": "1.00"}, "V102"),
        (("upload",), "invoice-request", {"jiaShuiHeJi": 226000}, "V102"),
        (("tax-pay",), "invoice-reverse", {}, "D422"),
        (("invoice-reverse",), "invoice-reverse", {}, "C410"),
        (("upload",), "tax-declare", {}, "D404"),
        (("invoice-request",), "tax-declare", {"jiShuiJiaGe": "1.00"}, "D422"),
        (("tax-declare",), "tax-pay", {"jiaoKuanJinE": "9999.99"}, "T422"),
        (("tax-pay",), "tax-pay", {}, "C410"),
        (("invoice-request",), "tax-pay", {}, "D404"),
        (("tax-reclaim",), "tax-reclaim", {}, "C410"),
        ((), "insurance-quote", {}, "D404"),
        (("upload",), "insurance-quote", {"motorNo": "TZ9999"}, "D422"),
        (("upload",), "insurance-quote", {"frameNo": "LZZTEST00TA000001"}, "V101"),
        (("insurance-quote",), "insurance-bind", {"compulsoryPremium": "1.00"}, "D422"),
        (("insurance-bind",), "insurance-endorse", {}, "D422"),
        (("registration-register",), "insurance-cancel", {}, "D422"),
        (("upload",), "loan-apply", {}, "D422"),
        (("invoice-request",), "loan-apply", {"applyAmount": "226000.01"}, "V102"),
        (("loan-withdraw",), "loan-withdraw", {}, "D422"),
        ((), "loan-withdraw", {}, "D404"),
        ((), "plate-reserve", {"hpzl": "02"}, "D422"),
        (("plate-release",), "plate-release", {}, "P410"),
        (("tax-pay", "plate-reserve"), "registration-register", {}, "P412"),
        (("insurance-bind", "invoice-request", "plate-reserve"), "registration-register", {}, "P412"),
        (("tax-pay", "insurance-bind"), "registration-register", {}, "P410"),
        (("tax-pay", "insurance-bind", "plate-reserve"), "registration-register", {"hgzzy": "0" * 64}, "P412"),
        (("registration-register",), "mortgage-register", {}, "B451"),
        (("loan-apply",), "mortgage-register", {}, "P412"),
        (("mortgage-register",), "mortgage-register", {}, "L423"),
        (("mortgage-register",), "mortgage-release", {"dyqr": "91110000MAU5K2AT1X"}, "D422"),
        ((), "elicence-issue", {}, "P412"),
        (("elicence-issue",), "elicence-grant", {"sqyxqz": "2026-03-01 00:00:00"}, "A410"),
        (("elicence-grant",), "elicence-verify", {"sqyt": "买卖"}, "A403"),
        ((), "plate-dispatch", {}, "P412"),
        (("plate-dispatch",), "plate-track", {}, "D404"),
        ((), "export-qualify", {"exporterCode": "911100001000013428"}, "X403"),
        ((), "licence-apply", {}, "X422"),
        (("export-qualify",), "licence-apply", {"heldLicenceNo": "26-AA-100999"}, "X403"),
        ((), "export-declare", {"licenseNo": "26-AA-100999"}, "X403"),
        (("export-declare",), "export-declare", {}, "X409"),
        (("export-declare",), "export-track", {}, "D404"),
    ],
)
def test_an_agency_refuses_what_its_own_records_do_not_bear_out(
    play: Play, after: tuple[str, ...], name: str, changes: dict[str, Any], code: str
) -> None:
    """Every refusal comes from the agency's own records, whatever the request claims."""

    async def scenario(city: City) -> None:
        car = city.car()
        await car.through(*after)
        assert ours(name, await car.attempt(name, **changes)) == code
        assert [line["operation"] for line in city.lines("refusals")] == [name.replace("-", ".", 1)]

    play(scenario)


def test_a_fuel_car_pays_in_full_with_premium_and_vessel_tax(play: Play) -> None:
    """113,000 yuan incl. VAT: 10,000.00 of tax; 950.00 of premium and ten twelfths of 420.00."""

    async def scenario(city: City) -> None:
        car = city.car(**FUEL_CAR)
        await car.through("upload")
        price = {"jiaShuiHeJi": "113000.00", "buHanShuiJia": "100000.00", "zengZhiShuiE": "13000.00"}
        unit = {"faDongJiHao": "4G156270845", "dianJiHao": ""}
        assert (await car.attempt("invoice-request", **price, **unit)).status == 200
        assessed = await car.attempt("tax-declare", jiShuiJiaGe="100000.00")
        assert (assessed.body["jianMianShuiE"], assessed.body["shiNaShuiE"]) == ("0.00", "10000.00")
        quoted = (await car.attempt("insurance-quote")).body["data"]
        assert (quoted["compulsoryPremium"], quoted["vesselTax"]) == ("950.00", "350.00")

    play(scenario)


@pytest.mark.parametrize(
    ("sold", "excl", "model", "payable"),
    [
        ("2025-12-31", 35_398_230, "样例纯电轿车", "5398.23"),
        ("2026-03-01", 30_000_000, "样例纯电轿车", "15000.00"),
        ("2026-03-01", 40_000_000, "样例纯电轿车", "25000.00"),
        ("2026-03-01", 14_141_593, "E8 插混", "14141.59"),
    ],
)
def test_relief_follows_the_offices_tariff(play: Play, sold: str, excl: int, model: str, payable: str) -> None:
    """Exempt to a cap in 2025, half to a cap from 2026, nothing outside the catalogue."""

    async def scenario(city: City) -> None:
        fuel = "插电式混合动力" if model.startswith("E8") else "纯电动"
        car = city.car(brandModel=model, fuelType=fuel)
        await car.through("upload")
        incl = round(excl * 1.13)
        price = {"jiaShuiHeJi": _yuan(incl), "buHanShuiJia": _yuan(excl), "zengZhiShuiE": _yuan(incl - excl)}
        assert (await car.attempt("invoice-request", xiaoShouRiQi=sold, **price)).status == 200
        assessed = await car.attempt("tax-declare", kaiPiaoRiQi=sold, jiShuiJiaGe=_yuan(excl))
        assert assessed.body["shiNaShuiE"] == payable

    play(scenario)


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


@pytest.mark.parametrize(("days", "late", "surcharge"), [(60, 0, "0.00"), (61, 1, "5.00"), (75, 15, "75.00")])
def test_the_surcharge_begins_on_the_sixty_first_day(play: Play, days: int, late: int, surcharge: str) -> None:
    """Sixty days are free; each day after costs 0.05 % of the tax."""

    async def scenario(city: City) -> None:
        city.clock.day = date(2026, 3, 1) + timedelta(days=days)
        car = city.car()
        await car.through("invoice-request")
        assessed = await car.attempt("tax-declare", shenBaoRiQi=city.clock.day.isoformat())
        assert (assessed.body["yuQiTianShu"], assessed.body["zhiNaJin"]) == (late, surcharge)

    play(scenario)


def test_a_seized_car_is_not_registered(play: Play) -> None:
    """The police have a list of their own."""

    async def scenario(city: City) -> None:
        car = city.car()
        await car.through("tax-pay", "insurance-bind", "plate-reserve")
        await city.turn("police", seized=[VIN])
        assert ours("registration-register", await car.attempt("registration-register")) == "P423"
        await city.heal("police")
        assert (await car.attempt("registration-register")).status == 200

    play(scenario)


def test_a_reservation_expires(play: Play) -> None:
    """Three days after it was made, a plate is not held any more."""

    async def scenario(city: City) -> None:
        car = city.car()
        await car.through("tax-pay", "insurance-bind", "plate-reserve")
        city.clock.day += timedelta(days=4)
        assert ours("registration-register", await car.attempt("registration-register")) == "P410"

    play(scenario)


def test_a_bank_declines_by_script_as_a_decision(play: Play) -> None:
    """B451 for a loan is an answer with status 200, and stands in the ledger."""

    async def scenario(city: City) -> None:
        await city.turn(BANK, scripts=[{"vin": VIN, "operation": "loan.apply", "code": "B451", "times": 1}])
        car = city.car()
        await car.through("invoice-request")
        declined = await car.attempt("loan-apply")
        assert (declined.status, declined.body["approvalResult"], declined.body["rejectCode"]) == (200, "R", "451")
        assert (await car.attempt("loan-apply")).body["approvalResult"] == "A"

    play(scenario)


def test_a_licence_is_used_up_by_a_car(play: Play) -> None:
    """An older licence for one car serves one car; the second is refused by commerce."""

    async def scenario(city: City) -> None:
        exporter = {"exporterCode": "91310115MATK8DBH6C"}
        first = city.car()
        assert (await first.attempt("export-qualify", **exporter)).status == 200
        held = await first.attempt("licence-apply", heldLicenceNo="26-AA-100257", **exporter)
        assert (held.body["licensedQty"], held.body["usedQty"]) == (1, 0)
        assert (await first.attempt("export-declare", tradeCoScc=exporter["exporterCode"])).status == 200
        second = city.car()
        assert (await second.attempt("export-qualify", vehicleId=OTHER, **exporter)).status == 200
        again = await second.attempt("licence-apply", vehicleId=OTHER, heldLicenceNo="26-AA-100257", **exporter)
        assert ours("licence-apply", again) == "X409"

    play(scenario)


def test_low_speed_cars_need_no_licence(play: Play) -> None:
    """HS 8703809090 is not caught by the licence rule."""

    async def scenario(city: City) -> None:
        car = city.car()
        body = {name: value for name, value in car.body("export-declare").items() if name != "licenseNo"}
        said = await city.ask("customs", "/export/declarations", body | {"codeTs": "8703809090"})
        assert said.status == 200

    play(scenario)


def test_numbers_have_their_legal_forms(play: Play) -> None:
    """Invoices, plates, licences and declarations pass the rulebook's own checks."""

    async def scenario(city: City) -> None:
        car = city.car()
        await car.through("registration-register", "export-declare")
        assert invoice.is_valid(car.known["faPiaoHaoMa"])
        assert plate.kind(car.known["hphm"]) == "NEV_SMALL"
        assert plate.kind_fits("BEV", car.known["hphm"])
        assert export_licence.is_valid(car.known["licenceNo"])
        assert customs_declaration.is_valid(car.known["entryId"])

    play(scenario)


@pytest.mark.parametrize(
    ("kind", "fuel", "named"), [("02", "A", "FUEL"), ("52", "P", "NEV_SMALL"), ("51", "C", "NEV_LARGE")]
)
def test_plates_are_given_out_once(kind: str, fuel: str, named: str) -> None:
    """Thousands of plates of a kind are all different, and all of that kind."""
    plates = Plates()
    given: set[str] = set()
    for _ in range(3000):
        new = plates.free("320400", kind, fuel)
        plates.take(new)
        given.add(new)
    assert len(given) == 3000
    assert {plate.kind(each) for each in given} == {named}


@pytest.mark.parametrize(
    "body", [None, [], "text", {}, {"frameNo": 5}, {"frameNo": {}}, {"frameNo": VIN, "seatCount": True}]
)
def test_any_body_gets_an_answer(play: Play, body: object) -> None:
    """JSON of any shape is refused, not stumbled over."""

    async def scenario(city: City) -> None:
        await city.car().through("upload")
        said = await city.ask(INSURER, "/compulsory/quotations", body)
        assert 400 <= said.status < 500

    play(scenario)


@pytest.mark.parametrize(
    "raw",
    [b"", b"\xff", b"[" * 100_000, b'{"vin": NaN}', b'{"vin": "\\ud800"}', b"9" * 9999],
    ids=["nothing", "no text", "nesting", "not a number", "half a character", "digits"],
)
def test_any_bytes_get_an_answer(play: Play, raw: bytes) -> None:
    """What is no JSON, or none that a file could keep, is refused."""

    async def scenario(city: City) -> None:
        async with city.session.post(
            f"{city.base}/miit/certificates", data=raw, headers={"Idempotency-Key": "k"}
        ) as got:
            assert got.status == 400

    play(scenario)


def test_unknown_doors_are_not_found(play: Play) -> None:
    """An organisation or service that does not exist is a plain 404 without a code."""

    async def scenario(city: City) -> None:
        assert (await city.ask("nobody", "/x", {})).status == 404
        unknown = await city.ask("police", "/x", CERTIFICATE)
        assert (unknown.status, unknown.code) == (404, None)

    play(scenario)
