"""`case stats`: how long cases take, against what the registration pilots report, and where the time goes."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from itertools import groupby
from operator import itemgetter
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import typer
from rich.table import Table
from rich.text import Text

from services.cli.running import running
from services.cli.terminal import Data, Json, answer, out, talk

_UNITS: Final = ((1.0, 0.001, "ms"), (60.0, 1.0, "s"), (3600.0, 60.0, "min"), (86_400.0, 3600.0, "h"))
_DAY: Final = 86_400.0
_TEN: Final = 10
_LENGTHS: Final = ("中位\nmedian", "95 %\np95")


class Kind(Enum):
    """The kinds of cases."""

    new_car = "new-car"
    export_new = "export-new"
    returned_car = "returned-car"


Since = Annotated[
    datetime | None,
    typer.Option("--since", metavar="DAY", formats=["%Y-%m-%d"], help="只看该日起 / since that day began in China"),
]


def stats(
    since: Since = None,
    kind: Annotated[Kind, typer.Option("--kind", help="业务种类 / kind of case")] = Kind.new_car,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """办理用时：总用时、各步骤、各机构 / how long cases take: in all, by step, by agency."""
    wanted = {"kind": kind.value} | ({"since": since.date().isoformat()} if since else {})
    told = running(data).service("console").ask("GET", f"/api/stats/cases?{urlencode(wanted)}")
    if as_json:
        answer(told)
        return
    if told["behind"]:
        behind = f"{told['behind']:,}"
        talk.print(f"尚有 {behind} 项业务未计入，请稍后再看 / {behind} cases are not counted yet: look again soon")
    _cases(told["cases"])
    if told["steps"]:
        _steps(told["steps"])
    if told["agencies"]:
        _agencies(told["agencies"])


def length(seconds: float | None) -> str:
    """A duration with two digits that matter."""
    if seconds is None:
        return "–"
    for limit, size, unit in _UNITS:
        if seconds < limit:
            return _two_digits(seconds / size, unit)
    return _two_digits(seconds / _DAY, "d")


def _two_digits(number: float, unit: str) -> str:
    return f"{number:.1f} {unit}" if number < _TEN and unit != "ms" else f"{number:.0f} {unit}"


def _cases(told: dict[str, Any]) -> None:
    out.print(Text("办结用时 time to close", "bold"))
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column()
    table.add_row("已办结 closed", f"{told['closed']:,}")
    if told["closed"]:
        table.add_row("30 分钟内 within 30 minutes", _share(told["within_30_min"]))
        table.add_row("3 天内 within 3 days", _share(told["within_3_days"]))
        table.add_row("中位 median", length(told["median_s"]))
        table.add_row("95 % 不超过 p95", length(told["p95_s"]))
        for slow in told["slowest"]:
            table.add_row("最慢 slowest", length(slow["took_s"]), slow["id"])
    table.add_row("未办结 open", f"{told['open']:,}")
    if told["open"]:
        table.add_row("已逾 30 分钟 over 30 minutes", f"{told['open_over_30_min']:,}")
        table.add_row("已逾 3 天 over 3 days", f"{told['open_over_3_days']:,}")
        table.add_row("已等中位 waiting, median", length(told["open_median_s"]))
        table.add_row("已等最久 waiting longest", length(told["open_longest_s"]), told["open_longest"])
    out.print(table)
    look_at = told["slowest"][0]["id"] if told["slowest"] else told["open_longest"]
    if look_at:
        talk.print(f"→ tongche case show {look_at}", markup=False, soft_wrap=True)


def _steps(steps: list[dict[str, Any]]) -> None:
    _title("各步骤：自可办或发出请求至完成", "steps: from when each could begin or was asked")
    table = _table("步骤\nstep")
    for each in steps:
        said = each["said"]["facet"]
        name = f"{each['rule']:<4} {said['zh']} {said['en']}"
        table.add_row(name, f"{each['count']:,}", length(each["median_s"]), length(each["p95_s"]))
    out.print(table)


def _agencies(agencies: list[dict[str, Any]]) -> None:
    _title("各机构：答复用时；等待、通话、次数为均值", "agencies: until each answer; waits, calls, tries are means")
    table = _table("机构、事项\nagency, what", "等待\nwaits", "通话\ncalls", "次数\ntries")
    for _, answers in groupby(agencies, key=itemgetter("organisation")):
        told = list(answers)
        name = told[0]["said"]["organisation"]
        table.add_row(Text(f"{name['zh']} {name['en']}", "bold"))
        for each in told:
            said = each["said"]["command"]
            lengths = (length(each[key]) for key in ("median_s", "p95_s", "waiting_s", "calling_s"))
            table.add_row(f"  {said['zh']} {said['en']}", f"{each['count']:,}", *lengths, f"{each['tries']:.1f}")
    out.print(table)


def _title(zh: str, en: str) -> None:
    out.print()
    out.print(Text(f"{zh}\n{en}", "bold"))


def _table(first: str, *more: str) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    # Names give way, onto a second line: numbers stay one below the other.
    table.add_column(first, overflow="fold")
    for name in ("次\ncount", *_LENGTHS, *more):
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _share(part: float) -> str:
    return f"{part:.1%}"
