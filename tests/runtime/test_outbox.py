"""What is stored is sent: in order, again after a crash, with the same ids, and in bounded memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, event, func, select

from contracts.envelope import message
from contracts.police import PlateReleaseV1
from services.runtime import outbox
from services.runtime.database import open_store
from services.runtime.outbox import Relay
from services.runtime.record import Outgoing
from services.runtime.settings import Settings
from services.runtime.store import Store, StoreUnavailable
from services.runtime.tables import outbox as table
from tests.runtime.bench import Outage, Post, outgoing, started


@asynccontextmanager
async def relaying(relay: Relay) -> AsyncIterator[None]:
    """A relay at work; leaving it is its crash."""
    relay.store.on_commit = relay.told
    await relay.load()
    task = asyncio.create_task(relay.run())
    try:
        yield
    finally:
        assert not task.done(), task.exception()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _adding(*ids: str) -> Callable[[Connection], None]:
    def act(connection: Connection) -> None:
        for id_ in ids:
            outbox.add_outgoing(connection, outgoing(id_))

    return act


async def _stored(store: Store) -> int:
    return await store.read(lambda connection: connection.execute(select(func.count()).select_from(table)).scalar_one())


async def _emptied(store: Store) -> None:
    async with asyncio.timeout(60):
        while await _stored(store):  # noqa: ASYNC110 - the store tells nobody that a row is gone
            await asyncio.sleep(0.01)


def test_messages_go_in_the_order_of_their_acts(store: Store, until: Any) -> None:
    """Many acts at once, several messages each: sent as they were stored, then forgotten."""

    async def play() -> None:
        post = Post()
        async with started(store), relaying(Relay(store, post)):
            acts = [store.run(_adding(f"{act}-0", f"{act}-1")) for act in range(200)]
            await asyncio.gather(*acts)
            await until(lambda: len(post.sent) == 400)
            assert post.ids == [f"{act}-{number}" for act in range(200) for number in range(2)]
            await _emptied(store)

    asyncio.run(play())


def test_an_act_that_raises_sends_nothing(store: Store, until: Any) -> None:
    """Its neighbours' messages go, its own do not, and none goes twice."""

    def failing(connection: Connection) -> None:
        outbox.add_outgoing(connection, outgoing("never"))
        message = "on purpose"
        raise LookupError(message)

    async def play() -> None:
        post = Post()
        async with started(store), relaying(Relay(store, post)):
            acts = (store.run(_adding("a")), store.run(failing), store.run(_adding("b")))
            await asyncio.gather(*acts, return_exceptions=True)
            await until(lambda: len(post.sent) == 2)
            assert post.ids == ["a", "b"]

    asyncio.run(play())


def test_a_crash_between_commit_and_send_sends_it_later(store: Store, until: Any) -> None:
    """The next process sends what the first one only stored, in order, before its own."""

    async def play() -> None:
        async with started(store):
            shut, post = Post(), Post()
            shut.open.clear()
            async with relaying(Relay(store, shut)):
                await store.run(_adding("a", "b"))
            async with relaying(Relay(store, post)):
                await store.run(_adding("c"))
                await until(lambda: len(post.sent) >= 3)
            assert shut.sent == []
            assert list(dict.fromkeys(post.ids)) == ["a", "b", "c"]

    asyncio.run(play())


def test_what_another_process_leaves_behind_is_sent_by_one_that_lives(settings: Settings, until: Any) -> None:
    """It stored and never sent, while the other one was up already; the other is idle meanwhile, and again after."""

    async def play() -> None:
        left, lives, post = open_store(settings, "dispatch"), open_store(settings, "dispatch"), Post()
        relay = Relay(lives, post, moment_s=0.05)
        async with started(left), started(lives), relaying(relay):
            await relay.drained()
            await left.run(_adding("a", "b"))
            await until(lambda: len(post.sent) >= 2)
            await _emptied(lives)
            await relay.drained()
            await lives.run(_adding("c"))
            await until(lambda: len(post.sent) >= 3)
            assert list(dict.fromkeys(post.ids)) == ["a", "b", "c"]

    asyncio.run(play())


def test_what_was_left_behind_goes_before_what_came_after_it(settings: Settings, until: Any) -> None:
    """Although the process that lives has its own in memory, and so much of it that it is never idle."""

    async def play() -> None:
        left, lives, post = open_store(settings, "dispatch"), open_store(settings, "dispatch"), Post()
        post.open.clear()
        async with started(left), started(lives), relaying(Relay(lives, post, moment_s=0.0)):
            await lives.run(_adding("first"))
            await left.run(_adding("left"))
            mine = [f"{number:04}" for number in range(2_000)]
            await lives.run(_adding(*mine))
            post.open.set()
            await until(lambda: mine[-1] in post.ids)
            # Whether it was left for good shows only when it still stands there at the second look, a batch later.
            assert post.ids.index("left") < post.ids.index(mine[1_000])
            assert [id_ for id_ in dict.fromkeys(post.ids) if id_ != "left"] == ["first", *mine]

    asyncio.run(play())


def test_what_waits_here_is_not_taken_for_left_behind(store: Store, until: Any) -> None:
    """However often we look while it waits its turn, nothing of it is read: it was read once, at the start."""
    read: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        read.extend(["all"] if "outbox.value" in statement else [])

    async def play() -> None:
        post = Post()
        post.open.clear()
        event.listen(store.reader, "before_cursor_execute", note)
        async with started(store):
            await store.run(_adding("first"))
            async with relaying(Relay(store, post, moment_s=0.0)):
                mine = [f"{number:04}" for number in range(3_000)]
                await store.run(_adding(*mine))
                post.open.set()
                await until(lambda: len(post.sent) > len(mine))
                assert post.ids == ["first", *mine]
        assert read == ["all"]

    asyncio.run(play())


def test_a_store_that_cannot_be_read_does_not_keep_back_what_we_have(
    store: Store, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking for what others left is put off; our own needs no reading."""

    def unreadable(_: Connection) -> None:
        message = "away"
        raise StoreUnavailable(message)

    async def play() -> None:
        post = Post()
        async with started(store), relaying(Relay(store, post, moment_s=0.0)):
            monkeypatch.setattr(outbox, "_oldest", unreadable)
            await store.run(_adding("a"))
            await until(lambda: post.ids == ["a"])

    asyncio.run(play())


def test_a_crash_between_send_and_forget_sends_it_again_under_the_same_id(store: Store, until: Any) -> None:
    """Sent twice, known by its id, the very same bytes."""
    outage = Outage()

    async def play() -> None:
        first, second = Post(), Post()
        async with started(store, outage):
            async with relaying(Relay(store, first)):
                first.open.clear()
                await store.run(_adding("a", "b"))
                outage.left = 1_000
                first.open.set()
                await until(lambda: outage.refused > 0)
            outage.left = 0
            async with relaying(Relay(store, second)):
                await until(lambda: len(second.sent) == 2)
            assert first.sent == second.sent

    asyncio.run(play())


def test_forgetting_waits_out_a_store_that_cannot_write(store: Store, until: Any) -> None:
    """The service lives on, and nothing is sent twice for it."""
    outage = Outage()

    async def play() -> None:
        post = Post()
        async with started(store, outage), relaying(Relay(store, post)):
            post.open.clear()
            await store.run(_adding("a"))
            outage.left = 1
            post.open.set()
            await until(lambda: outage.refused == 1)
            await store.run(_adding("b"))
            await until(lambda: "b" in post.ids)
            await _emptied(store)
            assert list(dict.fromkeys(post.ids)) == ["a", "b"]

    asyncio.run(play())


def test_a_broker_that_is_away_does_not_fill_our_memory(store: Store, until: Any) -> None:
    """Past its bound the relay leaves the rest in the store, and reads on there, in order, once it can send."""

    async def play() -> None:
        post = Post()
        post.open.clear()
        relay = Relay(store, post, most=20)
        async with started(store), relaying(relay):
            for act in range(100):
                await store.run(_adding(f"{act:03}-0", f"{act:03}-1"))
                assert relay.unsent <= 20
            post.open.set()
            await until(lambda: len(set(post.ids)) == 200)
            await relay.drained()
            await store.run(_adding("last"))
            await until(lambda: "last" in post.ids)
            first_seen = list(dict.fromkeys(post.ids))
            assert first_seen == [*sorted(first_seen[:-1]), "last"]

    asyncio.run(play())


def test_what_was_durable_without_an_answer_is_sent_too(store: Store, until: Any) -> None:
    """The connection broke during the commit: the relay looks for itself instead of waiting to be told."""
    outage = Outage(left=1, lost=True)

    async def play() -> None:
        post = Post()
        async with started(store, outage), relaying(Relay(store, post)):
            with pytest.raises(StoreUnavailable):
                await store.run(_adding("a"))
            await until(lambda: post.ids == ["a"])

    asyncio.run(play())


def test_a_message_that_kafka_would_never_take_is_not_stored(store: Store) -> None:
    """It would stand before all others for ever; the act that wants to say it fails instead."""
    huge = message(
        PlateReleaseV1.model_construct(vin="LZZTEST05TA000001", reservation_no="R" * 1_048_576, reason="x"),
        id="a",
        source="urn:test",
        subject="case",
        time=datetime.now(UTC),
    )

    async def play() -> None:
        async with started(store):
            with pytest.raises(ValueError, match="too large"):
                await store.run(lambda connection: outbox.add(connection, "topic", "key", huge))
            assert await _stored(store) == 0

    asyncio.run(play())


def test_headers_and_values_come_back_as_they_went_in(store: Store) -> None:
    """A stranger's header need not be text."""
    odd = Outgoing("a", "topic", "key", (("ce_id", b"a"), ("x", b"\xff\x00"), ("y", b"")), b"\x00\xff")

    async def play() -> None:
        async with started(store):
            await store.run(lambda connection: outbox.add_outgoing(connection, odd))
            post = Post()
            relay = Relay(store, post)
            async with relaying(relay):
                await relay.drained()
            assert post.sent == [odd]

    asyncio.run(play())
