"""Everything that exists after a run, as pieces: topics, files, databases, processes, and what they show."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from services.stack.evidence import collect
from services.stack.installation import SUPERVISOR, Installation
from services.stack.running import Running
from tests.canaries.town import Piece

PIECE: Final = 1 << 20
_OVERLAP: Final = 2_048
"""Longer than every needle: none is cut in two."""
_SHOWN: Final = ("/metrics", "/asyncapi.json", "/openapi.json")


def everything(stack: Running) -> Iterator[Piece]:
    """All that a stack at work has written or shows, but for what people were answered."""
    collect(stack)
    yield from of_folder(stack.folder.root)
    # As they are now: some were killed since it came up.
    now = Installation(stack.folder).stack
    for name, child in now.children.items():
        yield from of_process(name, child.pid)
    if now.supervisor is not None:
        yield from of_process(SUPERVISOR, now.supervisor.pid)
    yield from _shown(stack)


def of_folder(root: Path) -> Iterator[Piece]:
    """Everything in a data folder, the gathered evidence with it."""
    for file in files(root):
        relative = file.relative_to(root)
        if relative.parts[:2] == ("evidence", "topics"):
            yield from records(file)
        else:
            yield from of_file(relative, file)


# -- topics


def records(file: Path) -> Iterator[Piece]:
    """Every key, header and value of a topic, from the lines of its dump."""
    topic = file.name.removesuffix(".jsonl")
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            headers = [part for name, value in record["headers"].items() for part in (name.encode(), _bytes(value))]
            yield Piece(f"topic:{topic}:key", _bytes(record["key"]))
            yield Piece(f"topic:{topic}:headers", b"\n".join(headers))
            type_ = str(record["headers"].get("ce_type", "")).removeprefix("tongche.").rpartition(".v")[0]
            yield Piece(f"topic:{topic}:value:{type_}", _bytes(record["value"]))


def _bytes(told: Any) -> bytes:
    match told:
        case None:
            return b""
        case str():
            return told.encode("utf-8", "surrogatepass")
        case _:
            return base64.b64decode(told["base64"])


# -- files


def files(root: Path) -> Iterator[Path]:
    """All there are, hidden and temporary ones too."""
    for folder, _, names in os.walk(root):
        yield from (Path(folder, name) for name in sorted(names) if Path(folder, name).is_file())


def of_file(relative: Path, file: Path) -> Iterator[Piece]:
    """A file in pieces that overlap, or in lines where each has a place of its own."""
    match relative.parts:
        case ("simulator", name) if name.endswith(".jsonl"):
            yield from _journal(file)
        case ("evidence", "simulator", _):
            yield from _journal(file)
        case _:
            yield from (Piece(place_of(relative), data) for data in _blocks(file))


_PLACES: Final = (
    (r"kafka/(?:.*/)?(?P<name>[^/]+)-[0-9]+/[^/]+", "kafka:{}"),
    (r"db/(?P<name>[^/.]+)\.[^/]+", "database:{}"),
    (r"(?:evidence/)?logs/(?P<name>.+)\.log", "log:{}"),
    (r"evidence/metrics/(?P<name>.+)\.prom", "metrics:{}"),
    (r"(?:evidence/)?publishers/(?P<name>[^/.]+)\.history\.jsonl", "history:{}"),
    (r"simulator/faults\.json(?P<name>)", "knobs"),
    (r"simulator/files/(?P<name>[^/]+)/.+", "agency:{}:files"),
    (r"evidence/(?P<name>cases)\.jsonl", "export:{}"),
    (r"(?P<name>.*)", "file:{}"),
)
"""What a file of the data folder is, by its path."""


def place_of(relative: Path) -> str:
    """In whose hands a file of the data folder is."""
    found = ((re.fullmatch(pattern, relative.as_posix()), place) for pattern, place in _PLACES)
    return next(place.format(match["name"]) for match, place in found if match)


def _journal(file: Path) -> Iterator[Piece]:
    """What agencies hold: each line is one organisation's."""
    with file.open("rb") as lines:
        for line in lines:
            told = json.loads(line)
            yield Piece(f"agency:{told['organisation']}:{told['operation']}", line)


def _blocks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as whole:
        for start, end in _written(whole.fileno()):
            for at in range(start, end, PIECE):
                whole.seek(max(at - _OVERLAP, 0))
                yield whole.read(min(at + PIECE, end) - max(at - _OVERLAP, 0))


def _written(number: int) -> Iterator[tuple[int, int]]:
    """Where a file has anything: Kafka lays out its indexes long before it fills them."""
    size = os.fstat(number).st_size
    if not hasattr(os, "SEEK_DATA"):
        yield 0, size
        return
    at = 0
    while at < size:
        try:
            start = os.lseek(number, at, os.SEEK_DATA)
        except OSError:
            return
        at = os.lseek(number, start, os.SEEK_HOLE)
        yield start, at


# -- PostgreSQL


def tables(url: str, service: str) -> Iterator[Piece]:
    """Every row of every table of a database, as PostgreSQL copies them out."""
    with psycopg.connect(url) as connection:
        listed = connection.execute(
            "select schemaname, tablename from pg_tables where schemaname not in ('pg_catalog', 'information_schema')"
        ).fetchall()
        for schema, table in listed:
            copying = sql.SQL("copy {} to stdout").format(sql.Identifier(schema, table))
            with connection.cursor().copy(copying) as rows:
                yield from (Piece(f"database:{service}", bytes(row)) for row in rows)


# -- processes


def of_process(name: str, pid: int) -> Iterator[Piece]:
    """How it was started, where the system tells."""
    for part in ("cmdline", "environ"):
        told = Path("/proc", str(pid), part)
        if told.exists():
            yield Piece(f"process:{name}:{part}", told.read_bytes())


def _shown(stack: Running) -> Iterator[Piece]:
    """What every service shows to whoever asks: figures, and its interface described."""
    for name in stack.stack.ready:
        service = stack.service({"intake": "door"}.get(name, name))
        for path in _SHOWN:
            with service.answered("GET", path, None, 15.0) as reply:
                yield Piece(f"shown:{name}", reply.read())
