"""Reading a request's body up to a limit, without ever holding more than that."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Final

from starlette.requests import Request

from services.intake.problems import TOO_LARGE, WRONG_MEDIA_TYPE, Problem, fault

MEBIBYTE: Final = 1024 * 1024
EVENT_LIMIT: Final = MEBIBYTE
BULK_LIMIT: Final = 16 * MEBIBYTE
_DRAINED: Final = 4
"""How many times the limit we still read, and throw away, so that the sender hears our answer."""


async def read(request: Request, limit: int) -> bytes:
    """The whole body. Raises a `Problem` if it is longer than `limit` bytes or compressed."""
    return b"".join([chunk async for chunk in stream(request, limit)])


async def stream(request: Request, limit: int) -> AsyncGenerator[bytes, None]:
    """The body as it comes. Raises a `Problem` as soon as it is longer than `limit` bytes."""
    if request.headers.get("content-encoding", "identity") != "identity":
        fix = "不要压缩 / send it without Content-Encoding"
        raise Problem(WRONG_MEDIA_TYPE, fault("Content-Encoding", "not_supported"), fix=fix)
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > limit:
            await _drain(request, received, limit)
            raise _too_large(limit)
        yield chunk


async def _drain(request: Request, received: int, limit: int) -> None:
    # A sender that is cut off while it still writes sees a broken connection instead of our answer.
    while received <= limit * _DRAINED:
        message = await request.receive()
        received += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return


def _too_large(limit: int) -> Problem:
    fix = f"最多 {limit // MEBIBYTE} MiB，请拆分 / at most {limit // MEBIBYTE} MiB: split it"
    return Problem(TOO_LARGE, fault("body", "too_large"), fix=fix, headers={"Connection": "close"})
