"""Where services keep what they know, for tests: on either database, each a place of its own."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import LiteralString, Protocol

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from services.runtime.database import open_store
from services.runtime.settings import Settings


class Stores(Protocol):
    """Makes installations, as many as a test wants, that share nothing."""

    def empty(self) -> Settings:
        """One of which no service has been started yet."""

    def ready(self) -> Settings:
        """One in which dispatch has its tables; making them takes longer than most tests."""


@dataclass(slots=True)
class Files:
    """On SQLite."""

    folder: Path
    template: Path
    _made: int = 0

    def empty(self) -> Settings:
        self._made += 1
        return Settings(data=self.folder / f"store {self._made}")

    def ready(self) -> Settings:
        settings = self.empty()
        shutil.copytree(self.template, settings.data)
        return settings


@dataclass(slots=True)
class Databases:
    """On PostgreSQL."""

    folder: Path
    server: str
    template: str = "template1"
    _made: list[str] = field(default_factory=list)

    def empty(self) -> Settings:
        return self._from("template1")

    def ready(self) -> Settings:
        return self._from(self.template)

    def _from(self, template: str) -> Settings:
        name = f"test_{uuid.uuid4().hex}"
        self._made.append(name)
        # To copy the files is quicker than to write them down first, which nobody needs who pulls no plug.
        _administer(self.server, "create database {} template {} strategy file_copy", name, template)
        return Settings(data=self.folder / name, database=elsewhere(self.server, name))

    def drop(self) -> None:
        """Also where a process that was killed, or left behind, still looks at one."""
        for name in self._made:
            _administer(self.server, "drop database {} with (force)", name)


@contextmanager
def databases(folder: Path, server: str, template: str = "template1") -> Iterator[Databases]:
    """Databases for as long as this lasts."""
    made = Databases(folder, server, template)
    try:
        yield made
    finally:
        made.drop()


def with_tables(settings: Settings) -> Settings:
    """The same, with dispatch's tables."""
    store = open_store(settings, "dispatch")
    store.writer.dispose()
    store.reader.dispose()
    return settings


def elsewhere(url: str, name: str) -> str:
    """The same server, another database."""
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def _administer(server: str, statement: LiteralString, *names: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
