"""The watermark never runs ahead of unfinished work."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from services.runtime.offsets import Watermark

GAPPED = st.lists(st.integers(1, 5), min_size=1, max_size=40).map(
    lambda gaps: [sum(gaps[: index + 1]) for index in range(len(gaps))]
)


@given(GAPPED, st.randoms(use_true_random=False))
def test_nothing_unfinished_is_below_what_may_be_committed(offsets: list[int], random: Random) -> None:
    """Whatever gaps the offsets have and in whatever order work ends, and in the end all of it is covered."""
    watermark = Watermark()
    for offset in offsets:
        watermark.fetched(offset)
    waiting = list(offsets)
    random.shuffle(waiting)
    while waiting:
        watermark.finished(waiting.pop())
        assert watermark.committable is None or all(offset >= watermark.committable for offset in waiting)
    assert watermark.committable == offsets[-1] + 1
    assert watermark.unfinished == 0


def test_what_is_finished_above_an_unfinished_one_is_counted_apart() -> None:
    """It may not be committed, and it does not wait any more."""
    watermark = Watermark()
    for offset in (3, 4, 7):
        watermark.fetched(offset)
    watermark.finished(4)
    watermark.finished(7)
    assert (watermark.committable, watermark.ahead) == (None, 2)
    watermark.finished(3)
    assert (watermark.committable, watermark.ahead) == (8, 0)
