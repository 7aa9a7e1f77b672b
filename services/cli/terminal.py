"""What every verb shares with its reader: the common options, the exit codes, and the last line as JSON."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from services.runtime.settings import default_data_folder
from services.stack.data import DataFolder
from services.stack.trouble import TroubleError

FAILED = 1
NOT_RUNNING = 3

Data = Annotated[
    Path | None,
    typer.Option(
        "--data", envvar="TONGCHE_DATA", help="数据目录 / data folder", show_default=str(default_data_folder())
    ),
]
Json = Annotated[bool, typer.Option("--json", help="最后一行输出一个 JSON 对象 / one JSON object as the last line")]

TYPED: Final = os.environ.get("TONGCHE_TYPED") or "tongche"
"""What the person typed before the verb, as whatever started us tells; what we advise to type begins with it."""
_ADVICE: Final = re.compile(
    r"\btongche (?=(?:up|down|status|doctor|reset|demo|sale|case|delivery|repair|policy|topics|check|chaos|bench)\b)"
)


def typed(text: str) -> str:
    """Advice as this person can type it."""
    return _ADVICE.sub(lambda _: f"{TYPED} ", text)


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


def answer(value: Any) -> None:
    """Print the one JSON object that a script waits for, on one line."""
    print(json.dumps(value, ensure_ascii=False), flush=True)  # noqa: T201 - rich would wrap it


def show(trouble: TroubleError, *, as_json: bool) -> None:
    talk.print(f"{trouble.zh}\n{trouble.en}", style="red", markup=False)
    talk.print(f"→ {trouble.fix}", markup=False, soft_wrap=True)
    if as_json:
        answer({"error": trouble.en, "fix": typed(trouble.fix)})


def speak_utf8() -> None:
    """Chinese must come out whatever the machine's locale: a bare one knows ASCII only."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")
