"""A subscription applies each message once, whatever comes again and whatever fails."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import Connection, select

from contracts.envelope import Undecodable
from contracts.topics import LARGEST_MESSAGE
from services.runtime.poison import CUT, PLACE, REASON
from services.runtime.record import Record
from services.runtime.sql import upsert
from services.runtime.store import Store
from services.runtime.subscription import Subscription, TransactionalWork, by_place
from services.runtime.tables import breaker
from tests.runtime.bench import Outage, Post, record, started


def _append(connection: Connection, came: Record) -> None:
    """Write down what was applied, in order: an effect that tells once from twice."""
    told = connection.execute(select(breaker.c.reason).where(breaker.c.organisation == "told")).scalar() or ""
    row = {"organisation": "told", "state": "open", "since": 0.0, "reason": f"{told}{came.offset} "}
    upsert(connection, breaker, ["organisation"], row)
    if came.value == b"broken":
        raise Undecodable("not-json")
    if came.value == b"bug":
        message = "a bug of ours"
        raise LookupError(message)


async def _told(store: Store) -> str:
    query = select(breaker.c.reason).where(breaker.c.organisation == "told")
    return await store.read(lambda connection: connection.execute(query).scalar() or "")


def _work(store: Store, post: Post, group: str = "journey") -> TransactionalWork:
    return TransactionalWork(Subscription(group, ("topic",), _append), store, post)


def _given(value: bytes, offset: int = 0, *headers: tuple[str, Any]) -> Record:
    return Record("topic", 3, offset, "key", headers, value)


def test_a_message_that_comes_again_is_applied_once(store: Store) -> None:
    """At another offset too: its id is what counts. Another group applies it for itself."""

    async def play() -> None:
        post = Post()
        async with started(store):
            for came in (record(1, "a"), record(2, "b"), record(1, "a"), record(9, "a")):
                await _work(store, post).handle(came, None)
            assert await _told(store) == "1 2 "
            await _work(store, post, "console").handle(record(1, "a"), None)
            assert await _told(store) == "1 2 1 "

    asyncio.run(play())


def test_a_record_without_an_id_is_known_by_its_place(store: Store) -> None:
    """Applied once, and not taken for the next one without an id; nor is one whose id no database could keep."""

    async def play() -> None:
        async with started(store):
            work = _work(store, Post())
            odd = [_given(b"{}", offset, ("ce_id", id_)) for offset, id_ in ((3, b"\xff"), (4, b"a\x00b"), (5, None))]
            for came in (record(1), record(2), record(1), *odd, *odd):
                await work.handle(came, None)
            assert await _told(store) == "1 2 3 4 5 "

    asyncio.run(play())


def test_a_subscription_may_know_records_by_their_place(store: Store) -> None:
    """A stranger's id says nothing: used twice it is two messages, and the same place is one however often it comes."""

    async def play() -> None:
        async with started(store):
            work = TransactionalWork(Subscription("submitted", ("topic",), _append, by_place), store, Post())
            for came in (record(1, "a"), record(2, "a"), record(1, "a")):
                await work.handle(came, None)
            assert await _told(store) == "1 2 "

    asyncio.run(play())


def test_poison_goes_aside_raw_with_its_reason_and_leaves_no_trace(store: Store) -> None:
    """The lane goes on; what the half-done act wrote is rolled back."""

    async def play() -> None:
        post = Post()
        async with started(store):
            await _work(store, post).handle(_given(b"broken", 7, ("x", b"\xff")), None)
            await _work(store, post).handle(record(8, "b"), None)
            assert await _told(store) == "8 "
        (aside,) = post.sent
        assert (aside.topic, aside.key, aside.value) == ("topic.poison", "key", b"broken")
        assert aside.headers == (("x", b"\xff"), (REASON, b"not-json"), (PLACE, b"topic/3/7"))

    asyncio.run(play())


@pytest.mark.parametrize("size", [LARGEST_MESSAGE - 10, LARGEST_MESSAGE * 2])
def test_poison_that_is_too_large_is_cut_and_says_so(store: Store, size: int) -> None:
    """With our own headers it would not fit any more, and nothing behind it would ever be read."""

    async def play() -> None:
        post = Post()
        async with started(store):
            long = Record("topic", 3, 7, "key", (("ce_id", b"a"), ("x", b"y" * 90_000)), b"\x00" * size)
            work = TransactionalWork(Subscription("g", ("topic",), _refuse), store, post)
            await work.handle(long, None)
        (aside,) = post.sent
        carried = len(aside.value) + sum(len(name) + len(value) for name, value in aside.headers)
        assert carried < LARGEST_MESSAGE
        assert dict(aside.headers)[CUT].startswith(f"value {size} bytes".encode())

    asyncio.run(play())


def _refuse(_: Connection, __: Record) -> None:
    raise Undecodable("no-message")


def test_a_store_that_cannot_write_is_waited_out(store: Store) -> None:
    """The message is applied when it can be, once; until then the work says that it waits."""
    outage = Outage(left=2)

    async def play() -> None:
        async with started(store, outage):
            work = _work(store, Post())
            await work.handle(record(1, "a"), None)
            assert outage.refused == 2
            assert await _told(store) == "1 "

    asyncio.run(play())


def test_a_commit_of_which_nobody_heard_is_not_applied_twice(store: Store) -> None:
    """Its ledger row is there when the act is tried again."""

    async def play() -> None:
        async with started(store, Outage(left=1, lost=True)):
            await _work(store, Post()).handle(record(1, "a"), None)
            assert await _told(store) == "1 "

    asyncio.run(play())


def test_a_bug_of_ours_is_no_poison(store: Store) -> None:
    """It ends the process, and the message is still there for a better one."""

    async def play() -> None:
        post = Post()
        async with started(store):
            with pytest.raises(LookupError):
                await _work(store, post).handle(_given(b"bug", 1, ("ce_id", b"a")), None)
            await _work(store, post).handle(record(1, "a"), None)
            assert await _told(store) == "1 "
        assert post.sent == []

    asyncio.run(play())
