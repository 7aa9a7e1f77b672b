"""`contracts export|dictionary`: what there is to hear, and what each word of it means."""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.table import Table

from services.cli import terminal
from services.cli.running import running
from services.cli.terminal import Data, Json, answer, out, talk
from services.stack import credentials, reasons
from services.stack.data import DataFolder
from services.stack.trouble import TroubleError

if TYPE_CHECKING:
    from services.catalogue.dictionary import Entry
    from services.catalogue.export import Described
    from services.catalogue.installation import Installation, Publisher, Used

_KINDS: Final = (
    ("网页 / pages", ".html", ".css", ".js"),
    ("表格 / sheets", ".csv"),
    ("架构 / JSON Schemas", "schemas/"),
    ("AsyncAPI 3", "asyncapi."),
    ("OpenAPI 3.1", "openapi/"),
)


def export(
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="写到这个目录 / the folder to write")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """导出消息目录 / the catalogue as HTML, CSV, JSON Schema, AsyncAPI 3 and OpenAPI 3.1.

    Whose fields were really disclosed is asked of the stack of the data folder, where one runs.
    """
    from services.catalogue import folder
    from services.catalogue.export import files
    from services.runtime.asyncapi import VERSION

    try:
        folder.check(to.expanduser())
        whose = _installation(terminal.folder(data))
        made = files(whose, _doors(), VERSION)
        folder.replace(to.expanduser(), made)
    except folder.ForeignFolderError as foreign:
        raise _not_ours(foreign.folder, foreign.found) from None
    except OSError as wrong:
        raise reasons.unwritten(to, wrong, fix="--to DIR") from None
    if whose.used is None:
        talk.print("未运行，只列获准字段 / nothing runs: granted fields only, not what was disclosed", soft_wrap=True)
    _show(made, to)
    if as_json:
        answer(
            {"to": str(to), "files": len(made), "bytes": sum(map(len, made.values())), "usage": whose.used is not None}
        )


def dictionary(
    field: Annotated[str | None, typer.Argument(metavar="[WORD]", help="名称或含义的一部分 / a part of a name")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV，UTF-8 带标记 / as CSV, for spreadsheets")] = False,
    as_json: Json = False,
) -> None:
    """数据字典 / every field: meaning, type, unit, standard, class, who sees it, where it occurs."""
    from services.catalogue.dictionary import dictionary as entries
    from services.catalogue.sheets import dictionary_sheet

    chosen = [entry for entry in entries() if _is_meant(entry, field)]
    if not chosen:
        raise TroubleError(f"没有字段含有 {field}", f"no field has {field} in it", fix="tongche contracts dictionary")
    if as_csv:
        print(dictionary_sheet(chosen).decode(), end="")  # noqa: T201 - rich would wrap it
    elif not as_json:
        out.print(_table(chosen))
    if as_json:
        answer({"fields": [entry.told() for entry in chosen]})


def _is_meant(entry: Entry, word: str | None) -> bool:
    named = (entry.field.name, entry.field.zh, entry.field.en)
    return word is None or any(word.lower() in name.lower() for name in named)


def _table(entries: Sequence[Entry]) -> Table:
    """Two lines a field, so that it fits on a terminal of 80 columns."""
    table = Table(
        "字段\nfield", "含义\nmeaning", "类型\ntype", "分级\nclass", "可见\nseen", box=None, padding=(0, 2, 0, 0)
    )
    for entry in entries:
        field = entry.field
        unit = f"\n{field.unit}" if field.unit else ""
        types = "\n".join(entry.types) or "—"
        grade = f"{field.grade}\n{field.personal}"
        table.add_row(field.name, f"{field.zh}\n{field.en}", f"{types}{unit}", grade, entry.letters or "—")
    return table


def view_schema(name: str, data: Path | None) -> dict[str, Any] | None:
    """The schema of a subscriber's view by its URN or type; None for a name that is not one of a view."""
    from services.runtime.dataschema import UnknownSchema, is_of_view, named

    if not is_of_view(name):
        return None
    try:
        return named(name, _installation(terminal.folder(data)).subscribers)
    except UnknownSchema:
        raise TroubleError(f"没有视图 {name}", f"nobody has a view called {name}", fix="tongche grant list") from None


# -- export


def _installation(folder: DataFolder) -> Installation:
    """Of a data folder, or of a fresh one where there is none yet. Raises `TroubleError` if somebody named it."""
    from services.catalogue.installation import Installation
    from services.runtime.subscribers import UnreadableSubscribers, read

    if not folder.subscribers.exists() or not folder.publishers.exists():
        if terminal.is_typed() and not folder.is_ours():
            raise _no_data_folder(folder.root)
        with tempfile.TemporaryDirectory() as fresh:
            credentials.ensure(DataFolder(Path(fresh)))
            return Installation(_publishers(DataFolder(Path(fresh))), read(Path(fresh) / folder.subscribers.name))
    try:
        subscribers = read(folder.subscribers)
    except UnreadableSubscribers as wrong:
        raise TroubleError(
            f"订阅方文件无法读取：{wrong}",
            f"the subscribers' file cannot be read: {wrong}",
            fix=str(folder.subscribers),
        ) from None
    return Installation(_publishers(folder), subscribers, _used(folder))


def _publishers(folder: DataFolder) -> tuple[Publisher, ...]:
    from services.catalogue.installation import Publisher

    try:
        rows = tomllib.loads(folder.publishers.read_text(encoding="utf-8"))["publishers"]
        return tuple(Publisher(row["name"], row["title"]) for row in rows)
    except (KeyError, TypeError, ValueError) as wrong:
        raise TroubleError(
            "发布方文件无法读取", "the publishers' file cannot be read", fix=str(folder.publishers)
        ) from wrong


def _used(folder: DataFolder) -> Mapping[str, Used] | None:
    """What projection says was disclosed; None where nothing runs."""
    from services.catalogue.installation import Used

    try:
        service = running(folder.root).service("projection")
    except TroubleError:
        return None
    rows: list[dict[str, Any]] = service.ask("GET", "/v1/usage")["usage"]
    return {row["grant"]: Used(row["messages"], row["fields"], row["withheld"]) for row in rows}


def _doors() -> list[Described]:
    from services.catalogue.export import Described
    from services.dispatch import callbacks, notices
    from services.intake import service as intake

    named = {"intake": intake, "notices": notices, "callbacks": callbacks}
    return [Described(name, door.described()) for name, door in named.items()]


def _no_data_folder(root: Path) -> TroubleError:
    return TroubleError(
        f"{root} 不是通车的数据目录",
        f"{root} is not a data folder of Tongche",
        fix="写对 --data，或不写，导出新装时的目录 / name it right, or leave --data out",
    )


def _not_ours(folder: Path, found: Sequence[str]) -> TroubleError:
    names = ", ".join(found)
    return TroubleError(
        f"{folder} 里有不是导出的文件：{names}",
        f"{folder} holds files that no export wrote: {names}",
        fix="选一个空目录，或移走这些文件 / an empty folder, or move these away: tongche contracts export --to DIR",
    )


def _show(made: Mapping[str, bytes], to: Path) -> None:
    table = Table("内容 / what", "文件 / files", "大小 / size", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    left = dict(made)
    for title, *marks in _KINDS:
        those = [name for name in left if any(name.startswith(mark) or name.endswith(mark) for mark in marks)]
        size = sum(len(left.pop(name)) for name in those)
        table.add_row(title, str(len(those)), f"{size / 1000:,.0f} kB")
    out.print(table)
    out.print(f"→ {to / 'index.html'}", markup=False, soft_wrap=True)
