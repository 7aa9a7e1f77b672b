"""A blocked event loop is found by a thread, which says where it stands before it ends the process."""

from __future__ import annotations

import asyncio
import threading

from services.runtime.loop import LoopWatch


def test_a_loop_that_is_blocked_is_told_with_its_stack_and_ended() -> None:
    """The one thing that a blocked loop cannot do is say so itself."""
    ended = threading.Event()
    stacks: list[str] = []

    async def play() -> None:
        def end() -> None:
            stacks.append(watch._stack())
            ended.set()

        watch = LoopWatch(0.3, end=end)
        with watch:
            await asyncio.sleep(0)
            this_blocks_the_loop(ended)

    asyncio.run(play())
    assert "this_blocks_the_loop" in stacks[0]


def this_blocks_the_loop(ended: threading.Event) -> None:
    assert ended.wait(30)


def test_a_loop_that_turns_is_left_alone() -> None:
    """However often it is looked at."""

    async def play() -> None:
        watch = LoopWatch(0.1, end=lambda: pytest_fails("ended"), now=iter(range(10_000)).__next__)
        for _ in range(100):
            watch.look()
            await asyncio.sleep(0)

    asyncio.run(play())


def pytest_fails(why: str) -> None:
    raise AssertionError(why)


def test_time_in_which_the_whole_process_was_frozen_does_not_count() -> None:
    """After an hour's sleep nobody can have turned: the loop gets its turn first."""

    async def play() -> list[str]:
        ended: list[str] = []
        moments = iter([0.0, 1.0, 3601.0, 7201.0])
        watch = LoopWatch(30, end=lambda: ended.append("ended"), now=lambda: next(moments))
        for _ in range(4):
            watch.look()
        return ended

    assert asyncio.run(play()) == []
