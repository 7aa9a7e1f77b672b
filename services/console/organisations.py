"""What dispatch says about the organisations: up or down, and what waits for each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

import aiohttp
from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError

from contracts.types import instant_text
from observability import logs
from services.runtime.settings import Settings

EVERY_SECONDS: Final = 2.0
_TIMEOUT: Final = aiohttp.ClientTimeout(total=2.0)


def _instant(value: Any) -> Any:
    """Dispatch may tell a moment as seconds since 1970."""
    return instant_text(datetime.fromtimestamp(value, UTC)) if isinstance(value, int | float) else value


class Contradiction(BaseModel):
    """An organisation called back an answer, and later others that say something else. Dispatch goes by the first."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    organisation: str
    delivery: str
    at: Annotated[str, BeforeValidator(_instant)]
    others: int
    other_at: Annotated[str, BeforeValidator(_instant)]


class Refused(BaseModel):
    """So many call-backs were refused at dispatch's door for one reason, from the first to the last."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    why: str
    number: int
    since: Annotated[str, BeforeValidator(_instant)]
    last_at: Annotated[str, BeforeValidator(_instant)]


class Organisation(BaseModel):
    """One organisation as dispatch sees it. Newer fields of dispatch are none of our business."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    state: Literal["closed", "open", "half-open"]
    reason: str | None = None
    paused_by: str | None = None
    since: Annotated[str | None, BeforeValidator(_instant)] = None
    """When it went down, or when a person began to hold it; while it is up, since when."""
    probe_at: Annotated[str | None, BeforeValidator(_instant)] = None
    """From when on one call may try whether it is back, where it is down."""
    held: int = 0
    parked: int = 0
    dead: int = 0
    in_flight: int = 0
    contradicted: int = 0
    """Deliveries about which it contradicted itself and nobody has cleared it up; below, the newest of them."""
    contradictions: tuple[Contradiction, ...] = ()
    refused: tuple[Refused, ...] = ()
    """What it called back and dispatch refused, of late: it may believe that it answered."""


_LIST: Final = TypeAdapter(list[Organisation])
Fetch = Callable[[], Awaitable[bytes]]


class Organisations:
    """The last known state, asked for again and again; `fresh` says whether the last question was answered."""

    def __init__(self, fetch: Fetch, every: float = EVERY_SECONDS) -> None:
        self._fetch = fetch
        self._every = every
        self.known: tuple[Organisation, ...] = ()
        self.fresh = False

    async def run(self) -> None:
        """Ask for as long as the service lives."""
        while True:
            await self.ask()
            await asyncio.sleep(self._every)

    async def ask(self) -> None:
        """Ask once. Where dispatch is away, what was known stays known and is no longer fresh."""
        try:
            self.known = tuple(_LIST.validate_json(await self._fetch()))
        except (aiohttp.ClientError, TimeoutError, ValidationError) as trouble:
            self._away(trouble)
        else:
            self.fresh = True

    def by_id(self) -> dict[str, Organisation]:
        """Those that are known."""
        return {each.id: each for each in self.known}

    def contradictions(self) -> list[Contradiction]:
        """Of all of them, the newest first."""
        found = [one for each in self.known for one in each.contradictions]
        return sorted(found, key=lambda one: one.other_at, reverse=True)

    def sums(self) -> dict[str, int]:
        """What waits, over all of them."""
        return {state: sum(getattr(each, state) for each in self.known) for state in ("held", "parked", "dead")}

    def _away(self, trouble: Exception) -> None:
        if self.fresh:
            logs.get().warning("dispatch_silent", error=type(trouble).__name__)
        self.fresh = False


def from_dispatch(settings: Settings, token: str) -> Fetch:
    """Ask the dispatch service of this installation."""
    base = settings.dispatch_url.rstrip("/")
    headers = {"Authorization": f"Bearer {token}"}

    async def fetch() -> bytes:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT, headers=headers) as session,
            session.get(f"{base}/v1/organisations") as answer,
        ):
            answer.raise_for_status()
            return await answer.read()

    return fetch
