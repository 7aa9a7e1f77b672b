"""Whose data goes through: buyers, a grantee and operators' words, each value of each of them a canary of its own.

Synthetic: residents have the sequence 000, phones a prefix that nobody is given, names are a bird's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from contracts.numbers import resident_id, vin
from tests.canaries.forms import Canary

SELLER: Final = "91500105MAY8KYU095"
MAKER: Final = "91440300MAPW444F2G"
EXPORTER: Final = MAKER
INSURER: Final = "91110000MAY1GEUH59"
OTHER_INSURER: Final = "91110000MAPYQ79X1X"
BANK: Final = "91110000MAT57WXL1C"
SOLD_ON: Final = "2026-03-02"

_INCL, _EXCL, _VAT = 22_600_000, 20_000_000, 2_600_000
_BIRDS: Final = "鹭鹮鹳鹬鹱鹲鹴鹵鹡鹟鹞鹝鹛鹚鹘鹗鹖鹕鹔鹓"
_ROADS: Final = "芦苇菖蒲莼菱茭荇藻萍蓼芡藕荷莲葑菲荪荻葭"


@dataclass(frozen=True)
class Person:
    """Somebody in one case; `number` makes all of it that person's own."""

    case: str
    number: int
    latin: bool = False
    """A name in letters that have a case, a passport, and a phone with dashes."""
    insurer: str = INSURER
    region: str = "500105"

    @property
    def name(self) -> str:
        bird = _BIRDS[self.number]
        return f"Canary{self.number:02d} Wilhelmina" if self.latin else f"金丝雀{bird}{_ROADS[-self.number]}"

    @property
    def id_type(self) -> str:
        return "PASSPORT" if self.latin else "RESIDENT_ID"

    @property
    def id_no(self) -> str:
        if self.latin:
            return f"KX{self.number:02d}7153864"
        drawn = f"5001051987{self.number % 12 + 1:02d}{self.number + 1:02d}000"
        return drawn + resident_id.check_digit(drawn)

    @property
    def phone(self) -> str:
        digits = f"{(self.number + 1) * 48_611_947 % 100_000_000:08d}"
        return f"154-{digits[:4]}-{digits[4:]}" if self.latin else f"154{digits}"

    @property
    def address(self) -> str:
        return f"重庆市江北区{_ROADS[self.number]}{_BIRDS[-self.number]}巷{self.number:02d}号{_ROADS[self.number]}室"

    @property
    def loan_amount(self) -> int:
        return 13_071_307 + self.number * 101_013

    @cached_property
    def buyer(self) -> dict[str, Any]:
        """As a sale's second version tells of a buyer."""
        return {
            "buyer_name": self.name,
            "buyer_id_type": self.id_type,
            "buyer_id_no": self.id_no,
            "phone": self.phone,
            "address": self.address,
            "region": self.region,
            "insurer_uscc": self.insurer,
        }

    def canaries(self) -> Iterator[Canary]:
        """What of a person is looked for."""
        values = {
            "buyer_name": self.name,
            "buyer_id_no": self.id_no,
            "phone": self.phone,
            "address": self.address,
            "loan_amount": str(self.loan_amount),
        }
        return (Canary(self.case, field, value) for field, value in values.items())


@dataclass(frozen=True)
class Car:
    """The car of one case, with its dealer's numbers."""

    case: str
    number: int
    engine: bool = False

    @property
    def serial(self) -> str:
        """Its last digits; no two cars differ in the last one alone, of which an encoding may hold half."""
        return f"{self.number * 101:04d}"

    @property
    def vin(self) -> str:
        drawn = f"{'LB3' if self.engine else 'LGX'}CANRY0TAXK{self.serial}"
        return drawn[:8] + vin.check_digit(drawn) + drawn[9:]

    @property
    def order_no(self) -> str:
        return f"CANARYORDER{self.serial}"

    @property
    def coc_no(self) -> str:
        return f"LGXKCANARY{self.serial}"

    @property
    def power_unit(self) -> tuple[str, str]:
        """Which number it has, and that number."""
        return ("engine_no", f"EKANARI{self.serial}") if self.engine else ("motor_no", f"TKANARI{self.serial}")

    @cached_property
    def data(self) -> dict[str, Any]:
        """What every version of a sale tells of it."""
        unit, number = self.power_unit
        return {
            "order_no": self.order_no,
            "vin": self.vin,
            "coc_no": self.coc_no,
            unit: number,
            "maker": "比亚迪",
            "model": "汉EV",
            "fuel_kind": "ICE" if self.engine else "BEV",
            **({"displacement": 1969} if self.engine else {}),
            "seats": 5,
            "curb_mass": 2100,
            "mfg_date": "2026-02-02",
            "nev_catalogue": not self.engine,
            "sold_on": SOLD_ON,
            "seller_uscc": SELLER,
            "maker_uscc": MAKER,
        }

    def canaries(self) -> Iterator[Canary]:
        """What of a car is looked for."""
        unit, number = self.power_unit
        values = {"vin": self.vin, "order_no": self.order_no, "coc_no": self.coc_no, unit: number}
        return (Canary(self.case, field, value) for field, value in values.items())


PRICE: Final[dict[str, Any]] = {"amount_incl": _INCL, "amount_excl": _EXCL, "vat": _VAT}


def sale(car: Car, person: Person | None, *, financed: bool = False) -> dict[str, Any]:
    """A sale of the second version; without a buyer it leaves the country."""
    if person is None:
        abroad = {"hs_code": "8703801090", "destination": "DE", "exporter_uscc": EXPORTER}
        return car.data | PRICE | {"export": abroad}
    loan = {"loan": {"lender_uscc": BANK, "loan_amount": person.loan_amount}} if financed else {}
    return car.data | PRICE | {"buyer": person.buyer} | loan


def sale_v1(car: Car, person: Person) -> dict[str, Any]:
    """The same as the first version told it: for cash, at home."""
    return car.data | person.buyer | {"price": _INCL}
