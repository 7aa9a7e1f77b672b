"""Time comes through here, so that a test can decide what time it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from contracts.types import CHINA


@dataclass(frozen=True, slots=True)
class Clock:
    """The real clock; `business_date` stands in for today's date, and for nothing else."""

    business_date: date | None = None
    offset: timedelta = timedelta()
    """How wrong the clock is, so that a jump of the machine's clock can be had without touching the machine."""

    def now(self) -> datetime:
        """This moment, aware, in UTC."""
        return datetime.now(UTC) + self.offset

    def today(self) -> date:
        """The day on which business is done in China."""
        return self.business_date or self.now().astimezone(CHINA).date()

    def shown_at(self, machine: float) -> float:
        """What it showed when the machine's clock showed that moment; both in seconds since 1970."""
        return machine + self.offset.total_seconds()
