"""What all simulated agencies have in common: they look at a request, then answer it or say no."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from enum import Enum
from typing import Any, Final, Protocol, TypeVar

from services.simulator.faults import Faults

T = TypeVar("T")

CHINA: Final = timezone(timedelta(hours=8))
_YUAN: Final = re.compile(r"([0-9]{1,9})\.([0-9]{2})")


class Refused(Exception):
    """The agency says no. `code` is one of the rulebook; each agency says it in its own words."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Leaves(Enum):
    """What an answered request leaves behind at the agency."""

    NOTHING = "nothing"
    """A question: asked again, it is answered afresh."""
    RECORD = "record"
    """Something the agency remembers, but that does nothing to the car: a quote, a maker's upload."""
    EFFECT = "effect"
    """Something happened to the car, and may happen once."""


@dataclass(frozen=True, slots=True)
class Body:
    """A request's JSON object, read without trust; whatever is wrong with it is refused as V102."""

    values: Mapping[str, Any]

    def text(self, name: str) -> str:
        value = self.values.get(name)
        if not isinstance(value, str) or not value:
            raise Refused("V102")
        return value

    def text_or_none(self, name: str) -> str | None:
        return None if self.values.get(name) in (None, "") else self.text(name)

    def whole(self, name: str) -> int:
        value = self.values.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise Refused("V102")
        return value

    def fen(self, name: str) -> int:
        match = _YUAN.fullmatch(self.text(name))
        if match is None:
            raise Refused("V102")
        return int(match[1]) * 100 + int(match[2])

    def day(self, name: str) -> date:
        """A day, with or without dashes."""
        try:
            return date.fromisoformat(self.text(name))
        except ValueError:
            raise Refused("V102") from None

    def local_time(self, name: str) -> datetime:
        """A moment that is written as China's clock shows it."""
        try:
            return datetime.fromisoformat(self.text(name)).replace(tzinfo=CHINA)
        except ValueError:
            raise Refused("V102") from None

    def part(self, name: str) -> Body:
        value = self.values.get(name)
        if not isinstance(value, dict):
            raise Refused("V102")
        return Body(value)


@dataclass(frozen=True, slots=True)
class Request:
    """One request as an agency's rules see it; `alter_fen`, `alter_vin` and `decision` are a script's wishes."""

    vin: str
    body: Body
    at: datetime
    today: date
    faults: Faults
    alter_fen: int = 0
    alter_vin: str | None = None
    decision: str | None = None


Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """An answered request as it stands in the journal; applying all entries in order gives the agency's state."""

    vin: str
    body: Mapping[str, Any]
    result: Mapping[str, Any]
    at: datetime


def _remembers_nothing(_: Entry) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Service:
    """One thing an agency does. `decide` changes nothing; `apply` alone does, then and at every restart."""

    operation: str
    vin: tuple[str, ...]
    decide: Callable[[Request], Answer]
    leaves: Leaves = Leaves.NOTHING
    apply: Callable[[Entry], None] = _remembers_nothing


@dataclass(frozen=True, slots=True)
class No:
    """How an agency says one code: HTTP status, its own code, its own words."""

    status: int
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Tongue:
    """The names of the fields in which an agency says no, and its words for each code."""

    code_field: str
    text_field: str
    words: Mapping[str, No]

    def refusal(self, code: str) -> tuple[int, Answer]:
        """Status and body; a code the agency has no words for is an ordinary bad request."""
        no = self.words.get(code) or self.words["V102"]
        return no.status, {self.code_field: no.code, self.text_field: no.text}


class Agency(Protocol):
    """One organisation: its services by path, and how it says no."""

    @property
    def services(self) -> Mapping[str, Service]: ...

    @property
    def tongue(self) -> Tongue: ...


def yuan(fen: int) -> str:
    """Fen as yuan with two decimals."""
    return f"{fen // 100}.{fen % 100:02d}"


def clock_text(moment: datetime) -> str:
    """A moment as China's clock shows it."""
    return moment.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")


def known(record: T | None, code: str) -> T:
    """The record, or a refusal with a code where there is none."""
    if record is None:
        raise Refused(code)
    return record


def demand(holds: object, code: str) -> None:
    """Refuse with a code where something does not hold."""
    if not holds:
        raise Refused(code)
