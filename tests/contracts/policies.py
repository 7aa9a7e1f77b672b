"""Hypothesis strategies for policies of every version."""

from __future__ import annotations

import string
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from hypothesis import strategies as st

from contracts.insurance import InsuranceBoundV1, InsuranceBoundV2, InsuranceBoundV3, VesselTax
from contracts.types import CHINA
from tests.contracts.sales import usccs, vins

_NUMBERS: Final = st.text(string.digits, min_size=10, max_size=30)
_FEN: Final = st.integers(0, 10_000_000_000)


@st.composite
def _told(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "vin": draw(vins()),
        "policy_no": draw(_NUMBERS),
        "insurer_uscc": draw(usccs()),
        "premium": draw(_FEN),
    }


@st.composite
def by_days(draw: st.DrawFn) -> InsuranceBoundV1:
    """Policies as version 1 tells them: of any two days, whichever comes first."""
    start, end = draw(st.dates(date(1, 1, 2))), draw(st.dates(date(1, 1, 2)))
    return InsuranceBoundV1(**draw(_told()), vvt=draw(_FEN), start_date=start, end_date=end)


@st.composite
def _hours(draw: st.DrawFn) -> dict[str, Any]:
    # Times are written in milliseconds: what is finer does not come back.
    start = datetime.combine(
        draw(st.dates(date(1992, 1, 1), date(2080, 1, 1))), draw(st.times(timezones=st.none())), CHINA
    )
    start = start.replace(microsecond=start.microsecond // 1000 * 1000)
    return {"start_at": start, "end_at": start + timedelta(seconds=draw(st.integers(1, 10**8)))}


@st.composite
def by_hours(draw: st.DrawFn) -> InsuranceBoundV2:
    """Policies as version 2 tells them."""
    return InsuranceBoundV2(**draw(_told()), **draw(_hours()), vvt=draw(_FEN))


@st.composite
def with_fees(draw: st.DrawFn) -> InsuranceBoundV3:
    """Policies as version 3 tells them."""
    withheld = VesselTax(vvt=draw(_FEN), vvt_late_fee=draw(_FEN | st.just(0)))
    return InsuranceBoundV3(**draw(_told()), **draw(_hours()), withheld=withheld)


def covers_whole_days(cover: InsuranceBoundV2) -> bool:
    """Whether it begins and ends at midnight in China, so that days say all of it."""
    return all(moment.astimezone(CHINA).time() == time() for moment in (cover.start_at, cover.end_at))
