"""Which deliveries a person means, as the options of a verb."""

from __future__ import annotations

import re
from enum import Enum
from typing import Annotated, Any, Final

import typer

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_SPAN: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhd])")


class State(Enum):
    """Where a delivery can wait."""

    held = "held"
    parked = "parked"
    dead = "dead"


class Failure(Enum):
    """Why it waits: the classes of `contracts.delivery`."""

    unavailable = "unavailable"
    ambiguous = "ambiguous"
    not_yet = "not-yet"
    broken_answer = "broken-answer"
    deadline = "deadline"
    person = "person"


def seconds(span: str) -> float:
    """How long `30m`, `2h` or `1d` is."""
    found = _SPAN.fullmatch(span.strip())
    if found is None:
        raise typer.BadParameter("例如 / for example: 30m, 2h, 1d")
    return float(found[1]) * _UNITS[found[2]]


def rate(text: str) -> float:
    """How many a second `5/s`, `300/m` or `5` is."""
    number, _, unit = text.partition("/")
    try:
        return float(number) / _UNITS[unit or "s"]
    except (KeyError, ValueError):
        raise typer.BadParameter("例如 / for example: 5/s, 300/m") from None


Organisation = Annotated[
    str | None, typer.Option("--organisation", metavar="ID", help="只看该机构 / of one organisation: tongche status")
]
Agency = Annotated[
    str | None, typer.Option("--agency", help="只看该类机构 / of one kind: miit, tax, insurer, bank, police, …")
]
OfState = Annotated[State | None, typer.Option("--state", help="只看该状态 / in one state")]
OfClass = Annotated[Failure | None, typer.Option("--class", help="只看该失败类别 / of one class of failure")]
Command = Annotated[str | None, typer.Option("--command", help="只看该命令 / of one command: registration.register, …")]
Vin = Annotated[str | None, typer.Option("--vin", help="只看该车 / of one vehicle")]
Case = Annotated[str | None, typer.Option("--case", metavar="ID", help="只看该业务 / of one case")]
OlderThan = Annotated[
    float | None,
    typer.Option("--older-than", metavar="SPAN", parser=seconds, help="只看早于此时长 / due longer ago: 30m, 2h, 1d"),
]


def chosen(**wanted: Any) -> dict[str, Any]:
    """What was named, as dispatch takes it."""
    named = {name: each for name, each in wanted.items() if each is not None}
    return {name: each.value if isinstance(each, Enum) else each for name, each in named.items()}
