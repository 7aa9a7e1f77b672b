"""Playing cases: several at once, those that bend the test bed alone, and what came of each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal, Protocol

from .bed import LIVE, Bed, Blocked
from .case import Case
from .exchanges import Line
from .result import KIT, Agency, Proof
from .stage import Stage, Unmet
from .words import Words

State = Literal["passed", "failed", "blocked", "skipped"]

_AT_ONCE: Final = 8
_NOT_HERE: Final = "the test bed cannot be brought into this state from here"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one case. `blocked`: what it rests on failed; that proves nothing, and counts as failed."""

    case: Case
    state: State
    expected: str = ""
    came: str = ""
    seconds: float = 0.0
    exchanged: Sequence[Line] = ()
    rests_on: str | None = None
    """The step for which it is blocked."""

    @property
    def fix(self) -> Words:
        """What is likely to mend it; a blocked case has nothing of its own to mend."""
        if self.rests_on is None:
            return self.case.fix
        return Words(
            f"此处无可修正：须先办成 {self.rests_on}",
            f"nothing is to be mended here: {self.rests_on} must succeed first",
        )

    def blocked(self, step: str, came: str) -> Result:
        """This one, of which nothing can be said until a step succeeds."""
        told = f"{step} before it", f"{step}: {came}"
        return replace(self, state="blocked", expected=told[0], came=told[1], rests_on=step)

    def as_json(self) -> dict[str, Any]:
        """As `--json` tells it."""
        told: dict[str, Any] = {
            "id": self.case.id,
            "kind": self.case.kind,
            "clause": self.case.clause,
            "operation": self.case.command,
            "title": self.case.title._asdict(),
            "demands": self.case.demands._asdict(),
            "result": self.state,
        }
        if self.state != "passed":
            told |= {
                "expected": self.expected,
                "came": self.came,
                "fix": self.fix._asdict(),
                "exchanged": [line.as_json() for line in self.exchanged],
            }
        return told


@dataclass(frozen=True, slots=True)
class Run:
    """One run over an agency."""

    agency: Agency
    organisation: str
    host: str
    against: Literal["url", "simulator"]
    round_: int
    at: datetime
    results: Sequence[Result]
    address: str
    """Where it was asked, as `result.address` makes it."""

    def counted(self, *states: State) -> int:
        """How many cases ended so."""
        return sum(result.state in states for result in self.results)

    @property
    def passed(self) -> int:
        return self.counted("passed")

    @property
    def failed(self) -> int:
        """Those that were not met, and those that could not be played because of it."""
        return self.counted("failed", "blocked")

    @property
    def skipped(self) -> int:
        return self.counted("skipped")

    def proof(self) -> Proof:
        """What the result file says."""
        return Proof(
            agency=self.agency.name,
            organisation=self.organisation,
            host=self.host,
            address=self.address,
            against=self.against,
            kit=KIT,
            fixtures=self.agency.fixtures,
            passed=self.passed,
            failed=self.failed,
            skipped=self.skipped,
            at=self.at,
        )

    def as_json(self) -> dict[str, Any]:
        """As `--json` tells it."""
        told = self.proof().model_dump(mode="json")
        return told | {"round": self.round_, "cases": [result.as_json() for result in self.results]}


Stages = Callable[[Case, int], Stage]
"""A stage for a case, which is the how-manieth of its agency."""


class Listener(Protocol):
    """Who is told how a run goes while it goes."""

    def played(self, done: int, of: int) -> None:
        """So many cases were played, of so many."""

    def unheard(self) -> None:
        """Nobody calls back."""


class Nobody:
    """Listens to nothing."""

    def played(self, done: int, of: int) -> None:
        """As `Listener` says."""

    def unheard(self) -> None:
        """As `Listener` says."""


async def played(cases: Sequence[tuple[int, Case]], bed: Bed, stages: Stages, listener: Listener) -> list[Result]:
    """Play numbered cases; their results in the same order."""
    results: dict[int, Result] = {}
    turn = asyncio.Semaphore(_AT_ONCE)

    async def play(index: int, case: Case) -> None:
        async with turn:
            results[index] = await _played(case, bed, stages(case, index))
            listener.played(len(results), len(cases))

    async with asyncio.TaskGroup() as group:
        for index, case in cases:
            if not _is_alone(case):
                group.create_task(play(index, case))
    for index, case in cases:
        if _is_alone(case):
            await play(index, case)
    return _settled([results[index] for index, _ in cases])


def _settled(results: Sequence[Result]) -> list[Result]:
    """All results; what failed for the very thing for which its command itself does not succeed is blocked by that.

    What demands a no rests on no success: who refuses everything has not shown that it looks at a seal.
    """
    refused = {one.case.command: one.came for one in results if one.case.is_plain and one.state == "failed"}
    return [
        one.blocked(one.case.command, one.came) if _rests(one) and refused.get(one.case.command) == one.came else one
        for one in results
    ]


def _rests(one: Result) -> bool:
    """Whether it failed, and may have done so for want of the command's success."""
    return one.state == "failed" and not one.case.is_plain and not one.case.expects_no


def _is_alone(case: Case) -> bool:
    return case.bed not in (None, LIVE)


async def _played(case: Case, bed: Bed, stage: Stage) -> Result:
    lacking = bed.lacks(case.bed, case.steps)
    if lacking is not None:
        return Result(case, "skipped", case.demands.en, f"{_NOT_HERE}: {lacking}")
    began = time.monotonic()
    try:
        await case.play(stage)
    except Unmet as wrong:
        ended = Result(case, "failed", wrong.expected, wrong.came)
    except Blocked as wrong:
        ended = Result(case, "failed").blocked(wrong.step, wrong.came)
    else:
        return Result(case, "passed", seconds=time.monotonic() - began)
    return replace(ended, seconds=time.monotonic() - began, exchanged=stage.exchanged())
