"""What is known of who waits stays small, and never too small: none overtakes what is parked before it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event

from adapters.registry import ADAPTERS
from adapters.spec import Features, RetryPolicy
from services.dispatch.keys import Keys
from services.runtime.parking import Parked
from tests.dispatch.agency import Customs, Fault, vin
from tests.dispatch.workshop import declaration, quick, site
from tests.stores import Stores


def _size(keys: Keys) -> int:
    return len(keys._known or ()) + len(keys._heard or ())


def test_a_few_are_known_one_by_one() -> None:
    """Whoever is not among them goes on without a look."""
    keys = Keys()
    assert not keys
    keys.add("a")
    keys.learn({"b"})
    assert ("a" in keys, "b" in keys, bool(keys)) == (False, True, True)
    keys.discard("b")
    assert not keys


def test_of_many_anybody_may_be_one_and_memory_stays_as_it_is() -> None:
    """However many are parked, and whether they are learnt or parked here."""
    keys = Keys(most=3)
    for number in range(1_000):
        keys.add(f"parked {number}")
        assert _size(keys) <= keys.most
    assert "anybody" in keys
    keys.listen()
    for number in range(1_000):
        keys.add(f"meanwhile {number}")
        assert _size(keys) <= keys.most + 1
    keys.learn({f"learnt {number}" for number in range(4)})
    assert ("anybody" in keys, bool(keys), _size(keys)) == (True, True, 0)


def test_what_is_parked_while_it_is_read_who_waits_is_not_forgotten() -> None:
    """It may have been parked after the reading; also where that is when they became too many."""
    keys = Keys(most=3)
    keys.listen()
    keys.add("late")
    keys.learn({"early"})
    assert "late" in keys
    keys.listen()
    for key in ("b", "c", "d"):
        keys.add(key)
    keys.learn({"early"})
    assert all(key in keys for key in ("early", "b", "c", "d"))


def test_what_was_too_many_is_read_again_when_looks_find_nothing() -> None:
    """At once where it may only be that nobody told of those that people decided about; then as often as it pays."""
    keys = Keys(most=3)
    for key in "abcd":
        keys.add(key)
    assert keys.doubtful
    keys.listen()
    keys.learn(set("abcd"))
    for looked_in_vain in range(4):
        assert keys.doubtful is (looked_in_vain >= 3)
        keys.discard("e")
    keys.listen()
    keys.learn({"a"})
    assert ("a" in keys, "b" in keys, keys.doubtful) == (True, False, False)


def test_who_waits_is_read_after_what_was_parked_before_and_not_by_the_writer(stores: Stores) -> None:
    """However late the writer gets to it; and for the reading, which takes long where many wait, nobody waits."""
    written: list[str] = []

    async def play() -> None:
        async with site(stores, Customs()) as where, where.working() as worker:
            book, record = worker.deliveries.book, declaration(vin(1))
            event.listen(worker.store.writer, "before_cursor_execute", lambda *told: written.append(told[2]))
            worker.store.gather_s = 0.3
            parking = asyncio.create_task(book.park(Parked(book.consumer, record), (), cut_off=False))
            await asyncio.sleep(0)
            assert await book.keys([record.place], 9) == {record.key}
            await parking
        assert written
        assert not any("DISTINCT" in statement for statement in written)

    asyncio.run(play())


def test_more_vehicles_wait_than_are_known_and_none_overtakes(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest go on all the same; and once people have decided about those that waited, memory says so."""
    cars = [vin(number) for number in range(6)]
    customs = Customs(calls_go={car: [Fault("not yet")] * 1000 for car in cars[:4]})
    customs.knows_keys = True
    monkeypatch.setitem(
        ADAPTERS, "customs", replace(quick(Features.IDEMPOTENT), retry=RetryPolicy(in_place_for=timedelta()))
    )

    async def play() -> None:
        async with site(stores, customs) as where, where.working() as worker:
            deliveries, keys = worker.deliveries, worker.deliveries.parked.keys
            keys.most = 2
            for offset, car in enumerate(cars[:4]):
                await deliveries.handle(declaration(car, offset), None)
            following = [declaration(car, 10 + offset) for offset, car in enumerate(cars[:5])]
            for record in following:
                await deliveries.handle(record, None)
                assert _size(keys) <= keys.most
            rows = await worker.parked()
            behind = [(row.record.offset, row.tries) for row in rows if row.record.offset >= 10]
            assert behind == [(10, 0), (11, 0), (12, 0), (13, 0)]
            assert customs.effects == [(cars[4], following[4].id)]
            await deliveries.heads.stop()
            for row in reversed(rows):
                await worker.decisions.cancel(row.record.id, "test")
            for offset in range(keys.most):
                await deliveries.handle(declaration(cars[5], 20 + offset), None)
            assert not keys

    asyncio.run(play())
