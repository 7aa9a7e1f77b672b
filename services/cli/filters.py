"""Which deliveries a person means, as the options of a verb."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from functools import wraps
from inspect import Parameter, signature
from itertools import chain
from typing import Annotated, Any, Final

import typer

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_SPAN: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhd])")


Wanted = dict[str, Any]


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
    unreadable = "unreadable"


def seconds(span: str) -> float:
    """How long `30m`, `2h` or `1d` is."""
    found = _SPAN.fullmatch(span.strip())
    if found is None:
        raise typer.BadParameter("须为时长，例如 30m、2h、1d / a span, for example: 30m, 2h, 1d")
    return float(found[1]) * _UNITS[found[2]]


def rate(text: str) -> float:
    """How many a second `5/s`, `300/m` or `5` is."""
    number, _, unit = text.partition("/")
    try:
        return float(number) / _UNITS[unit or "s"]
    except (KeyError, ValueError):
        raise typer.BadParameter("须为速率，例如 5/s、300/m / a rate, for example: 5/s, 300/m") from None


def chosen(  # noqa: PLR0913 - every filter is an option
    *,
    state: Annotated[State | None, typer.Option("--state", help="只看该状态 / in one state")] = None,
    organisation: Annotated[
        str | None,
        typer.Option("--organisation", metavar="ID", help="只看该机构 / of one organisation; a wrong one shows all"),
    ] = None,
    agency: Annotated[
        str | None, typer.Option("--agency", help="只看该类机构 / of one kind: miit, tax, insurer, bank, police, …")
    ] = None,
    failure: Annotated[Failure | None, typer.Option("--class", help="只看该失败类别 / of one class of failure")] = None,
    command: Annotated[
        str | None, typer.Option("--command", help="只看该命令 / of one command: registration.register, …")
    ] = None,
    vin: Annotated[str | None, typer.Option("--vin", help="只看该车 / of one vehicle")] = None,
    case: Annotated[str | None, typer.Option("--case", metavar="ID", help="只看该业务 / of one case")] = None,
    older_than_s: Annotated[
        float | None,
        typer.Option(
            "--older-than", metavar="SPAN", parser=seconds, help="只看早于此时长 / due longer ago: 30m, 2h, 1d"
        ),
    ] = None,
) -> Wanted:
    """What was named of it, as dispatch takes it: these are the options of every verb that is `filtered`."""
    texts = {"organisation": organisation, "agency": agency, "command": command, "vin": vin, "case": case}
    named = {
        "state": state and state.value,
        "failure": failure and failure.value,
        **texts,
        "older_than_s": older_than_s,
    }
    return {name: each for name, each in named.items() if each is not None}


def filtered(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb the options of `chosen` in the place of its parameter `wanted`."""
    own, options = signature(verb, eval_str=True), signature(chosen, eval_str=True).parameters

    @wraps(verb)
    def run(**given: Any) -> None:
        verb(wanted=chosen(**{name: given.pop(name) for name in options}), **given)

    mine = [[one] if one.name != "wanted" else list(options.values()) for one in own.parameters.values()]
    by_name = [one.replace(kind=Parameter.KEYWORD_ONLY) for one in chain.from_iterable(mine)]
    run.__signature__ = own.replace(parameters=by_name)  # type: ignore[attr-defined]
    return run
