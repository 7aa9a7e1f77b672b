"""A running stack as everybody outside meets it, with whatever anybody is told kept, byte for byte."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import aiohttp
from aiokafka import AIOKafkaProducer

from contracts.keys import vehicle_key
from services.publisher.publication import remember
from services.scenario.stage import Stage, View
from services.stack.credentials import organisation_tokens, publisher_tokens
from services.stack.installation import Installation
from services.stack.running import Running

PATIENCE_S: Final = 60.0
_LOOK_S: Final = 0.1
_ACCEPTED: Final = 202
_AWAY: Final = frozenset({429, 503})
_STREAM_S: Final = 1.0


class Piece(NamedTuple):
    """Bytes, and in whose hands they are: words with colons between, from the kind of place to the part of it."""

    place: str
    data: bytes


@dataclass(slots=True)
class Town:
    """Everybody who deals with one stack. `heard` is what they were told."""

    stage: Stage
    http: aiohttp.ClientSession
    heard: list[Piece] = field(default_factory=list)

    @property
    def stack(self) -> Running:
        return self.stage.stack

    # -- what comes to pass

    async def until(self, seen: Callable[[View], object], what: str) -> None:
        """Wait for a fact. Raises `TimeoutError` with its name."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not seen(self.stage.view):
                    await self.stage.turned()
        except TimeoutError:
            cases = {row["order_no"]: row["headline"] for row in self.stage.view.cases.values()}
            raise TimeoutError(f"{what}: {cases}, {list(self.stage.view.waiting.values())}") from None

    def headline(self, vin: str, kind: str = "new-car") -> str:
        """Of the newest case of a car that was not refused; nothing while it has none."""
        cases = [row for row in self.stage.view.cases_of(vin, kind) if row["headline"] != "REFUSED"]
        return str(cases[-1]["headline"]) if cases else ""

    def facet(self, vin: str, name: str) -> str:
        """The state of one strand of a car's first case."""
        facets = [facet for row in self.stage.view.cases_of(vin)[:1] for facet in row["facets"]]
        return next((str(facet["state"]) for facet in facets if facet["name"] == name), "")

    def case_id(self, vin: str, kind: str | None = None) -> str:
        """Of its first case."""
        return str(self.stage.view.cases_of(vin, kind)[0]["id"])

    async def killed(self, *names: str) -> None:
        """`kill -9` of these processes; return when others do their work."""
        up = Installation(self.stack.folder)
        victims = {name: up.signal(name, signal.SIGKILL) for name in names}
        await asyncio.gather(*(up.until_replaced(name, victim, PATIENCE_S) for name, victim in victims.items()))
        await up.until_ready(PATIENCE_S)

    # -- asking

    async def ask(
        self,
        place: str,
        method: str,
        url: str,
        *,
        body: bytes | None = None,
        **headers: str,
    ) -> tuple[int, bytes]:
        """Ask, again while nobody is there to answer, and keep what was said, headers and all.

        Raises `TimeoutError`.
        """
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        async with asyncio.timeout(PATIENCE_S):
            while True:
                with suppress(aiohttp.ClientError, ConnectionError):
                    async with self.http.request(method, url, data=body, headers=sent, allow_redirects=False) as told:
                        raw = await told.read()
                        shown = "".join(f"{name}: {value}\n" for name, value in told.headers.items())
                        self.heard.append(Piece(place, shown.encode() + raw))
                        if told.status not in _AWAY:
                            return told.status, raw
                await asyncio.sleep(_LOOK_S)

    async def hand_in(self, publisher: str, id_: str, type_: str, data: Mapping[str, Any], **more: Any) -> int:
        """A structured CloudEvent at the door; the status of its answer."""
        event = {
            "specversion": "1.0",
            "id": id_,
            "source": f"urn:tongche:publisher:{publisher}",
            "type": type_,
            "data": data,
        } | more
        status, told = await self._posted(publisher, json.dumps(event).encode())
        if status == _ACCEPTED:
            self._remember(publisher, event, json.loads(told)["id"])
        return status

    def _remember(self, publisher: str, event: Mapping[str, Any], id_: str) -> None:
        """As careful publishers do: what was acknowledged is written down."""
        history = self.stack.folder.root / "publishers" / f"{publisher}.history.jsonl"
        told = {"id": id_, "source": event["source"], "sourceid": event["id"], "status": "accepted"}
        remember(history, [told | {"vin": event["data"]["vin"]}], self.stack.settings.clock_of_others)

    async def post_sale(
        self, publisher: str, body: bytes, path: str = "/v1/sales", content: str = "application/cloudevents+json"
    ) -> int:
        """Any bytes at the door; the status of its answer."""
        return (await self._posted(publisher, body, path, content))[0]

    async def _posted(
        self, publisher: str, body: bytes, path: str = "/v1/sales", content: str = "application/cloudevents+json"
    ) -> tuple[int, bytes]:
        url = self.stack.stack.urls["door"] + path
        token = publisher_tokens(self.stack.folder)[publisher]
        return await self.ask(
            f"door:{publisher}", "POST", url, body=body, Authorization=f"Bearer {token}", Content_Type=content
        )

    async def look(self, publisher: str, path: str) -> bytes:
        """What a publisher sees at the door."""
        token = publisher_tokens(self.stack.folder)[publisher]
        url = self.stack.stack.urls["door"] + path
        _, raw = await self.ask(f"door:{publisher}", "GET", url, Authorization=f"Bearer {token}")
        return raw

    async def give_notice(self, organisation: str, notice: Mapping[str, Any]) -> int:
        """At dispatch's door, as an organisation."""
        token = organisation_tokens(self.stack.folder)[organisation]
        url = f"{self.stack.stack.urls['dispatch']}/v1/organisations/{organisation}/notices"
        body = json.dumps(notice).encode()
        status, _ = await self.ask(
            f"notices:{organisation}",
            "POST",
            url,
            body=body,
            Authorization=f"Bearer {token}",
            Content_Type="application/json",
        )
        return status

    async def operator(self, service: str, method: str, path: str, form: Any = None) -> Any:
        """An operator at one of our services; what it says."""
        url = self.stack.stack.urls[service] + path
        token = self.stack.secrets.operator_token
        act = path.rpartition("/")[2]
        status, raw = await self.ask(
            f"operator:{service}:{act if act.isalpha() else 'look'}",
            method,
            url,
            body=None if form is None else json.dumps(form).encode(),
            Authorization=f"Bearer {token}",
            Content_Type="application/json",
        )
        if status >= 500:
            raise AssertionError(f"{method} {service}{path.partition('?')[0]}: {status}")
        return json.loads(raw) if raw.startswith((b"{", b"[")) else None

    async def stream(self, path: str, **headers: str) -> None:
        """What the console tells of by itself: everything that it has, then whatever comes in a while."""
        url = self.stack.stack.urls["console"] + path
        token = self.stack.secrets.operator_token
        sent = {"Authorization": f"Bearer {token}", "Last-Event-ID": "0"} | headers
        seen = bytearray()
        with suppress(TimeoutError):
            async with asyncio.timeout(_STREAM_S), self.http.get(url, headers=sent) as told:
                async for part in told.content.iter_any():
                    seen += part
        self.heard.append(Piece("operator:console:tail", bytes(seen)))

    async def session(self) -> str:
        """Log in to the console; the cookie."""
        secrets = self.stack.secrets
        url = self.stack.stack.urls["console"] + "/login"
        form = {"user": secrets.operator_user, "password": secrets.operator_password}
        async with self.http.post(url, data=form, allow_redirects=False) as told:
            return told.headers["Set-Cookie"].partition(";")[0]

    async def page(self, cookie: str, path: str) -> None:
        """One page of the console, in both languages."""
        url = self.stack.stack.urls["console"] + path
        for tongue in ("zh", "en"):
            await self.ask("page:console", "GET", url, Cookie=cookie, Accept_Language=tongue)

    async def produce(self, records: Sequence[tuple[str, str, Sequence[tuple[str, bytes]], bytes | None]]) -> None:
        """Put any bytes on topics: topic, VIN of the vehicle whose key they get, headers, value."""
        secret = self.stack.secrets.key_secret
        producer = AIOKafkaProducer(bootstrap_servers=self.stack.settings.kafka, acks="all")
        await producer.start()
        try:
            for topic, vin, headers, value in records:
                key = vehicle_key(secret, vin).encode()
                await producer.send_and_wait(topic, value, key=key, headers=list(headers))
        finally:
            await producer.stop()

    def results(self, vin: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """What the agencies answered about a car: operation and answer."""
        return ((line["operation"], line["result"]) for line in self.stage.view.effects(vin))
