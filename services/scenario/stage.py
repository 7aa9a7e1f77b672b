"""A running stack as a scenario sees it and acts on it: the door, the agencies' knobs, the desks, and one look at all.

Everything is patient: a process that was just killed does not answer, and what was not acknowledged is said again.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from services.publisher.careful import ANSWER_S
from services.publisher.door import Door
from services.publisher.sales import Sale
from services.runtime.clock import Clock
from services.stack.credentials import organisation_tokens, publisher_tokens
from services.stack.running import Running, Service
from services.stack.trouble import TroubleError

T = TypeVar("T")
_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_LOOK_S: Final = 0.1
_MOST: Final = 500
_TRY_AGAIN: Final = frozenset({http.client.CONFLICT, http.client.SERVICE_UNAVAILABLE})


@dataclass(frozen=True, slots=True)
class View:
    """Everything at one moment: cases by id, deliveries that wait by id, and the agencies' ledger."""

    at: datetime = _NEVER
    cases: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    waiting: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    ledger: Sequence[Mapping[str, Any]] = ()

    def cases_of(self, vin: str, kind: str | None = None) -> list[Mapping[str, Any]]:
        """All cases of a car, whoever opened them; or those of one kind."""
        return [row for row in self.cases.values() if row["vin"] == vin and kind in {None, row["kind"]}]

    def effects(self, vin: str) -> list[Mapping[str, Any]]:
        """What the agencies did for a car, in their order."""
        return [line for line in self.ledger if line["vin"] == vin]

    def is_quiet(self, case_id: str) -> bool:
        """Whether nothing goes on in a case before time goes on: all that is asked waits, and no timer is due."""
        case = self.cases.get(case_id)
        if case is None:
            return False
        due = any(datetime.fromisoformat(timer["due"]) <= self.at for timer in case["timers"])
        return not due and all(self._waits(ask) for ask in case["asks"])

    def _waits(self, ask: Mapping[str, Any]) -> bool:
        row = self.waiting.get(ask["id"])
        if row is None:
            return bool(ask["ended"])
        next_try = row["next_try_at"]
        return row["state"] != "parked" or next_try is None or float(next_try) > self.at.timestamp()


@dataclass(frozen=True, slots=True)
class Said:
    """The door's answer; `cut`: an earlier try was, and may have been taken in all the same."""

    status: int
    body: Mapping[str, Any]
    cut: bool


@dataclass(slots=True)
class Stage:
    """One running stack. Used as a context manager; `watch` must run for anything to be seen."""

    stack: Running
    patience_s: float
    view: View = field(default_factory=View)
    _doors: dict[str, Door] = field(default_factory=dict)
    _open: AsyncExitStack = field(default_factory=AsyncExitStack)
    _turned: asyncio.Event = field(default_factory=asyncio.Event)
    _knobs: asyncio.Lock = field(default_factory=asyncio.Lock)
    _read: int = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()

    @property
    def clock(self) -> Clock:
        """The clock that everybody lives by."""
        return self.stack.settings.clock

    # -- seeing

    async def watch(self) -> None:
        """Look again and again; whoever is away at a moment is seen at a later one."""
        while True:
            view = await self._or_none(self._look)
            if view is not None:
                self.view = view
                self._turned.set()
                self._turned = asyncio.Event()
            await asyncio.sleep(_LOOK_S)

    async def turned(self) -> None:
        """Return at the next look, or when one is overdue."""
        turned = self._turned
        try:
            async with asyncio.timeout(self.patience_s):
                await turned.wait()
        except TimeoutError:
            return

    def _look(self) -> View:
        # Who waits is asked first: what was settled since then is settled in the cases, too.
        at = self.clock.now()
        found = self.stack.service("dispatch").ask("POST", "/v1/deliveries/search", {"most": _MOST})
        waiting = {row["id"]: row for row in found["deliveries"]}
        cases = {row["id"]: row for row in map(json.loads, self.stack.service("journey").lines("/v1/export/cases"))}
        return View(at, cases, waiting, (*self.view.ledger, *self._new_effects()))

    def _new_effects(self) -> Iterator[Mapping[str, Any]]:
        path: Path = self.stack.folder.simulator / "ledger.jsonl"
        with path.open("rb") as ledger:
            ledger.seek(self._read)
            for line in ledger:
                if not line.endswith(b"\n"):
                    return
                self._read += len(line)
                yield json.loads(line)

    async def story(self, case_id: str) -> Mapping[str, Any] | None:
        """The case as the console tells it; None while it knows none, or is away."""
        return await self._or_none(lambda: self.stack.service("console").ask("GET", f"/api/cases/{case_id}"))

    async def told(self, publisher: str, id_: str) -> Mapping[str, Any] | None:
        """What the publisher hears of what it handed in; None while the door knows nothing, or is away."""
        token = publisher_tokens(self.stack.folder)[publisher]
        door = replace(self.stack.service("door"), token=token)
        return await self._or_none(lambda: door.ask("GET", f"/v1/sales/{id_}"))

    async def away(self) -> Mapping[str, str]:
        """By organisation that dispatch may not call, why not; of none while dispatch itself is away."""
        found = await self._or_none(lambda: self.stack.service("dispatch").ask("GET", "/v1/organisations"))
        return {one["id"]: one["reason"] or "" for one in found or () if one["state"] != "closed"}

    async def _or_none(self, ask: Callable[[], T]) -> T | None:
        try:
            return await asyncio.to_thread(ask)
        except TroubleError:
            return None

    # -- acting

    async def hand_in(self, publisher: str, sale: Sale) -> Said:
        """At the door, until it answers. Raises `TimeoutError`."""
        door, cut = await self._door(publisher), False
        async with asyncio.timeout(self.patience_s):
            while True:
                try:
                    async with asyncio.timeout(ANSWER_S):
                        status, body = await door.answered(sale)
                except (TroubleError, TimeoutError):
                    cut = True
                else:
                    if status not in _TRY_AGAIN:
                        return Said(status, json.loads(body), cut)
                await asyncio.sleep(_LOOK_S)

    async def _door(self, publisher: str) -> Door:
        if publisher not in self._doors:
            self._doors[publisher] = await self._open.enter_async_context(Door.of(self.stack, publisher))
        return self._doors[publisher]

    async def turn(self, organisation: str, change: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
        """Turn knobs of an organisation as they stand now. Raises `TimeoutError`."""
        simulator = self.stack.service("simulator")

        def act() -> None:
            known = simulator.ask("GET", "/_faults").get(organisation, {})
            simulator.ask("PUT", f"/_faults/{organisation}", change(known))

        # One after the other: each changes what it has read.
        async with self._knobs:
            await self._until_done(act)

    async def act(self, case_id: str, act: str, form: Mapping[str, Any]) -> None:
        """At the journey's desk, as a person. Raises `Refused`."""
        await self._post(self.stack.service("journey"), f"/v1/cases/{case_id}/{act}", form)

    async def give_notice(self, organisation: str, notice: Mapping[str, Any]) -> None:
        """At dispatch's door, as an organisation. Raises `Refused`."""
        token = organisation_tokens(self.stack.folder)[organisation]
        door = replace(self.stack.service("dispatch"), token=token)
        await self._post(door, f"/v1/organisations/{organisation}/notices", notice)

    async def _post(self, service: Service, path: str, form: Mapping[str, Any]) -> None:
        def act() -> None:
            with service.answered("POST", path, form, ANSWER_S) as reply:
                said = reply.read().decode(errors="replace")
                if reply.status == http.client.SERVICE_UNAVAILABLE:
                    raise TroubleError(f"{service.name}：{said}", f"{service.name}: {said}", fix=path)
                if reply.status >= http.client.BAD_REQUEST:
                    raise Refused(f"{service.name} {reply.status}: {said}")

        await self._until_done(act)

    async def _until_done(self, act: Callable[[], None]) -> None:
        deadline = time.monotonic() + self.patience_s
        while True:
            try:
                await asyncio.to_thread(act)
            except TroubleError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(_LOOK_S)
            else:
                return


class Refused(Exception):
    """A desk said no, and would say so again."""
