"""Reading an agency's JSON without trusting it: every getter gives the right type or raises `BrokenAnswer`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Final, TypeVar

from .errors import BrokenAnswer
from .spec import Json, Reply

T = TypeVar("T")

CHINA: Final = timezone(timedelta(hours=8))
_YUAN: Final = re.compile(r"([0-9]{1,9})\.([0-9]{2})")
_DIGITS: Final = re.compile(r"[0-9]{1,9}")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_COMPACT_DAY: Final = re.compile(r"[0-9]{8}")
_LOCAL_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Fields:
    """One JSON object of an answer, read field by field under the agency's own names."""

    _values: Mapping[str, Json]

    def text(self, name: str) -> str:
        """A text that must be there."""
        value = self._values.get(name)
        if not isinstance(value, str):
            raise _broken(name)
        return value

    def text_or_none(self, name: str) -> str | None:
        """A text that may be absent, null or empty."""
        return None if self._values.get(name) in (None, "") else self.text(name)

    def whole(self, name: str) -> int:
        """A whole number; true and false are none."""
        value = self._values.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise _broken(name)
        return value

    def whole_or_none(self, name: str) -> int | None:
        """A whole number that may be absent or null."""
        return None if self._values.get(name) is None else self.whole(name)

    def digits_or_none(self, name: str) -> int | None:
        """A whole number that is written as a text, as XML has it, and may be absent."""
        return None if self.text_or_none(name) is None else int(self._match(name, _DIGITS)[0])

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self._values.get(name)
        if not isinstance(value, bool):
            raise _broken(name)
        return value

    def one_of(self, name: str, meanings: Mapping[str, T]) -> T:
        """A text that is one of the agency's own codes, as what it means to us."""
        meaning = meanings.get(self.text(name))
        if meaning is None:
            raise _broken(name)
        return meaning

    def yuan(self, name: str) -> int:
        """Fen, from a text of yuan with two decimals: "10000.00"."""
        yuan, fen = self._match(name, _YUAN).groups()
        return int(yuan) * 100 + int(fen)

    def day(self, name: str) -> date:
        """A day written 2026-03-01."""
        return self._day(name, _DAY)

    def compact_day(self, name: str) -> date:
        """A day written 20260301."""
        return self._day(name, _COMPACT_DAY)

    def local_time(self, name: str) -> datetime:
        """A moment written 2026-03-01 09:30:00, China time."""
        text = self._match(name, _LOCAL_TIME)[0]
        try:
            return datetime.fromisoformat(text).replace(tzinfo=CHINA)
        except ValueError:
            raise _broken(name) from None

    def moment(self, name: str) -> datetime:
        """A moment of ISO 8601 that says its offset."""
        try:
            moment = datetime.fromisoformat(self.text(name))
        except ValueError:
            raise _broken(name) from None
        if moment.tzinfo is None:
            raise _broken(name)
        return moment

    def part(self, name: str) -> Fields:
        """An object inside this one."""
        value = self._values.get(name)
        if not isinstance(value, dict):
            raise _broken(name)
        return Fields(value)

    def _match(self, name: str, shape: re.Pattern[str]) -> re.Match[str]:
        match = shape.fullmatch(self.text(name))
        if match is None:
            raise _broken(name)
        return match

    def _day(self, name: str, shape: re.Pattern[str]) -> date:
        text = self._match(name, shape)[0]
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise _broken(name) from None


def fields(reply: Reply) -> Fields:
    """The object that the answer is. Raises `BrokenAnswer` for anything else."""
    if not isinstance(reply.body, dict):
        reason = "not-an-object"
        raise BrokenAnswer(reason, reply.status)
    return Fields(reply.body)


def _broken(name: str) -> BrokenAnswer:
    return BrokenAnswer(f"field:{name}")
