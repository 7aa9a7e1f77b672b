"""What is parked stands in the order of its key, and only its head is ever due."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, TypeVar

import pytest
from sqlalchemy import Connection, delete, event

from services.runtime import ledger, outbox, parking, tables
from services.runtime.database import open_store
from services.runtime.parking import Parked
from services.runtime.record import Place
from services.runtime.settings import Settings
from services.runtime.store import Store
from tests.runtime.bench import outgoing, record, started

T = TypeVar("T")
ME = "dispatch.police"
HERE = Place("topic", 0)


def _parked(offset: int, key: str = "key", partition: int = 0, not_before: float = 0.0) -> Parked:
    return Parked(ME, record(offset, f"{key}-{offset}", key, partition), not_before=not_before)


def _played(store: Store, *acts: Callable[[Connection], T]) -> list[T]:
    async def play() -> list[T]:
        async with started(store):
            return [await store.run(act) for act in acts]

    return asyncio.run(play())


def _parking(*rows: Parked) -> Callable[[Connection], list[str]]:
    def act(connection: Connection) -> list[str]:
        for row in rows:
            parking.park(connection, row)
        return []

    return act


def _due(now: float = 1.0, places: frozenset[Place] = frozenset({HERE}), most: int = 50) -> Callable[..., list[str]]:
    return lambda connection: [row.record.id for row in parking.due_heads(connection, ME, places, now, most)]


def test_only_the_head_of_a_key_is_due(store: Store) -> None:
    """Whatever its followers' times say, and in whatever order they were stored."""
    rows = (_parked(9), _parked(7, not_before=0.5), _parked(8), _parked(3, key="other"))
    assert _played(store, _parking(*rows), _due())[1] == ["other-3", "key-7"]


def test_a_head_that_must_wait_keeps_its_followers_waiting(store: Store) -> None:
    """Its time has not come; theirs does not count."""
    assert _played(store, _parking(_parked(7, not_before=99.0), _parked(8)), _due())[1] == []


def test_a_head_is_not_due_before_everything_was_said_about_its_vehicle(store: Store) -> None:
    """What comes of trying it is said at once, and would overtake what is stored and on its way."""

    def say(connection: Connection) -> list[str]:
        outbox.add_outgoing(connection, outgoing("1", "key"))
        return []

    def said(connection: Connection) -> list[str]:
        connection.execute(delete(tables.outbox))
        return []

    played = _played(store, _parking(_parked(7), _parked(3, key="other")), say, _due(), said, _due())
    assert played[2::2] == [["other-3"], ["other-3", "key-7"]]


def test_behind_a_dead_head_nothing_is_due(store: Store) -> None:
    """What stands behind it stays parked until a person decided."""
    dead = Parked(ME, record(7, "key-7"), state="dead")
    assert _played(store, _parking(dead, _parked(8)), _due())[1] == []


def test_others_partitions_do_not_crowd_out_ours(store: Store) -> None:
    """Many heads of partitions that another process owns are due before our one."""
    theirs = [_parked(offset, key=f"k{offset}", partition=1) for offset in range(60)]
    ours = _parked(100, not_before=0.5)
    assert _played(store, _parking(*theirs, ours), _due())[1] == ["key-100"]


def test_parking_again_changes_nothing(store: Store) -> None:
    """A record that comes again after a crash finds its row, with its tries and its times."""
    first = Parked(ME, record(7, "a"), tries=3, not_before=0.5, history=({"number": 1},))
    found = _played(
        store,
        lambda connection: parking.park(connection, first),
        lambda connection: parking.park(connection, Parked(ME, record(7, "a"))),
        lambda connection: parking.find(connection, ME, "a"),
    )[2]
    assert found == first


def test_a_record_goes_behind_only_where_something_waits(store: Store) -> None:
    """The rest of the key's partition has nothing to do with it."""
    told = _played(
        store,
        lambda connection: parking.park_behind(connection, _parked(7)),
        lambda connection: parking.park(connection, _parked(7)),
        lambda connection: parking.park_behind(connection, _parked(8)),
        lambda connection: parking.park_behind(connection, _parked(9, key="other")),
        lambda connection: parking.remove(connection, _parked(7)),
        lambda connection: parking.remove(connection, _parked(8)),
    )
    assert told == [(False, False), True, (True, True), (False, False), True, False]


def test_all_of_it_survives_a_restart(settings: Settings) -> None:
    """Order, answers to be said again, the history: another process finds what the first one stored."""
    answered = Parked(ME, record(7, "key-7"), state="answered", outputs=(outgoing("said"),), history=({"number": 1},))
    _played(open_store(settings, "dispatch"), _parking(answered, _parked(8)))
    again = open_store(settings, "dispatch")
    found = _played(again, lambda connection: parking.due_heads(connection, ME, {HERE}, 1.0, 9))[0]
    assert found == [answered]


def test_keys_and_counts_tell_what_waits_where(store: Store) -> None:
    """By partition for the lanes, by state for people."""
    dead = Parked(ME, record(7, "a", "mine"), state="dead")
    rows = (dead, _parked(8, key="mine"), _parked(9, key="theirs", partition=1))
    keys = _played(store, _parking(*rows), lambda connection: sorted(parking.keys(connection, ME, {HERE}, 9)))[1]
    assert keys == ["mine"]


def test_a_dead_row_and_a_parked_one_are_counted_apart(store: Store) -> None:
    """As the operators' page shows them."""
    dead = Parked(ME, record(7, "a"), state="dead")
    another = replace(_parked(9), consumer="dispatch.tax")
    counts = _played(
        store,
        _parking(dead, _parked(8), another),
        lambda connection: sorted(parking.counts(connection, [ME]).items()),
    )[1]
    assert counts == [((ME, "dead"), 1), ((ME, "parked"), 1)]


def test_with_whom_a_delivery_waits_is_asked_of_those_who_are_there(store: Store) -> None:
    """One of an organisation that this installation has no more is nobody's."""
    found = _played(
        store,
        _parking(_parked(8)),
        lambda connection: parking.consumer_of(connection, "key-8", [ME, "dispatch.tax"]),
        lambda connection: parking.consumer_of(connection, "key-8", ["dispatch.tax"]),
    )
    assert found[1:] == [ME, None]


ASKED: Final[dict[str, Callable[[Connection], object]]] = {
    "due heads": lambda connection: parking.due_heads(connection, ME, {HERE}, 1.0, 9),
    "keys": lambda connection: parking.keys(connection, ME, {HERE}, 9),
    "counts": lambda connection: parking.counts(connection, [ME]),
    "consumer of": lambda connection: parking.consumer_of(connection, "a", [ME]),
}


@pytest.mark.parametrize("question", list(ASKED))
def test_what_is_asked_again_and_again_reads_no_table_from_end_to_end(store: Store, question: str) -> None:
    """Millions may wait, or be on their way: there is an index for each of it, on both databases."""
    plans: list[str] = []

    def explain(connection: Connection, _cursor: Any, statement: str, given: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            cursor = connection.connection.cursor()
            cursor.execute(f"{how} {statement}", given)
            plans.extend(str(row) for row in cursor.fetchall())

    with store.reader.connect() as connection:
        postgresql = connection.dialect.name == "postgresql"
        how = "explain" if postgresql else "explain query plan"
        if postgresql:  # which reads a table that is small as a whole, if it may
            connection.exec_driver_sql("set enable_seqscan = off")
        event.listen(connection, "before_cursor_execute", explain)
        ASKED[question](connection)
        event.remove(connection, "before_cursor_execute", explain)
    told = "\n".join(plans)
    read = re.findall("Seq Scan|Index (?:Only )?Scan|SCAN (?!CONSTANT ROW)", told)
    assert told
    assert len(read) == told.count("Index Cond"), told


def test_the_first_outcome_is_what_is_said_again(store: Store) -> None:
    """A second decision about an input is told the outputs of the first."""
    told = _played(
        store,
        lambda connection: ledger.decide(connection, ME, "a", [outgoing("first")], 1.0),
        lambda connection: ledger.decide(connection, ME, "a", [outgoing("second")], 2.0),
        lambda connection: ledger.decided(connection, ME, ["a", "b"])["a"],
    )
    assert [[one.id for one in outputs] for outputs in told] == [["first"]] * 3


def test_a_beginning_without_an_end_is_remembered(store: Store) -> None:
    """So the next process knows since when a call may have been under way; an end takes it back."""
    told = _played(
        store,
        lambda connection: ledger.begin(connection, ME, "a", 10.0),
        lambda connection: ledger.begin(connection, ME, "a", 20.0),
        lambda connection: ledger.begin_again(connection, ME, "a", 30.0),
        lambda connection: ledger.begin(connection, ME, "a", 40.0),
        lambda connection: ledger.end(connection, ME, "a"),
        lambda connection: ledger.begin(connection, ME, "a", 50.0),
        lambda connection: ledger.decided(connection, ME, ["a"]),
    )
    assert told == [None, 10.0, None, 30.0, None, None, {}]
