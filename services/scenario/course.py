"""A run: all steps of all chosen scenarios in the order of time, leaping from one quiet moment to the next."""

from __future__ import annotations

import asyncio
import re
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from contracts.types import instant_text
from services.publisher.sales import Sale
from services.runtime import leaps
from services.runtime.leaps import LeapingClock
from services.stack.installation import Absent, Installation, NeverBack

from . import books
from .catalogue import Scenario
from .judge import Difference, answered, differences
from .seen import Answer, Seen, Sight
from .stage import Said, Stage
from .steps import Act, Expect, Notice, Publish, Return, Script, Step, Tell, Turn
from .timeline import Instant, Kill, instants

_TYPES: Final = {
    "correct": "tongche.sale.corrected.v1",
    "cancel": "tongche.sale.cancelled.v1",
    "return": "tongche.sale.returned.v1",
}
_RETURNED: Final = "returned-car"
_ACCEPTED: Final = 202
_FIRST, _AGAIN = "0", "1"
_REPLACED_S: Final = 60.0
_AFTERWARDS: Final = timedelta(minutes=10)
_FILLED: Final = re.compile(r"\$\{([^}]+)\}")

Hear = Callable[[str], None]


@dataclass(slots=True)
class Played:
    """One scenario as it goes: which case each of its sales became, and what differed."""

    scenario: Scenario
    cases: dict[str, str] = field(default_factory=dict)
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    ended: bool = False

    @property
    def live(self) -> bool:
        """Whether it goes on: one that went wrong is not waited for."""
        return not self.differences and not self.ended

    @property
    def passed(self) -> bool:
        return self.ended and not self.differences


class Unseen(Exception):
    """What was to be seen did not come."""

    def __init__(self, found: Sequence[Difference]) -> None:
        super().__init__("; ".join(one.en for one in found))
        self.differences = found


@dataclass(slots=True)
class Course:
    """The chosen scenarios on a stack whose clock leaps."""

    scenarios: Sequence[Scenario]
    kills: Sequence[Kill]
    stage: Stage
    tell: Hear
    """Told what happened, a line each."""
    show: Hear
    """Shown what it is at, while it is."""
    killed: list[str] = field(default_factory=list)
    hit: set[str] = field(default_factory=set)
    """The scenarios that had something to do at a moment at which a process was killed."""
    never_back: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    played: dict[str, Played] = field(init=False)

    def __post_init__(self) -> None:
        self.played = {one.name: Played(one) for one in self.scenarios}

    async def play(self) -> None:
        """Everything but the checker's verdict. What went wrong stands in `played`."""
        watching = asyncio.create_task(self.stage.watch())
        try:
            moments = instants(self.scenarios)
            for number, instant in enumerate(moments):
                self.show(f"{number + 1}/{len(moments)}  {instant.at:%Y-%m-%d %H:%M}  {', '.join(instant.steps)}")
                self._leap(instant.at)
                await self._at(number, instant)
            self._leap(self._now() + _AFTERWARDS)
            await self._afterwards()
        finally:
            watching.cancel()

    async def _at(self, number: int, instant: Instant) -> None:
        hits = [asyncio.create_task(self._kill(kill, instant)) for kill in self.kills if kill.instant == number]
        acting = [self._act_all(self.played[name], steps) for name, steps in instant.steps.items()]
        await asyncio.gather(*acting, *hits)
        await asyncio.gather(*(self._quietly(one) for one in self.played.values() if one.live))
        ending = [self.played[name] for name in sorted(instant.ending) if self.played[name].live]
        await asyncio.gather(*(self._judge(one) for one in ending))

    # -- time

    def _leap(self, to: datetime) -> None:
        clock = self.stage.clock
        if isinstance(clock, LeapingClock) and clock.now() < to:
            leaps.leap(clock.file, to)

    def _now(self) -> datetime:
        return self.stage.clock.now()

    # -- acting

    async def _act_all(self, one: Played, steps: Sequence[Step]) -> None:
        try:
            for step in steps:
                if not one.live:
                    return
                await self._until_seen(one, step.when, quiet=isinstance(step, Expect))
                await self._act(one, step)
        except Unseen as unseen:
            self._fail(one, unseen.differences)
        except Exception as wrong:  # noqa: BLE001 - one scenario that goes wrong is told, and stops no other
            self._fail(one, [Difference("step", "done", f"{type(wrong).__name__}: {wrong}")])

    async def _act(self, one: Played, step: Step) -> None:
        match step:
            case Publish():
                await self._publish(one, step)
            case Tell() | Return():
                await self._say(one, step)
            case Notice():
                notice = {"id": f"{one.scenario.name}:{step.name}", "type": step.type, "data": self._filled(one, step)}
                await self.stage.give_notice(step.organisation, notice)
            case Script():
                script = step.answer | {"vin": step.vin}
                await self.stage.turn(step.organisation, lambda known: _worsened(known, {"scripts": [script]}))
            case Turn():
                change = _worsened if step.do == "fault" else _mended
                await self.stage.turn(step.organisation, lambda known: change(known, step.knobs))
            case Act():
                form = {"reason": step.reason, "by": step.by} | ({"owner": step.owner} if step.owner else {})
                await self.stage.act(one.cases[step.sale], step.act, form)
            case Expect():
                pass

    async def _publish(self, one: Played, step: Publish) -> None:
        sourceid = f"{step.data['seller_uscc']}:{step.data['order_no']}"
        sale = Sale(_source(step.publisher), sourceid, step.type, step.data)
        for _ in range(step.times):
            said = await self.stage.hand_in(step.publisher, sale)
            self._note(one, step.answers, said)
            if said.status == _ACCEPTED:
                one.cases.setdefault(step.sale, str(said.body["case_id"]))

    async def _say(self, one: Played, step: Tell | Return) -> None:
        data = {"vin": one.scenario.vins[step.sale]} | step.data
        sale = Sale(_source(step.publisher), f"{one.scenario.name}:{step.name}", _TYPES[step.do], data)
        for _ in range(step.times):
            self._note(one, step.answers, await self.stage.hand_in(step.publisher, sale))

    def _note(self, one: Played, name: str, said: Said) -> None:
        before = one.answers.setdefault(name, [])
        before.append(_answer(said, first=not before))

    def _filled(self, one: Played, step: Notice) -> dict[str, Any]:
        """`${…}` by what the ledger says of the car."""
        effects = self.stage.view.effects(one.scenario.vins[step.sale])

        def fill(found: re.Match[str]) -> str:
            told = books.values(effects, found[1])
            if not told:
                raise LookupError(f"no {found[1]} in the ledger")
            return str(told[-1])

        return {
            name: _FILLED.sub(fill, value) if isinstance(value, str) else value for name, value in step.data.items()
        } | {"vin": one.scenario.vins[step.sale]}

    async def _kill(self, kill: Kill, instant: Instant) -> None:
        """Hit it, wherever it is at that moment, and wait until another does its work."""
        up = Installation(self.stage.stack.folder)
        await asyncio.sleep(kill.after_s)
        try:
            victim = up.signal(kill.victim, signal.SIGKILL)
        except Absent:
            self.tell(f"{kill.victim} 不在 / was not there")
            return
        self.killed.append(kill.victim)
        self.hit |= instant.steps.keys()
        self.tell(self._timed(f"kill -9 {kill.victim}"))
        try:
            await up.until_replaced(kill.victim, victim, _REPLACED_S)
            await up.until_ready(_REPLACED_S)
        except NeverBack as lost:
            self.never_back.append(str(lost))
            self.tell(self._timed(f"没有恢复 / never back: {lost}"))

    # -- seeing

    async def _until_seen(self, one: Played, wanted: Mapping[str, Seen], *, quiet: bool) -> None:
        """Wait until all of that is seen, and, if wanted, nothing more is on its way. Raises `Unseen`."""
        deadline = time.monotonic() + self.stage.patience_s
        while wanted or quiet:
            found = [each for label, seen in wanted.items() for each in await self._differences(one, label, seen)]
            noise = self._noise(one) if quiet else []
            if not found and not noise:
                return
            if time.monotonic() > deadline:
                raise Unseen(found or noise)
            await self.stage.turned()

    async def _differences(self, one: Played, label: str, seen: Seen) -> list[Difference]:
        return differences(label, seen, await self._sight(one, label, seen))

    async def _sight(self, one: Played, label: str, seen: Seen) -> Sight:
        view = self.stage.view
        case_id = self._case(one, label)
        story = await self.stage.story(case_id) if seen.needs_story and case_id else None
        told = None
        if seen.told is not None and case_id:
            told = await self.stage.told(one.scenario.publisher(label), case_id)
        away = await self.stage.away() if seen.away is not None else {}
        vin = one.scenario.vins[label]
        waiting = [row for row in view.waiting.values() if row["case"] == case_id]
        # What the door did not take must have no case at all, whatever it is called.
        case = view.cases.get(case_id) if case_id else next(iter(view.cases_of(vin)), None)
        return Sight(case, story, waiting, view.effects(vin), told, away)

    def _case(self, one: Played, label: str) -> str:
        """By which id it is known; a return's own case was not published, and is found by its car."""
        if label not in one.scenario.returns:
            return one.cases.get(label, "")
        following = self.stage.view.cases_of(one.scenario.vins[label], _RETURNED)
        return str(following[0]["id"]) if following else ""

    def _noise(self, one: Played) -> list[Difference]:
        """What goes on in any case of its cars, also in those that nobody published."""
        view, cases = self.stage.view, {case_id: label for label, case_id in one.cases.items()}
        for vin in set(one.scenario.vins.values()):
            cases = {row["id"]: row["kind"] for row in view.cases_of(vin)} | cases
        loud = [name for case_id, name in cases.items() if not view.is_quiet(case_id)]
        return [Difference(name, "quiet", "on its way") for name in loud]

    async def _quietly(self, one: Played) -> None:
        try:
            await self._until_seen(one, {}, quiet=True)
        except Unseen as unseen:
            self._fail(one, unseen.differences)

    # -- judging

    async def _judge(self, one: Played) -> None:
        expected = one.scenario.expected
        try:
            await self._until_seen(one, expected.sales, quiet=True)
        except Unseen as unseen:
            one.differences += unseen.differences
        for name, answers in expected.answers.items():
            one.differences += answered(name, answers, one.answers.get(name, []))
        one.ended = True
        self._tell(one)

    async def _afterwards(self) -> None:
        """What the agencies did stands, whatever time has brought since; nothing was done again."""
        over = [one for one in self.played.values() if one.passed]
        await asyncio.gather(*(self._quietly(one) for one in over))
        for one in over:
            for label, seen in one.scenario.expected.sales.items():
                effects = seen.model_copy(update=dict.fromkeys(Seen.model_fields) | {"effects": seen.effects})
                one.differences += await self._differences(one, label, effects)

    def _fail(self, one: Played, found: Sequence[Difference]) -> None:
        one.differences += found
        self._tell(one)

    def _tell(self, one: Played) -> None:
        self.tell(self._timed(f"{'✓' if one.passed else '✗'} {one.scenario.name}"))
        for each in one.differences:
            self.tell(f"  {each.zh}\n  {each.en}")

    def _timed(self, what: str) -> str:
        """A line with the time of the scenarios, and how long the run has lasted."""
        return f"{instant_text(self._now())}  {time.monotonic() - self.began:5.1f} s  {what}"


def _answer(said: Said, *, first: bool) -> Answer:
    """What the door said, without what is different each time.

    Where an earlier try of the first was cut off, that it is in already says that it came in by that one.
    """
    faults = said.body.get("errors", ())
    codes = [str(said.body["code"])] if "code" in said.body else [str(each["code"]) for each in faults]
    if first and said.cut and codes == [_AGAIN]:
        codes = [_FIRST]
    suggestions = tuple(each["suggestion"] for each in faults if each.get("suggestion"))
    return Answer(status=said.status, codes=tuple(codes), suggestions=suggestions)


def _source(publisher: str) -> str:
    return f"urn:tongche:publisher:{publisher}"


def _worsened(known: Mapping[str, Any], knobs: Mapping[str, Any]) -> dict[str, Any]:
    """These knobs on top of those that are turned: other scenarios' cars stay as they are."""
    changed: dict[str, Any] = {}
    for name, value in knobs.items():
        match value:
            case list():
                changed[name] = [*_others(known.get(name, ()), value), *value]
            case dict():
                changed[name] = {**known.get(name, {}), **value}
            case _:
                changed[name] = value
    return changed


def _mended(known: Mapping[str, Any], knobs: Mapping[str, Any]) -> dict[str, Any]:
    """Without these knobs."""
    changed: dict[str, Any] = {}
    for name, value in knobs.items():
        match value:
            case list():
                changed[name] = _others(known.get(name, ()), value)
            case dict():
                changed[name] = {key: each for key, each in known.get(name, {}).items() if key not in value}
            case _:
                changed[name] = value
    return changed


def _others(known: Sequence[Any], ours: Sequence[Any]) -> list[Any]:
    """Those that are not among ours. Of a script as it stands there, ours says what is not as ever."""
    return [each for each in known if not any(_is(each, one) for one in ours)]


def _is(known: Any, ours: Any) -> bool:
    if isinstance(known, dict) and isinstance(ours, dict):
        return known | ours == known
    return bool(known == ours)
