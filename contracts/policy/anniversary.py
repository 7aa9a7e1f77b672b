"""Terms in years: they end on the same day of a later year, or where February has no such day, on its last."""

from __future__ import annotations

from calendar import monthrange
from datetime import date


def years_after(day: date, years: int) -> date:
    """The day on which so many years have passed."""
    year = day.year + years
    return day.replace(year=year, day=min(day.day, monthrange(year, day.month)[1]))


def full_years(since: date, until: date) -> int:
    """How many whole years have passed; none where the end is before the start."""
    years = until.year - since.year
    return max(years if years_after(since, years) <= until else years - 1, 0)
