"""The message that benches send: a real command of ours, about 700 bytes of key, headers and data. Nobody's data."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Final

from contracts.contract import Contract
from contracts.envelope import Message, message
from contracts.insurance import InsuranceBindV1
from contracts.keys import vehicle_key
from contracts.numbers import vin
from services.runtime.ids import new_id
from services.runtime.record import Outgoing, outgoing

_SECRET: Final = bytes(32)
_START: Final = date(2026, 12, 1)
_TRACE: Final = "00-{:032x}-{:016x}-01"


def commands(topic: str, count: int, vehicles: int) -> Iterator[Outgoing]:
    """So many commands about so many vehicles in turn, each with an id and a trace of its own."""
    numbers = [_vin(number) for number in range(vehicles)]
    for number in range(count):
        car = numbers[number % vehicles]
        yield outgoing(topic, vehicle_key(_SECRET, car), command(car, number))


def first_command(topic: str, number: int) -> Outgoing:
    """The first command about a vehicle of its own."""
    car = _vin(number)
    return outgoing(topic, vehicle_key(_SECRET, car), command(car, number))


def command(car: str, number: int) -> Message[Contract]:
    """Take the cover of a quote."""
    return message(
        InsuranceBindV1(
            vin=car,
            quote_no=f"Q2026-{number:09}",
            premium=95_000,
            vvt=36_000,
            start_date=_START,
            buyer_name="王样本",
            buyer_id_type="RESIDENT_ID",
            buyer_id_no="110105199003070007",
            phone="15400000000",
        ),
        id=new_id(),
        source="urn:tongche:journey",
        subject=new_id(),
        time=datetime.now(UTC),
        traceparent=_TRACE.format(number + 1, number + 1),
    )


def _vin(number: int) -> str:
    draft = f"LZZTEST00TA{number:06}"
    return draft[:8] + vin.check_digit(draft) + draft[9:]
