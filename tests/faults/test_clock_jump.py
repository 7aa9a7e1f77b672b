"""A machine whose clock is wrong: what is asked of the clock is wrong with it, what is measured is not."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate, chain, count, repeat
from pathlib import Path

import pytest

from services.runtime.settings import Settings
from services.stack.pulse import Pulse

LIMIT_S, EVERY_S = 20.0, 2.0


@pytest.mark.parametrize("hours", [-30, 30])
def test_a_wrong_clock_is_wrong_for_the_whole_process(tmp_path: Path, hours: int) -> None:
    """Its moments and its days; a chosen business date stays chosen."""
    wrong = Settings(data=tmp_path, clock_offset_s=hours * 3600.0).clock
    assert abs(wrong.now() - datetime.now(UTC) - timedelta(hours=hours)) < timedelta(minutes=5)
    assert wrong.today() != Settings(data=tmp_path).clock.today()
    chosen = date(2026, 3, 2)
    assert Settings(data=tmp_path, clock_offset_s=hours * 3600.0, business_date=chosen).clock.today() == chosen


def test_a_supervisor_counts_by_a_clock_that_nobody_sets() -> None:
    """The machine's may be put back or forward while it looks."""
    assert Pulse(LIMIT_S).now is time.monotonic


@pytest.mark.parametrize(("leap_s", "looks"), [(0.0, 10), (86_400.0, 9)], ids=["steady", "a day at once"])
def test_a_supervisor_takes_no_leap_for_silence(leap_s: float, looks: int) -> None:
    """Were its clock to leap all the same, as after a machine's sleep, the leap costs one look and no more."""
    steps = chain([0.0, EVERY_S, EVERY_S, EVERY_S + leap_s], repeat(EVERY_S))
    moments = accumulate(steps)
    pulse = Pulse(LIMIT_S, now=lambda: next(moments))
    pulse.gone(answered=True, frozen=False)
    silent = (number for number in count(1) if pulse.gone(answered=False, frozen=False))
    assert next(silent) == looks
