"""`demo --scenario`: situations of the rulebook against the whole stack, on a clock of their own, judged at the end."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table

from services.cli.check import judge
from services.cli.progress import fetching, telling, waiting
from services.cli.terminal import out, talk
from services.stack import lifecycle, state
from services.stack.data import DataFolder
from services.stack.lifecycle import Launch
from services.stack.running import Running
from services.stack.trouble import TroubleError

if TYPE_CHECKING:
    from datetime import datetime

    from services.checker import Verdict
    from services.scenario.catalogue import Scenario
    from services.scenario.course import Course

_CLOCK: Final = "TONGCHE_CLOCK_FILE"
_PATIENCE_S: Final = 30.0
_PATIENCE_UNDER_CRASHES_S: Final = 90.0


def listed(scenarios: Sequence[Scenario]) -> dict[str, Any]:
    """Show what there is; the same for scripts."""
    table = Table("场景 / scenario", "情形 / situation", "结果 / outcome", box=None)
    for one in scenarios:
        words = one.expected
        table.add_row(
            one.name,
            f"{words.situation.zh}\n{words.situation.en}",
            f"{words.outcome.zh}\n{words.outcome.en}",
        )
    out.print(table)
    return {"scenarios": [{"name": one.name, "number": one.expected.number} for one in scenarios]}


def rehearse(folder: DataFolder, scenarios: Sequence[Scenario], *, crash: bool, seed: int) -> dict[str, Any]:
    """Play them side by side on a fresh stack, and judge; what scripts are told. Raises `TroubleError`."""
    began = time.monotonic()
    _demand_fresh(folder)
    lifecycle.prepare(folder, fetching, kafka=True)
    with _leaping(folder, min(one.began for one in scenarios)), _up(folder) as stack:
        course = asyncio.run(_played(stack, scenarios, crash=crash, seed=seed))
        verdict = judge(stack)
    _show(course, verdict)
    return _report(course, verdict, round(time.monotonic() - began, 1))


@contextmanager
def _up(folder: DataFolder) -> Iterator[Running]:
    """The whole stack, ended afterwards."""
    try:
        with waiting() as progress:
            stack = Running(folder, lifecycle.up(folder, Launch(), progress))
        yield stack
    finally:
        lifecycle.down(folder)


def _demand_fresh(folder: DataFolder) -> None:
    if state.load(folder) is not None:
        raise TroubleError(
            f"{folder.root} 已使用过；场景的车辆只能售出一次",
            f"{folder.root} was used before, and each car of a scenario is sold once",
            fix="--data 换一个空目录，或不写 / name an empty folder, or none",
        )


@contextmanager
def _leaping(folder: DataFolder, at: datetime) -> Iterator[None]:
    """Everything that is started meanwhile lives by a clock of this folder's own."""
    from services.runtime import leaps

    file = folder.root / "clock.json"
    leaps.set_out(file, at)
    before = os.environ.get(_CLOCK)
    os.environ[_CLOCK] = str(file)
    try:
        yield
    finally:
        if before is None:
            del os.environ[_CLOCK]
        else:
            os.environ[_CLOCK] = before


async def _played(stack: Running, scenarios: Sequence[Scenario], *, crash: bool, seed: int) -> Course:
    from services.scenario.course import Course
    from services.scenario.stage import Stage
    from services.scenario.timeline import instants, kills

    hits = kills(seed, instants(scenarios)) if crash else []
    patience_s = _PATIENCE_UNDER_CRASHES_S if crash else _PATIENCE_S
    with telling("场景 / scenarios") as show:
        async with Stage(stack, patience_s) as stage:
            course = Course(scenarios, hits, stage, _tell, show)
            await course.play()
    return course


def _tell(line: str) -> None:
    talk.print(line, markup=False, soft_wrap=True)


def _report(course: Course, verdict: Verdict, wall_s: float) -> dict[str, Any]:
    played = course.played.values()
    told = [
        {"name": one.scenario.name, "passed": one.passed, "differences": [each.as_json() for each in one.differences]}
        for one in played
    ]
    passed = sum(one.passed for one in played)
    return {
        "scenarios": told,
        "passed": passed,
        "failed": len(told) - passed,
        "killed": course.killed,
        "hit": sorted(course.hit),
        "never_back": course.never_back,
        "checker": verdict.as_json()["checker"],
        "wall_s": wall_s,
    }


def _show(course: Course, verdict: Verdict) -> None:
    from services.checker.report import report

    table = Table("", "场景 / scenario", "情形 / situation", box=None)
    for one in course.played.values():
        mark = "[green]✓[/]" if one.passed else "[red]✗[/]"
        table.add_row(
            mark, one.scenario.name, f"{one.scenario.expected.situation.zh} / {one.scenario.expected.situation.en}"
        )
    talk.print(table)
    talk.print(report(verdict), markup=False)
