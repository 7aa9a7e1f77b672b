"""A simulated country behind real HTTP, and a car that can be driven through it by the adapters' fixtures."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

from adapters.bindings.iso20022 import US
from adapters.bindings.rest import REST
from adapters.fixtures import KEY, SENT_AT, Case, cases
from adapters.registry import ADAPTERS
from adapters.spec import Reply
from contracts.topics import AGENCIES
from contracts.types import instant_text
from services.runtime.settings import Secrets, Settings
from services.simulator.faces import business, loans
from services.simulator.faces.face import Premises
from services.simulator.faces.rest import Rest
from services.simulator.faces.soap import SERVICES
from services.simulator.faces.table import FACES, Build
from services.simulator.inbox import Inbox
from services.simulator.life import at_work
from services.simulator.mishaps import Mishaps
from services.simulator.web import Doors
from services.simulator.world import World, opened
from tests.envelopes import said

TOKEN, PASSWORD = "operator-for-tests", "correct horse battery staple"
SECRETS = Secrets(key_secret=b"k" * 32, operator_user="operator", operator_password=PASSWORD, operator_token=TOKEN)
VIN = "LZZTEST05TA000001"
INSURER = "insurer-91110000MAY1GEUH59"
BANK = "bank-91110000MAT57WXL1C"
ORGANISATION = {"insurer": INSURER, "bank": BANK}

ALIASES = {
    "faPiaoHaoMa": ("invoiceNo", "invoiceNumber", "fphm"),
    "digest": ("hgzzy",),
    "shiNaShuiE": ("jiaoKuanJinE",),
    "contractNo": ("jkhth",),
    "consentNo": ("gtsqbh",),
    "djzsbh": ("registrationCertNo",),
    "hphm": ("licensePlate", "plateNumber"),
    "licenceNo": ("licenseNo",),
}
"""Which names one agency's number has at the others."""

BEFORE = {
    "coc-query": ("upload",),
    "invoice-request": ("upload",),
    "invoice-reverse": ("invoice-request",),
    "tax-declare": ("invoice-request",),
    "tax-pay": ("tax-declare",),
    "tax-reclaim": ("tax-pay",),
    "insurance-quote": ("upload",),
    "insurance-bind": ("insurance-quote",),
    "insurance-cancel": ("insurance-bind",),
    "insurance-endorse": ("registration-register",),
    "loan-apply": ("invoice-request",),
    "loan-withdraw": ("loan-apply",),
    "plate-reserve": (),
    "plate-release": ("plate-reserve",),
    "registration-register": ("tax-pay", "insurance-bind", "plate-reserve"),
    "mortgage-cosign": ("loan-apply", "registration-register"),
    "mortgage-register": ("mortgage-cosign",),
    "mortgage-release": ("mortgage-register", "pay-back"),
    "elicence-issue": ("registration-register",),
    "elicence-grant": ("elicence-issue",),
    "elicence-verify": ("elicence-grant",),
    "elicence-revoke": ("elicence-issue",),
    "registration-deregister": ("registration-register",),
    "tax-reclaim-returned": ("registration-deregister",),
    "insurance-cancel-deregistered": ("registration-deregister",),
    "plate-dispatch": ("registration-register",),
    "plate-track": ("plate-dispatch",),
    "export-qualify": (),
    "licence-apply": ("export-qualify",),
    "export-declare": ("licence-apply",),
    "export-track": ("export-declare",),
}
"""What must have happened before each operation succeeds."""

CERTIFICATE = {
    "vin": VIN,
    "certificateNo": "LZZ123456789012",
    "engineNo": "",
    "driveMotorNo": "TZ213XS0001",
    "brandModel": "样例纯电轿车",
    "fuelType": "纯电动",
    "ratedSeats": 5,
    "curbWeightKg": 1850,
    "displacementMl": None,
    "manufactureDate": "20260215",
}


def _agencies() -> dict[str, str]:
    """Which agency has which fixture."""
    root = files("adapters")
    return {
        file.name.removesuffix(".json"): kind
        for kind in AGENCIES
        for file in (root / kind / "fixtures").iterdir()
        if file.name.removesuffix(".json") in BEFORE
    }


AGENCY_OF = _agencies()

PLAINLY: Mapping[str, Build] = dict.fromkeys(FACES, lambda premises: Rest(premises.world))
"""Everybody in JSON: for what agencies decide it is of no matter how they are spoken to."""


def fixture(name: str) -> dict[str, Any]:
    """One recorded exchange."""
    text = (files("adapters") / AGENCY_OF[name] / "fixtures" / f"{name}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def recorded(name: str) -> Case:
    """The same, as its adapter would have it."""
    return next(case for case in cases(ADAPTERS[AGENCY_OF[name]]) if case.file == name)


def plain(name: str) -> tuple[str, dict[str, Any]]:
    """Where it is asked for in JSON, and how: in the words of the agency's book, whatever is spoken at its door."""
    case = recorded(name)
    if AGENCY_OF[name] != "bank":
        return SERVICES.get(case.operation.endpoint.action) or case.request["path"], case.body()
    came = business.message(business.parsed(case.request["text"].encode()))
    wanted = loans.DEFINITIONS[came.header.definition]
    return wanted.path, wanted.heard(came.document)


def understood(name: str, body: Any) -> Reply:
    """An answer of the book's as the agency's own style writes it, and its adapter reads it."""
    case = recorded(name)
    if AGENCY_OF[name] == "police":
        return case.adapter.binding.read(200, {}, said(**{field: str(value) for field, value in body.items()}))
    if AGENCY_OF[name] != "bank":
        return REST.read(200, {}, json.dumps(body).encode())
    wanted = loans.DEFINITIONS[case.operation.endpoint.action]
    header = business.Header("", US, "", wanted.answer)
    told = business.plain(business.written(header, KEY, instant_text(SENT_AT), wanted.said(body)))
    return case.adapter.binding.read(200, {}, told)


@dataclass
class Moment:
    """A clock that a test sets."""

    at: datetime = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
    day: date = date(2026, 3, 2)

    def now(self) -> datetime:
        return self.at

    def today(self) -> date:
        return self.day

    def pass_by(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class Pauses:
    """The time that agencies let pass: as short as can be, unless the test holds on to it."""

    asked: list[float] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.over.set()

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        await self.over.wait()


@dataclass
class Said:
    """One answer."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def code(self) -> str | None:
        """The agency's own code, whatever it calls it."""
        names = ("errorCode", "cuoWuMa", "errCode", "respCode", "cwdm", "resultCode", "returnCode")
        return next((self.body[name] for name in names if name in self.body), None)


@dataclass
class City:
    """The running simulator, as its callers see it."""

    base: str
    session: aiohttp.ClientSession
    clock: Moment
    inside: World | None = None
    pauses: Pauses = field(default_factory=Pauses)
    operator: str | None = None
    """Whose token has everybody asked in JSON, where the country speaks in styles of its own."""
    _keys: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def world(self) -> World:
        """What is behind the doors, where it is in this process."""
        assert self.inside is not None
        return self.inside

    async def ask(self, organisation: str, path: str, body: Any, key: str | None = None) -> Said:
        if self.operator is not None:
            return await self.plainly(organisation, path, body, key)
        return await self._post(f"/{organisation}{path}", body, key, {})

    async def plainly(self, organisation: str, path: str, body: Any, key: str | None = None) -> Said:
        """As its operator, in JSON whatever style it speaks."""
        headers = {"Authorization": f"Bearer {self.operator or TOKEN}"}
        return await self._post(f"/_plain/{organisation}{path}", body, key, headers)

    async def _post(self, path: str, body: Any, key: str | None, more: Mapping[str, str]) -> Said:
        headers = {"Idempotency-Key": key or f"key-{next(self._keys)}", "traceparent": "00-" + "1" * 32 + "-2-01"}
        async with self.session.post(self.base + path, json=body, headers={**headers, **more}) as got:
            return Said(
                got.status, _json(await got.read()), {name.title(): value for name, value in got.headers.items()}
            )

    async def turn(self, organisation: str, token: str = TOKEN, **knobs: Any) -> Said:
        headers = {"Authorization": f"Bearer {token}"}
        async with self.session.put(f"{self.base}/_faults/{organisation}", json=knobs, headers=headers) as got:
            return Said(got.status, _json(await got.read()))

    async def heal(self, organisation: str) -> None:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with self.session.delete(f"{self.base}/_faults/{organisation}", headers=headers) as got:
            assert got.status == 204

    def lines(self, name: str) -> list[dict[str, Any]]:
        """What stands in one of the simulator's files."""
        text = (self.world.journal.folder / f"{name}.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    async def silence(self, traceparent: str) -> None:
        """Until somebody has a request that will not be answered."""
        silent = (traceparent, "hang")
        # A file, which tells nobody.
        while silent not in {(one["traceparent"], one.get("mishap")) for one in self.lines("requests")}:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    async def hung(self) -> None:
        """Until anybody has a request that will not be answered."""
        while "hang" not in {one.get("mishap") for one in self.lines("requests")}:  # noqa: ASYNC110 - a file, too
            await asyncio.sleep(0.01)

    def car(self, **certificate: Any) -> Car:
        return Car(self, CERTIFICATE | certificate)


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw


@dataclass
class Car:
    """One car on its way; it remembers every number that it was given, and names it in later requests."""

    city: City
    certificate: dict[str, Any]
    known: dict[str, Any] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)

    def body(self, name: str, **changes: Any) -> dict[str, Any]:
        """The recorded request, about this car."""
        body: dict[str, Any] = self._told(plain(name)[1])
        if name == "insurance-quote" and self.certificate["driveMotorNo"]:
            body = {key: value for key, value in body.items() if key != "engineNo"}
            body |= {"motorNo": self.certificate["driveMotorNo"], "energyType": "1"}
        return body | changes

    async def attempt(self, name: str, key: str | None = None, **changes: Any) -> Said:
        """Ask for one operation, whatever comes of it."""
        if name == "upload":
            return self._heard(name, await self.city.ask("miit", "/certificates", self.certificate, key))
        if name == "pay-back":
            told = {"vin": self.certificate["vin"], "contractNo": self.known["contractNo"], "settleDate": "2026-03-02"}
            return self._heard(name, await self.city.ask(BANK, "/auto-loans/settlements", told | changes, key))
        agency = AGENCY_OF[name]
        path, _ = plain(name)
        organisation = ORGANISATION.get(agency, agency)
        return self._heard(name, await self.city.ask(organisation, path, self.body(name, **changes), key))

    async def through(self, *names: str) -> None:
        """Do what these operations need, and then them."""
        for name in names:
            if name not in self.done:
                await self.through(*BEFORE.get(name, ()))
                if name.endswith("-track"):
                    self.city.clock.pass_by(2)
                said = await self.attempt(name)
                assert said.status == 200, (name, said)

    def _heard(self, name: str, said: Said) -> Said:
        if said.status == 200 and isinstance(said.body, dict):
            self.done.add(name)
            for key, value in _leaves(said.body):
                self.known[key] = value
                self.known.update(dict.fromkeys(ALIASES.get(key, ()), value))
        return said

    def _told(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: self._told(inner, key) for key, inner in value.items()}
        return self.known.get(name, value)


def _leaves(body: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in body.items():
        if isinstance(value, dict):
            yield from _leaves(value)
        else:
            yield key, value


@asynccontextmanager
async def running(
    folder: Path, clock: Moment, chance: Callable[[], float], styles: Mapping[str, Build] = PLAINLY
) -> AsyncIterator[City]:
    """A simulator over a folder, until the block ends; nothing is written when it does, as after a kill."""
    world, pauses = opened(folder, clock), Pauses()
    premises = Premises(world, Mishaps(world, chance, pauses), Inbox(world), Settings(data=folder))
    async with at_work(Doors(premises, SECRETS, styles=styles)) as port, aiohttp.ClientSession() as session:
        yield City(f"http://127.0.0.1:{port}", session, clock, world, pauses)


Scenario = Callable[[City], Awaitable[None]]
Play = Callable[[Scenario], None]
