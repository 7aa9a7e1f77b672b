"""In how many styles agencies are spoken to, and how often each of them was called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table

from services.cli.running import Running
from services.cli.terminal import talk

if TYPE_CHECKING:
    from adapters.spec import Style

_CALLS: Final = "tongche_agency_call_seconds_count"


@dataclass(frozen=True, slots=True)
class Spoken:
    """A style, who is spoken to in it, and how many calls they got: commands, resends, look-ups and questions."""

    style: Style
    agencies: tuple[str, ...]
    calls: int

    def told(self) -> dict[str, Any]:
        """For programs."""
        return {"style": self.style.name, "agencies": list(self.agencies), "calls": self.calls}


def spoken(stack: Running) -> tuple[Spoken, ...]:
    """Every style there is, the most used first, as dispatch has counted since it began."""
    from adapters.organisations import ORGANISATIONS
    from adapters.registry import ADAPTERS

    calls: Counter[str] = Counter()
    for organisation, count in _counted(stack):
        calls[ORGANISATIONS[organisation].adapter] += count
    agencies: dict[Style, list[str]] = {}
    for name, adapter in ADAPTERS.items():
        agencies.setdefault(adapter.binding.style, []).append(name)
    found = (Spoken(style, tuple(names), sum(calls[name] for name in names)) for style, names in agencies.items())
    return tuple(sorted(found, key=lambda one: -one.calls))


def show(styles: tuple[Spoken, ...]) -> None:
    """As a table."""
    table = Table(
        "机构 / agencies", "方式 / style", "调用 / calls", box=None, title="机构各有其道 / agencies as they are"
    )
    table.columns[-1].justify = "right"
    for one in styles:
        table.add_row(", ".join(one.agencies), f"{one.style.zh}\n{one.style.en}", str(one.calls))
    talk.print(table)


def _counted(stack: Running) -> Iterator[tuple[str, int]]:
    from prometheus_client.parser import text_string_to_metric_families

    text = b"".join(stack.service("dispatch").lines("/metrics")).decode()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == _CALLS:
                yield sample.labels["organisation"], int(sample.value)
