"""A process that is frozen inside a SQLite transaction stops every writer of the file; killing it heals that."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from services.runtime.database import open_store
from services.runtime.settings import Settings
from services.runtime.store import tell, waited_out
from tests.runtime.bench import started

HOLDS = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("begin immediate")
print("holds", flush=True)
time.sleep(600)
"""


@contextmanager
def _holder(file: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process inside a transaction."""
    with subprocess.Popen([sys.executable, "-c", HOLDS, str(file)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"holds\n"
        yield holder


def test_a_frozen_writer_blocks_the_others_until_it_is_killed(tmp_path: Path, until: Any) -> None:
    """That is why whatever hangs is killed, and killed before its successor starts."""
    store = open_store(Settings(data=tmp_path), "dispatch")

    async def play() -> None:
        with _holder(tmp_path / "db" / "dispatch.db") as holder:
            holder.send_signal(signal.SIGSTOP)
            await until(lambda: psutil.Process(holder.pid).status() == psutil.STATUS_STOPPED)
            async with started(store):
                act = lambda connection: tell(connection, "written")  # noqa: E731
                writing = asyncio.create_task(waited_out(lambda: store.run(act)))
                await asyncio.wait({writing}, timeout=1.0)
                assert not writing.done()
                os.kill(holder.pid, signal.SIGKILL)
                async with asyncio.timeout(30):
                    await writing

    asyncio.run(play())
