"""The agency's bad days, arranged: what it says then must be what we understand."""

from __future__ import annotations

from typing import Final

from adapters.errors import Unavailable
from services.conformance.bed import DOWN, THROTTLED
from services.conformance.case import Property
from services.conformance.stage import Stage, demand
from services.conformance.words import Words

from .which import every, over_http

_BURST: Final = 5


async def _down(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    async with stage.arranged(DOWN, ask.car):
        came = await stage.ask(ask)
    demand(isinstance(came.error, Unavailable), "HTTP 503 or its code for “down”: nothing happened", came)
    await stage.event(ask)


async def _throttled(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    async with stage.arranged(THROTTLED, ask.car):
        came = [await stage.ask(ask.once_more()) for _ in range(_BURST)][-1]
    wanted = "HTTP 429 with Retry-After"
    demand(isinstance(came.error, Unavailable), wanted, came)
    told = came.error.retry_after if isinstance(came.error, Unavailable) else None
    demand(told is not None, wanted, f"{came.told}, without Retry-After")


ROWS: Final = (
    Property(
        "down",
        "faults",
        Words("停机时以自己的代码告知", "down, it says so by its own code"),
        Words(
            "停机时答 503 或停机代码，恢复后同键可办成", "down it says 503 or its code; healed, the same key succeeds"
        ),
        Words(
            "维护页由网关以 503 给出，不可 200 或 404", "have the gateway say 503 during maintenance, never 200 or 404"
        ),
        every,
        _down,
        once=True,
        bed=DOWN,
    ),
    Property(
        "throttled",
        "faults",
        Words("限流时告知何时再来", "throttling, it says when to come back"),
        Words("超过限速须答 429 并带 Retry-After", "beyond its rate it says 429 with Retry-After"),
        Words("限流答 429 与 Retry-After（秒）", "answer 429 with Retry-After in seconds"),
        over_http,
        _throttled,
        once=True,
        bed=THROTTLED,
    ),
)
