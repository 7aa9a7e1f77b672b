"""Handing a file to the door, and writing down what it acknowledged before anybody is told."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

import aiohttp

from services.stack.trouble import TroubleError

_PIECE: Final = 64 * 1024
_PATIENCE: Final = aiohttp.ClientTimeout(total=None, connect=5, sock_read=60)
_LINES: Final = "application/x-ndjson"
_OK: Final = 200
_HISTORY: Final = ("id", "source", "sourceid", "vin", "status")


@dataclass(frozen=True, slots=True)
class Sender:
    """As whom to publish, and where."""

    door: str
    name: str
    token: str
    history: Path


@dataclass(slots=True)
class Outcome:
    """What became of a file; `rows` are the refused ones."""

    accepted: int = 0
    replayed: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)
    unknown_columns: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who is told how far it is: bytes sent, then lines dealt with, of how many."""

    sent: Callable[[int], None]
    dealt_with: Callable[[int, int], None]


async def publish(content: bytes, filename: str, dated: str | None, sender: Sender, listeners: Listeners) -> Outcome:
    """Upload a file and follow its import to the end. Raises `TroubleError` with the fix."""
    query = {"filename": filename} | ({"dated": dated} if dated else {})
    headers = {
        "Authorization": f"Bearer {sender.token}",
        "Accept": _LINES,
        "Content-Type": "application/octet-stream",
        "Content-Length": str(len(content)),
    }
    try:
        async with (
            aiohttp.ClientSession(timeout=_PATIENCE) as session,
            session.post(
                f"{sender.door}/v1/sales/import",
                params=query,
                headers=headers,
                data=_pieces(content, listeners.sent),
            ) as response,
        ):
            if response.status != _OK:
                raise _refused(await response.read())
            return await _followed(response, sender, listeners)
    except (aiohttp.ClientError, TimeoutError, OSError) as problem:
        raise TroubleError(
            f"收件口没有回答：{sender.door}",
            f"the door does not answer: {sender.door} ({type(problem).__name__})",
            fix="tongche up；再次发布同一文件不会重复 / tongche up; publishing the same file again repeats nothing",
        ) from problem


async def _pieces(content: bytes, sent: Callable[[int], None]) -> AsyncIterator[bytes]:
    for start in range(0, len(content), _PIECE):
        piece = content[start : start + _PIECE]
        yield piece
        sent(len(piece))


async def _followed(response: aiohttp.ClientResponse, sender: Sender, listeners: Listeners) -> Outcome:
    outcome = Outcome()
    with _appending(sender.history) as history:
        async for told in _told(response):
            if told["event"] == "problem":
                raise _refused(json.dumps(told).encode())
            if told["event"] == "end":
                outcome.unknown_columns = told["unknown_columns"]
                return outcome
            _remember(history, told["acknowledged"])
            outcome.accepted += sum(row["status"] == "accepted" for row in told["acknowledged"])
            outcome.replayed += sum(row["status"] == "replayed" for row in told["acknowledged"])
            outcome.rows += told["refused"]
            listeners.dealt_with(told["line"], told["lines"])
    raise aiohttp.ClientPayloadError("the answer broke off")


async def _told(response: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
    # Not by the response's own lines: those have a length limit, and a line here tells of hundreds of rows.
    rest = b""
    async for piece in response.content.iter_any():
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield json.loads(line)


@contextmanager
def _appending(path: Path) -> Iterator[IO[str]]:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as history:
        yield history


def _remember(history: IO[str], acknowledged: list[dict[str, Any]]) -> None:
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    for row in acknowledged:
        history.write(json.dumps({"at": at} | {name: row[name] for name in _HISTORY}, ensure_ascii=False) + "\n")
    history.flush()
    os.fsync(history.fileno())


def _refused(body: bytes) -> TroubleError:
    try:
        problem = json.loads(body)
        zh, _, en = problem["title"].partition(" / ")
        faults = "; ".join(
            f"{each['field']}: {each['reason']}" + (f" → {each['suggestion']}" if "suggestion" in each else "")
            for each in problem["errors"]
        )
    except (ValueError, KeyError, TypeError):
        return TroubleError("收件口的回答无法理解", "the door's answer makes no sense", fix="tongche doctor")
    return TroubleError(
        f"{zh}：{faults}" if faults else zh,
        f"{en}: {faults}" if faults else en,
        fix=problem.get("detail") or "改正文件后再发布 / mend the file and publish it again",
    )
