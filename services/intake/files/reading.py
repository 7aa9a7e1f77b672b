"""Which kind of file this is, and its rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final, Literal

from services.intake.files.columns import tellable
from services.intake.files.decoding import text_of
from services.intake.files.objects import Objects
from services.intake.files.rows import Row
from services.intake.files.tabular import Table
from services.runtime import strict_json
from services.runtime.strict_json import UnreadableJson

Format = Literal["csv", "json", "jsonl"]

_BY_SUFFIX: Final[dict[str, Format]] = {
    ".csv": "csv",
    ".txt": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
_BY_MEDIA_TYPE: Final[dict[str, Format]] = {
    "text/csv": "csv",
    "text/tab-separated-values": "csv",
    "application/csv": "csv",
    "application/vnd.ms-excel": "csv",
    "application/json": "json",
    "application/x-ndjson": "jsonl",
    "application/ndjson": "jsonl",
    "application/jsonl": "jsonl",
    "application/x-jsonlines": "jsonl",
}
UNNAMED: Final = ("application/octet-stream", "text/plain", "application/x-www-form-urlencoded", "")
"""Media types that say nothing: the content decides."""


@dataclass(slots=True)
class File:
    """An uploaded file. `rows` is read once; `unknown` is complete after that."""

    format: Format
    encoding: str
    lines: int
    rows: Iterator[Row]
    _objects: Objects | None = None
    _columns: tuple[str, ...] = ()

    @property
    def unknown(self) -> tuple[str, ...]:
        """The columns that we do not know, and passed over."""
        return tellable(self._objects.unknown) if self._objects else self._columns


def format_of(media_type: str, filename: str) -> Format | None:
    """The format that a media type, or else a file's name, tells; None where neither does."""
    return _BY_MEDIA_TYPE.get(media_type) or _BY_SUFFIX.get(PurePath(filename).suffix.lower())


def open_file(body: bytes, format_: Format | None) -> File:
    """Begin to read a file. Raises a `Problem` if it cannot be read as a whole."""
    format_ = format_ or _sniffed(body)
    lines = body.count(b"\n") + (not body.endswith(b"\n"))
    if format_ == "csv":
        text, encoding = text_of(body)
        table = Table(text)
        return File("csv", encoding, lines, table.rows(), _columns=table.header.unknown)
    objects = Objects()
    rows = objects.lines(body) if format_ == "jsonl" else objects.document(body)
    return File(format_, "utf-8", lines, rows, _objects=objects)


def _sniffed(body: bytes) -> Format:
    start = body[:64].removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start == b"[":
        return "json"
    if start != b"{":
        return "csv"
    try:
        strict_json.loads(body)
    except UnreadableJson as wrong:
        return "json" if wrong.reason == "too_deep" else "jsonl"
    return "json"
