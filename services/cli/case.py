"""`case show|trace|tail|stats|assign|resume|secure|cancel`: one vehicle's business, as a person likes to read it.

What is shown comes from the console's JSON interface, what is done goes to the journey's. A VIN travels in a body
only, never in an address.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.table import Table
from rich.text import Text

from contracts.types import CHINA
from services.cli import moments, tail, times, trace
from services.cli.finding import Which, case_of
from services.cli.running import running
from services.cli.terminal import STYLES, Data, Json, answer, both, out, talk

app = typer.Typer(help="一辆车的业务 / one vehicle's case", no_args_is_help=True)
app.command()(times.stats)

_SHORT: Final = 8
_MOMENT: Final = "2026-11-21 09:30:00  "
_STALE: Final = (
    "投递服务没有答复，机构状况为最后所知 / dispatch does not answer; how organisations stand is what was last known"
)

Reason = Annotated[
    str,
    typer.Option(
        "--reason",
        help="为什么，随业务公开保存，勿写姓名 / why: kept with the case, seen by everyone who sees the case: no names",
    ),
]


@app.command()
def show(
    which: Which,
    why: Annotated[
        bool, typer.Option("--why", help="并列出依据的政策包与材料摘要 / also packs and inputs' digests")
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """一辆车的全部：状态、等待、每一步为何、各机构经过 / everything about one case, and why each step was taken."""
    console = running(data).service("console")
    whole = console.ask("GET", f"/api/cases/{case_of(console, which)}")
    if as_json:
        answer(whole)
        return
    _head(whole)
    _facets(whole["facets"])
    _clocks(whole["clocks"])
    if not whole["fresh"]:
        out.print(f"\n{_STALE}", markup=False)
    _waits(whole["waits"])
    _story(whole["steps"], why=why)
    _agencies(whole["agencies"])


app.command()(trace.trace)
app.command()(tail.tail)


@app.command()
def assign(
    which: Which,
    owner: Annotated[str, typer.Option("--owner", help="交给谁 / to whom")],
    reason: Reason,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """交给某人 / give a case to somebody."""
    _act("assign", which, {"owner": owner, "reason": reason}, data, as_json=as_json)


@app.command()
def resume(which: Which, reason: Reason, data: Data = None, as_json: Json = False) -> None:
    """继续办理：在途的续等，已终止的重发 / let a case go on: what is out is awaited, what ended is asked anew."""
    _go_on("resume", which, reason, data, as_json=as_json)


@app.command()
def cancel(which: Which, reason: Reason, data: Data = None, as_json: Json = False) -> None:
    """撤销，已办事项按相反顺序撤回 / call a case off; what was done is undone in reverse order."""
    _go_on("cancel", which, reason, data, as_json=as_json)


@app.command()
def secure(which: Which, reason: Reason, data: Data = None, as_json: Json = False) -> None:
    """银行不同意抵押时，记录已另行担保 / the lender refused the mortgage and has other security instead."""
    _act("secure", which, {"reason": reason}, data, as_json=as_json)


def _go_on(act: str, which: str, reason: str, data: Path | None, *, as_json: bool) -> None:
    case_id = _act(act, which, {"reason": reason}, data, as_json=as_json)
    _bury(case_id, reason, data)
    talk.print(f"→ tongche case show {case_id}", markup=False, soft_wrap=True)


def _bury(case_id: str, reason: str, data: Path | None) -> None:
    """Give up this case's dead deliveries: what the case asks from now on would wait behind them for ever."""
    dispatch = running(data).service("dispatch")
    for dead in dispatch.ask("GET", f"/v1/deliveries?state=dead&case={case_id}"):
        dispatch.ask("POST", f"/v1/deliveries/{dead['id']}/cancel", {"reason": reason})
        talk.print(f"放弃死投递 / dead delivery given up: {dead['organisation']} {dead['command']}", markup=False)


def _act(act: str, which: str, form: dict[str, str], data: Path | None, *, as_json: bool) -> str:
    """Let the journey act; the id of the case it acted on."""
    stack = running(data)
    case_id = case_of(stack.service("console"), which)
    told = stack.service("journey").ask("POST", f"/v1/cases/{case_id}/{act}", form)
    if as_json:
        answer(told)
    else:
        out.print(f"{case_id}  {told['headline']}  {told.get('owner') or ''}".rstrip(), markup=False)
    return case_id


def _head(whole: dict[str, Any]) -> None:
    said = whole["said"]
    out.print(Text.assemble((both(said["headline"]), STYLES[whole["tone"]]), "  ", (whole["vin"], "bold")))
    table = _grid()
    table.add_row("业务 / case", whole["id"])
    table.add_row("种类 / kind", f"{both(said['kind'])}  {whole['order_no']}")
    table.add_row("受理 / opened", moments.whole(whole["opened_at"]))
    ended = whole["closed_at"]
    table.add_row("办结 / closed" if ended else "更新 / changed", moments.whole(ended or whole["changed_at"]))
    if whole["owner"]:
        table.add_row("负责 / owner", both(said["owner"]))
    if whole["code"]:
        table.add_row("代码 / code", f"{whole['code']} {both(said['code'])}")
    if whole["policy_packs"]:
        table.add_row("政策包 / packs", ", ".join(whole["policy_packs"]))
    out.print(table)


def _facets(facets: list[dict[str, Any]]) -> None:
    out.print()
    table = _grid()
    for facet in facets:
        style = STYLES[facet["tone"]]
        said = facet["said"]
        words = Text(both(said["state"]), style)
        if facet["hold"]:
            words.append(f"  {both(said['hold'])}", style)
        table.add_row(both(said["name"]), words)
    out.print(table)


def _waits(waits: list[dict[str, Any]]) -> None:
    for wait in waits:
        out.print()
        out.print(Text(_waits_for(wait), STYLES[wait["tone"]]))
        for line in _circumstances(wait):
            out.print(f"  {line}", markup=False, soft_wrap=True)
        for command in wait["commands"]:
            out.print(f"  → {command}", markup=False, soft_wrap=True)


def _waits_for(wait: dict[str, Any]) -> str:
    said = wait["said"]
    if wait["asked"] is None:
        return f"▲ {both(said['what'])}: {both(said['why'])}"
    mark = "▷" if wait["tone"] == "busy" else "▲"
    why = f"：{both(said['why'])}" if said["why"] != said["standing"] else ""
    return f"{mark} {both(said['what'])} → {both(said['organisation'])}\n  {both(said['standing'])}{why}"


def _circumstances(wait: dict[str, Any]) -> Iterator[str]:
    """Why exactly, since when, until when, and who must act: a line each."""
    said, asked = wait["said"], wait["asked"] or {}
    if "reason" in said and said["reason"] != said["why"]:
        yield f"原因 / why {both(said['reason'])}"
    if asked.get("asked_at"):
        yield f"提出 / asked {moments.whole(asked['asked_at'])}{_gone(asked['asked_at'])}"
    if asked.get("down_since"):
        since = asked["down_since"]
        yield f"机构停用或暂缓自 / down or paused since {moments.whole(since)}{_gone(since)}"
    if "owner" in said:
        yield f"负责 / owner {both(said['owner'])}"
    if wait["until"]:
        yield _next(asked.get("standing"), wait["until"])


def _next(standing: str | None, until: str) -> str:
    left = _left(until)
    if standing == "held":
        return (
            f"下次试探 / next probe {moments.whole(until)}{left}" if left else "下一次调用即试探 / the next call probes"
        )
    name = "下次尝试 / next try" if standing else "至 / until"
    return f"{name} {moments.whole(until) if standing else _deadline(until)}{left}"


def _clocks(clocks: list[dict[str, Any]]) -> None:
    for clock in clocks:
        left = clock["days_left"]
        text = f"还有 {left} 天 / {left} days left" if left > 0 else f"已逾 {1 - left} 天 / {1 - left} days late"
        style = STYLES["wait" if left > 0 else "person"]
        out.print()
        out.print(Text(f"◷ {both(clock['said']['name'])}: {clock['last_day']}  {text}", style))


def _deadline(until: str) -> str:
    """Midnight is the end of the day before, whose last minute still counts."""
    moment = datetime.fromisoformat(until).astimezone(CHINA)
    return moments.whole(until) if moment.time() != time() else f"{moment - timedelta(days=1):%Y-%m-%d} 24:00"


def _left(until: str) -> str:
    """How long that still is; nothing where it has passed."""
    seconds = (datetime.fromisoformat(until) - datetime.now(UTC)).total_seconds()
    return f"（还有 / in {times.length(seconds)}）" if seconds > 0 else ""


def _gone(since: str) -> str:
    """How long ago that was."""
    seconds = (datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds()
    return f"（已 / for {times.length(seconds)}）" if seconds > 0 else ""


def _story(steps: list[dict[str, Any]], *, why: bool) -> None:
    """One sentence a step, in both languages: beside each other where there is room, else one below the other."""
    if not steps:
        return
    out.print()
    out.print(Text("经过与依据 what happened, and why", "bold"))
    table = _grid()
    for step in steps:
        table.add_row(moments.whole(step["at"]), _told_twice(step["said"]["told"]))
        for ground in _grounds(step["why"]) if why else ():
            table.add_row("", Text(ground, "dim"))
    out.print(table)


def _told_twice(told: dict[str, str]) -> Text:
    on_one_line = Text(f"{told['zh']} / {told['en']}")
    fits = on_one_line.cell_len + len(_MOMENT) <= out.width
    return on_one_line if fits else Text(f"{told['zh']}\n{told['en']}")


def _grounds(why: dict[str, Any]) -> Iterator[str]:
    if why["title"]:
        yield f"{why['pack']}  {both(why['title'])}  {why['document']}"
    if why["inputs"]:
        digests = (f"{given['name']} {given['sha256'][:_SHORT]}" for given in why["inputs"])
        yield "材料 inputs  " + "  ".join(digests)


def _agencies(agencies: list[dict[str, Any]]) -> None:
    for agency in agencies:
        out.print()
        out.print(Text(both(agency["said"]["name"]), "bold"))
        for delivery in agency["deliveries"]:
            _delivery(delivery)


def _delivery(delivery: dict[str, Any]) -> None:
    said = delivery["said"]
    out.print(Text.assemble(f"  {both(said['command'])}  ", (both(said["state"]), STYLES[delivery["tone"]])))
    for attempt in delivery["attempts"]:
        began, length = moments.precise(attempt["started_at"]), moments.length(attempt["duration_ms"])
        before = f"    {began}  #{attempt['number']:<3} {length:>7}  "
        out.print(Text.assemble((before, "dim"), (_result(attempt), STYLES[attempt["tone"]])), soft_wrap=True)
    if delivery["next_try_at"]:
        out.print(Text(f"    {moments.precise(delivery['next_try_at'])}  下次尝试 / next try", "dim"))


def _result(attempt: dict[str, Any]) -> str:
    said = attempt["said"]
    code = f"  {attempt['code']} {both(said['code'])}" if "code" in said and attempt["code"] != "0" else ""
    status = f"  HTTP {attempt['status']}" if attempt["status"] not in {None, http.client.OK} else ""
    return both(said["result"]) + code + status


def _grid() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    return table
