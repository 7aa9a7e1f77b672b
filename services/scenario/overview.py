"""The table of all scenarios for people, made from their own words. Run it to write it anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from .catalogue import SCENARIOS, Scenario, chosen

README: Final = SCENARIOS / "README.md"
_BEGIN: Final = "<!-- made by python -m services.scenario.overview -->"
_END: Final = "<!-- until here -->"


def table(scenarios: Sequence[Scenario]) -> str:
    """One row a scenario."""
    return "\n".join(("| # | 场景 scenario | 情形 situation | 结果 outcome |", "|---|---|---|---|", *_rows(scenarios)))


def _rows(scenarios: Sequence[Scenario]) -> Iterator[str]:
    for one in scenarios:
        words = one.expected
        situation, outcome = (f"{each.zh}<br>{each.en}" for each in (words.situation, words.outcome))
        yield f"| {words.number} | [`{one.name}`]({one.name}/) | {situation} | {outcome} |"


def renewed(text: str, scenarios: Sequence[Scenario]) -> str:
    """The document with its table as it is to be. Raises ValueError where it has no place for one."""
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError("no place for the table")
    return f"{before}{_BEGIN}\n{table(scenarios)}\n{_END}{after}"


def write(file: Path = README) -> None:
    """Put the table into the document."""
    file.write_text(renewed(file.read_text(encoding="utf-8"), chosen(["all"])), encoding="utf-8")


if __name__ == "__main__":
    write()
