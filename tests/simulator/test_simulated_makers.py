"""The makers' plants upload what they know, so that a sale finds its certificate."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from contracts.contract import Contract
from contracts.envelope import Message, encode, message
from contracts.loan import LoanSettledV1
from contracts.sale import Export, SaleConfirmedV3, SaleCorrectedV1
from services.runtime.record import Record
from services.simulator.borrowers import Borrowers
from services.simulator.feed import Ears
from services.simulator.makers import Makers
from tests.simulator.city import BANK, VIN, City, Play

SALE = SaleConfirmedV3(
    order_no="XS1",
    vin=VIN,
    coc_no="LZZ123456789012",
    motor_nos=("TZ213XS0001",),
    maker="样例汽车",
    model="样例纯电轿车",
    fuel_kind="BEV",
    seats=5,
    curb_mass=1850,
    mfg_date=date(2026, 2, 15),
    nev_catalogue=True,
    sold_on=date(2026, 3, 1),
    seller_uscc="91610113MA5QN7M47X",
    maker_uscc="91440300MAPW444F2G",
    amount_incl=22_600_000,
    amount_excl=20_000_000,
    vat=2_600_000,
    export=Export(hs_code="8703801090", destination="AE", exporter_uscc="91440300MAPW444F2G"),
)


def told(data: Contract, number: int = 1) -> Message[Contract]:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    return message(data, id=f"id-{number}", source="maker", subject="case-1", time=now)


def test_a_sale_finds_its_certificate(play: Play) -> None:
    """After the plant heard of the sale, MIIT knows the car; heard again, nothing more comes of it."""

    async def scenario(city: City) -> None:
        makers = Makers(city.world)
        await makers.hear(told(SALE))
        await makers.hear(told(SALE))
        assert (await city.car().attempt("coc-query")).body["driveMotorNo"] == "TZ213XS0001"
        assert len(city.lines("records")) == 1

    play(scenario)


def test_the_plant_can_be_wrong_until_corrected(play: Play) -> None:
    """An altered first upload stays wrong until the maker corrects the sale."""

    async def scenario(city: City) -> None:
        makers = Makers(city.world)
        await city.turn("miit", altered={VIN: {"driveMotorNo": "WRONG-1"}})
        await makers.hear(told(SALE))
        assert (await city.car().attempt("coc-query")).body["driveMotorNo"] == "WRONG-1"
        correction = SaleCorrectedV1(vin=VIN, motor_no="TZ213XS0001", reason="合格证更正")
        await makers.hear(told(correction, 2))
        assert (await city.car().attempt("coc-query")).body["driveMotorNo"] == "TZ213XS0001"

    play(scenario)


def test_a_second_sale_does_not_change_the_certificate(play: Play) -> None:
    """A car has one certificate, whoever else claims to have sold it."""

    async def scenario(city: City) -> None:
        makers = Makers(city.world)
        await makers.hear(told(SALE))
        await makers.hear(told(SALE.model_copy(update={"motor_nos": ("OTHER-9",)}), 2))
        assert (await city.car().attempt("coc-query")).body["driveMotorNo"] == "TZ213XS0001"

    play(scenario)


def test_the_feed_reads_kafka_records_and_survives_poison(play: Play) -> None:
    """A record of a sale is heard; bytes that are none are left to the topic's owner."""

    async def scenario(city: City) -> None:
        plants = Ears(Makers(city.world), Borrowers(city.world))
        headers, value = encode(told(SALE))
        await plants.handle(Record("sale.events", 0, 0, "k", (), b"\xff"), None)
        await plants.handle(Record("sale.events", 0, 1, "k", headers, value), None)
        assert (await city.car().attempt("coc-query")).status == 200

    play(scenario)


@pytest.mark.parametrize(
    ("source", "status"),
    [
        (f"urn:tongche:dispatch:{BANK}", 200),
        ("urn:tongche:dispatch:bank-91110000MAU5K2AT1X", 404),
        ("urn:tongche:dispatch:nobody", 404),
    ],
)
def test_a_bank_of_whose_settlement_all_have_heard_has_it_in_its_books(play: Play, source: str, status: int) -> None:
    """The police release the mortgage by the bank's own books, once these follow, and by no other bank's."""

    async def scenario(city: City) -> None:
        car = city.car()
        await car.through("mortgage-register")
        assert (await car.attempt("mortgage-release")).status == 404
        settled = LoanSettledV1(vin=VIN, loan_contract_no=car.known["contractNo"], settled_on=date(2026, 3, 2))
        now = datetime(2026, 3, 2, tzinfo=UTC)
        headers, value = encode(message(settled, id="notice-1", source=source, subject="0" * 32, time=now))
        ears = Ears(Makers(city.world), Borrowers(city.world))
        for offset in range(2):
            await ears.handle(Record("bank.events", 0, offset, "k", headers, value), None)
        await ears.handle(Record("bank.events", 0, 2, "k", (("ce_type", b"tongche.loan.decided.v1"),), b"\xff"), None)
        assert (await car.attempt("mortgage-release")).status == status
        assert len([line for line in city.lines("records") if line["operation"] == "loan.settle"]) == (status == 200)

    play(scenario)


def test_certificates_are_uploaded_over_http_too(play: Play) -> None:
    """A maker's own system can use the same door; a VIN that cannot be is refused."""

    async def scenario(city: City) -> None:
        assert (await city.car().attempt("upload")).status == 200
        wrong: dict[str, Any] = city.car().certificate | {"vin": "LZZTEST00TA000001"}
        assert (await city.ask("miit", "/certificates", wrong)).code == "GX4001"

    play(scenario)
