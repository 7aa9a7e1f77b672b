"""A console on a stage: the real application and store on a free port, told what happened by real messages."""

from __future__ import annotations

import asyncio
import http.cookiejar
import json
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn

from contracts.case import CaseChangedV1
from contracts.contract import Contract
from contracts.delivery import DeliveryChangedV1
from contracts.envelope import encode, message
from contracts.telemetry import TelemetrySpansV1
from contracts.types import instant_text
from services.console import projection
from services.console.feed import Feed
from services.console.organisations import Organisations
from services.console.parts import Parts
from services.console.reckoning import Reckoner
from services.console.service import application
from services.runtime.clock import Clock
from services.runtime.database import open_store
from services.runtime.ids import new_id
from services.runtime.record import Record
from services.runtime.settings import Secrets, Settings

NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
VINS = ("LS5A6BBWXTJ540001", "LB3N92JX5TG920002", "LSVN7NMU8T2010003")
TOKEN = "token-of-the-operator"
PASSWORD = "correct horse battery staple"
SECRETS = Secrets(key_secret=b"k" * 32, operator_user="operator", operator_password=PASSWORD, operator_token=TOKEN)
FACETS = ("order", "coc", "invoice", "tax", "ins", "loan", "plate", "reg", "mort", "elic", "delivery")


@dataclass(frozen=True)
class StillClock(Clock):
    """Stands still until it is moved."""

    moments: list[datetime] = field(default_factory=lambda: [NOON])

    def now(self) -> datetime:
        return self.moments[-1]

    def move(self, moment: datetime) -> None:
        """Make it another moment."""
        self.moments.append(moment)


def at(seconds: float) -> datetime:
    """A moment so many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def record(data: Contract, case_id: str, topic: str = "case.events", moment: datetime = NOON) -> Record:
    """A message as it comes from Kafka."""
    headers, value = encode(message(data, id=new_id(), source="urn:tongche:test", subject=case_id, time=moment))
    return Record(topic, 0, 0, "key", headers, value)


def case(case_id: str, vin: str = VINS[0], version: int = 1, **more: Any) -> Record:
    """A snapshot of a case; facets are given by name as a state or as the fields of a facet."""
    facets = more.pop("facets", {"order": "CONFIRMED"})
    changed_at = more.pop("changed_at", at(version))
    written = [{"name": name, "state": "NONE"} | _facet(facets.get(name, "NONE")) for name in FACETS]
    content = {
        "vin": vin,
        "order_no": f"XS{case_id[:8]}",
        "kind": "new-car",
        "version": version,
        "headline": "OPEN",
        "opened_at": instant_text(NOON),
        "changed_at": instant_text(changed_at),
        "facets": written,
    }
    return record(_contract(CaseChangedV1, content | more), case_id, moment=changed_at)


def delivery(case_id: str, command: str, organisation: str, results: Iterable[str], **more: Any) -> Record:
    """A delivery with one attempt for each result, ten seconds apart."""
    began = more.pop("began", at(1))
    attempts = [
        {
            "number": number,
            "started_at": instant_text(began + timedelta(seconds=10 * (number - 1))),
            "duration_ms": 180 + 37 * number,
            "result": result.partition("/")[0],
            **_code(result.partition("/")[2]),
        }
        for number, result in enumerate(results, 1)
    ]
    content = {
        "delivery_id": more.pop("id", None) or new_id(),
        "vin": VINS[0],
        "organisation": organisation,
        "command": command,
        "revision": max(1, len(attempts)),
        "state": "settled",
        "attempts": attempts,
    }
    return record(_contract(DeliveryChangedV1, content | more), case_id, "delivery.events", began)


def span(
    name: str, start_ms: float, length_ms: float, span_id: int, parent: int | None = None, **more: Any
) -> dict[str, Any]:
    """One span of the trace 4bf9…"""
    began = int(NOON.timestamp() * 1e9) + int(start_ms * 1e6)
    return {
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "span_id": f"{span_id:016x}",
        "parent_id": f"{parent:016x}" if parent else None,
        "name": name,
        "kind": "internal",
        "service": "journey",
        "start_ns": began,
        "end_ns": began + int(length_ms * 1e6),
        **more,
    }


def spans(found: Iterable[dict[str, Any]], dropped: int = 0) -> Record:
    """A batch of spans."""
    return record(_contract(TelemetrySpansV1, {"spans": list(found), "dropped": dropped}), "journey", "telemetry.spans")


def _contract(model: type[Contract], content: dict[str, Any]) -> Contract:
    return model.model_validate_json(json.dumps(content, default=str))


def _facet(state: Any) -> dict[str, Any]:
    return {"state": state} if isinstance(state, str) else state


def _code(text: str) -> dict[str, Any]:
    return ({"code": text} if text else {}) | ({"status": 503} if text.endswith("503") else {"status": 200})


@dataclass
class Answer:
    """What came back over HTTP."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass
class Stage:
    """The running console, and a browser-like client for it."""

    folder: Path
    clock: StillClock = field(default_factory=StillClock)
    dispatch: list[dict[str, Any]] = field(default_factory=list)
    port: int = 0

    def __post_init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.ready = threading.Event()
        self.jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar), _NoRedirect)
        self._thread = threading.Thread(target=lambda: self.loop.run_until_complete(self._serve()), daemon=True)
        self._thread.start()
        assert self.ready.wait(60)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def tell(self, *records: Record) -> None:
        """Let the console learn what happened."""
        for each in records:
            self.act(lambda each=each: self.store.run(lambda connection: projection.apply(connection, each)))  # type: ignore[misc]

    def act(self, work: Callable[[], Awaitable[Any]]) -> Any:
        """Do something on the console's own loop."""

        async def doing() -> Any:
            return await work()

        return asyncio.run_coroutine_threadsafe(doing(), self.loop).result(60)

    def ask(self, path: str, form: dict[str, str] | None = None, **headers: str) -> Answer:
        """GET, or POST with a form; a redirect is not followed."""
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        return self.send(
            urllib.request.Request(  # noqa: S310 - our own address
                self.url + path, data, {"Origin": self.url} | _named(headers)
            )
        )

    def api(self, path: str, body: Any = None, **headers: str) -> Answer:
        """The same for the JSON interface, with the operator's token."""
        data = json.dumps(body).encode() if body is not None else None
        known = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        return self.send(
            urllib.request.Request(  # noqa: S310 - our own address
                self.url + path, data, known | _named(headers)
            )
        )

    def send(self, request: urllib.request.Request) -> Answer:
        """Send any request."""
        try:
            with self._opener.open(request, timeout=60) as answer:
                return Answer(answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read().decode())
        except urllib.error.HTTPError as answer:
            return Answer(answer.code, {k.lower(): v for k, v in answer.headers.items()}, answer.read().decode())

    def log_in(self) -> str:
        """Log in; the answer is the token that forms of this session carry."""
        assert self.ask("/login", {"user": "operator", "password": PASSWORD}).status == 303
        return self.csrf()

    def csrf(self) -> str:
        """The token of the session's forms, as the start page has it."""
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', self.ask("/").text)
        assert found
        return found.group(1)

    def wait_for_followers(self, number: int) -> None:
        """Wait until so many streams are open."""
        deadline = time.monotonic() + 60
        while self.feed.followers < number:
            assert time.monotonic() < deadline, f"{self.feed.followers} of {number} streams opened"
            time.sleep(0.02)

    def close(self) -> None:
        """End it."""
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(60)
        self.loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        self.store = open_store(Settings(data=self.folder), "console")
        self.store.start()
        self.organisations = Organisations(self._organisations)
        self.feed = feed = Feed(self.store, look_every=0.02)
        reckoner = Reckoner(self.store, self.clock)
        app = application(Parts(self.store, SECRETS, self.clock, self.organisations, feed, reckoner))
        server = uvicorn.Server(
            uvicorn.Config(
                app, port=self.port, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1
            )
        )
        tasks = [asyncio.create_task(server._serve()), asyncio.create_task(feed.run())]
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        self.port = server.servers[0].sockets[0].getsockname()[1]
        self.ready.set()
        await self._stop.wait()
        server.should_exit = True
        await tasks[0]
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.store.stop()

    async def _organisations(self) -> bytes:
        return json.dumps(self.dispatch).encode()


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
