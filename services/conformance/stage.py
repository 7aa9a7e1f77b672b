"""Where a case is played: cars brought to where a command can succeed, and commands put to the agency under test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import count
from typing import Any, Final, Never

from adapters.errors import NotYet
from adapters.spec import Adapter, Json
from contracts.contract import Contract

from .bed import Bed, Blocked
from .car import Car, car, command, number_of, wrong_check
from .client import Ask, Came, Client, as_it_is, fresh_key
from .exchanges import Line, shown
from .fixtures import PLAIN, Fixture, Situation, plain
from .walk import before
from .wire import Silence

_LOOKS_EVERY_S: Final = 0.2


class Unmet(Exception):
    """What a case demands did not come. Both texts are about kinds of answers, never about what stands in them."""

    def __init__(self, expected: str, came: str) -> None:
        super().__init__(f"{expected} ≠ {came}")
        self.expected = expected
        self.came = came


def demand(holds: object, expected: str, came: Came | str) -> None:
    """Raise `Unmet` where something does not hold."""
    if not holds:
        raise Unmet(expected, came.told if isinstance(came, Came) else came)


def asked(adapter: Adapter, fixture: Fixture, car: Car, situation: Situation = PLAIN) -> Ask:
    """A fixture's command about this car, as it would be sent."""
    operation = adapter.operations[fixture.command]
    told = command(operation.command.versions.models[-1], fixture.given, {**car.facts, **situation.change})
    if fixture.asks_back:
        if operation.lookup is None:
            raise LookupError(f"{fixture.name}: the operation has no look-up")
        lookup = operation.lookup
        return Ask(operation, told, car, lookup.request(told), None, lookup.endpoint, looks_up=True)
    body = operation.request(told)
    for name in situation.spoil:
        value = getattr(told, name)
        body = replaced(body, value, wrong_check(value))
    return Ask(operation, told, car, body, fresh_key())


def replaced(body: Json, value: str, other: str) -> Json:
    """A body in which a text stands instead of another, wherever that stands."""
    if isinstance(body, dict):
        return {name: replaced(inner, value, other) for name, inner in body.items()}
    if isinstance(body, list):
        return [replaced(inner, value, other) for inner in body]
    return other if body == value else body


async def answered(client: Client, ask: Ask) -> Came:
    """Send a command and have its answer; what only asks for something under way is asked again for a while."""
    came = await client.answer(ask, await client.ask(ask))
    give_up_at = asyncio.get_running_loop().time() + (client.patience_s if ask.operation.question else 0.0)
    while isinstance(came.error, NotYet) and asyncio.get_running_loop().time() < give_up_at:
        await asyncio.sleep(_LOOKS_EVERY_S)
        came = await client.answer(ask, await client.ask(ask))
    return came


@dataclass(slots=True)
class Stage:
    """The stage of one case, which is the how-manieth of its agency (`index`) and has so many `cars`.

    `client` is ours; `stranger` speaks as we do, and nobody knows its seal.
    """

    client: Client
    stranger: Client
    bed: Bed
    round_: int
    index: int
    cars: int
    day: date
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def adapter(self) -> Adapter:
        """What the agency under test promises."""
        return self.client.adapter

    def car(self) -> Car:
        """A car that no other case has."""
        number = next(self._numbers)
        if number >= self.cars:
            raise OverflowError(f"the case has {self.cars} cars")
        return car(self.round_, number_of(self.index, number), self.day)

    async def through(self, car: Car, steps: Sequence[str]) -> None:
        """Go these steps with a car, as far as it has not gone them. Raises `Blocked`."""
        for step in steps:
            if step not in car.done:
                await self._step(car, step)
                car.done.add(step)

    async def _step(self, car: Car, step: str) -> None:
        if step not in self.adapter.operations:
            car.facts |= await self.bed.bring(step, car)
            return
        came = await answered(self.client, asked(self.adapter, plain(self.adapter, step), car))
        if came.event is None:
            raise Blocked(step, came.told)
        car.learn(came.event)

    async def ready(self, name: str, car: Car | None = None) -> Ask:
        """A command that must succeed now. Raises `Blocked`."""
        return await self.staged(plain(self.adapter, name), PLAIN, car)

    async def staged(self, fixture: Fixture, situation: Situation, car: Car | None = None) -> Ask:
        """A fixture's command in the situation in which it was recorded. Raises `Blocked`."""
        car = car or self.car()
        await self.through(car, before(fixture.command, situation.without, situation.after))
        for name in situation.borrowed:
            car.facts[name] = await self._of_another_car(fixture.command, name)
        return asked(self.adapter, fixture, car, situation)

    async def _of_another_car(self, name: str, fact: str) -> Any:
        other = self.car()
        await self.through(other, before(name))
        return other.facts[fact]

    def exchanged(self) -> Sequence[Line]:
        """What went over the wire last, call-backs about its cars among it."""
        lines, about, door = list(self.client.exchanges.lines), self.client.exchanges.about, self.client.door
        for one in (*door.turned_away, *door.came) if door is not None else ():
            ours = one.organisation == self.client.organisation
            if ours and any(one.concerns(key, vin) for key, vin in about):
                lines.append(Line(one.at, "called back", one.told({key for key, _ in about})))
        return shown(lines)

    def arranged(self, condition: str, car: Car) -> AbstractAsyncContextManager[None]:
        """A state of the test bed for as long as this lasts."""
        return self.bed.arranged(condition, car)

    async def ask(self, ask: Ask) -> Came:
        """Put a command to the agency once, and have its answer."""
        return await self.client.answer(ask, await self.client.ask(ask))

    async def altered(self, ask: Ask, **changes: Any) -> Came:
        """Put a command to the agency with its message changed: `raw`, well sealed, `method`, `url`, `headers`."""
        said = self.client.said(ask, changes.pop("raw", None))
        headers = {**said.headers, **changes.pop("headers", {})}
        return await self.client.answer(ask, await self.client.send(ask, replace(said, headers=headers, **changes)))

    def written(self, ask: Ask) -> bytes:
        """A command's message, without its seal."""
        return replace(self.client, seal=as_it_is).said(ask).raw

    def document(self, ask: Ask) -> Json:
        """A command's message as JSON has it, where it is JSON."""
        return json.loads(self.written(ask))

    def url(self, ask: Ask) -> str:
        """Where a command goes."""
        return self.client.said(ask).url

    async def cut(self, ask: Ask, *, sent: float = 1.0) -> None:
        """Send a command, or a part of it, and hang up. Raises `Unmet` where nobody listens."""
        said = self.client.said(ask)
        self.client.exchanges.sent(said, ask.car.vin, ask.key, part=sent)
        self.client.exchanges.hung_up()
        try:
            await self.client.wire.cut(said, sent=sent)
        except Silence as silence:
            raise Unmet("a connection", str(silence)) from None

    async def event(self, ask: Ask) -> Contract:
        """What a command that must succeed brings. Raises `Unmet`."""
        came = await answered(self.client, ask)
        return came.event or _nothing(ask, came)

    async def same(self, ask: Ask, event: Contract) -> None:
        """Demand that a command brings the same as before."""
        again = await self.event(ask)
        differing = sorted(
            name for name in type(event).model_fields if getattr(event, name) != getattr(again, name, None)
        )
        demand(not differing, "the answer that was given before", f"another answer: {', '.join(differing)} differ")

    def under(self, ask: Ask, key: str | None) -> Ask:
        """A command under another's key."""
        return replace(ask, key=key)

    def look_up(self, ask: Ask) -> Ask:
        """The question whether a command was carried out. Raises LookupError where nobody can ask."""
        if ask.operation.lookup is None:
            raise LookupError(ask.operation.command.versions.name)
        lookup = ask.operation.lookup
        return replace(ask, body=lookup.request(ask.command), key=None, elsewhere=lookup.endpoint, looks_up=True)

    def with_body(self, ask: Ask, body: Json) -> Ask:
        """A command that says something else on the wire."""
        return replace(ask, body=body)


def _nothing(ask: Ask, came: Came) -> Never:
    raise Unmet(ask.operation.command.answer.name, came.told)
