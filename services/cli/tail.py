"""`case tail`: what happens, as it happens, whatever becomes of the console meanwhile."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from services.cli import moments
from services.cli.running import Service, running
from services.cli.terminal import STYLES, Data, Json, answer, out
from services.stack.trouble import TroubleError

_SILENCE_S: Final = 60.0


def tail(
    data: Data = None,
    as_json: Json = False,
    number: Annotated[int | None, typer.Option("--number", "-n", min=1, help="只看几条 / stop after so many")] = None,
) -> None:
    """实时变化，Ctrl-C 结束 / what happens, as it happens; Ctrl-C ends. With --json one object a line."""
    console = running(data).service("console")
    try:
        for seen, (kind, told) in enumerate(_events(console), 1):
            if as_json:
                answer({"event": kind, **told})
            else:
                out.print(_told(kind, told), soft_wrap=True)
            if seen == number:
                return
    except KeyboardInterrupt:
        return


def _events(console: Service) -> Iterator[tuple[str, dict[str, Any]]]:
    """Follow the stream, and go on after the last event seen when the console was restarted."""
    last, tries = "", 0
    while True:
        headers = {"Last-Event-ID": last} if last else {}
        try:
            with console.answered("GET", "/api/tail", None, _SILENCE_S, **headers) as reply:
                for last, kind, told in _parsed(reply):  # noqa: B007 - remembered for the next connection
                    tries = 0
                    yield kind, told
        except TroubleError as trouble:
            tries += 1
            if not isinstance(trouble.__cause__, socket.timeout | ConnectionError) or tries > 1:
                raise


def _parsed(lines: Iterable[bytes]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name:
            fields[name] = value
        elif "data" in fields:
            yield fields["id"], fields["event"], json.loads(fields["data"])
            fields = {}


def _told(kind: str, told: dict[str, Any]) -> Text:
    line = Text.assemble((moments.precise(told["at"]), "dim"), f"  {told['case_id']}  ")
    if kind == "case":
        tone = "person" if told.get("unfinished") else _TONES.get(told["headline"], "busy")
        line.append(f"{told['headline']:<10}", STYLES.get(tone, ""))
        steps = "; ".join(f"{step['facet']} {step['after']} {step['zh']} / {step['en']}" for step in told["steps"])
        return line.append(f"{told['vin']}  {steps}")
    line.append(f"{told['state']:<10}", STYLES.get(_TONES.get(told["state"], "busy"), ""))
    return line.append(f"{told['organisation']}  {told['command']}  ×{told['attempts']}")


_TONES: Final = {
    "CLOSED": "done",
    "HOLD": "wait",
    "MANUAL": "person",
    "CANCELLED": "off",
    "REFUSED": "off",
    "settled": "done",
    "refused": "person",
    "held": "wait",
    "parked": "wait",
    "dead": "person",
}
