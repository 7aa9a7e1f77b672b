"""`check`: the independent checker over everything that the stack has left behind."""

from __future__ import annotations

import asyncio
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from services.cli.running import Running, running
from services.cli.terminal import FAILED, Data, Json, answer, out, talk

if TYPE_CHECKING:
    from services.checker import Verdict

app = typer.Typer()

_COPIED: Final = ("publishers/*.history.jsonl", "simulator/ledger.jsonl", "simulator/requests.jsonl", "logs/*.log")


@app.command()
def check(data: Data = None, as_json: Json = False) -> None:
    """独立核对：丢失、重复、乱序、停滞、泄露 / judge by the agencies' own ledgers, raw topics, logs and spans."""
    from services.checker.report import report

    verdict = judge(running(data))
    if not as_json:
        out.print(report(verdict), markup=False)
    if as_json:
        answer(verdict.as_json())
    raise typer.Exit(0 if verdict.clean else FAILED)


def judge(stack: Running) -> Verdict:
    """Collect the evidence anew and judge it."""
    from services.checker import check as verdict_on

    evidence = collect(stack)
    return verdict_on(evidence, datetime.now(UTC))


def collect(stack: Running) -> Path:
    """Gather what everybody recorded into `<data>/evidence`; what an earlier check gathered goes."""
    root = stack.folder.root
    into = root / "evidence"
    shutil.rmtree(into, ignore_errors=True)
    for name in ("publishers", "simulator", "logs", "topics"):
        (into / name).mkdir(parents=True)
    for pattern in _COPIED:
        for found in root.glob(pattern):
            shutil.copyfile(found, into / found.relative_to(root))
    for needed in ("simulator/ledger.jsonl", "simulator/requests.jsonl"):
        (into / needed).touch()
    with (into / "cases.jsonl").open("wb") as cases:
        cases.writelines(stack.service("journey").lines("/v1/export/cases"))
    records = asyncio.run(_dump(stack, into / "topics"))
    talk.print(f"证据 / evidence: {into} ({records} records)", markup=False)
    return into


async def _dump(stack: Running, into: Path) -> int:
    from services.runtime.dump import dump

    return await dump(stack.settings, into)
