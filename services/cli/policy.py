"""`policy list|explain|try`: the dated rules, what they mean for one case, and what a new one would change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.cli import terminal
from services.cli.finding import Which, case_of
from services.cli.progress import counting
from services.cli.running import Running, running
from services.cli.terminal import Data, Json, answer, out, talk
from services.runtime.clock import Clock
from services.stack import reasons
from services.stack.plan import settings_of
from services.stack.trouble import TroubleError

if TYPE_CHECKING:
    from contracts.policy import Policies, PolicyFaults

app = typer.Typer(help="政策包 / dated rules as data", no_args_is_help=True)

BAD_PACK: Final = 4
OPENS_GAPS: Final = 5
_WIDE: Final = 160
_SHOWN: Final = 20
_TOLD: Final = 1000
_STYLES: Final = {
    "IN_FORCE": "green",
    "SUPERSEDED": "dim",
    "ADOPTED": "yellow",
    "DRAFT": "yellow",
    "SIGNAL": "cyan",
    "RETRACTED": "red strike",
}
_STATUSES: Final = {
    "IN_FORCE": "施行 in force",
    "SUPERSEDED": "已被取代 superseded",
    "ADOPTED": "已通过 adopted",
    "DRAFT": "草案 draft",
    "SIGNAL": "信号 signal",
    "RETRACTED": "已撤回 retracted",
}
_STAGES: Final = {"decided": ("✓", "green", "已定 decided"), "ahead": ("▸", "cyan", "待定 ahead")}


class Status(Enum):
    """How far a policy has come."""

    SIGNAL = "SIGNAL"
    DRAFT = "DRAFT"
    ADOPTED = "ADOPTED"
    IN_FORCE = "IN_FORCE"
    SUPERSEDED = "SUPERSEDED"
    RETRACTED = "RETRACTED"


@app.command("list")
def list_(
    status: Annotated[
        Status | None, typer.Option("--status", case_sensitive=False, help="只看该状态 / of one status")
    ] = None,
    rule: Annotated[str | None, typer.Option("--rule", help="只看该规则 / of one rule, as the list names it")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """全部政策包，无需启动 / every pack, also without a running stack; only those in force decide."""
    from contracts.policy import load, read_packs

    packs = [pack.entries for pack in read_packs()]
    chosen = [pack for pack in packs if status in {None, Status(pack["status"])} and rule in {None, pack["rule"]}]
    if rule is not None and not any(pack["rule"] == rule for pack in packs):
        rules = " | ".join(sorted({pack["rule"] for pack in packs}))
        raise TroubleError(f"没有规则 {rule}", f"no rule is called {rule}", fix=rules)
    today = Clock(settings_of(terminal.folder(data)).business_date).today()
    years = _years(load(), today)
    if as_json:
        answer({"packs": chosen, "calendar": years})
        return
    _sheet().print(_table(chosen))
    if rule in {None, "working-calendar"} and years["provisional"]:
        late = ", ".join(map(str, years["provisional"]))
        said = f"工作日历 {late} 年为暂定，放假通知未录入 / working days of {late} are provisional: no notice is held"
        out.print(Text(said, "yellow"), soft_wrap=True)


@app.command()
def explain(which: Which, data: Data = None, as_json: Json = False) -> None:
    """这一业务由哪些政策决定 / what decided and will decide this case, pack by pack."""
    stack = running(data)
    case_id = case_of(stack.service("console"), which)
    told = stack.service("journey").ask("GET", f"/v1/cases/{case_id}/policies")
    if as_json:
        answer(told)
        return
    out.print(Text.assemble((told["case"], "bold"), f"  {told['kind']}  {told['headline']}"))
    if not told["questions"]:
        out.print("没有依政策办理的事项 / no policy decided anything here")
    for question in told["questions"]:
        out.print()
        _question(question)
    if told["annotations"]:
        out.print("\n仅供参考，不作依据 / shown only, decides nothing:", style="cyan")
        for pack in told["annotations"]:
            _annotation(pack)


@app.command("try")
def try_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="政策包文件 / a pack's file")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """试行一份政策包，不改动任何业务 / what a pack would change, changing nothing.

    Exit code 0: it could be put in force. 1: the file could not be read, or the trial not held. 4: the pack has
    faults. 5: open cases would be left without a pack.
    """
    from contracts.policy import PolicyFaults, load, on_trial, parse

    try:
        text = file.read_text(encoding="utf-8-sig")  # as editors on Windows write it
        on_trial(load(), parse(text))
    except OSError as wrong:
        raise reasons.unread(file, wrong, fix="tongche policy try FILE") from None
    except (PolicyFaults, UnicodeDecodeError) as wrong:
        _refuse(wrong, as_json=as_json)
        raise typer.Exit(BAD_PACK) from None
    talk.print("与现有政策包无矛盾 / fits beside the packs that are shipped")
    found = _found(running(data), text)
    if as_json:
        answer({"faults": []} | found)
    else:
        _show_changes(found)
    raise typer.Exit(OPENS_GAPS if found["gaps"]["opened"] else 0)


# -- list


def _years(policies: Policies, today: date) -> dict[str, list[int]]:
    """Which years' notices are held, and which of this year and the next are estimated."""
    from contracts.policy.calendar import WorkingCalendar

    calendar = WorkingCalendar.of(policies)
    near = (today.year, today.year + 1)
    return {
        "announced": sorted({first.year for first, _last in calendar.announced}),
        "provisional": [year for year in near if calendar.is_provisional(date(year, 12, 31))],
    }


def _table(packs: list[dict[str, Any]]) -> Table:
    """Two lines a pack, Chinese above English, so that it fits on a terminal of 80 columns."""
    table = Table("编号\npack", "状态\nstatus", "规则\nrule", "自 from\n至 to", "名称\ntitle", box=None)
    for column in table.columns[:-1]:
        column.no_wrap = True
    for pack in packs:
        style = _STYLES[pack["status"]]
        days = "\n".join((pack["effective_from"] or "", pack["effective_to"] or ""))
        title = "\n".join((*pack["title"].values(), *_regions(pack)))
        status = Text(_STATUSES[pack["status"]].replace(" ", "\n", 1), style)
        table.add_row(Text(pack["id"], style), status, pack["rule"], days, title)
    return table


def _regions(pack: dict[str, Any]) -> list[str]:
    """Where a pack holds, unless everywhere."""
    regions = pack["scope"]["regions"]
    return [] if regions == ["CN"] else [", ".join(regions) or "地区未知 regions unknown"]


def _sheet() -> Console:
    # What is no terminal has no edge at which a title would have to give way.
    return out if out.is_terminal else Console(highlight=False, width=max(out.width, _WIDE))


# -- explain


def _question(question: dict[str, Any]) -> None:
    mark, style, stage = _STAGES[question["stage"]]
    if question["gap"] is not None:
        mark, style = "✗", "bold red"
    name = f"{question['pack'] or '—'}  {_both(question['title'])}" if question["title"] else question["rule"]
    out.print(Text.assemble((f"{mark} {stage}  ", style), (name, "bold")), soft_wrap=True)
    for label, said in _lines_of(question):
        out.print(Text.assemble((f"    {label}  ", "dim"), said), soft_wrap=True)


def _lines_of(question: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if question["gap"] is not None:
        yield "缺口 gap", f"没有适用该日期的政策包 / {question['gap']}"
    else:
        yield "结果 answer", f"{question['zh']} / {question['en']}"
    yield "日期 date", f"{_day(question)}  {question['rule']}"
    if question["source"]:
        yield "来源 source", "  ".join(filter(None, (question["source"]["title"], question["source"].get("number"))))


def _day(question: dict[str, Any]) -> str:
    from contracts.fields import FIELDS

    named = FIELDS[question["field"]]
    assumed = "（推定 assumed）" if question["assumed"] else ""
    return f"{question['date']}{assumed}  {named.zh} {named.en}"


def _annotation(pack: dict[str, Any]) -> None:
    out.print(
        Text.assemble(
            (f"  {pack['id']}  {_STATUSES[pack['status']]}  ", _STYLES[pack["status"]]),
            _both(pack["title"]),
            (f"  {pack['source']['title']}", "dim"),
        ),
        soft_wrap=True,
    )


# -- try


def _refuse(wrong: PolicyFaults | UnicodeDecodeError, *, as_json: bool) -> None:
    unread = {"zh": "文件不是 UTF-8 文本", "en": "the file is no UTF-8 text"}
    faults = [fault._asdict() for fault in getattr(wrong, "faults", ())] or [unread]
    for fault in faults:
        talk.print(f"✗ {fault['zh']}\n  {fault['en']}", style="red", markup=False, soft_wrap=True)
    if as_json:
        answer({"faults": faults})


def _found(stack: Running, text: str) -> dict[str, Any]:
    """What the trial over all open cases told; of very many changed cases only the first are kept."""
    lines = map(json.loads, stack.service("journey").lines("/v1/policies/trial", {"pack": text}))
    total = next(lines)["open"]
    cases: list[dict[str, Any]] = []
    with counting("试行 / trying", total) as moved:
        for told in lines:
            if told.get("done"):
                sums = {name: told[name] for name in ("checked", "changed", "gaps")}
                return {"open": total} | sums | {"cases": cases, "left_off": told["changed"] - len(cases)}
            if "checked" in told:
                moved(told["checked"])
            elif len(cases) < _TOLD:
                cases.append(told["case"])
    raise TroubleError(
        "试行中断，未看完全部业务", "the trial broke off before all cases were seen", fix="tongche status"
    )


def _show_changes(found: dict[str, Any]) -> None:
    for case in found["cases"][:_SHOWN]:
        out.print(Text.assemble((case["id"], "bold"), f"  {case['kind']}  {case['headline']}"))
        for question in case["questions"]:
            out.print(f"    {question['rule']}  {_day(question)}", markup=False, soft_wrap=True)
            for sign, style, side in (("-", "red", "before"), ("+", "green", "after")):
                out.print(Text(f"      {sign} {_said(question[side])}", style), soft_wrap=True)
    if found["changed"] > _SHOWN:
        out.print(f"… 另有 / and {found['changed'] - _SHOWN} more (--json)", markup=False)
    out.print(
        f"在办 / open {found['checked']}，会改变 / would change {found['changed']}，"
        f"缺口 / gaps: 补上 / closed {found['gaps']['closed']}，新增 / opened {found['gaps']['opened']}",
        markup=False,
        soft_wrap=True,
    )


def _said(answered: dict[str, Any]) -> str:
    if answered["gap"] is not None:
        return "无政策包 / no pack"
    return f"{answered['pack'] or '—'}  {answered['zh']} / {answered['en']}"


def _both(words: dict[str, str]) -> str:
    return f"{words['zh']} {words['en']}"
