"""`chaos run`: the whole stack under load while everything goes wrong by a seed, and a judge at the end."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.table import Table

from services.cli import terminal
from services.cli.check import judge
from services.cli.progress import fetching
from services.cli.terminal import FAILED, Json, answer, talk
from services.stack.data import DataFolder

if TYPE_CHECKING:
    from services.chaos.course import Course, Run
    from services.checker import Verdict

_DATABASE: Final = "TONGCHE_DATABASE"
"""Where this is set, the link to PostgreSQL is spoiled as well, and so the same seed makes another schedule."""

app = typer.Typer(help="故障演练 / faults on purpose", no_args_is_help=True)

Faults = Annotated[
    list[str] | None,
    typer.Option(
        "--fault", help="只用这些故障，可重复 / only these faults; may be repeated: kill, freeze, link, agency…"
    ),
]


@app.callback()
def _group() -> None:
    """故障演练 / faults on purpose."""


@app.command("run")
def run(
    seed: Annotated[int, typer.Option("--seed", help="同一种子，同样的故障 / the same seed, the same faults")] = 1,
    minutes: Annotated[float, typer.Option("--minutes", min=0.1, help="故障持续多久 / how long faults go on")] = 5.0,
    faults: Faults = None,
    data: Annotated[Path | None, typer.Option("--data", help="数据目录 / data folder; 默认临时 / a new one")] = None,
    as_json: Json = False,
) -> None:
    """全套系统在故障中运行，最后独立核对 / the whole stack under faults, judged at the end.

    全部恢复、核对通过、每种故障都发生过才算成功 / exit 0 only if healed, clean, and every kind of fault came about.
    """
    from observability import logs

    planned = _planned(seed, minutes, faults)
    repeat = _command(seed, minutes, faults)
    folder = terminal.folder(data) if data else DataFolder(Path(tempfile.mkdtemp(prefix="tongche-chaos-")))
    talk.print(f"{repeat}\n数据 / data: {folder.root}", markup=False, soft_wrap=True)
    with logs.hushed("aiokafka"):
        course, verdict = asyncio.run(_played(planned, folder))
    good = course.ended and verdict.clean and not course.never_dealt
    _show(course, verdict)
    if not good:
        talk.print(f"重现 / repeat: {repeat}\n数据保留在 / data kept in: {folder.root}", markup=False, soft_wrap=True)
    elif data is None:
        shutil.rmtree(folder.root)
    if as_json:
        answer(course.report(verdict) | {"repeat": repeat, "data": None if good and data is None else str(folder.root)})
    raise typer.Exit(0 if good else FAILED)


def _planned(seed: int, minutes: float, faults: Sequence[str] | None) -> Run:
    from adapters.organisations import ORGANISATIONS
    from services.chaos.course import Run
    from services.chaos.schedule import LINKS, POSTGRESQL, menu_for, schedule

    organisations: dict[str, list[str]] = {}
    for one in ORGANISATIONS.values():
        organisations.setdefault(one.agency, []).append(one.id)
    links = (*LINKS, POSTGRESQL) if _DATABASE in os.environ else LINKS
    chosen = menu_for(minutes * 60, organisations, links).only(faults)
    return Run(seed, minutes, schedule(seed, minutes * 60, chosen))


def _command(seed: int, minutes: float, faults: Sequence[str] | None) -> str:
    only = "".join(f" --fault {name}" for name in faults or ())
    database = f"{_DATABASE}=… " if _DATABASE in os.environ else ""
    return f"{database}tongche chaos run --seed {seed} --minutes {minutes:g}{only}"


async def _played(planned: Run, folder: DataFolder) -> tuple[Course, Verdict]:
    from services.chaos.course import Course
    from services.chaos.rig import rig

    async with rig(folder, Random(planned.seed), fetching) as made:  # noqa: S311 - a repeatable run
        course = Course(planned, made, lambda line: talk.print(line, markup=False, soft_wrap=True))
        await course.play()
        verdict = await asyncio.to_thread(judge, made.up.running)
    return course, verdict


def _show(course: Course, verdict: Verdict) -> None:
    from services.checker.report import report

    table = Table("故障 / fault", "次数 / times", "未命中 / missed", box=None)
    for name in sorted(course.struck | course.missed):
        table.add_row(name, str(course.struck[name]), str(course.missed[name]))
    talk.print(table)
    if course.never_dealt:
        names = ", ".join(course.never_dealt)
        told = f"有的故障一次也没有发生，因此什么也没有证明 / never came about, so nothing is shown of: {names}"
        talk.print(told, style="red", markup=False, soft_wrap=True)
    talk.print(report(verdict), markup=False)
