"""The window: one lane a key, one record of it at a time, and how much there is at most."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from services.runtime.record import Record
from services.runtime.window import Entry, Tenure, Window


def _entry(tenure: Tenure, offset: int, key: str = "key", taken: int = 0, size: int = 0) -> Entry:
    return Entry(tenure, Record("topic", 0, offset, key, (), b"x" * size), None, taken)


def _next(window: Window) -> Entry:
    entry = window.next()
    assert entry is not None
    return entry


@given(keys=st.lists(st.sampled_from(["a", "b", "c", ""])), first=st.data())
def test_a_key_has_one_record_at_work_and_they_come_in_order(keys: list[str], first: st.DataObject) -> None:
    """Whichever of those at work is done first; records without a key wait for nobody."""
    window, tenure = Window(100, 10_000), Tenure()
    for offset, key in enumerate(keys):
        window.add(_entry(tenure, offset, key))
    at_work: list[Entry] = []
    seen: list[tuple[str, int]] = []
    while window.records:
        while (entry := window.next()) is not None:
            at_work.append(entry)
        assert len({entry.lane for entry in at_work}) == len(at_work)
        done = at_work.pop(first.draw(st.integers(0, len(at_work) - 1)))
        seen.append((done.record.key, done.record.offset))
        window.done(done)
    assert window.bytes == 0
    assert not window._lanes
    for name in ("a", "b", "c"):
        assert [at for key, at in seen if key == name] == [at for at, key in enumerate(keys) if key == name]
    assert len(seen) == len(keys)


def test_records_fill_it_and_so_do_bytes() -> None:
    """It is full at either limit, and roomy again only when half of both is free."""
    tenure = Tenure()
    many, large = Window(4, 1_000_000), Window(1_000, 4_000)
    for offset in range(4):
        assert not many.full
        assert not large.full
        many.add(_entry(tenure, offset, str(offset)))
        large.add(_entry(tenure, offset, str(offset), size=800))
    assert many.full
    assert large.full
    for window in (many, large):
        window.done(_next(window))
        assert not window.full
        assert not window.roomy
        window.done(_next(window))
        assert window.roomy


def test_a_window_brims_from_when_it_was_full_until_it_is_roomy() -> None:
    """Not only while it is full: it would be refilled record by record. Whoever waits for room hears of it."""
    window, tenure = Window(4, 1_000_000), Tenure()
    for offset in range(4):
        assert window.brims(now=10.0) is None
        window.add(_entry(tenure, offset, str(offset)))
    assert [window.brims(now) for now in (11.0, 12.5)] == [0.0, 1.5]
    window.done(_next(window))
    assert window.brims(13.0) == 2.0

    async def play() -> None:
        waiting = asyncio.create_task(window.room())
        await asyncio.sleep(0)
        assert not waiting.done()
        window.done(_next(window))
        await waiting

    asyncio.run(play())
    assert window.brims(14.0) is None


def test_what_waits_is_told_oldest_first_and_only_what_is_ours() -> None:
    """By batch, then by offset, whatever lane it stands in; also what is being worked on; not what went away."""
    window, here, gone = Window(100, 10_000), Tenure(), Tenure()
    for entry in (
        _entry(here, 7, "a", taken=1),
        _entry(here, 8, "b", taken=1),
        _entry(gone, 1, "c", taken=1),
        _entry(here, 9, "a", taken=2),
        _entry(here, 3, "d", taken=3),
    ):
        window.add(entry)
    gone.live = False
    _next(window)
    assert [record.offset for record in window.waiting()] == [7, 8, 9, 3]
