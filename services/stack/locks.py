"""A lock that the kernel lets go of when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class FileLock:
    """One holder a file. Not inherited by child processes: their life must not extend the lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def take(self) -> bool:
        """Take it without waiting; False when another process holds it."""
        return self._take(fcntl.LOCK_EX | fcntl.LOCK_NB)

    def release(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def is_held(self) -> bool:
        """Whether somebody, this very object included, holds it now."""
        if self._file is not None:
            return True
        if not self._path.exists():
            return False
        taken = self.take()
        self.release()
        return not taken

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Hold it for a block, waiting for our turn."""
        self._take(fcntl.LOCK_EX)
        try:
            yield
        finally:
            self.release()

    def _take(self, how: int) -> bool:
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, how)
        except BlockingIOError:
            os.close(file)
            return False
        self._file = file
        return True
