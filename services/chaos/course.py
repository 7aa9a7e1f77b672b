"""A run from the first sale to the verdict: load, faults by the schedule, healing, patience, and a judge."""

from __future__ import annotations

import asyncio
import http.client
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from services.chaos.blows import BLOWS
from services.chaos.rig import Rig
from services.chaos.schedule import Strike
from services.publisher.careful import Pace, hand_in_steadily, invented
from services.publisher.door import Door
from services.publisher.sales import Sale
from services.stack.installation import Absent, NeverBack
from services.stack.judge import Judgement
from services.stack.running import Service
from services.stack.trouble import TroubleError

_PUBLISHER: Final = "platform"
_LOOK_S: Final = 1.0
_FOUND_S: Final = 30.0
_HEALED_S: Final = 240.0
_ANSWER_S: Final = 15.0
_GOES_ON_S: Final = 10.0
_PAGE: Final = 100
_ENDED: Final = ("closed", "manual", "cancelled", "refused")

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Run:
    """What is to happen."""

    seed: int
    minutes: float
    strikes: Sequence[Strike]
    per_s: float = 1.0
    """Sales handed in a second."""
    patience_s: float = 600.0

    @property
    def seconds(self) -> float:
        return self.minutes * 60

    @property
    def sales(self) -> int:
        return max(1, round(self.seconds * self.per_s))


@dataclass(slots=True)
class Course:
    """A run on its ground, as it goes."""

    run: Run
    rig: Rig
    tell: Tell
    struck: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    again: Counter[str] = field(default_factory=Counter)
    """What was dealt a second time, because its own moment was another fault's."""
    acknowledged: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    healed_s: float | None = None
    never_back: list[str] = field(default_factory=list)
    """What a fault took away and nobody brought back within all patience, by name."""
    began: float = field(default_factory=time.monotonic)
    _retried: set[str] = field(default_factory=set)
    _tried_again_at: float = 0.0

    async def play(self) -> None:
        """Everything but the verdict. What did not end within the patience shows in `counts`."""
        self.began = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            publishing = tasks.create_task(self._publish())
            async with asyncio.TaskGroup() as faults:
                for strike in self.run.strikes:
                    faults.create_task(self._strike(strike))
                faults.create_task(asyncio.sleep(self.run.seconds))
            await self._deal_again()
            await self._heal()
            await publishing
            await self._settle()

    # -- load

    async def _publish(self) -> None:
        stack, pace = self.rig.up.running, Pace(self.run.per_s, self.run.seconds + _HEALED_S + self.run.patience_s)
        planned = invented(stack, _PUBLISHER, Random(self.run.seed), self.run.sales)  # noqa: S311 - a repeatable run
        async with Door.of(stack, _PUBLISHER) as door:
            await hand_in_steadily(door, planned, pace, self._taken, self._given_up)

    def _taken(self, _: Sale) -> None:
        self.acknowledged += 1

    def _given_up(self, sale: Sale) -> None:
        self._lose(f"sale {sale.sourceid} was never taken")

    # -- faults

    async def _strike(self, strike: Strike) -> None:
        await asyncio.sleep(self.began + strike.at_s - time.monotonic())
        self._say(str(strike))
        try:
            async with AsyncExitStack() as blow:
                await self._begin(blow, strike)
                self.struck[strike.fault] += 1
                await asyncio.sleep(strike.lasts_s)
        except (Absent, TroubleError) as why:
            self.missed[strike.fault] += 1
            self._say(f"未命中 / missed: {strike}: {why}")
        except NeverBack as lost:
            self._lose(f"{strike}: {lost}")

    async def _deal_again(self) -> None:
        """What a run would show nothing of is dealt once more, alone: on a slow machine one fault may bar another."""
        missing = self.never_dealt
        for strike in {one.fault: one for one in self.run.strikes if one.fault in missing}.values():
            self.again[strike.fault] += 1
            await self._strike(strike)

    async def _begin(self, blow: AsyncExitStack, strike: Strike) -> None:
        """Deal it; whose target is just being replaced is waited for, for a while."""
        patience = time.monotonic() + _FOUND_S
        while True:
            try:
                await blow.enter_async_context(BLOWS[strike.fault](self.rig, strike))
            except Absent:
                if time.monotonic() > patience:
                    raise
                await asyncio.sleep(_LOOK_S)
            else:
                return

    def _lose(self, what: str) -> None:
        self.never_back.append(what)
        self._say(f"没有恢复 / never back: {what}")

    def _say(self, what: str) -> None:
        at = time.monotonic() - self.began
        self.tell(f"{at:7.1f} s  已收 / taken {self.acknowledged:>4}  {what}")

    # -- healing

    async def _heal(self) -> None:
        self._say("故障结束 / no more faults")
        began = time.monotonic()
        try:
            async with asyncio.timeout(_HEALED_S):
                await self._mended()
            await self.rig.up.until_ready(began + _HEALED_S - time.monotonic())
        except TimeoutError:
            self._lose(f"not started again in {_HEALED_S:.0f} s")
        except NeverBack as lost:
            self._lose(str(lost))
        else:
            self.healed_s = round(time.monotonic() - began, 1)
            self._say(f"{self.healed_s} 秒后全部就绪 / everything is ready")

    async def _mended(self) -> None:
        while True:
            try:
                await self.rig.heal()
            except TroubleError as trouble:
                self._say(f"再试 / again: {trouble.en}")
                await asyncio.sleep(_LOOK_S)
            else:
                return

    async def _settle(self) -> None:
        """Wait until every case has ended, and be the person who is asked to try again."""
        deadline = time.monotonic() + self.run.patience_s
        while time.monotonic() < deadline:
            try:
                self.counts = await asyncio.to_thread(self._counted)
                await asyncio.to_thread(self._try_again)
            except TroubleError as away:
                self._say(f"再看 / again: {away.en}")
            if self._all_ended():
                self._say(f"全部办结 / all ended: {self._told()}")
                return
            await asyncio.sleep(_LOOK_S)
        self._say(f"{self.run.patience_s:.0f} 秒内没有全部办结 / not all ended: {self._told()}")

    def _all_ended(self) -> bool:
        """What is a person's may go on by itself once its delivery was tried again; that takes a moment."""
        waits = self.counts.get("manual", 0) and time.monotonic() - self._tried_again_at < _GOES_ON_S
        return not waits and sum(self.counts.get(name, 0) for name in _ENDED) >= self.run.sales

    def _told(self) -> str:
        return ", ".join(f"{name} {count}" for name, count in self.counts.items() if count)

    def _counted(self) -> dict[str, int]:
        counts: dict[str, int] = self.rig.up.running.service("console").ask("GET", "/api/status")["cases"]
        return counts

    def _try_again(self) -> None:
        """Once each: what waits for its next try, or died of a fault, as an operator does after an outage."""
        dispatch = self.rig.up.running.service("dispatch")
        for state in ("parked", "dead"):
            for row in dispatch.ask("POST", "/v1/deliveries/search", {"state": state, "most": _PAGE})["deliveries"]:
                if row["id"] not in self._retried and row["failure"] != "not-yet":
                    self._retry(dispatch, row["id"])

    def _retry(self, dispatch: Service, id_: str) -> None:
        form = {"reason": "after the faults", "by": "tongche chaos"}
        with dispatch.answered("POST", f"/v1/deliveries/{id_}/retry", form, _ANSWER_S) as reply:
            # Refused where it is being tried at this moment: then it needs nobody, or is asked for again.
            if reply.status == http.client.OK:
                self._retried.add(id_)
                self._tried_again_at = time.monotonic()

    @property
    def ended(self) -> bool:
        """Whether everything is healed and every sale has ended."""
        return not self.never_back and self.counts.get("open", 1) == 0 and self.acknowledged == self.run.sales

    @property
    def never_dealt(self) -> list[str]:
        """The kinds of faults of which every one that was planned was missed: about them the run has shown nothing."""
        planned = Counter(strike.fault for strike in self.run.strikes) + self.again
        return sorted(fault for fault, times in planned.items() if self.missed[fault] == times)

    def report(self, verdict: Judgement) -> dict[str, Any]:
        """For scripts."""
        told = verdict.as_json()
        return {
            "seed": self.run.seed,
            "minutes": self.run.minutes,
            "sales": self.run.sales,
            "acknowledged": self.acknowledged,
            "cases": self.counts,
            "faults": dict(self.struck),
            "missed": dict(self.missed),
            "never_dealt": self.never_dealt,
            "retried_by_hand": len(self._retried),
            "healed_s": self.healed_s,
            "never_back": self.never_back,
            "wall_s": round(time.monotonic() - self.began, 1),
            "ended": self.ended,
            **told,
        }
