"""Handing a file to the door, and writing down what it acknowledged before anybody is told."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp

from contracts.types import instant_text
from services.runtime.clock import Clock
from services.stack.trouble import TroubleError

_PIECE: Final = 64 * 1024
_PATIENCE: Final = aiohttp.ClientTimeout(total=None, connect=5, sock_read=60)
_LINES: Final = "application/x-ndjson"
_OK: Final = 200
_CLOCK: Final = Clock()
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
                raise refusal(await response.read())
            return await _followed(response, sender, listeners)
    except (aiohttp.ClientError, TimeoutError, OSError) as problem:
        raise silence(sender.door, problem) from problem


def remember(history: Path, acknowledged: Iterable[dict[str, Any]], clock: Clock = _CLOCK) -> None:
    """Write down what the door has taken in; on disk when this returns."""
    at = instant_text(clock.now())
    history.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with history.open("a", encoding="utf-8") as file:
        for row in acknowledged:
            file.write(json.dumps({"at": at} | {name: row[name] for name in _HISTORY}, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def silence(door: str, problem: BaseException) -> TroubleError:
    """The trouble of a door that cannot be reached, or that breaks off."""
    return TroubleError(
        f"收件口没有回答：{door}",
        f"the door does not answer: {door} ({type(problem).__name__})",
        fix="tongche up；再次发布不会重复 / tongche up; publishing again repeats nothing",
    )


def refusal(body: bytes) -> TroubleError:
    """The trouble that the door's answer tells of, in its own words where it has any."""
    try:
        problem = json.loads(body)
        zh, _, en = problem["title"].partition(" / ")
        faults = "; ".join(
            f"{each['field']}: {each['reason']}" + (f" → {each['suggestion']}" if "suggestion" in each else "")
            for each in problem["errors"]
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return TroubleError("收件口的回答无法理解", "the door's answer makes no sense", fix="tongche doctor")
    return TroubleError(
        f"{zh}：{faults}" if faults else zh,
        f"{en}: {faults}" if faults else en,
        fix=problem.get("detail") or "改正后再发布 / mend it and publish it again",
    )


async def _pieces(content: bytes, sent: Callable[[int], None]) -> AsyncIterator[bytes]:
    for start in range(0, len(content), _PIECE):
        piece = content[start : start + _PIECE]
        yield piece
        sent(len(piece))


async def _followed(response: aiohttp.ClientResponse, sender: Sender, listeners: Listeners) -> Outcome:
    outcome = Outcome()
    async for told in _told(response):
        if told["event"] == "problem":
            raise refusal(json.dumps(told).encode())
        if told["event"] == "end":
            outcome.unknown_columns = told["unknown_columns"]
            return outcome
        remember(sender.history, told["acknowledged"])
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
