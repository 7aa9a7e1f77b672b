"""`check`: the independent checker over everything that the stack has left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from services.cli import progress
from services.cli.running import running
from services.cli.terminal import FAILED, Data, Json, answer, out, talk
from services.stack.running import Running

if TYPE_CHECKING:
    from services.checker import Verdict

app = typer.Typer()


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
    from services.stack.evidence import collect

    with progress.telling("核查 / checking") as told:
        told("evidence")
        evidence, records = collect(stack)
        verdict = verdict_on(evidence, progress=told)
    talk.print(f"证据 / evidence: {evidence} ({records} records)", markup=False)
    return verdict
