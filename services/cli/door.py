"""Publishing single sales at the door as a publisher does: CloudEvents over HTTP, and a history of what was taken."""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import aiohttp

from contracts.envelope import instant_text
from services.cli.running import Running
from services.stack.credentials import publisher_tokens
from services.stack.trouble import TroubleError

if TYPE_CHECKING:
    from services.cli.demo_sales import Sale

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
    _http: aiohttp.ClientSession | None = None

    @classmethod
    def of(cls, stack: Running, publisher: str) -> Self:
        """The door of a running stack, as seen by one of its publishers."""
        history = stack.folder.root / "publishers" / f"{publisher}.history.jsonl"
        source = _entry(stack, publisher)["source"]
        return cls(stack.stack.urls["door"], source, publisher_tokens(stack.folder)[publisher], history)

    async def __aenter__(self) -> Self:
        self.history.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._http = aiohttp.ClientSession(headers={"Authorization": f"Bearer {self.token}"})
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.close()

    async def publish(self, sale: Sale) -> Acknowledged:
        """Hand one sale in, as a structured CloudEvent. Raises `TroubleError` where it is not taken."""
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
        async with self._http.post(f"{self.url}/v1/sales", data=json.dumps(event), headers=headers) as told:
            body = await told.json(content_type=None)
            if told.status != _ACCEPTED:
                raise TroubleError(
                    f"收件口拒绝（{told.status}）：{body.get('title')}",
                    f"the door refused ({told.status}): {body.get('errors') or body.get('title')}",
                    fix="tongche status",
                )
        done = Acknowledged(body["id"], sale.data["vin"], "replayed" if body["code"] == _REPLAYED else "accepted")
        self._remember(sale, done)
        return done

    def _remember(self, sale: Sale, done: Acknowledged) -> None:
        row = {
            "at": instant_text(datetime.now(UTC)),
            "id": done.id,
            "source": sale.source,
            "sourceid": sale.sourceid,
            "vin": done.vin,
            "status": done.status,
        }
        with self.history.open("a", encoding="utf-8") as history:
            history.write(json.dumps(row, ensure_ascii=False) + "\n")
            history.flush()
            os.fsync(history.fileno())


def dealers_of(stack: Running, publisher: str) -> tuple[str, ...]:
    """The USCCs that a publisher may publish for."""
    return tuple(_entry(stack, publisher)["usccs"])


def _entry(stack: Running, publisher: str) -> dict[str, Any]:
    with stack.settings.publishers.open("rb") as file:
        rows: list[dict[str, Any]] = tomllib.load(file)["publishers"]
    return next(row for row in rows if row["name"] == publisher)
