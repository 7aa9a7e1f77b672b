"""CSV in the dialects of dealers' systems and of Excel."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import Final

from services.intake.files.columns import Header, read_header, recognise
from services.intake.files.decoding import is_damaged
from services.intake.files.rows import Row
from services.intake.problems import UNREADABLE, Problem, fault

_DELIMITERS: Final = (",", "\t", ";", "|")
_SEPARATOR_LINE: Final = re.compile(r'"?sep=(.)"?\r?\n?', re.IGNORECASE)
# How systems keep Excel from turning "0012" into 12.
_GUARDED: Final = re.compile(r'="([^"]*)"')


_LONGEST_LINE: Final = 256 * 1024
_MOST_COLUMNS: Final = 500


class _TooLongError(ValueError):
    """A line is longer than any row could be."""


class _Lines:
    """The lines of a text, counted as they are read. Raises `_TooLongError` for one, and goes on behind it."""

    def __init__(self, text: io.StringIO, number: int) -> None:
        self._text = text
        self.number = number

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._text.readline()
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) > _LONGEST_LINE:
            raise _TooLongError
        return line


class Table:
    """A CSV file: its header, read at once, and its rows, read one by one."""

    def __init__(self, text: str) -> None:
        self._text = io.StringIO(text, newline="")
        self._lines = _Lines(self._text, self._skip_to_header())
        self._reader = csv.reader(self._lines, delimiter=_delimiter(self._header_line), strict=True)
        self.header = self._read_header()

    def rows(self) -> Iterator[Row]:
        """Every row that is not blank, by its physical line; one that breaks the quoting is refused alone.

        A quote that never closes ends the file: nobody can tell where the next row would begin.
        """
        while True:
            line = self._lines.number + 1
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except (csv.Error, _TooLongError) as wrong:
                reason = _reason(wrong, lines=self._lines.number + 1 - line)
                yield Row(line, faults=(fault("row", reason),))
                if reason == "unclosed_quote":
                    return
                continue
            if any(cell.strip() for cell in cells):
                yield _row(line, self.header, cells)

    def _skip_to_header(self) -> int:
        """Go past blank lines and Excel's `sep=;`; how many lines that were."""
        skipped = 0
        while True:
            place = self._text.tell()
            line = self._text.readline()
            if line and (not line.strip() or _SEPARATOR_LINE.fullmatch(line)):
                skipped += 1
                continue
            if len(line) > _LONGEST_LINE:
                raise Problem(UNREADABLE, fault("body", "line_too_long"))
            self._header_line = line
            self._text.seek(place)
            return skipped

    def _read_header(self) -> Header:
        try:
            cells = next(self._reader)
        except (csv.Error, _TooLongError, StopIteration):
            raise Problem(UNREADABLE, fault("body", "broken_quoting")) from None
        while cells and not cells[-1].strip():
            cells.pop()
        if len(cells) > _MOST_COLUMNS:
            raise Problem(UNREADABLE, fault("body", "too_many_columns"))
        return read_header(cells)


def _reason(wrong: Exception, lines: int) -> str:
    if isinstance(wrong, _TooLongError):
        return "line_too_long"
    if "end of data" in str(wrong):
        return "unclosed_quote"
    if "field limit" in str(wrong):
        # Only inside quotes can a cell go on over lines.
        return "unclosed_quote" if lines > 1 else "line_too_long"
    return "broken_quoting"


def _delimiter(header: str) -> str:
    """The delimiter under which most columns are recognised; the order of trying decides a tie."""
    return max(_DELIMITERS, key=lambda mark: sum(recognise(cell) is not None for cell in header.split(mark)))


def _row(line: int, header: Header, cells: Sequence[str]) -> Row:
    if any(map(is_damaged, cells)):
        return Row(line, faults=(fault("row", "not_utf8"),))
    if any(cell.strip() for cell in cells[len(header.places) :]):
        return Row(line, faults=(fault("row", "too_many_cells"),))
    placed = zip(header.places, cells, strict=False)
    return Row(line, cells={column.name: _unguarded(cell) for column, cell in placed if column is not None})


def _unguarded(cell: str) -> str:
    match = _GUARDED.fullmatch(cell)
    return match[1] if match else cell
