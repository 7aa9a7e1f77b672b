"""The store's tests run on both of our databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.runtime.database import open_store
from services.runtime.settings import Settings
from services.runtime.store import Store


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """An installation on SQLite, and one on PostgreSQL."""
    url = request.getfixturevalue("database") if request.param == "postgresql" else None
    return Settings(data=tmp_path, database=url)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    """A store of a service that has no tables of its own; the test starts and stops it."""
    opened = open_store(settings, "dispatch")
    yield opened
    opened.writer.dispose()
    opened.reader.dispose()
