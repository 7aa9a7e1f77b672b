"""Reading a request's body up to a limit, without ever holding more than that."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Final

from starlette.requests import ClientDisconnect, Request

from services.intake.problems import TOO_LARGE, WRONG_MEDIA_TYPE, Problem, fault

MEBIBYTE: Final = 1024 * 1024
EVENT_LIMIT: Final = MEBIBYTE
BULK_LIMIT: Final = 16 * MEBIBYTE
_DRAINED: Final = 4
"""How many times the limit we still read before we hang up."""


async def read(request: Request, limit: int) -> bytes:
    """The whole body. Raises a `Problem` if it is longer than `limit` bytes or compressed."""
    return b"".join([chunk async for chunk in stream(request, limit)])


async def stream(request: Request, limit: int) -> AsyncGenerator[bytes, None]:
    """The body as it comes. Raises a `Problem` if it is longer than `limit` bytes; no more than that is passed on.

    What is too much is still read for a while and thrown away: a sender that is cut off while it writes sees a broken
    connection instead of our answer.
    """
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        fix = "不要压缩 / send it without Content-Encoding"
        raise Problem(WRONG_MEDIA_TYPE, fault("Content-Encoding", "not_supported"), fix=fix)
    received, more = 0, True
    while more:
        chunk, more = await _next(request)
        received += len(chunk)
        if received <= limit:
            yield chunk
        elif not more or received > limit * _DRAINED:
            raise _too_large(limit)


async def _next(request: Request) -> tuple[bytes, bool]:
    """The next piece, and whether there is more."""
    message = await request.receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message.get("body", b""), message.get("more_body", False)


def _too_large(limit: int) -> Problem:
    fix = f"最多 {limit // MEBIBYTE} MiB，请拆分 / at most {limit // MEBIBYTE} MiB: split it"
    return Problem(TOO_LARGE, fault("body", "too_large"), fix=fix, headers={"Connection": "close"})
