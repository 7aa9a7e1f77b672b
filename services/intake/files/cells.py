"""Reading one cell, as dealers' systems and Excel write it, into what the contract wants."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from services.intake.files.columns import COLUMNS, Column, table

_SPACES: Final = " \t\r\n\u00a0\u200b\u3000\ufeff"
_SCIENTIFIC: Final = re.compile(r"[0-9](?:\.[0-9]+)?E\+[0-9]{1,3}", re.IGNORECASE)
_AMOUNT: Final = re.compile(r"(?P<sign>-?)(?P<yuan>[0-9]{1,12}|[0-9]{1,3}(?:,[0-9]{3}){1,3})(?:\.(?P<cents>[0-9]+))?")
_WHOLE: Final = re.compile(r"([0-9]{1,9}|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.0+)?")
_DAY: Final = re.compile(
    r"([0-9]{4})(?:([-/.])([0-9]{1,2})\2([0-9]{1,2})|年([0-9]{1,2})月([0-9]{1,2})日|([0-9]{2})([0-9]{2}))"
    r"(?:[ T]0{1,2}:00(?::00)?(?:\.0+)?)?"
)
_SERIAL: Final = re.compile(r"[0-9]{5}")
_SERIAL_ZERO: Final = date(1899, 12, 30)
_CENTS: Final = 2
_WORDS: Final = {(row["name"], row["written"]): row["means"] for row in table("words.csv")}


class Unfit(ValueError):
    """A cell cannot be read; `reason` is stable and tells nothing of the cell."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read(column: Column, cell: str) -> Any:
    """The cell's value; None for an empty one. Raises `Unfit`."""
    if not (cell if column.reads == "text" else cell.strip(_SPACES)):
        return None
    return _READERS[column.reads](column, cell)


def plain(cell: str) -> str:
    """A cell that is no free text: full width to half, without the spaces and tabs that systems put around numbers."""
    return unicodedata.normalize("NFKC", cell).strip(_SPACES)


def _text(_column: Column, cell: str) -> str:
    return cell


def _identifier(_column: Column, cell: str) -> str:
    text = plain(cell)
    if _SCIENTIFIC.fullmatch(text):
        # Excel has thrown digits away; nothing brings them back.
        raise Unfit("scientific_notation")
    return text


def _word(column: Column, cell: str) -> str:
    means = _WORDS.get((column.name, plain(cell).upper()))
    if means is None:
        raise Unfit("unknown_word")
    return means


def _whole(_column: Column, cell: str) -> int:
    match = _WHOLE.fullmatch(plain(cell))
    if match is None:
        raise Unfit("not_a_whole_number")
    return int(match[1].replace(",", ""))


def _yuan(_column: Column, cell: str) -> int:
    """Yuan as text to fen, exactly."""
    match = _AMOUNT.fullmatch(plain(cell).removeprefix("¥"))
    if match is None:
        raise Unfit("not_an_amount")
    cents = match["cents"] or ""
    if len(cents) > _CENTS:
        raise Unfit("too_many_decimals")
    fen = int(Decimal(match["yuan"].replace(",", "")) * 100) + int(cents.ljust(_CENTS, "0"))
    if match["sign"] or fen == 0:
        raise Unfit("not_positive")
    return fen


def _day(_column: Column, cell: str) -> str:
    text = plain(cell)
    try:
        if _SERIAL.fullmatch(text):
            return (_SERIAL_ZERO + timedelta(days=int(text))).isoformat()
        match = _DAY.fullmatch(text)
        if match is None:
            raise Unfit("not_a_date")
        year, month, day = (int(part) for part in match.groups() if part and part.isdigit())
        return date(year, month, day).isoformat()
    except (ValueError, OverflowError) as wrong:
        raise Unfit(wrong.reason if isinstance(wrong, Unfit) else "no_such_day") from None


_READERS: Final[dict[str, Callable[[Column, str], Any]]] = {
    "text": _text,
    "identifier": _identifier,
    "word": _word,
    "whole": _whole,
    "yuan": _yuan,
    "day": _day,
}

if unknown := {column.reads for column in COLUMNS} - set(_READERS):
    message = f"columns.csv reads cells in unknown ways: {unknown}"
    raise RuntimeError(message)
