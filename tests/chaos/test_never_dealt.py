"""A run shows nothing of a kind of fault that it never dealt, and does not end as if it had."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from typer.testing import CliRunner

from services.chaos import course as courses
from services.chaos.course import Course, Run
from services.chaos.rig import Rig
from services.chaos.schedule import Strike
from services.checker import Verdict
from services.checker.findings import verdict
from services.cli import application, chaos
from services.stack.data import DataFolder
from services.stack.installation import Absent, Installation


def _course(run: Run, folder: DataFolder) -> Course:
    """One that went well."""
    course = Course(run, Rig(Installation(folder), {}, Random(1)), print)
    course.acknowledged, course.counts = run.sales, {"open": 0}
    return course


def _typed(monkeypatch: pytest.MonkeyPatch, folder: Path, missed: Collection[str]) -> tuple[int, str, Any]:
    async def played(planned: Run, data: DataFolder) -> tuple[Course, Verdict]:
        course = _course(planned, data)
        for strike in planned.strikes:
            (course.missed if strike.fault in missed else course.struck)[strike.fault] += 1
        return course, verdict([], {})

    monkeypatch.setattr(chaos, "_played", played)
    words = ["chaos", "run", "--minutes", "1", "--data", str(folder), "--json"]
    result = CliRunner().invoke(application(), words)
    return result.exit_code, result.output, json.loads(result.stdout.splitlines()[-1])


def test_a_run_that_missed_a_kind_of_fault_fails_and_names_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Though all ended and the checker found nothing; it says how to repeat it, as of every run that failed."""
    code, shown, report = _typed(monkeypatch, tmp_path, {"zombie", "disk"})
    assert code == 1
    assert report["never_dealt"] == ["disk", "zombie"]
    assert (report["ended"], report["checker"]) == (True, "clean")
    assert "disk, zombie" in shown
    assert "repeat: " in shown


def test_a_run_that_dealt_every_kind_is_good(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As far as faults go."""
    code, _, report = _typed(monkeypatch, tmp_path, ())
    assert (code, report["never_dealt"]) == (0, [])


def test_one_that_was_dealt_stands_for_its_kind(tmp_path: Path) -> None:
    """A target that was just being replaced may be missed; one that began and never came about was not dealt."""
    strikes = [Strike(float(at), fault, "") for at, fault in enumerate(("kill", "kill", "poison"))]
    course = _course(Run(1, 1, strikes), DataFolder(tmp_path))
    course.struck.update(["kill", "poison"])
    course.missed.update(["kill", "poison"])
    assert course.never_dealt == ["poison"]


@pytest.mark.parametrize(("comes", "never"), [(True, []), (False, ["poison"])])
def test_what_was_missed_every_time_is_dealt_once_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, comes: bool, never: list[str]
) -> None:
    """Its moment was another fault's: alone it comes about, or the run shows nothing of it indeed."""

    @asynccontextmanager
    async def blow(_rig: Rig, _strike: Strike) -> AsyncIterator[None]:
        if not comes:
            raise Absent("nobody")
        yield

    monkeypatch.setattr(courses, "BLOWS", {"poison": blow, "kill": blow})
    monkeypatch.setattr(courses, "_FOUND_S", 0.0)
    course = _course(Run(1, 1, [Strike(0.0, "kill", ""), Strike(0.0, "poison", "")]), DataFolder(tmp_path))
    course.struck.update(["kill"])
    course.missed.update(["poison"])
    asyncio.run(course._deal_again())
    assert course.never_dealt == never
