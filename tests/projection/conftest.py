"""Installations for the projection's tests: most on SQLite, with tables that were made once; some on both databases."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from services.runtime.database import open_store
from services.runtime.settings import Settings
from tests.stores import Stores


@pytest.fixture(scope="session")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the projection's empty tables, which tests copy."""
    settings = Settings(data=tmp_path_factory.mktemp("projection"))
    store = open_store(settings, "projection")
    store.writer.dispose()
    store.reader.dispose()
    return settings.data


@pytest.fixture
def settings(_made: Path, tmp_path: Path) -> Settings:
    """One on SQLite."""
    shutil.copytree(_made, tmp_path / "data")
    return Settings(data=tmp_path / "data")


@pytest.fixture
def either(stores: Stores) -> Settings:
    """One on SQLite, and one on PostgreSQL; nothing has been made yet."""
    return stores.empty()
