"""What docs/agencies.md says of the recorded exchanges is what there is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from adapters.fixtures import Kind, cases
from adapters.registry import ADAPTERS
from adapters.spec import Adapter
from contracts.topics import AGENCIES

PAGE = Path(__file__).parents[2] / "docs" / "agencies.md"
BEGIN, END = "<!-- begin: the recorded exchanges, counted -->", "<!-- end -->"
KINDS = get_args(Kind)


def _rows(adapter: Adapter) -> Iterator[str]:
    counted = Counter((case.command, case.kind) for case in cases(adapter))
    for name in adapter.operations:
        numbers = [counted[name, kind] or "–" for kind in KINDS]
        yield "| " + " | ".join([adapter.name, f"`{name}`", *map(str, numbers)]) + " |"


def _table() -> str:
    rows = [row for agency in AGENCIES for row in _rows(ADAPTERS[agency])]
    totals = Counter(case.kind for agency in AGENCIES for case in cases(ADAPTERS[agency]))
    head = [
        "Agency 机构",
        "Command 指令",
        "Done 办结",
        "Refused 拒绝",
        "Retried 再试",
        "Oddities 异常",
        "Hostile 不可信",
        "Asked 查询",
    ]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *rows]
    return "\n".join([*lines, "| **All 合计** | | " + " | ".join(str(totals[kind]) for kind in KINDS) + " |"])


def test_the_recorded_exchanges_are_counted_as_they_are() -> None:
    """Whoever adds one puts the table right; this is it."""
    told = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0].strip()
    assert told == _table()


def test_every_agency_has_a_row_and_says_after_what_it_is_modelled() -> None:
    """All seven, and none is said to be real."""
    page = PAGE.read_text(encoding="utf-8")
    styles = page.partition("## Seven agencies, five styles")[2].partition("\n## ")[0]
    for agency in AGENCIES:
        (row,) = [line for line in styles.splitlines() if line.startswith(f"| {agency} ")]
        assert row.count("|") == 6, row
