"""Migrations make the tables that the code speaks of, on both databases, however often and by however many."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, insert, inspect, select

import services
from services.runtime import tables
from services.runtime.database import migrate, open_store
from services.runtime.settings import Settings
from tests.stores import Stores

AT_ONCE: Final = 4
SERVICES = sorted(folder.parent.name for folder in Path(services.__path__[0]).glob("*/tables.py"))
OWN = [name for name in SERVICES if name != "runtime"]


@pytest.fixture
def settings(stores: Stores) -> Settings:
    """Nothing has been made yet."""
    return stores.empty()


def _metadata(service: str) -> MetaData:
    """The runtime's tables and the service's own, as one database has them."""
    both = MetaData()
    for part in (tables.metadata, import_module(f"services.{service}.tables").metadata):
        for table in part.tables.values():
            table.to_metadata(both)
    return both


def test_every_service_with_migrations_has_tables() -> None:
    """And the other way round, but for the service that keeps nothing of its own."""
    migrated = {folder.parent.name for folder in Path(services.__path__[0]).glob("*/migrations")}
    described = {name for name in OWN if import_module(f"services.{name}.tables").metadata.tables}
    assert migrated == described | {"runtime"}


@pytest.mark.parametrize("service", OWN)
def test_the_migrated_schema_is_what_the_code_speaks_of(service: str, settings: Settings) -> None:
    """Tables, columns, types, keys and indexes; and migrating again, as every start does, changes nothing."""
    store = open_store(settings, service)
    migrate(store.writer, service)
    options = {
        "compare_type": True,
        "include_object": lambda _, name, kind, *__: not (kind == "table" and name.startswith("alembic_")),
    }
    with store.reader.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection, opts=options), _metadata(service))
    store.writer.dispose()
    store.reader.dispose()
    assert [one for one in differences if not _only_comments(one)] == []


def _only_comments(difference: Any) -> bool:
    """Words for people beside a column; SQLite keeps none at all."""
    changes = difference if isinstance(difference, list) else [difference]
    return all(change[0] == "modify_comment" for change in changes)


def test_services_on_one_postgresql_do_not_see_each_others_tables(database: str, tmp_path: Path) -> None:
    """Two of them have a table of the same name; each has a schema."""
    settings = Settings(data=tmp_path, database=database)
    for service in OWN:
        open_store(settings, service).writer.dispose()
    store = open_store(settings, "journey")
    schemas = set(inspect(store.reader).get_schema_names())
    names = set(inspect(store.reader).get_table_names())
    store.writer.dispose()
    store.reader.dispose()
    assert set(OWN) <= schemas
    assert names == set(_metadata("journey").tables) | {"alembic_runtime", "alembic_journey"}


def test_processes_that_migrate_at_once_do_not_meet(settings: Settings) -> None:
    """Each of them opens the store as if it were the first."""
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(AT_ONCE)
    processes = [
        context.Process(target=_open, args=(start.wait, str(settings.data), settings.database)) for _ in range(AT_ONCE)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(150)
    assert [process.exitcode for process in processes] == [0] * AT_ONCE


def _open(wait: Callable[[], int], data: str, database: str | None) -> None:
    settings = Settings(data=Path(data), database=database)
    for round_ in range(3):
        wait()
        folder = settings.model_copy(update={"data": Path(data) / str(round_)})
        store = open_store(folder, "journey")
        store.writer.dispose()
        store.reader.dispose()


def test_calls_that_had_begun_before_a_table_was_made_for_them_are_still_known(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They stood among the outcomes; an outcome stays there, and of a consumer of another name nothing is taken."""
    newest = command.upgrade

    def earlier(config: Config, to: str) -> None:
        newest(config, "runtime_0002" if config.attributes["version_table"] == "alembic_runtime" else to)

    with monkeypatch.context() as before:
        before.setattr(command, "upgrade", earlier)
        store = open_store(settings, "dispatch")
    rows = [("dispatch.tax.begun", "a", None), ("dispatch.tax", "b", b"said"), ("dispatch.tax", "c", None)]
    with store.writer.begin() as connection:
        connection.execute(
            insert(tables.ledger),
            [{"consumer": consumer, "id": id_, "outputs": outputs, "at": 7.0} for consumer, id_, outputs in rows],
        )
    migrate(store.writer, "dispatch")
    with store.reader.connect() as connection:
        begun = [tuple(row) for row in connection.execute(select(tables.begun))]
        left = [tuple(row) for row in connection.execute(select(tables.ledger.c.consumer, tables.ledger.c.id))]
    store.writer.dispose()
    store.reader.dispose()
    assert begun == [("dispatch.tax", "a", 7.0)]
    assert sorted(left) == [("dispatch.tax", "b"), ("dispatch.tax", "c")]
