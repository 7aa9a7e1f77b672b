"""Moments: what is taken for one, and that all of them can be written."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import BaseModel, ValidationError

from contracts.insurance import INSURANCE_BOUND, InsuranceBoundV1, InsuranceBoundV3
from contracts.types import Instant


class _Told(BaseModel):
    at: Instant


@pytest.mark.parametrize("text", ["9999-12-31T23:00:00-08:00", "0001-01-01T00:00:00+08:00", "2026-11-21"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    """A moment that cannot be written in UTC is none, nor is a day."""
    with pytest.raises(ValidationError):
        _Told.model_validate_json(f'{{"at": "{text}"}}')


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2026-11-21T11:30:00+08:00", "2026-11-21T03:30:00.000Z"),
        ("2026-11-21T03:30:00.123456Z", "2026-11-21T03:30:00.123Z"),
    ],
)
def test_a_moment_is_written_in_utc_with_milliseconds(text: str, written: str) -> None:
    """In whatever zone it came."""
    assert _Told.model_validate_json(f'{{"at": "{text}"}}').model_dump(mode="json") == {"at": written}


@pytest.mark.parametrize("day", [date(1, 1, 1), date(9999, 12, 31)])
def test_the_days_at_both_ends_of_the_calendar_are_lifted_and_written(day: date) -> None:
    """An agency that fills in such a day is wrong, and nobody falls over it; also where the end comes first."""
    old = InsuranceBoundV1(
        vin="LZZTEST05TA000001", policy_no="PDZA26GEUH590000001", insurer_uscc="91110000MAY1GEUH59",
        premium=95_000, vvt=0, start_date=day, end_date=date(2026, 1, 1),
    )  # fmt: skip
    lifted = INSURANCE_BOUND.read(1, old.model_dump_json().encode())
    assert isinstance(lifted, InsuranceBoundV3)
    assert InsuranceBoundV3.model_validate_json(lifted.model_dump_json()) == lifted
