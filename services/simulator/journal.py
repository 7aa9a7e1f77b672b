"""What the agencies never forget: append-only files, written and fsynced in groups before anybody is answered.

`ledger.jsonl` holds effects, `records.jsonl` what agencies merely remember (quotes, checks, makers' uploads).
Replaying the records and then the ledger gives every agency's state. `taken.jsonl` is what was taken in to be answered
later; `trials.jsonl` names the cars of tests, before they come. `requests.jsonl` and `refusals.jsonl` are for people
and for the checker; they reach the disk when the system likes.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, Literal

File = Literal["ledger", "records", "taken", "trials"]
Note = Literal["requests", "refusals"]
Line = dict[str, Any]

_STATE: Final[tuple[File, ...]] = ("records", "ledger")
"""In the order of writing and of replaying: an effect may rest on a record, never the other way."""
_DURABLE: Final[tuple[File, ...]] = (*_STATE, "taken", "trials")
"""What was taken in is settled once what came of it is written."""
_NOTES: Final[tuple[Note, ...]] = ("requests", "refusals")


@dataclass(slots=True)
class Journal:
    """The files of one simulator. `run` must be running for `durable` to return."""

    folder: Path
    _files: dict[str, IO[bytes]] = field(default_factory=dict)
    _pending: dict[File, list[bytes]] = field(default_factory=lambda: {file: [] for file in _DURABLE})
    _waiting: list[asyncio.Future[None]] = field(default_factory=list)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def open(self) -> None:
        """Create or open the files; a last line that a crash tore is dropped, for nobody was answered from it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in (*_DURABLE, *_NOTES):
            path = self._path(name)
            _drop_torn_line(path)
            self._files[name] = path.open("ab", buffering=0)

    def close(self) -> None:
        """Close the files; what was not durable stays unwritten."""
        for file in self._files.values():
            file.close()
        self._files.clear()

    def replay(self) -> Iterator[Line]:
        """Every line of the agencies' state: all records, then all effects, each in the order of writing."""
        for name in _STATE:
            yield from self.lines(name)

    def lines(self, name: File) -> Iterator[Line]:
        """The lines of one file in the order of writing."""
        with self._path(name).open("rb") as lines:
            for line in lines:
                yield json.loads(line)

    def write(self, file: File, line: Line) -> None:
        """Add a line to the next group; `await durable()` before relying on it."""
        self._pending[file].append(_bytes(line))

    def note(self, file: Note, line: Line) -> None:
        """Write a line now, without waiting for the disk."""
        self._files[file].write(_bytes(line))

    async def durable(self) -> None:
        """Return when everything written so far, by anybody, would survive a power cut."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        self._wake.set()
        await waiting

    async def run(self) -> None:
        """Write groups until cancelled. A disk that refuses ends the process: its answers could not be kept."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            waiting, self._waiting = self._waiting, []
            batch, self._pending = self._pending, {file: [] for file in _DURABLE}
            await asyncio.to_thread(self._commit, batch)
            for future in waiting:
                if not future.done():
                    future.set_result(None)

    def _commit(self, batch: dict[File, list[bytes]]) -> None:
        for name, lines in batch.items():
            if lines:
                _write_all(self._files[name], b"".join(lines))
                os.fsync(self._files[name].fileno())

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.jsonl"


def _bytes(line: Line) -> bytes:
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _write_all(file: IO[bytes], data: bytes) -> None:
    """An unbuffered file may take less than it is given."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def _drop_torn_line(path: Path) -> None:
    with path.open("ab+") as file:
        size = file.tell()
        file.seek(0)
        whole = 0
        for line in file:
            whole += len(line) if line.endswith(b"\n") else 0
        if whole < size:
            file.truncate(whole)
