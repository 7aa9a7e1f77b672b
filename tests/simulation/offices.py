"""Organisations in a simulated world, each with its own book of what it did, and moods."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

from adapters.errors import Ambiguous, Unavailable
from adapters.organisations import ORGANISATIONS, Organisation
from adapters.police import ADAPTER
from adapters.spec import Adapter, Endpoint, Features, Json, Limits, Lookup, Operation, Reply, RetryPolicy
from services.dispatch.calls import Agency
from tests.envelopes import said
from tests.simulation.world import Process, World

COMMAND: Final = "plate.release"
_ASK: Final = "/ask"
_TIMEOUT: Final = timedelta(seconds=1)
_WELL: Final = {"well": 1.0}
MOODS: Final[dict[str, dict[str, float]]] = {
    "well": _WELL,
    "slow": {"well": 0.5, "slow": 0.5},
    "down": {"away": 1.0},
    "busy": {"well": 0.4, "busy": 0.6},
    "shaky": {"well": 0.5, "error": 0.1, "error after": 0.1, "cut off": 0.1, "cut off after": 0.2},
    "mad": {"well": 0.4, "garbage": 0.15, "garbage after": 0.2, "another's": 0.1, "error after": 0.15},
    "silent": {"well": 0.5, "hang": 0.2, "hang after": 0.3},
}
"""What an organisation does with a call, how often; `after` means after the effect."""


def kind(features: Features) -> Adapter:
    """An adapter of the police with one operation, in the seconds that a small world lasts."""
    ours = ADAPTER.operations[COMMAND]
    lookup = Lookup(Endpoint("POST", _ASK, _TIMEOUT), ours.request, ours.response)
    operation = replace(
        ours,
        endpoint=replace(ours.endpoint, timeout=_TIMEOUT),
        lookup=lookup if features is Features.QUERYABLE else None,
    )
    return replace(
        ADAPTER,
        operations={COMMAND: operation},
        features=features,
        retry=RetryPolicy(timedelta(seconds=1), timedelta(milliseconds=100), longest=timedelta(seconds=1)),
        limits=Limits(concurrency=4, records=12),
    )


@dataclass(frozen=True, slots=True)
class Effect:
    """What an organisation did, by whose key, for which vehicle."""

    key: str
    vin: str
    number: str
    at: float


@dataclass(slots=True, eq=False, repr=False)
class Office:
    """One organisation. It refuses some commands for good, and some until a time."""

    world: World
    name: str
    adapter: Adapter
    mood: dict[str, float] = field(default_factory=lambda: _WELL)
    book: list[Effect] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    refuses: set[str] = field(default_factory=set)
    not_yet: set[str] = field(default_factory=set)
    calls: int = 0
    on_effect: Callable[[Office, Effect], None] = lambda *_: None
    on_call: Callable[[Office, str, str], None] = lambda *_: None
    """Hears which process calls about which vehicle."""

    @property
    def organisation(self) -> Organisation:
        """As dispatch knows it."""
        return ORGANISATIONS["police"].model_copy(update={"id": self.name})

    def does(self) -> str:
        """What it will do with a call."""
        return self.world.chance.choices(list(self.mood), list(self.mood.values()))[0]

    def hears(self, key: str, body: dict[str, str], does: str) -> Reply | None:
        """A request arrived; None where no answer ever leaves."""
        self.calls += 1
        vin, number = body["clsbdh"], body["yllsh"]
        if does == "busy":
            return _read(self.world.chance.choice((429, 503)), b"", **{"retry-after": "1"})
        if does in ("error", "garbage", "hang", "cut off"):
            return self._odd(does, body)
        if number in self.not_yet:
            return _read(200, said("-1404"))
        if number in self.refuses:
            self.refused.add(number)
            return _read(200, said("-1423"))
        if self.adapter.features is not Features.IDEMPOTENT or not self.knows(number):
            effect = Effect(key, vin, number, self.world.now)
            self.on_effect(self, effect)
            self.book.append(effect)
        return self._odd(does.removesuffix(" after"), body)

    def asked(self, body: dict[str, str]) -> Reply:
        """A look-up arrived."""
        if self.knows(body["yllsh"]):
            return _read(200, said(**body))
        return _read(200, said("-1404"))

    def knows(self, number: str) -> bool:
        """Whether it did this."""
        return any(effect.number == number for effect in self.book)

    def _odd(self, does: str, body: dict[str, str]) -> Reply | None:
        match does:
            case "error":
                return _read(500, b"")
            case "garbage":
                return _read(200, b"<html>")
            case "another's":
                return _read(200, said(**body | {"yllsh": "another"}))
            case "hang" | "cut off":
                return None
            case _:
                return _read(200, said(**body))


@dataclass(frozen=True, slots=True)
class SimulatedAgency(Agency):
    """The way to an office from one process."""

    office: Office = field(kw_only=True)
    process: Process = field(kw_only=True)
    caller: str = field(kw_only=True)

    @property
    def adapter(self) -> Adapter:
        """Its own."""
        return self.office.adapter

    def operation(self, command: str) -> Operation | None:
        """The one it has."""
        return self.office.adapter.operations.get(command)

    async def _call(
        self, operation: Operation, endpoint: Endpoint, body: Json, key: str | None, traceparent: str
    ) -> Reply:
        del operation, traceparent
        self.office.on_call(self.office, self.caller, body["clsbdh"])
        does, world, request = self.office.does(), self.process.world, dict(body)
        if does == "away":
            await self.process.wait(world.short(), lambda: None)
            raise Unavailable
        delay = world.chance.uniform(0.3, 0.6) if does == "slow" else world.short()
        if does == "late":
            delay = endpoint.timeout.total_seconds() * 5
        arrives: Callable[[], Any] = (
            (lambda: self.office.asked(request)) if key is None else (lambda: self.office.hears(key, request, does))
        )
        try:
            async with asyncio.timeout(endpoint.timeout.total_seconds()):
                reply: Reply | None = await self.process.wait(delay, arrives)
                if reply is None and does.startswith("hang"):
                    await asyncio.Event().wait()
        except TimeoutError:
            raise Ambiguous from None
        if reply is None:
            raise Ambiguous
        return reply


def _read(status: int, raw: bytes, **headers: str) -> Reply:
    return ADAPTER.binding.read(status, headers, raw)
