"""A store for every test that asks for one, on both of our databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.runtime.database import open_store
from services.runtime.settings import Settings
from services.runtime.store import Store


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    """Dispatch's store, which has tables of its own that nobody here uses; the test starts and stops it."""
    opened = open_store(settings, "dispatch")
    yield opened
    opened.writer.dispose()
    opened.reader.dispose()
