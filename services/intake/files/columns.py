"""The columns a dealer's file may have, and how its headers are recognised. The rows stand in `columns.csv`."""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from services.intake.files.decoding import is_damaged
from services.intake.problems import CONTRACT, Problem, fault

_LONGEST_NAME: Final = 40
_MOST_UNKNOWN: Final = 20
# A "header" with a long number in it is more likely a row of somebody's data, and is not told back.
_LIKE_DATA: Final = re.compile(r"\d{6}")


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `field` is where it goes in sale.confirmed v2; `reads` says how its cells are read."""

    name: str
    zh: str
    field: str
    reads: str
    required: bool
    aliases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Header:
    """Which column each place of a row belongs to; None for a column that we do not know."""

    places: tuple[Column | None, ...]
    unknown: tuple[str, ...]


def table(name: str) -> list[dict[str, str]]:
    """The rows of one of this folder's tables."""
    text = (files(__package__) / name).read_text(encoding="utf-8")
    return list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))


COLUMNS: Final = tuple(
    Column(
        name=row["name"],
        zh=row["zh"],
        field=row["field"],
        reads=row["reads"],
        required=row["required"] == "yes",
        aliases=tuple(filter(None, row["aliases"].split("|"))),
    )
    for row in table("columns.csv")
)


def _spelt(header: str) -> str:
    letters = unicodedata.normalize("NFKC", header).strip("\ufeff\u200b \t\r\n'\"")
    return re.sub(r"[\s_]+", "", letters).casefold()


_BY_SPELLING: Final = {
    _spelt(header): column for column in COLUMNS for header in (column.name, column.zh, *column.aliases)
}


def recognise(header: str) -> Column | None:
    """The column that a header means, in either language, however it is spaced."""
    return _BY_SPELLING.get(_spelt(header))


def read_header(cells: Sequence[str]) -> Header:
    """Recognise a header row. Raises a `Problem` that names all missing and all repeated columns."""
    places = tuple(map(recognise, cells))
    known = [column for column in places if column is not None]
    faults = [
        fault(column.field, "missing_column", suggestion=column.zh)
        for column in COLUMNS
        if column.required and column not in known
    ]
    faults += [
        fault(column.field, "repeated_column", suggestion=column.zh) for column in COLUMNS if known.count(column) > 1
    ]
    if faults:
        raise Problem(CONTRACT, *faults, fix="首行须为列名 / the first line must name the columns")
    return Header(places, tellable(name for name, column in zip(cells, places, strict=True) if column is None))


def template() -> bytes:
    """An empty file: all columns by their Chinese names, those that must be there first.

    Without the mark Excel would take it for the machine's old encoding.
    """
    ordered = sorted(COLUMNS, key=lambda column: not column.required)
    line = io.StringIO(newline="")
    csv.writer(line).writerow(column.zh for column in ordered)
    return codecs.BOM_UTF8 + line.getvalue().encode()


def tellable(names: Iterable[str]) -> tuple[str, ...]:
    """Unknown names, once each, as far as they can be told back to whoever wrote them."""
    shown = (name.strip()[:_LONGEST_NAME] for name in names if name.strip() and _may_be_told(name))
    return tuple(dict.fromkeys(shown))[:_MOST_UNKNOWN]


def _may_be_told(name: str) -> bool:
    return not _LIKE_DATA.search(name) and not is_damaged(name)
