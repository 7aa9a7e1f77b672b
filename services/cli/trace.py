"""`case trace`: the spans of one case, each below its parent, with when it was and how long."""

from __future__ import annotations

from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.cli import moments
from services.cli.finding import Which, case_of
from services.cli.running import running
from services.cli.terminal import STYLES, Data, Json, answer, both, out, talk

_BAR: Final = 36
_WIDE: Final = 120
_UNCUT: Final = 200


def trace(which: Which, data: Data = None, as_json: Json = False) -> None:
    """一辆车的链路 / the spans of one case, as a tree with durations."""
    console = running(data).service("console")
    whole = console.ask("GET", f"/api/cases/{case_of(console, which)}/trace")
    if as_json:
        answer(whole)
        return
    if not whole["spans"]:
        talk.print("尚无跨度 / no spans yet")
        return
    out.print(Text(f"{whole['spans'][0]['trace_id']}  {moments.length(whole['duration_ms'])}", "dim"))
    # What is no terminal has no edge at which a name would have to give way.
    sheet = out if out.is_terminal else Console(highlight=False, width=max(out.width, _UNCUT))
    sheet.print(_waterfall(whole, sheet.width))


def _waterfall(whole: dict[str, Any], width: int) -> Table:
    """One line a span, indented below its parent; the bar says when, and how long."""
    bar = _BAR if width >= _WIDE else _BAR // 3
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True, min_width=9)
    # Names give way, onto a second line: everything else has a fixed place.
    table.add_column(overflow="fold")
    table.add_column(justify="right", no_wrap=True, min_width=7)
    table.add_column(no_wrap=True, min_width=bar)
    for span in whole["spans"]:
        style = STYLES["error"] if span["status"] == "error" else ""
        name = Text.assemble(" " * span["depth"], (span["name"], style))
        if span.get("about"):
            name.append(f"  {span['about']}", "bold")
        if "organisation" in span["said"]:
            name.append(f"  {both(span['said']['organisation'])}", "dim")
        table.add_row(
            span["service"], name, moments.length(span["duration_ms"]), _bar(span, whole["duration_ms"], bar, style)
        )
    return table


def _bar(span: dict[str, Any], whole: float, width: int, style: str) -> Text:
    scale = width / (whole or 1.0)
    before = min(width - 1, int(span["offset_ms"] * scale))
    length = max(1, min(width - before, round(span["duration_ms"] * scale)))
    return Text(" " * before + "▬" * length, style or "cyan")
