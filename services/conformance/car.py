"""A car of the kit: what it is, and every number that agencies have given it so far.

Each case has cars of its own, so that no case rests on what another did. Their numbers follow from the round and the
case alone: the reference data that a partner loads beforehand is about the very cars that come.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from contracts.contract import Contract
from contracts.numbers import vin as vin_number
from contracts.topics import COMMANDS

Facts = dict[str, Any]
"""Values as JSON has them, by the names that they have in the contracts."""

MOST_CARS: Final = 20
"""So many a case may have."""
_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPRSTUVWXYZ"
ROUNDS: Final = len(_ALPHABET) ** 5
"""So many runs can have cars that no other run had."""
_OF_ITS_KIND: Final = ("engine_no", "motor_no", "displacement")
"""What a car has or has not by its fuel, whatever car a fixture was recorded with."""
_SUPPLEMENT: Final = "\U00020bb7"


@dataclass(slots=True)
class Car:
    """One car on its way. `done` are the steps behind it."""

    number: int
    facts: Facts
    done: set[str] = field(default_factory=set)

    @property
    def vin(self) -> str:
        found: str = self.facts["vin"]
        return found

    def learn(self, event: Contract) -> None:
        """Remember what an agency told."""
        self.facts |= learned(event.model_dump(mode="json", exclude_none=True))


def car(round_: int, number: int, bought_on: date) -> Car:
    """The car of that number in that round: an electric one, and all that happens to it happens on one day."""
    mark = _mark(round_)
    vin = f"LZZ{mark}0TA{number:06d}"
    day = bought_on.isoformat()
    return Car(
        number,
        {
            "vin": vin[:8] + vin_number.check_digit(vin) + vin[9:],
            "coc_no": f"LZZ1{mark}{number:06d}",
            "motor_no": f"TZ{mark}{number:06d}",
            "engine_no": None,
            "displacement": None,
            "model": "样例纯电轿车",
            "fuel_kind": "BEV",
            "plate_kind": "NEV_SMALL",
            "seats": 5,
            "curb_mass": 1850,
            "mfg_date": (bought_on - timedelta(days=30)).isoformat(),
            **dict.fromkeys(("sold_on", "invoice_date", "declared_on", "applied_on", "settled_on"), day),
            **dict.fromkeys(("returned_on", "reclaimed_on"), day),
            "start_date": (bought_on + timedelta(days=1)).isoformat(),
            "grant_until": f"{bought_on + timedelta(days=30)}T00:00:00.000Z",
            "amount_incl": 22_600_000,
            "amount_excl": 20_000_000,
            "vat": 2_600_000,
            "relief_code": "NEV",
        },
    )


def number_of(case: int, car_: int) -> int:
    """The number of a case's car among all cars of a round."""
    return case * MOST_CARS + car_


def learned(told: Mapping[str, Any]) -> Facts:
    """What the rest of the process makes of an event's data: groups opened, and what is to be paid next."""
    facts: Facts = {}
    for name, value in told.items():
        facts |= value if isinstance(value, dict) else {name: value}
    if "tax_payable" in facts:
        facts["amount_due"] = facts["tax_payable"] + facts.get("surcharge", 0)
    if "amount_due" in facts:
        facts["refund_asked"] = facts["amount_due"]
    return facts


def command(model: type[Contract], given: Mapping[str, Any], facts: Mapping[str, Any]) -> Contract:
    """The command of a fixture, about this car. Its numbers are the car's; those that nobody gave it, nobody knows."""
    told = {name: _told(name, value, facts) for name, value in given.items()}
    told |= {name: facts[name] for name in _OF_ITS_KIND if name in model.model_fields and name in facts}
    there = {name: value for name, value in told.items() if value is not None}
    return model.model_validate_json(json.dumps(there))


def _told(name: str, value: Any, facts: Mapping[str, Any]) -> Any:
    if name in facts:
        return facts[name]
    return unheard(value) if name in _GIVEN_BY_AGENCIES else value


def unheard(number: str) -> str:
    """A number of the same form that no agency ever gave: its last six digits at most are nines."""
    *_, last = re.finditer("[0-9]+", number)
    kept = max(last.start(), last.end() - 6)
    return number[:kept] + "9" * (last.end() - kept) + number[last.end() :]


def with_rare_characters(name: str) -> str:
    """A name with a character beyond the first plane of Unicode, and the dot of foreign names."""
    return f"{name}{_SUPPLEMENT}·㛃"


def wrong_check(number: str) -> str:
    """A VIN or code whose check character is wrong: the ninth of a VIN, the last of any other."""
    place = 8 if vin_number.is_valid(number) else len(number) - 1
    other = "1" if number[place] == "0" else "0"
    return number[:place] + other + number[place + 1 :]


def _mark(round_: int) -> str:
    digits = []
    for _ in range(5):
        round_, digit = divmod(round_, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def _numbers() -> frozenset[str]:
    answers = (row.answer.models[-1] for row in COMMANDS.values())
    return frozenset(name for model in answers for name in model.model_fields if name.endswith("_no"))


_GIVEN_BY_AGENCIES: Final = _numbers() - {"coc_no", "motor_no", "engine_no"}
