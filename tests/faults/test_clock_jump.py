"""A machine whose clock is wrong: what is asked of the clock is wrong with it, what is measured is not."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from services.runtime.settings import Settings
from services.stack.pulse import Pulse


@pytest.mark.parametrize("hours", [-30, 30])
def test_a_wrong_clock_is_wrong_for_the_whole_process(tmp_path: Path, hours: int) -> None:
    """Its moments and its days; a chosen business date stays chosen."""
    wrong = Settings(data=tmp_path, clock_offset_s=hours * 3600.0).clock
    assert abs(wrong.now() - datetime.now(UTC) - timedelta(hours=hours)) < timedelta(minutes=5)
    assert wrong.today() != Settings(data=tmp_path).clock.today()
    chosen = date(2026, 3, 2)
    assert Settings(data=tmp_path, clock_offset_s=hours * 3600.0, business_date=chosen).clock.today() == chosen


def test_a_supervisor_takes_no_jump_for_silence() -> None:
    """It counts by a clock that only runs on; were that one to leap, a leap counts as one look."""
    moments = iter([0.0, 0.1, 86_400.0, 86_400.1])
    pulse = Pulse(20.0, now=lambda: next(moments))
    assert not any(pulse.gone(answered=answered, frozen=False) for answered in (True, False, False, False))
