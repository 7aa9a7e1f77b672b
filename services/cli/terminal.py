"""What every verb shares with its reader: the common options, the exit codes, and the last line as JSON."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from services.runtime.settings import default_data_folder
from services.stack.data import DataFolder
from services.stack.trouble import TroubleError

FAILED = 1
NOT_RUNNING = 3


@dataclass(slots=True)
class _Named:
    """The data folder as the person typed it at this verb; the environment's holds for what they type next as well."""

    data: str | None = None

    def note(self, context: typer.Context, parameter: typer.CallbackParam, value: Path | None) -> Path | None:
        """Remember it."""
        came_by = context.get_parameter_source(parameter.name or "")
        is_typed = came_by is not None and came_by.name == "COMMANDLINE"
        self.data = str(value) if is_typed else None
        return value


_named: Final = _Named()

Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        envvar="TONGCHE_DATA",
        help="数据目录 / data folder",
        show_default=str(default_data_folder()),
        callback=_named.note,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="最后一行输出一个 JSON 对象 / one JSON object as the last line")]

STYLES: Final = {
    "done": "green",
    "busy": "blue",
    "wait": "yellow",
    "person": "bold red",
    "off": "dim",
    "none": "dim",
    "error": "red",
}
"""By tone of what is shown: how it stands, and whether a person is wanted."""

TYPED: Final = os.environ.get("TONGCHE_TYPED") or "tongche"
"""What the person typed before the verb, as whatever started us tells; what we advise to type begins with it."""
_ADVICE: Final = re.compile(
    r"\btongche (?=(?:up|down|status|doctor|reset|demo|sale|case|delivery|repair|policy|grant|disclosure|partner"
    r"|webhook|contracts|topics|risk|check|conformance|simulator|chaos|bench)\b)"
)

_COMMAND: Final = re.compile(
    r"\btongche (?:(?:up|down|status|doctor|reset|demo|check)\b(?: --[\w-]+(?: (?!/ )[^\s;；，,(（-][^\s;；，,]*)?)*"
    r"|(?:sale|case|delivery|repair|policy|grant|disclosure|partner|webhook|contracts|topics|risk"
    r"|conformance) [a-z]+(?:-[a-z]+)*"
    r"(?: (?!/ )[^\s;；，,(（][^\s;；，,]*)*)"
)
"""A command in a text, to its end: a verb of the top is followed by options only, what else comes is talk."""


def typed(text: str) -> str:
    """Advice as this person can type it: it begins as theirs did, and is about the data folder that they named."""
    return _ADVICE.sub(lambda _: f"{TYPED} ", _COMMAND.sub(lambda found: _at_home(found[0]), text))


def _at_home(command: str) -> str:
    if _named.data is None or " --data " in command or command.endswith(" --help"):
        return command
    return f"{command} --data {shlex.quote(_named.data)}"


class _Terminal(Console):
    """Shows advice as this person can type it."""

    def print(self, *objects: Any, **manner: Any) -> None:
        super().print(*(typed(each) if isinstance(each, str) else each for each in objects), **manner)


# Progress and talk go to the error stream: what a script reads stays clean.
talk = _Terminal(stderr=True, highlight=False)
out = _Terminal(highlight=False)


def folder(data: Path | None) -> DataFolder:
    """Return the data folder that was named, or this user's own."""
    return DataFolder((data or default_data_folder()).expanduser().resolve())


def installation(data: Path | None) -> DataFolder:
    """The data folder of an installation. Raises `TroubleError`."""
    home = folder(data)
    if not home.secrets.exists():
        raise TroubleError(f"{home.root} 尚无安装", f"there is no installation in {home.root}", fix="tongche up")
    return home


def is_typed() -> bool:
    """Whether the person typed a data folder at this verb: a slip of the hand is then told."""
    return _named.data is not None


def answer(value: Any) -> None:
    """Print the one JSON object that a script waits for, on one line."""
    print(json.dumps(value, ensure_ascii=False), flush=True)  # noqa: T201 - rich would wrap it


def show(trouble: TroubleError, *, as_json: bool) -> None:
    """Tell it to people on the error stream, and to a script that asked as its one object."""
    talk.print(f"{trouble.zh}\n{trouble.en}", style="red", markup=False, soft_wrap=True)
    talk.print(f"→ {trouble.fix}", markup=False, soft_wrap=True)
    if as_json:
        answer({"error": trouble.en, "fix": typed(trouble.fix), "code": trouble.code})


def wants_json(words: Sequence[str]) -> bool:
    """Whether the person asked for JSON, though nothing else of what they typed may make sense."""
    return any(word.partition("=")[0] == "--json" for word in words)


def speak_utf8() -> None:
    """Chinese must come out whatever the machine's locale: a bare one knows ASCII only."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")


def both(words: Mapping[str, str]) -> str:
    """The same thing in both languages, once where they say it alike."""
    return words["zh"] if words["zh"] == words["en"] else f"{words['zh']} {words['en']}"
