"""Publishing single sales at the door as a publisher does: CloudEvents over HTTP, and a history of what was taken."""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import aiohttp

from services.publisher.publication import refusal, remember, silence
from services.runtime.clock import Clock
from services.stack.credentials import publisher_tokens
from services.stack.running import Running

if TYPE_CHECKING:
    from services.publisher.sales import Sale

_ACCEPTED: Final = 202
_REPLAYED: Final = "1"


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A sale that the door has taken in."""

    id: str
    vin: str
    status: str


@dataclass(slots=True)
class Door:
    """One publisher at the door. What it acknowledges is written down before anybody is told."""

    url: str
    source: str
    token: str
    history: Path
    clock: Clock = field(default_factory=Clock)
    _http: aiohttp.ClientSession | None = None

    @classmethod
    def of(cls, stack: Running, publisher: str) -> Self:
        """The door of a running stack, as seen by one of its publishers."""
        history = stack.folder.root / "publishers" / f"{publisher}.history.jsonl"
        source = _entry(stack, publisher)["source"]
        token, clock = publisher_tokens(stack.folder)[publisher], stack.settings.clock_of_others
        return cls(stack.stack.urls["door"], source, token, history, clock)

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(headers={"Authorization": f"Bearer {self.token}"})
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.close()

    async def publish(self, sale: Sale) -> Acknowledged:
        """Hand one sale in, as a structured CloudEvent. Raises `TroubleError` where it is not taken."""
        status, body = await self.answered(sale)
        if status != _ACCEPTED:
            raise refusal(body)
        return _acknowledged(sale, body)

    async def answered(self, sale: Sale) -> tuple[int, bytes]:
        """Hand one in, and hear the door's own words, whatever they are. Raises `TroubleError` for silence."""
        status, body = await self._told(sale)
        if status == _ACCEPTED:
            done = _acknowledged(sale, body)
            remember(self.history, [asdict(done) | {"source": sale.source, "sourceid": sale.sourceid}], self.clock)
        return status, body

    async def _told(self, sale: Sale) -> tuple[int, bytes]:
        if self._http is None:
            message = "the door is used as a context manager"
            raise RuntimeError(message)
        event = {
            "specversion": "1.0",
            "id": sale.sourceid,
            "source": sale.source,
            "type": sale.type,
            "datacontenttype": "application/json",
            "data": sale.data,
        }
        headers = {"Content-Type": "application/cloudevents+json"}
        try:
            async with self._http.post(f"{self.url}/v1/sales", data=json.dumps(event), headers=headers) as told:
                return told.status, await told.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as problem:
            raise silence(self.url, problem) from problem


def _acknowledged(sale: Sale, body: bytes) -> Acknowledged:
    try:
        answer = json.loads(body)
        return Acknowledged(answer["id"], sale.data["vin"], "replayed" if answer["code"] == _REPLAYED else "accepted")
    except (ValueError, KeyError, TypeError) as problem:
        # Something else listens there: it took nothing in, whatever its status says.
        raise refusal(body) from problem


def dealers_of(stack: Running, publisher: str) -> tuple[str, ...]:
    """The USCCs that a publisher may publish for."""
    return tuple(_entry(stack, publisher)["usccs"])


def _entry(stack: Running, publisher: str) -> dict[str, Any]:
    with stack.settings.publishers.open("rb") as file:
        rows: list[dict[str, Any]] = tomllib.load(file)["publishers"]
    return next(row for row in rows if row["name"] == publisher)
