"""What a database connection keeps of the statements it has run."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import psutil

from services.runtime.database import open_store
from services.runtime.settings import Settings

_MB: Final = 1024 * 1024
_SHAPES: Final = 60


def test_what_was_once_written_does_not_stay_in_memory(tmp_path: Path) -> None:
    """SQLite keeps the last values of every statement that is ready to run again, and each size of a batch is one."""
    store = open_store(Settings(data=tmp_path), "dispatch")
    try:
        with store.writer.connect() as connection:
            before = psutil.Process().memory_info().rss
            for size in range(_SHAPES):
                statement = "select length(?)" + ", length(?)" * size
                connection.exec_driver_sql(statement, (bytes(_MB), *[b""] * size)).all()
            grown = psutil.Process().memory_info().rss - before
    finally:
        store.writer.dispose()
        store.reader.dispose()
    assert grown < _SHAPES // 2 * _MB
