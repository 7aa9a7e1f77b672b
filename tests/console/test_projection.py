"""The console's tables keep the newest of everything, whatever order and however often it is told."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from alembic import command
from alembic.config import Config
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, func, insert, inspect, select

from contracts.envelope import Undecodable
from contracts.refusal import AgencyRefusedV1
from services.console import archive, projection, tables, traces
from services.runtime.database import migrate, open_store
from services.runtime.record import Record
from services.runtime.settings import Settings
from tests.console.stage import NOON, VINS, case, delivery, record, span, spans
from tests.stores import Stores

ALWAYS = 2**63 - 1


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A migrated database of the console."""
    store = open_store(Settings(data=tmp_path), "console")
    yield store.writer
    store.writer.dispose()
    store.reader.dispose()


def tell(engine: Engine, *records: Record) -> None:
    """Apply records, each in its own transaction."""
    for each in records:
        with engine.begin() as connection:
            projection.apply(connection, each)


def ask(engine: Engine, question: Callable[[Connection], Any]) -> Any:
    """Read."""
    with engine.connect() as connection:
        return question(connection)


def test_migrations_and_tables_agree(engine: Engine) -> None:
    """What the migrations create is what the code reads and writes, indexes included."""
    found = inspect(engine)
    for table in tables.metadata.sorted_tables:
        columns = {column["name"]: column["nullable"] for column in found.get_columns(table.name)}
        assert columns == {column.name: bool(column.nullable) for column in table.columns}
        assert {index["name"] for index in found.get_indexes(table.name)} == {index.name for index in table.indexes}


def test_cases_from_before_the_mark_are_marked(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is over, and has an owner, somebody must act on."""
    newest = command.upgrade

    def earlier(config: Config, to: str) -> None:
        newest(config, "console_0002" if config.attributes["version_table"] == "alembic_console" else to)

    with monkeypatch.context() as before:
        before.setattr(command, "upgrade", earlier)
        store = open_store(stores.empty(), "console")
    known = dict.fromkeys(("vin", "order_no", "kind", "opened_at", "changed_at", "snapshot"), "") | {"version": 1}
    cases = (("CLOSED", "operator"), ("CLOSED", None), ("REFUSED", "legal-desk"), ("MANUAL", "operator"))
    rows = [{**known, "case_id": f"{word} {owner}", "headline": word, "owner": owner} for word, owner in cases]
    columns = (*known, "case_id", "headline", "owner")
    with store.writer.begin() as connection:
        connection.execute(insert(sqlalchemy.table("cases", *map(sqlalchemy.column, columns))), rows)
    migrate(store.writer, "console")
    with store.reader.connect() as connection:
        marked = connection.execute(select(tables.cases.c.case_id).where(tables.cases.c.unfinished)).scalars().all()
    store.writer.dispose()
    store.reader.dispose()
    assert sorted(marked) == ["CLOSED operator", "REFUSED legal-desk"]


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(1, 6)), st.integers())
def test_the_highest_version_wins_in_any_order(order: list[int], seed: int) -> None:
    """Snapshots and attempts may come late and twice; the newest stays, and no step is lost."""
    step = {"rule": "T2", "facet": "coc", "before": "NONE", "after": "AVAILABLE", "zh": "一致", "en": "matches"}
    told = [case("case-1", version=version, steps=[step]) for version in order]
    told += [delivery("case-1", "tax.pay", "tax", ["ambiguous"] * tries, id="d-1") for tries in order]
    told += random.Random(seed).sample(told, 4)
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Settings(data=Path(folder)), "console")
        tell(store.writer, *told)
        found = ask(store.writer, lambda connection: archive.case(connection, "case-1", NOON, {}))
        store.writer.dispose()
        store.reader.dispose()
    assert found.version == 5
    assert len(found.agencies[0].deliveries[0].attempts) == 5
    assert [step.version for step in found.steps] == [1, 2, 3, 4, 5]


def test_a_message_of_another_kind_is_poison_and_not_ignored(engine: Engine) -> None:
    """What does not belong on the topic is put aside by name."""
    refused = AgencyRefusedV1(vin=VINS[0], organisation="tax", command="tax.pay", code="T422", reason="x")
    with pytest.raises(Undecodable):
        tell(engine, record(refused, "case-1"))


def test_every_change_is_told_once_and_without_the_vin(engine: Engine) -> None:
    """A follower hears of what was news, with a masked VIN."""
    tell(
        engine, case("case-1", version=2), case("case-1", version=1), delivery("case-1", "tax.pay", "tax", ["answered"])
    )
    told = ask(
        engine, lambda connection: connection.execute(select(tables.changes.c.kind, tables.changes.c.told)).all()
    )
    assert [row.kind for row in told] == ["case", "delivery"]
    assert not [row for row in told if VINS[0] in row.told]


def test_a_case_is_found_by_vin_id_and_order_however_typed(engine: Engine) -> None:
    """Lower case, full width and blanks around it do not matter."""
    tell(engine, case("0198c0de-0000-7000-8000-000000000001", VINS[1], order_no="XS-7"))
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in VINS[1])
    for typed in (VINS[1], VINS[1].lower(), f"  {VINS[1]}\n", wide, "0198C0DE-0000-7000-8000-000000000001", "XS-7"):
        assert len(ask(engine, partial(archive.search, wanted=typed))) == 1, typed
    for typed in (VINS[0], "", "%", "' or 1=1 --", "\x00"):
        assert ask(engine, partial(archive.search, wanted=typed)) == []


def test_spans_come_once_and_hang_in_a_tree(engine: Engine) -> None:
    """The same batch twice changes nothing; a span without its parent stands at the top."""
    batch = spans(
        [
            span("child", 5, 10, 2, 1),
            span("root", 0, 20, 1, case_id="case-1"),
            span("grandchild", 6, 1, 3, 2, status="error", attributes={"tongche.organisation": "police"}),
            span("lost", 9, 1, 4, 99),
        ]
    )
    tell(engine, batch, batch)
    found = ask(engine, lambda connection: archive.trace(connection, "case-1"))
    assert [(each.name, each.depth) for each in found.spans] == [
        ("root", 0),
        ("child", 1),
        ("grandchild", 2),
        ("lost", 0),
    ]
    assert (found.duration_ms, found.spans[2].agency) == (20.0, "police")


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12, unique_by=lambda pair: pair[0]))
@settings(deadline=None)
def test_no_shape_of_a_trace_hides_a_span_or_never_ends(shape: list[tuple[int, int]]) -> None:
    """Rings, self-parents and orphans included: every span is shown exactly once."""
    rows = [
        span("x", start, 1, id_ + 1, parent + 1) | {"attributes": "{}", "links": "[]", "status": "unset"}
        for start, (id_, parent) in enumerate(shape)
    ]
    shown = traces.trace("case-1", rows).spans
    assert sorted(each.span_id for each in shown) == sorted(row["span_id"] for row in rows)


def test_old_spans_go_but_not_those_of_a_case_that_is_open(engine: Engine) -> None:
    """A parked case keeps its trace however long it waits."""
    over = "2026-11-20T05:00:00.000Z"
    tell(
        engine,
        case("open"),
        case("over", VINS[1], headline="CLOSED", closed_at=over),
        spans([span("a", 0, 1, 1, case_id="open"), span("b", 0, 1, 2, case_id="over"), span("c", 0, 1, 3)]),
    )
    with engine.begin() as connection:
        assert projection.prune(connection, before_ns=ALWAYS) == 2
    names = ask(engine, lambda connection: connection.scalars(select(tables.spans.c.name)).all())
    assert names == ["a"]


def test_beyond_the_limit_the_oldest_spans_go(engine: Engine) -> None:
    """The store of spans is bounded, whatever state their cases are in."""
    tell(engine, case("open"), spans(span("x", number, 1, number + 1, case_id="open") for number in range(20)))
    with engine.begin() as connection:
        projection.prune(connection, before_ns=0, keep=5)
    oldest, number = ask(
        engine,
        lambda connection: connection.execute(
            select(func.min(tables.spans.c.span_id), func.count()).select_from(tables.spans)
        ).one(),
    )
    assert (oldest, number) == (f"{16:016x}", 5)
