"""Working days in China (工作日): weekends, days off, and the weekend days that are worked instead (调休).

What a year's notice of the State Council says is a pack of the rule `working-calendar`. Where no pack speaks yet,
weekends and the statutory festivals are counted as the library `holidays` estimates them, and every result says that
it is provisional: a notice may still move it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from itertools import count, islice
from typing import Final
from weakref import WeakKeyDictionary

from ..types import CHINA
from .pack import Pack
from .params import WEEKEND, WorkingCalendarParams
from .policies import Policies

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Deadline:
    """The end of a working day in China: `at` is the first moment that is too late.

    `provisional` says that some day on the way was counted before its year's notice.
    """

    day: date
    at: datetime
    provisional: bool


@dataclass(frozen=True, eq=False)
class WorkingCalendar:
    """Which days agencies work. Counting leaves out the day itself, as terms in law do."""

    announced: tuple[tuple[date, date], ...]
    days_off: frozenset[date]
    make_up_days: frozenset[date]

    @classmethod
    def of(cls, policies: Policies) -> WorkingCalendar:
        """The calendar of these policies, made once and kept for as long as they are."""
        known = _KNOWN.get(policies)
        if known is None:
            known = _KNOWN[policies] = _calendar(policies)
        return known

    def is_working(self, day: date) -> bool:
        """Whether agencies work on it, as far as is known: see `is_provisional`."""
        if day in self.make_up_days:
            return True
        if day in self.days_off:
            return False
        return day not in _estimated(day.year) if self.is_provisional(day) else day.weekday() not in WEEKEND

    def is_provisional(self, day: date) -> bool:
        """Whether no notice of that year is held."""
        return not any(first <= day <= last for first, last in self.announced)

    def add_working_days(self, day: date, n: int) -> date:
        """The n-th working day after a day; with n = 0 the day itself, or the next that is worked."""
        if n < 0:
            message = "working days are counted forward"
            raise ValueError(message)
        if n == 0:
            return next(self._working(day))
        return next(islice(self._working(day + _DAY), n - 1, None))

    def deadline(self, moment: datetime, n: int) -> Deadline:
        """The end of the n-th working day after the moment's day in China."""
        if moment.tzinfo is None:
            message = "a moment needs its time zone"
            raise ValueError(message)
        start = moment.astimezone(CHINA).date()
        day = self.add_working_days(start, n)
        at = datetime.combine(day + _DAY, time(), CHINA)
        return Deadline(day, at, self._estimates(start, day))

    def _working(self, start: date) -> Iterator[date]:
        return filter(self.is_working, (start + more * _DAY for more in count()))

    def _estimates(self, start: date, end: date) -> bool:
        """Whether a day on the way is provisional. Notices have no holes, so the ends tell."""
        return self.is_provisional(start) or self.is_provisional(end)


_KNOWN: Final[WeakKeyDictionary[Policies, WorkingCalendar]] = WeakKeyDictionary()


def _calendar(policies: Policies) -> WorkingCalendar:
    packs = [pack for pack in policies.packs if pack.status.binds and pack.rule == "working-calendar"]
    notices = [pack.params_as(WorkingCalendarParams) for pack in packs]
    return WorkingCalendar(
        announced=tuple(_interval(pack) for pack in packs),
        days_off=frozenset[date]().union(*(notice.days_off for notice in notices)),
        make_up_days=frozenset(day for notice in notices for day in notice.make_up_days),
    )


def _interval(pack: Pack) -> tuple[date, date]:
    return pack.effective_from or date.min, pack.effective_to or date.max


@cache
def _estimated(year: int) -> frozenset[date]:
    """The days off of a year by the library. It is slow to import and most calendars never ask it."""
    from holidays import country_holidays

    days = country_holidays("CN", years=year)
    first = date(year, 1, 1)
    whole = (first + more * _DAY for more in range((date(year, 12, 31) - first).days + 1))
    return frozenset(day for day in whole if not days.is_working_day(day))
