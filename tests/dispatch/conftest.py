"""What the tests of dispatch share."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from services.runtime.database import open_store
from services.runtime.settings import Settings


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with an empty store, made once; tests copy it."""
    folder = tmp_path_factory.mktemp("template")

    async def make() -> None:
        store = open_store(Settings(data=folder), "dispatch")
        store.start()
        await store.stop()

    asyncio.run(make())
    return folder


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """An installation on SQLite, and one on PostgreSQL."""
    url = request.getfixturevalue("database") if request.param == "postgresql" else None
    return Settings(data=tmp_path, database=url)
