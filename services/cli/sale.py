"""`sale publish`: a file of sales to the door."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from services.cli import terminal
from services.cli.terminal import Data, Json, answer, out, talk
from services.stack import reasons, state
from services.stack.credentials import publisher_tokens
from services.stack.data import DataFolder
from services.stack.trouble import TroubleError

if TYPE_CHECKING:
    from services.publisher.publication import Listeners, Outcome, Sender

app = typer.Typer(help="销售 / sales", no_args_is_help=True)

REFUSED: Final = 1
NOT_SENT: Final = 2

_SHOWN: Final = 50
_PLAIN_STEP: Final = 0.25
_LIMIT: Final = 16 * 1024 * 1024
_COLUMNS: Final = (
    ("行\nline", False),
    ("代码\ncode", True),
    ("字段\nfield", False),
    ("原因\nreason", False),
    ("建议\nsuggestion", True),
)
"""Of the refused rows; what people copy from a terminal stays on one line."""


class Dated(Enum):
    """What the date of the sales may be moved to."""

    today = "today"


@app.callback()
def _group() -> None:
    """销售 / sales."""


@app.command()
def publish(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="json, jsonl, csv；- 为标准输入 / - is standard input")],
    dated: Annotated[Dated | None, typer.Option("--dated", help="把销售日期改为今天 / date the sales today")] = None,
    publisher: Annotated[str | None, typer.Option("--as", help="发布方 / the publisher (its name)")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """发布一个文件的销售 / publish a file of sales. Safe to repeat: what is there already is not made twice."""
    from services.publisher.publication import publish as upload

    try:
        sender = _sender(terminal.folder(data), publisher)
        content = _content(file)
        with _progress(len(content)) as listeners:
            outcome = asyncio.run(upload(content, Path(file).name, dated and dated.value, sender, listeners))
    except TroubleError as trouble:
        terminal.show(trouble, as_json=as_json)
        raise typer.Exit(NOT_SENT) from None
    _tell(outcome)
    if as_json:
        answer(_for_scripts(outcome))
    raise typer.Exit(REFUSED if outcome.rows else 0)


def _sender(folder: DataFolder, name: str | None) -> Sender:
    from services.publisher.publication import Sender

    stack = state.load(folder)
    if stack is None or "door" not in stack.urls or not folder.secrets.exists():
        raise TroubleError(
            f"没有在运行：{folder.root}", f"not running: {folder.root}", fix="tongche up", code="not-running"
        )
    tokens = publisher_tokens(folder)
    chosen = name or next(iter(tokens), "")
    if chosen not in tokens:
        raise TroubleError(
            f"没有发布方 {chosen} 的令牌", f"no token for the publisher {chosen}", fix=f"--as {'|'.join(tokens)}"
        )
    history = folder.root / "publishers" / f"{chosen}.history.jsonl"
    return Sender(stack.urls["door"], chosen, tokens[chosen], history)


def _content(file: str) -> bytes:
    try:
        content = sys.stdin.buffer.read(_LIMIT + 1) if file == "-" else Path(file).read_bytes()
    except OSError as problem:
        raise reasons.unread(file, problem, fix="检查路径 / check the path") from problem
    if len(content) > _LIMIT:
        raise TroubleError(
            f"{file} 超过 16 MiB", f"{file} is larger than 16 MiB", fix="拆分文件 / split the file, with its header"
        )
    return content


@contextmanager
def _progress(size: int) -> Iterator[Listeners]:
    from services.publisher.publication import Listeners

    if not talk.is_terminal:
        yield Listeners(sent=lambda _: None, dealt_with=_PlainLines().dealt_with)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:.0f}%"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=talk) as bars:
        sending = bars.add_task("上传 / sending", total=size or None)
        storing = bars.add_task("受理 / taking in", total=None)
        yield Listeners(
            sent=lambda more: bars.advance(sending, more),
            dealt_with=lambda line, lines: bars.update(storing, completed=line, total=lines),
        )


class _PlainLines:
    """A line each quarter, for logs."""

    def __init__(self) -> None:
        self._told = 0.0

    def dealt_with(self, line: int, lines: int) -> None:
        share = line / max(lines, 1)
        if share >= self._told + _PLAIN_STEP or line >= lines:
            self._told = share
            talk.print(f"受理至第 {line} 行，共 {lines} 行 / taken in up to line {line} of {lines}", markup=False)


def _tell(outcome: Outcome) -> None:
    if outcome.rows:
        talk.print(_refused(outcome.rows))
        if len(outcome.rows) > _SHOWN:
            talk.print(f"… 另有 / and {len(outcome.rows) - _SHOWN} more: --json")
    if outcome.unknown_columns:
        talk.print("未用的列 / columns not used: " + ", ".join(outcome.unknown_columns), markup=False)
    counts = (
        f"{outcome.accepted} 已受理 / accepted, {outcome.replayed} 已有 / replayed, {len(outcome.rows)} 拒绝 / refused"
    )
    out.print(counts)


def _refused(rows: list[dict[str, Any]]) -> Table:
    from services.intake.files.columns import COLUMNS
    from services.intake.reasons import sentence

    titles = {column.field: column.zh for column in COLUMNS}
    table = Table(title="拒绝的行 / refused rows")
    for name, copied in _COLUMNS:
        table.add_column(name, overflow="fold", no_wrap=copied)
    for row in rows[:_SHOWN]:
        for error in row["errors"]:
            field = f"{titles[error['field']]} {error['field']}" if error["field"] in titles else error["field"]
            words = (str(row["line"]), error["code"], field, sentence(error["reason"]), error.get("suggestion", ""))
            table.add_row(*words)
    return table


def _for_scripts(outcome: Outcome) -> dict[str, Any]:
    return {
        "accepted": outcome.accepted,
        "replayed": outcome.replayed,
        "refused": len(outcome.rows),
        "rows": [{"line": row["line"], "codes": row["codes"]} for row in outcome.rows],
    }
