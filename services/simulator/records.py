"""What agencies show each other: the records of one that others rest on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate as other agencies see it."""

    vin: str
    number: str
    digest: str
    engine_no: str
    motor_no: str
    model: str
    fuel: str
    seats: int
    in_catalogue: bool

    def has_power_unit(self, engine_no: str | None, motor_no: str | None) -> bool:
        """Whether these are its numbers, exactly."""
        return (engine_no or "", motor_no or "") == (self.engine_no, self.motor_no)


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice on record, in fen."""

    number: str
    vin: str
    day: date
    incl: int
    excl: int
    live: bool = True


@dataclass(frozen=True, slots=True)
class Licence:
    """An export licence: for whom, for how many cars, how many have gone, until when."""

    number: str
    exporter: str
    qty: int
    used: int
    expiry: date

    def is_good_for(self, exporter: str, day: date) -> bool:
        """Whether that exporter may use it on that day, if anything is left."""
        return self.exporter == exporter and day <= self.expiry

    @property
    def is_used_up(self) -> bool:
        """Whether nothing is left."""
        return self.used >= self.qty
