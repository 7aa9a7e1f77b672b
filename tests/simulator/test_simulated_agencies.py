"""Each simulated agency has rules of its own, and says no in its own words."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from adapters.registry import ADAPTERS
from contracts.numbers import customs_declaration, export_licence, invoice, plate
from services.simulator.faces.soap import number
from services.simulator.plates import Plates
from services.simulator.tax import Assessment
from tests.simulator.city import AGENCY_OF, BANK, CERTIFICATE, INSURER, VIN, Car, City, Play, Said, fixture

OTHER = "LZZTEST0XTA000009"
OTHER_PROOF = {"registrationCertNo": "110000000001", "plateNumber": "京AD99999"}
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
    # Of the police's books the platform makes numbers.
    return ADAPTERS[AGENCY_OF[name]].errors.codes[number(str(said.code))].code


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
        (("registration-register",), "insurance-cancel", {}, "P412"),
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
        (("registration-deregister",), "insurance-cancel", {}, "P412"),
        (("insurance-bind",), "insurance-cancel", {"cancelType": "16"}, "P412"),
        (("insurance-bind",), "insurance-cancel", {"cancelType": "00"}, "V102"),
        (("registration-register",), "tax-reclaim", {}, "P412"),
        (("registration-deregister",), "tax-reclaim", {}, "P412"),
        (("tax-pay",), "tax-reclaim", {"shenQingTuiKuanJinE": "10000.02"}, "T422"),
        (("tax-pay",), "tax-reclaim", {"tuiShuiYiJu": "WT02"}, "V102"),
        (("tax-pay",), "tax-reclaim-returned", {}, "P412"),
        (("registration-register",), "tax-reclaim-returned", {}, "P412"),
        (("registration-deregister",), "tax-reclaim-returned", {"tuiCheRiQi": "2026-03-01"}, "D422"),
        (("registration-deregister",), "tax-reclaim-returned", {"shenQingRiQi": "2036-03-01"}, "V102"),
        (("registration-deregister",), "tax-reclaim-returned", {"shenQingTuiKuanJinE": "9999.98"}, "T422"),
        (("loan-apply",), "mortgage-cosign", {}, "P412"),
        (("registration-register",), "mortgage-cosign", {}, "D422"),
        (("loan-apply", "registration-register"), "mortgage-cosign", {"collateralProof": OTHER_PROOF}, "D422"),
        (("mortgage-cosign",), "mortgage-cosign", {}, "D422"),
        (("mortgage-cosign", "loan-withdraw"), "mortgage-cosign", {}, "D422"),
        (("mortgage-cosign", "pay-back"), "mortgage-register", {}, "B451"),
        (("registration-register",), "mortgage-register", {}, "B451"),
        (("loan-apply",), "mortgage-register", {}, "P412"),
        (("loan-apply", "registration-register"), "mortgage-register", {}, "P412"),
        (("mortgage-cosign",), "mortgage-register", {"gtsqbh": "GT2026WXL1C0000009"}, "P412"),
        (("mortgage-register",), "mortgage-release", {}, "D404"),
        (("mortgage-register", "pay-back"), "mortgage-release", {"jqrq": "2026-03-01"}, "D422"),
        (("mortgage-release",), "mortgage-release", {}, "D404"),
        (("mortgage-register",), "mortgage-register", {}, "L423"),
        (("mortgage-register",), "mortgage-release", {"dyqr": "91110000MAU5K2AT1X"}, "D422"),
        ((), "elicence-issue", {}, "P412"),
        (("elicence-issue",), "elicence-grant", {"sqyxqz": "2026-03-01 00:00:00"}, "A410"),
        (("elicence-grant",), "elicence-verify", {"sqyt": "买卖"}, "A403"),
        ((), "elicence-revoke", {}, "P412"),
        (("elicence-revoke",), "elicence-revoke", {}, "P412"),
        (("elicence-issue",), "elicence-revoke", {"clsbdh": OTHER}, "D422"),
        (("elicence-grant", "elicence-revoke"), "elicence-verify", {}, "A410"),
        ((), "registration-deregister", {}, "P412"),
        (("mortgage-register",), "registration-deregister", {}, "L423"),
        (("registration-register",), "registration-deregister", {"hphm": "京AD99999"}, "P412"),
        (("registration-register",), "registration-deregister", {"zxyy": "A"}, "V102"),
        (("registration-register",), "registration-deregister", {"tcrq": "2026-03-04"}, "V102"),
        (("registration-deregister",), "registration-deregister", {}, "P412"),
        (("registration-deregister",), "elicence-issue", {}, "P412"),
        (("elicence-issue", "registration-deregister"), "elicence-revoke", {}, "P412"),
        (("registration-deregister",), "insurance-endorse", {}, "D422"),
        (("registration-deregister",), "plate-dispatch", {}, "P412"),
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
        assert [line["operation"] for line in city.lines("refusals")] == [fixture(name)["given"]["command"]]

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


@pytest.mark.parametrize("fuel", ["纯电动", "汽油"])
def test_there_is_no_tariff_after_2027(play: Play, fuel: str) -> None:
    """Whoever bought on the last day of 2027 is assessed, and nobody who bought a day later."""

    async def scenario(city: City) -> None:
        city.clock.day = date(2028, 1, 5)
        car = city.car(fuelType=fuel)
        await car.through("upload")
        assert (await car.attempt("invoice-request", xiaoShouRiQi="2028-01-01")).status == 200
        filed = {"shenBaoRiQi": "2028-01-05"}
        assert ours("tax-declare", await car.attempt("tax-declare", kaiPiaoRiQi="2028-01-01", **filed)) == "P412"
        assert (await car.attempt("invoice-reverse")).status == 200
        assert (await car.attempt("invoice-request", xiaoShouRiQi="2027-12-31")).status == 200
        assert (await car.attempt("tax-declare", kaiPiaoRiQi="2027-12-31", **filed)).status == 200

    play(scenario)


@pytest.mark.parametrize(("fuel", "price", "status"), [("纯电动", "60000.00", 200), ("汽油", "60000.00", 422)])
def test_a_battery_of_its_own_invoice_is_not_taxed(play: Play, fuel: str, price: str, status: int) -> None:
    """The tax is on the car's invoice alone; a car without a plug has no such battery."""

    async def scenario(city: City) -> None:
        car = city.car(fuelType=fuel)
        await car.through("invoice-request")
        said = await car.attempt("tax-declare", dianChiJiaGe=price)
        assert said.status == status
        assert said.body.get("yingNaShuiE", "20000.00") == "20000.00"

    play(scenario)


@pytest.mark.parametrize(
    ("asked_on", "refund"),
    [
        ("2027-03-01", "10000.00"),
        ("2027-03-02", "9000.00"),
        ("2028-03-02", "8000.00"),
        ("2036-03-01", "1000.00"),
    ],
)
def test_a_returned_cars_tax_shrinks_by_the_year(play: Play, asked_on: str, refund: str) -> None:
    """Ten per cent less for every full year since the payment of 2026-03-02, and a fen is let pass."""

    async def scenario(city: City) -> None:
        car = city.car()
        await car.through("registration-deregister")
        city.clock.day = date.fromisoformat(asked_on)
        one_off = _yuan(int(refund.replace(".", "")) + 1)
        said = await car.attempt("tax-reclaim-returned", shenQingRiQi=asked_on, shenQingTuiKuanJinE=one_off)
        assert (said.status, said.body.get("tuiKuanJinE")) == (200, refund)

    play(scenario)


def test_after_ten_years_no_tax_is_left(play: Play) -> None:
    """Then there is no amount that may be asked back."""

    async def scenario(city: City) -> None:
        car = city.car()
        await car.through("registration-deregister")
        city.clock.day = date(2036, 3, 2)
        asked = {"shenQingRiQi": "2036-03-02", "shenQingTuiKuanJinE": "1000.00"}
        refused = await car.attempt("tax-reclaim-returned", **asked)
        assert ours("tax-reclaim-returned", refused) == "T422"

    play(scenario)


async def _late_by_ten_days(city: City) -> Car:
    """A car whose tax of 10,000.00 was paid with a surcharge of 50.00."""
    city.clock.day = date(2026, 3, 1) + timedelta(days=70)
    car = city.car()
    await car.through("invoice-request")
    assert (await car.attempt("tax-declare", shenBaoRiQi=city.clock.day.isoformat())).body["zhiNaJin"] == "50.00"
    assert (await car.attempt("tax-pay", jiaoKuanJinE="10050.00")).status == 200
    return car


def test_a_surcharge_runs_until_the_tax_is_paid(play: Play) -> None:
    """What was assessed for an earlier day is too little five days later, and is assessed anew (TCL 32)."""

    async def scenario(city: City) -> None:
        city.clock.day = date(2026, 3, 1) + timedelta(days=60)
        car = city.car()
        await car.through("invoice-request")
        assert (await car.attempt("tax-declare", shenBaoRiQi=city.clock.day.isoformat())).body["zhiNaJin"] == "0.00"
        city.clock.day += timedelta(days=5)
        assert ours("tax-pay", await car.attempt("tax-pay", jiaoKuanJinE="10000.00")) == "T422"
        again = await car.attempt("tax-declare", key="again", shenBaoRiQi=city.clock.day.isoformat())
        assert again.body["zhiNaJin"] == "25.00"
        number = again.body["heDingHao"]
        paid = await car.attempt("tax-pay", key="paid", heDingHao=number, jiaoKuanJinE="10025.00")
        assert paid.status == 200

    play(scenario)


def test_what_was_not_owed_is_paid_back_with_its_surcharge(play: Play) -> None:
    """The buyer of a car that was never registered owed neither tax nor surcharge."""

    async def scenario(city: City) -> None:
        car = await _late_by_ten_days(city)
        said = await car.attempt("tax-reclaim", shenQingTuiKuanJinE="10050.00")
        assert said.body["tuiKuanJinE"] == "10050.00"

    play(scenario)


def test_a_surcharge_is_no_tax_of_a_returned_car(play: Play) -> None:
    """It was paid for being late, and that the car went back changes nothing about it."""

    async def scenario(city: City) -> None:
        car = await _late_by_ten_days(city)
        await car.through("registration-deregister")
        assert (await car.attempt("tax-reclaim-returned")).body["tuiKuanJinE"] == "10000.00"

    play(scenario)


def test_the_rest_of_a_policys_term_is_paid_back(play: Play) -> None:
    """A year of cover of 950.00 that ends after its first day leaves 364 of 365 days."""

    async def scenario(city: City) -> None:
        car = city.car()
        await car.through("registration-deregister")
        start = date.fromisoformat(fixture("insurance-bind")["request"]["body"]["startDate"])
        city.clock.day = start
        ended = await car.attempt("insurance-cancel-deregistered")
        assert ended.body["data"]["refundAmount"] == "947.40"

    play(scenario)


@pytest.mark.parametrize(
    ("went_back", "refund"), [("2026-03-20", "1297.40"), ("2026-06-02", "1192.40"), ("2027-01-02", "947.40")]
)
def test_the_vessel_tax_of_unused_months_is_paid_back(play: Play, went_back: str, refund: str) -> None:
    """From the month in which the car went back to December: 350.00 were paid for ten of them (VVTR 19)."""

    async def scenario(city: City) -> None:
        car = city.car(fuelType="插电式混合动力", brandModel="E8 插混")
        await car.through("upload")
        assert (await car.attempt("insurance-quote", energyType="3")).body["data"]["vesselTax"] == "350.00"
        await car.through("elicence-revoke")
        city.clock.day = date.fromisoformat(went_back)
        assert (await car.attempt("registration-deregister", tcrq=went_back)).status == 200
        city.clock.day = date.fromisoformat(fixture("insurance-bind")["request"]["body"]["startDate"])
        ended = await car.attempt("insurance-cancel-deregistered")
        assert ended.body["data"]["refundAmount"] == refund

    play(scenario)


def test_a_returned_car_is_off_the_register(play: Play) -> None:
    """A later owner may register it anew, and none of its numbers is given out a second time."""

    async def scenario(city: City) -> None:
        car = city.car()
        await car.through("elicence-issue", "registration-deregister")
        first = dict(car.known)
        assert city.world.country.police.plate_of(VIN) is None
        assert (await car.attempt("plate-reserve")).status == 200
        again = await car.attempt("registration-register")
        assert again.status == 200
        assert again.body["djzsbh"] != first["djzsbh"]
        assert again.body["hphm"] != first["hphm"]
        assert (await car.attempt("elicence-issue")).body["dzxszbh"] != first["dzxszbh"]
        assert ours("insurance-cancel", await car.attempt("insurance-cancel-deregistered")) == "P412"

    play(scenario)


def test_a_bank_that_does_not_sign_says_so(play: Play) -> None:
    """B451 for a signature is a refusal, not a decision: nothing stands in the ledger, and it may sign later."""

    async def scenario(city: City) -> None:
        await city.turn(BANK, scripts=[{"vin": VIN, "operation": "mortgage.cosign", "code": "B451", "times": 1}])
        car = city.car()
        await car.through("loan-apply", "registration-register")
        assert ours("mortgage-cosign", await car.attempt("mortgage-cosign")) == "B451"
        assert not [line for line in city.lines("ledger") if line["operation"] == "mortgage.cosign"]
        assert (await car.attempt("mortgage-cosign")).status == 200

    play(scenario)


@pytest.mark.parametrize(
    ("litres", "least", "most"),
    [
        ("1.000", 60, 360),
        ("1.600", 300, 540),
        ("2.000", 360, 660),
        ("2.500", 660, 1200),
        ("3.000", 1200, 2400),
        ("4.000", 2400, 3600),
        ("4.001", 3600, 5400),
    ],
)
def test_vessel_tax_lies_in_the_national_bands(play: Play, litres: str, least: int, most: int) -> None:
    """A province sets its amounts within the law's bands: a year's for January, a twelfth of it for December."""

    async def scenario(city: City) -> None:
        car = city.car(**FUEL_CAR)
        await car.through("upload")

        async def quoted(invoiced: str) -> int:
            said = await car.attempt("insurance-quote", exhaustLitres=litres, invoiceDate=invoiced)
            return int(said.body["data"]["vesselTax"].replace(".", ""))

        a_year = await quoted("2026-01-31")
        assert least * 100 <= a_year <= most * 100
        assert await quoted("2026-12-01") * 12 == a_year

    play(scenario)


@pytest.mark.parametrize(
    ("fuel", "energy", "model", "taxed"),
    [
        ("纯电动", "1", "样例纯电轿车", False),
        ("燃料电池", "2", "样例氢能轿车", False),
        ("插电式混合动力", "3", "海豹06 DM-i", False),
        ("增程式混合动力", "5", "深蓝S07 增程", False),
        ("插电式混合动力", "3", "E8 插混", True),
        ("混合动力", "4", "样例混动轿车", True),
        ("汽油", "0", "样例燃油轿车", True),
    ],
)
def test_vessel_tax_spares_electric_and_listed_cars(
    play: Play, fuel: str, energy: str, model: str, *, taxed: bool
) -> None:
    """Electric and fuel-cell cars are outside the tax, plug-ins of the catalogue exempt; nobody else is."""

    async def scenario(city: City) -> None:
        car = city.car(**FUEL_CAR | {"fuelType": fuel, "brandModel": model})
        await car.through("upload")
        said = await car.attempt("insurance-quote", energyType=energy, exhaustLitres="1.500")
        assert (said.body["data"]["vesselTax"] != "0.00") == taxed

    play(scenario)


def test_an_invoice_may_bear_another_vin_by_script(play: Play) -> None:
    """The office prints what the script says, once; its own record is of the car that was asked about."""

    async def scenario(city: City) -> None:
        await city.turn("tax", scripts=[{"operation": "invoice.request", "alter_vin": OTHER, "times": 1}])
        car = city.car()
        await car.through("upload")
        wrong = await car.attempt("invoice-request")
        assert (wrong.body["cheJiaHao"], wrong.body["faPiaoCheJiaHao"]) == (VIN, OTHER)
        assert (await car.attempt("invoice-reverse")).status == 200
        assert (await car.attempt("invoice-request")).body["faPiaoCheJiaHao"] == VIN

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


def test_a_seized_car_stays_on_the_register(play: Play) -> None:
    """Whoever seized it finds it there."""

    async def scenario(city: City) -> None:
        car = city.car()
        await car.through("registration-register")
        await city.turn("police", seized=[VIN])
        assert ours("registration-deregister", await car.attempt("registration-deregister")) == "P423"
        await city.heal("police")
        assert (await car.attempt("registration-deregister")).status == 200

    play(scenario)


@pytest.mark.parametrize(("day", "left"), [("2029-02-27", 1_000_000), ("2029-02-28", 900_000), ("2032-02-29", 600_000)])
def test_a_year_from_a_leap_day_ends_with_february(day: str, left: int) -> None:
    """The tenth less is due on the month's last day where there is no 29th."""
    paid = Assessment("HD1", VIN, 1_000_000, 5_000, state="PAID", paid_on=date(2028, 2, 29))
    assert paid.left(date.fromisoformat(day)) == left


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
