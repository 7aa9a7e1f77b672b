"""The ledger: one outcome an input, however many are decided at once, on both databases."""

from __future__ import annotations

import asyncio
import os

from sqlalchemy import Connection

from services.runtime import ledger
from services.runtime.packing import pack_headers, pack_messages, unpack_headers, unpack_messages
from services.runtime.record import Outgoing
from services.runtime.store import Store
from tests.runtime.bench import outgoing, started


def test_many_are_decided_in_one_transaction_and_each_is_told_what_is_stored(store: Store) -> None:
    """New ones their own outcome; one that was decided before, and a second of the same transaction, the earlier."""

    async def play() -> None:
        async with started(store):
            await store.run(lambda connection: ledger.decide(connection, "c", "7", [outgoing("earlier")], 1.0))

            def act(connection: Connection) -> list[ledger.Decision]:
                ones = [(str(number), f"m{number}") for number in range(1200)] + [("3", "again"), ("7", "again")]
                return [ledger.decide_later(connection, "c", id_, [outgoing(said)], 1.0) for id_, said in ones]

            decisions = await store.run(act)
            said = [one.stored[0].id for one in decisions]
            expected = [f"m{number}" for number in range(1200)]
            expected[7] = "earlier"
            assert said == [*expected, "m3", "earlier"]
            found = await store.read(lambda connection: ledger.decided(connection, "c", [one.id for one in decisions]))
            assert {id_: one[0].id for id_, one in found.items()} == dict(
                zip(map(str, range(1200)), expected, strict=True)
            )

    asyncio.run(play())


def test_one_consumer_s_outcome_is_nobody_else_s(store: Store) -> None:
    """The same id in two ledgers, in one transaction."""

    async def play() -> None:
        async with started(store):

            def act(connection: Connection) -> list[ledger.Decision]:
                return [ledger.decide_later(connection, name, "1", [outgoing(name)], 1.0) for name in ("a", "b")]

            assert [one.stored[0].id for one in await store.run(act)] == ["a", "b"]

    asyncio.run(play())


def test_what_is_put_off_is_seen_within_its_transaction(store: Store) -> None:
    """Whoever looks finds it, and it is stored once."""

    async def play() -> None:
        async with started(store):

            def act(connection: Connection) -> list[str]:
                ledger.decide_later(connection, "c", "1", [outgoing("said")], 1.0)
                seen = ledger.decided(connection, "c", ["1"])
                again = ledger.decide_later(connection, "c", "1", [outgoing("other")], 1.0)
                ledger.decided(connection, "c", [])
                return [seen["1"][0].id, again.stored[0].id]

            assert await store.run(act) == ["said", "said"]

    asyncio.run(play())


def test_whatever_bytes_are_packed_come_back() -> None:
    """Also those that are no text, and of every length."""
    raw = tuple((f"name-{length}", os.urandom(length)) for length in range(70))
    assert unpack_headers(pack_headers(raw)) == raw
    messages = [Outgoing("id", "topic", "", raw, bytes(range(256))), Outgoing("two", "topic", "车", (), b"")]
    assert unpack_messages(pack_messages(messages)) == messages
