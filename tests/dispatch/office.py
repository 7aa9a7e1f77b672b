"""The whole of dispatch on a real store, behind real HTTP, without a Kafka: as people and their pages see it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import aiohttp
import uvicorn
from aiohttp import web

from contracts import keys
from contracts.contract import Contract
from contracts.delivery import DeliveryChangedV1
from contracts.envelope import Message, message
from contracts.police import PlateReleaseV1, PlateReserveV1
from services.dispatch.deliveries import Deliveries
from services.dispatch.desk.runner import Runner
from services.dispatch.service import build
from services.runtime import parking
from services.runtime.clock import Clock
from services.runtime.database import open_store
from services.runtime.face import Runtime
from services.runtime.ids import new_id
from services.runtime.lanes import Lanes
from services.runtime.outbox import Relay
from services.runtime.parking import Parked
from services.runtime.record import Outgoing, Place, Record, outgoing, read
from services.runtime.settings import Identity, Secrets, Settings
from services.runtime.store import Store
from services.runtime.window import Entry, Tenure
from services.stack.identities import identity
from tests.dispatch.agency import vin
from tests.dispatch.workshop import Broker
from tests.envelopes import heard, said

TOKEN: Final = "operator-token-of-a-test"
SECRETS: Final = Secrets(
    key_secret=b"s" * 32,
    operator_user="op",
    operator_password="pw",
    operator_token=TOKEN,
    identities={"tongche": Identity.model_validate(identity("tongche"))},
)
POLICE: Final = "dispatch.police"
WHY: Final = {"reason": "they are back", "by": "li"}
PATIENCE_S: Final = 60.0


@dataclass(frozen=True)
class SetClock(Clock):
    """The real clock, and so much later."""

    late: list[timedelta] = field(default_factory=lambda: [timedelta()])

    def now(self) -> datetime:
        """This moment, put off."""
        return Clock.now(self) + self.late[0]

    def pass_(self, time: timedelta) -> None:
        """Let time go by."""
        self.late[0] += time


@dataclass
class Police:
    """An agency that takes everything and writes down key and body; `answer` may say otherwise."""

    answer: Callable[[str, dict[str, Any]], tuple[int, Any] | None] = lambda *_: None
    heard: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Write it down and answer."""
        raw, in_xml = await request.read(), request.content_type == "text/xml"
        key, body = request.headers["Idempotency-Key"], heard(raw) if in_xml else json.loads(raw)
        self.heard.append((key, body))
        told = self.answer(key, body)
        if told is None:
            return web.Response(body=said(clsbdh=body["clsbdh"], yllsh=body["yllsh"]))
        status, what = told
        return web.Response(body=said(**what), status=status) if in_xml else web.json_response(what, status=status)


async def come_true(look: Callable[[], Awaitable[Any]]) -> Any:
    """Look again and again until there is something; it."""
    async with asyncio.timeout(PATIENCE_S):
        while not (found := await look()):  # noqa: ASYNC110 - facts of many kinds, most of which tell nobody
            await asyncio.sleep(0.02)
    return found


@dataclass
class Office:
    """One process of dispatch: its desk over HTTP, its runner, and what it said."""

    runtime: Runtime
    url: str
    http: aiohttp.ClientSession
    clock: SetClock
    said: list[Outgoing] = field(default_factory=list)

    @property
    def store(self) -> Store:
        return self.runtime.store

    @property
    def runner(self) -> Runner:
        """What carries out repairs here."""
        runner = getattr(self.runtime.tasks["repairs"], "__self__", None)
        assert isinstance(runner, Runner)
        return runner

    def lanes(self, organisation: str = "police") -> Lanes:
        """Those of one organisation."""
        return next(lanes for lanes in self.runtime.lanes if lanes.lane.group == f"dispatch.{organisation}")

    def deliveries(self, organisation: str = "police") -> Deliveries:
        """Those of one organisation."""
        work = self.lanes(organisation).work
        assert isinstance(work, Deliveries)
        return work

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """One request: status and JSON."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with self.http.request(method, f"{self.url}/v1{path}", json=body, headers=headers) as answer:
            return answer.status, await answer.json()

    async def told(self, method: str, path: str, body: Any = None) -> Any:
        """One request that goes well."""
        status, told = await self.ask(method, path, body)
        assert status == 200, told
        return told

    async def search(self, **wanted: Any) -> Any:
        return await self.told("POST", "/deliveries/search", wanted)

    async def park(self, *rows: Parked) -> list[str]:
        """Store rows as they are; their ids."""

        def act(connection: Any) -> None:
            for row in rows:
                parking.park(connection, row)

        await self.store.run(act)
        return [row.record.id for row in rows]

    async def row(self, id_: str, consumer: str = POLICE) -> Parked | None:
        return await self.store.read(lambda connection: parking.find(connection, consumer, id_))

    async def take(self, *, partition: int = 0, generation: int = 1, organisation: str = "police") -> None:
        """Become the owner of a partition, as if Kafka had assigned it."""
        await self.deliveries(organisation).assigned([Place(f"{organisation}.commands", partition)], generation)

    def hold(self, *records: Record, organisation: str = "police") -> None:
        """Have records wait in their lanes."""
        for record in records:
            self.lanes(organisation)._window.add(Entry(Tenure(), record, None))

    def heard(self, kind: str) -> list[Message[Contract]]:
        """Everything that was said of one contract, in order."""
        messages = [read(Record(one.topic, 0, 0, one.key, one.headers, one.value)) for one in self.said]
        return [one for one in messages if one.envelope.type.startswith(f"tongche.{kind}.")]

    async def planned(self, act: str = "retry", **more: Any) -> Any:
        return await self.told("POST", "/repairs", {"act": act, **WHY, **more})

    async def repaired(self, id_: str, *states: str) -> Any:
        """Wait until a repair is in one of these states, or done."""

        async def there() -> Any:
            told = await self.told("GET", f"/repairs/{id_}")
            return told if told["state"] in {*states, "done"} else None

        return await come_true(there)

    async def fates(self) -> list[DeliveryChangedV1]:
        """Wait until something was said of the fate of deliveries."""

        async def there() -> list[Any]:
            return [said.data for said in self.heard("delivery.changed")]

        fates: list[DeliveryChangedV1] = await come_true(there)
        return fates


@asynccontextmanager
async def office(
    settings: Settings, *tasks: str, clock: SetClock | None = None, slot: str = "0", relay: bool = True
) -> AsyncIterator[Office]:
    """A process with these of its background tasks, from its start until it is dropped as a crash drops it."""
    clock = clock or SetClock()
    if not settings.secrets.exists():
        keep_secrets(settings)
    store = open_store(settings, "dispatch")
    store.start()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(store.stop)
        broker = Broker()
        post = Relay(store, broker)
        store.on_commit = post.told
        await post.load()
        runtime = Runtime("dispatch", settings, settings.secret(), clock, store, broker, post, slot=slot)
        app = build(runtime)
        for close in runtime.closers:
            stack.push_async_callback(close)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        url = await stack.enter_async_context(_served(app))
        runs = [runtime.tasks[name] for name in tasks] + ([post.run] if relay else [])
        working = [asyncio.ensure_future(run()) for run in runs]
        stack.push_async_callback(_dropped, working)
        yield Office(runtime, url, http, clock, broker.said)
        failed = [task.exception() for task in working if task.done()]
        assert not failed, failed


def keep_secrets(settings: Settings, **more: Any) -> None:
    """The secrets of the tests where an installation has them, and others beside them."""
    told = SECRETS.model_dump(mode="json", exclude={"key_secret"}) | {"key_secret": SECRETS.key_secret.hex(), **more}
    settings.secrets.parent.mkdir(parents=True, exist_ok=True)
    settings.secrets.write_text(json.dumps(told), encoding="utf-8")


async def _dropped(tasks: Sequence[asyncio.Future[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def _served(app: Any) -> AsyncIterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off"))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    serving = asyncio.create_task(server._serve())
    async with asyncio.timeout(PATIENCE_S):
        while not server.started:  # noqa: ASYNC110 - uvicorn tells nobody
            await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            await serving


@asynccontextmanager
async def answering(police: Police) -> AsyncIterator[str]:
    """The agency's server."""
    app = web.Application()
    app.router.add_post("/{tail:.*}", police.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


# -- what waits


def release(car: int, offset: int = 0, age: timedelta = timedelta(), number: str = "R-1") -> Record:
    """A command that names nobody."""
    return record_of(PlateReleaseV1(vin=vin(car), reservation_no=number, reason="test"), offset, age)


def reserve(car: int, offset: int = 0, age: timedelta = timedelta()) -> Record:
    """A command that names a buyer."""
    wish = PlateReserveV1(
        vin=vin(car),
        fuel_kind="BEV",
        plate_kind="NEV_SMALL",
        region="440300",
        buyer_name="测试甲",
        buyer_id_type="RESIDENT_ID",
        buyer_id_no="440301199001010011",
    )
    return record_of(wish, offset, age)


def record_of(command: Contract, offset: int = 0, age: timedelta = timedelta()) -> Record:
    """A command to the police as the journey puts it on their topic."""
    car = str(vars(command)["vin"])
    at = datetime.now(UTC) - age
    said = message(command, id=new_id(), source="urn:journey", subject=f"case-{car}", time=at)
    sent = outgoing("police.commands", keys.vehicle_key(SECRETS.key_secret, car), said)
    return Record(sent.topic, 0, offset, sent.key, sent.headers, sent.value)


def parked(record: Record, state: parking.State = "dead", *, results: Sequence[str] = (), **more: Any) -> Parked:
    """A row as dispatch would have left it, with attempts that came to these results."""
    command = read(record)
    since = command.envelope.time.timestamp()
    failure = more.pop("failure", "deadline" if state == "dead" else "unavailable")
    return Parked(
        POLICE,
        record,
        case=command.envelope.subject,
        command=command.envelope.type.removeprefix("tongche.").rsplit(".", 1)[0],
        state=state,
        since=since,
        deadline=since + 3600,
        not_before=since,
        tries=1,
        failure=failure,
        history=tuple(_attempt(number, result) for number, result in enumerate(results, 1)),
        **more,
    )


def _attempt(number: int, result: str) -> dict[str, Any]:
    began = datetime(2026, 5, 5, tzinfo=UTC).isoformat().replace("+00:00", "Z")
    return {"number": number, "started_at": began, "duration_ms": 12, "result": result}
