"""`delivery list|show|retry|cancel`: what is on its way to an organisation and does not get there."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import typer
from rich.table import Table

from services.cli.running import running
from services.cli.terminal import Data, Json, answer, out, talk
from services.console import words

app = typer.Typer(help="投递 / deliveries", no_args_is_help=True)

_CHINA: Final = ZoneInfo("Asia/Shanghai")
_SHOWN: Final = 20

Id = Annotated[str, typer.Argument(metavar="ID", help="投递编号 / the delivery's id")]
Reason = Annotated[str, typer.Option("--reason", help="为什么 / why: it is kept with the delivery")]


class State(Enum):
    """Where a delivery can wait."""

    held = "held"
    parked = "parked"
    dead = "dead"


@app.command("list")
def list_(
    state: Annotated[State | None, typer.Option("--state", help="只看 / only these")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """等待中的投递 / what waits: held with its organisation, parked with its vehicle, or dead."""
    stack = running(data)
    held = [row for row in stack.service("dispatch").ask("GET", "/v1/organisations") if row["state"] != "closed"]
    waiting: list[dict[str, Any]] = []
    if state is not State.held:
        query = f"?state={state.value}" if state else ""
        waiting = stack.service("dispatch").ask("GET", f"/v1/deliveries{query}")
    if state in (None, State.held):
        _held(held)
    if state is not State.held:
        _waiting(waiting)
    if as_json:
        answer({"held": held if state in (None, State.held) else [], "deliveries": waiting})


@app.command()
def show(id_: Id, data: Data = None, as_json: Json = False) -> None:
    """一次投递 / one delivery that waits, with what to do about it."""
    rows = running(data).service("dispatch").ask("GET", "/v1/deliveries")
    found = next((row for row in rows if row["id"] == id_), None)
    if found is None:
        talk.print(f"没有等待中的投递 {id_} / no such delivery waits\n→ tongche delivery list", markup=False)
        raise typer.Exit(1)
    _waiting([found])
    if not _not_yet(found):
        for act in ("retry", "cancel"):
            out.print(f"→ tongche delivery {act} {id_} --reason …", markup=False, soft_wrap=True)
    if as_json:
        answer(found)


@app.command()
def retry(id_: Id, reason: Reason, data: Data = None, as_json: Json = False) -> None:
    """立即重试，幂等键不变 / try again now, under the same idempotency key, with a new deadline."""
    _decide("retry", id_, reason, data, as_json=as_json)


@app.command()
def cancel(id_: Id, reason: Reason, data: Data = None, as_json: Json = False) -> None:
    """放弃，让其后的继续 / give it up; what stands behind it goes on."""
    _decide("cancel", id_, reason, data, as_json=as_json)


def _decide(act: str, id_: str, reason: str, data: Path | None, *, as_json: bool) -> None:
    done = running(data).service("dispatch").ask("POST", f"/v1/deliveries/{id_}/{act}", {"reason": reason})
    said = "正在重试 / being tried now" if act == "retry" else "已放弃 / given up"
    talk.print(f"{done['id']}: {said}", markup=False, soft_wrap=True)
    if as_json:
        answer(done)


def _held(rows: list[dict[str, Any]]) -> None:
    table = Table("机构 / organisation", "状态 / state", "原因 / why", "自 / since", "挂起 / held", box=None)
    for row in rows:
        table.add_row(
            f"{row['id']} {row['zh']}", row["state"], row["reason"] or "", _time(row["since"]), str(row["held"])
        )
    out.print(table if rows else "没有机构中断 / every organisation answers")


def _waiting(rows: list[dict[str, Any]]) -> None:
    """Two lines each, the oldest first: an id is there whole, to be copied."""
    if not rows:
        out.print("没有停放的投递 / nothing is parked or dead")
    for row in sorted(rows, key=lambda each: each["since"])[:_SHOWN]:
        out.print(f"{row['id']} {row['organisation']} {row['command']}", markup=False, soft_wrap=True)
        out.print(f"    {_standing(row)}", markup=False, soft_wrap=True)
    if len(rows) > _SHOWN:
        more = len(rows) - _SHOWN
        out.print(f"… 还有 {more} 项 / and {more} more: --json", markup=False)


def _standing(row: dict[str, Any]) -> str:
    if _not_yet(row):
        return f"尚未就绪，将再次询问 / not there yet, asked again at {_time(row['next_try_at'])}"
    state, failure = words.delivery(row["state"]), words.failure(row["failure"] or "")
    code = " ".join(filter(None, (row["code"], row["code_zh"], row["reason"])))
    why = " ".join(filter(None, (f"{failure.zh} / {failure.en}" if row["failure"] else "", code)))
    later = f"下次 / next {_time(row['next_try_at'])}" if row["next_try_at"] is not None else ""
    return "  ".join(filter(None, (f"{state.zh} / {state.en}", why, later)))


def _not_yet(row: dict[str, Any]) -> bool:
    """Whether this is normal waiting: a parcel on the road is no failure."""
    return bool(row["state"] == "parked" and row["failure"] == "not-yet")


def _time(seconds: float | None) -> str:
    return "–" if seconds is None else datetime.fromtimestamp(seconds, _CHINA).strftime("%m-%d %H:%M:%S")
