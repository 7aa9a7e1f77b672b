"""The watchdog knows standing still from being slow, idle, excused or frozen."""

from __future__ import annotations

from services.runtime.watchdog import Watchdog


def _looks(moments: list[float], finished: list[int], *, excused: bool = False) -> list[bool]:
    dog = Watchdog(3.0)
    looks = zip(moments, finished, strict=True)
    return [dog.stands_still(now, count, excused=excused) for now, count in looks]


def test_it_barks_after_the_limit_without_progress() -> None:
    """And again at every look until it is told to begin anew."""
    assert _looks([0, 1, 2, 3, 4], [0, 0, 0, 0, 0]) == [False, False, False, True, True]


def test_progress_and_an_excuse_begin_the_count_again() -> None:
    """However slow the progress is."""
    assert not any(_looks([0, 1, 2, 3, 4, 5], [0, 0, 0, 1, 1, 1]))
    assert not any(_looks([0, 1, 2, 3, 4, 5], [0] * 6, excused=True))


def test_the_time_that_we_were_frozen_ourselves_does_not_count() -> None:
    """A process that thaws after a minute has not stood still for a minute."""
    assert not any(_looks([0, 60, 61], [0, 0, 0]))
