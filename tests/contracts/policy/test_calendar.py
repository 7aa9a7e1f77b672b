"""The Chinese working calendar, against the notices and against a library that knows them too."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from holidays import country_holidays
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.policy import Pack, Policies, load
from contracts.policy.calendar import WorkingCalendar
from contracts.policy.params import WorkingCalendarParams
from contracts.types import CHINA

_CALENDAR = WorkingCalendar.of(load())
_DAY = timedelta(days=1)
_PACKS = [pack for pack in load().packs if pack.rule == "working-calendar"]

days = st.dates(date(2023, 1, 1), date(2028, 12, 31))
numbers = st.integers(0, 40)


def _days_of(pack: Pack) -> list[date]:
    first, last = pack.effective_from, pack.effective_to
    assert first is not None
    assert last is not None
    return [first + more * _DAY for more in range((last - first).days + 1)]


@pytest.mark.parametrize("pack", _PACKS, ids=lambda pack: pack.id)
def test_a_years_pack_is_its_notice(pack: Pack) -> None:
    """Day by day as the library has it, for the whole year; no date of the pack lies elsewhere."""
    known = country_holidays("CN", years=pack.effective_from.year if pack.effective_from else 0)
    year = _days_of(pack)
    assert [day for day in year if _CALENDAR.is_working(day) != known.is_working_day(day)] == []
    notice = pack.params_as(WorkingCalendarParams)
    assert notice.days_off.union(notice.make_up_days) <= set(year)


def test_the_years_without_a_notice_are_provisional() -> None:
    """Three notices are held; nothing before and nothing after them is certain."""
    assert [pack.id for pack in _PACKS] == ["CAL-2024", "CAL-2025", "CAL-2026"]
    held = (date(2024, 1, 1), date(2026, 12, 31))
    assert not any(_CALENDAR.is_provisional(day) for day in held)
    assert _CALENDAR.is_provisional(held[0] - _DAY)
    assert _CALENDAR.is_provisional(held[1] + _DAY)


@pytest.mark.parametrize(
    ("day", "works"),
    [
        ("2026-02-14", True),
        ("2026-02-16", False),
        ("2026-02-28", True),
        ("2026-10-10", True),
        ("2026-10-11", False),
        ("2026-11-20", True),
        ("2026-11-21", False),
        ("2027-02-06", False),
        ("2027-10-01", False),
        ("2027-11-22", True),
        ("2028-12-30", False),
        ("2028-12-31", False),
    ],
)
def test_agencies_work_on_make_up_days_and_not_on_days_off(day: str, *, works: bool) -> None:
    """A Saturday may be worked, a Monday may be off; in a provisional year festivals and weekends are off."""
    assert _CALENDAR.is_working(date.fromisoformat(day)) is works


@pytest.mark.parametrize(
    ("day", "n", "expected"),
    [
        ("2026-11-20", 1, "2026-11-23"),
        ("2026-11-21", 0, "2026-11-23"),
        ("2026-11-20", 0, "2026-11-20"),
        ("2026-02-13", 1, "2026-02-14"),
        ("2026-02-13", 2, "2026-02-24"),
        ("2026-09-30", 5, "2026-10-13"),
        ("2026-10-09", 1, "2026-10-10"),
    ],
)
def test_working_days_are_counted_over_festivals(day: str, n: int, expected: str) -> None:
    """The day itself does not count; a make-up Saturday does."""
    assert _CALENDAR.add_working_days(date.fromisoformat(day), n) == date.fromisoformat(expected)


def test_a_deadline_is_the_end_of_a_day_in_china() -> None:
    """An evening in London is the next morning in Beijing."""
    late = datetime(2026, 11, 19, 17, tzinfo=UTC)
    found = _CALENDAR.deadline(late, 1)
    assert (found.day, found.at) == (date(2026, 11, 23), datetime(2026, 11, 24, tzinfo=CHINA))
    assert found.at.utcoffset() == timedelta(hours=8)
    assert _CALENDAR.deadline(late - timedelta(hours=2), 1).day == date(2026, 11, 20)


@pytest.mark.parametrize(("start", "provisional"), [(29, False), (30, False), (31, True)])
def test_a_deadline_beyond_the_last_notice_is_provisional(*, start: int, provisional: bool) -> None:
    """It says so, since the notice may move it."""
    assert _CALENDAR.deadline(datetime(2026, 12, start, 4, tzinfo=UTC), 1).provisional is provisional


def test_a_deadline_counted_from_before_the_first_notice_is_provisional() -> None:
    """Also where its end is certain."""
    assert _CALENDAR.deadline(datetime(2023, 12, 29, 4, tzinfo=UTC), 3).provisional


def test_a_moment_without_a_zone_and_counting_backwards_are_refused() -> None:
    """Both are mistakes of ours."""
    with pytest.raises(ValueError, match="time zone"):
        _CALENDAR.deadline(datetime(2026, 1, 1), 1)  # noqa: DTZ001 - the mistake
    with pytest.raises(ValueError, match="forward"):
        _CALENDAR.add_working_days(date(2026, 1, 1), -1)


def test_a_calendar_is_made_once_for_its_policies() -> None:
    """And anew for others: a draft notice on trial must not meet the old one."""
    others = [Policies(load().packs) for _ in range(20)]
    assert len({WorkingCalendar.of(each) for each in others}) == len(others)
    assert WorkingCalendar.of(load()) is _CALENDAR
    without = WorkingCalendar.of(Policies(pack for pack in load().packs if pack.id != "CAL-2026"))
    assert without.is_provisional(date(2026, 2, 14))
    assert not _CALENDAR.is_provisional(date(2026, 2, 14))


def test_a_notice_that_is_held_counts_whatever_the_library_knows() -> None:
    """Were the Spring Festival of 2026 called off, its Monday would be worked."""
    pack = _PACKS[-1].model_dump()
    called_off = [holiday for holiday in pack["params"]["holidays"] if holiday["en"] != "Spring Festival"]
    params = pack["params"] | {"holidays": called_off, "make_up_days": ()}
    other = WorkingCalendar.of(Policies([Pack.model_validate(pack | {"params": params})]))
    assert other.is_working(date(2026, 2, 16))
    assert not other.is_working(date(2026, 2, 14))


def test_a_calendar_is_what_its_notices_say() -> None:
    """From the first day of each to its last, and no day beyond; nobody remembers it from another time."""
    calendar = WorkingCalendar.of(Policies(load().packs))
    assert calendar.announced == tuple((date(year, 1, 1), date(year, 12, 31)) for year in (2024, 2025, 2026))
    assert date(2026, 2, 16) in calendar.days_off
    assert date(2026, 2, 14) in calendar.make_up_days


@given(days, numbers)
def test_a_term_ends_on_a_working_day(day: date, n: int) -> None:
    """Later than its start, unless nothing was to be counted."""
    end = _CALENDAR.add_working_days(day, n)
    assert _CALENDAR.is_working(end)
    assert end > day if n else end >= day


@given(days, numbers)
def test_a_term_has_as_many_working_days_as_it_says(day: date, n: int) -> None:
    """Counted one by one from the day after."""
    end = _CALENDAR.add_working_days(day, n)
    passed = [day + more * _DAY for more in range(1, (end - day).days + 1)]
    assert sum(map(_CALENDAR.is_working, passed)) == (n or int(end != day))


@given(days, st.integers(0, 60), numbers)
def test_a_later_start_never_ends_earlier(day: date, wait: int, n: int) -> None:
    """And each further working day ends on a further day."""
    later = day + wait * _DAY
    assert _CALENDAR.add_working_days(day, n) <= _CALENDAR.add_working_days(later, n)
    ends = [_CALENDAR.add_working_days(day, more) for more in range(1, 6)]
    assert all(one < other for one, other in pairwise(ends))


@given(days, st.times(), st.integers(0, 30))
def test_a_deadline_is_never_past_when_it_is_set(day: date, clock: time, n: int) -> None:
    """It lies after the moment, at a midnight of China."""
    moment = datetime.combine(day, clock, UTC)
    found = _CALENDAR.deadline(moment, n)
    assert found.at > moment
    assert found.at.astimezone(CHINA).time().isoformat() == "00:00:00"


@pytest.mark.parametrize(
    "wrong",
    [
        {"make_up_days": ["2026-02-13"]},
        {"make_up_days": ["2026-02-15"]},
        {"holidays": []},
        {"holidays": [{"zh": "元旦", "en": "New Year", "first": "2026-01-03", "last": "2026-01-01"}]},
        {"holidays": [{"zh": "元旦", "en": "New Year", "first": "2026-01-01", "last": "2026-01-01"}] * 2},
    ],
    ids=["a weekday", "a day off", "no days off", "backwards", "twice off"],
)
def test_a_notice_that_contradicts_itself_is_refused(wrong: dict[str, object]) -> None:
    """When it is read, not when a case counts on it."""
    notice = _PACKS[-1].params.model_dump()
    with pytest.raises(ValidationError):
        WorkingCalendarParams.model_validate(notice | wrong)
