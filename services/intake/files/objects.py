"""JSON and JSON lines: rows with the English or Chinese column names, or whole CloudEvents."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any, Final

from services.intake.cloudevents import json_value
from services.intake.files.columns import recognise
from services.intake.files.rows import Row
from services.intake.problems import UNREADABLE, Problem, fault
from services.runtime import strict_json
from services.runtime.strict_json import UnreadableJson

_BLANK: Final = b" \t\r\n"
_MOST_UNKNOWN: Final = 1000


class Objects:
    """Rows that are JSON objects; the names that are no column of ours gather in `unknown` as rows are read."""

    def __init__(self) -> None:
        self.unknown: dict[str, None] = {}

    def lines(self, body: bytes) -> Iterator[Row]:
        """JSON lines: one value a line. A line that cannot be read is refused alone."""
        for number, line in enumerate(io.BytesIO(body), start=1):
            if not line.strip(_BLANK):
                continue
            try:
                value = strict_json.loads(line)
            except UnreadableJson as wrong:
                yield Row(number, faults=(fault("row", wrong.reason),))
            else:
                yield self._row(number, value)

    def document(self, body: bytes) -> Iterator[Row]:
        """One JSON value: an array of rows, or a single row. Rows count from 1. Raises a `Problem`."""
        value = json_value(body)
        if not isinstance(value, list | Mapping):
            raise Problem(UNREADABLE, fault("body", "not_an_object"))
        rows = value if isinstance(value, list) else [value]
        return (self._row(number, row) for number, row in enumerate(rows, start=1))

    def _row(self, number: int, value: Any) -> Row:
        if not isinstance(value, Mapping):
            return Row(number, faults=(fault("row", "not_an_object"),))
        if "specversion" in value:
            return Row(number, event=value)
        cells: dict[str, str] = {}
        for name, cell in value.items():
            column = recognise(name)
            if column is None:
                if len(self.unknown) < _MOST_UNKNOWN:
                    self.unknown[name] = None
            elif column.name in cells:
                return Row(number, faults=(fault(column.field, "repeated_column"),))
            elif isinstance(cell, list | Mapping):
                return Row(number, faults=(fault(column.field, "not_text"),))
            else:
                cells[column.name] = _text(cell)
        return Row(number, cells=cells)


def _text(cell: Any) -> str:
    """A JSON value as a CSV would have it, so that both mean the same sale."""
    if cell is None:
        return ""
    return cell if isinstance(cell, str) else str(cell)
