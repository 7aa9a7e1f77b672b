"""From a file's bytes to its text, in whichever encoding the dealer's system wrote it."""

from __future__ import annotations

import codecs
from typing import Final

from services.intake.problems import UNREADABLE, Problem, fault

# GB 18030-2022 moved 18 codes out of the private use area; CPython still decodes by the edition of 2005.
_GB18030_2022: Final = str.maketrans(
    dict(
        zip(
            (*range(0xE78D, 0xE797), *(0xE81E, 0xE826, 0xE82B, 0xE82C, 0xE832, 0xE843, 0xE854, 0xE864)),
            (0xFE10, 0xFE12, 0xFE11, *range(0xFE13, 0xFE1A), *range(0x9FB4, 0x9FBC)),
            strict=True,
        )
    )
)

_OTHER_FORMATS: Final = (
    (b"PK\x03\x04", "excel_workbook"),
    (b"\xd0\xcf\x11\xe0", "excel_workbook"),
    (b"%PDF", "pdf"),
    (b"\x1f\x8b", "compressed"),
)
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UTF32: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_SAMPLE: Final = 400
_DAMAGED_AT_MOST: Final = 0.1
_PIECE: Final = 64 * 1024


def text_of(body: bytes) -> tuple[str, str]:
    """The text and the name of its encoding. Raises a `Problem` if it is no text we can read.

    Damaged UTF-8 is still UTF-8: its broken bytes become lone surrogates, so that only their rows are refused.
    """
    _refuse_other_formats(body)
    if body.startswith(codecs.BOM_UTF8):
        return body[len(codecs.BOM_UTF8) :].decode(errors="surrogateescape"), "utf-8"
    if body.startswith(_UTF16):
        return _decoded(body, "utf-16"), "utf-16"
    try:
        return body.decode(), "utf-8"
    except UnicodeDecodeError:
        return _chinese_or_damaged(body)


def is_damaged(text: str) -> bool:
    """Whether some of it was not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _chinese_or_damaged(body: bytes) -> tuple[str, str]:
    damaged = body.decode(errors="surrogateescape")
    broken = sum("\udc80" <= character <= "\udcff" for character in damaged)
    foreign = sum(character > "\x7f" for character in damaged)
    # GB 18030 read as UTF-8 is nearly all broken; UTF-8 with some bad bytes is nearly all right.
    if broken <= foreign * _DAMAGED_AT_MOST:
        return damaged, "utf-8"
    return _moved(_decoded(body, "gb18030")), "gb18030"


def _moved(text: str) -> str:
    # Piece by piece: translating megabytes in one call would keep every other thread waiting.
    pieces = (text[start : start + _PIECE] for start in range(0, len(text), _PIECE))
    return "".join(piece.translate(_GB18030_2022) for piece in pieces)


def _decoded(body: bytes, encoding: str) -> str:
    try:
        return body.decode(encoding)
    except UnicodeDecodeError:
        raise _unreadable("unknown_encoding") from None


def _refuse_other_formats(body: bytes) -> None:
    if body in _UTF16 or not body.removeprefix(codecs.BOM_UTF8).strip():
        raise _unreadable("empty")
    for mark, reason in _OTHER_FORMATS:
        if body.startswith(mark):
            raise _unreadable(reason)
    if body.startswith(_UTF32):
        raise _unreadable("utf32")
    sample = body[:_SAMPLE]
    if not body.startswith(_UTF16) and sample.count(0) > len(sample) // 4:
        raise _unreadable("utf16_without_mark")


def _unreadable(reason: str) -> Problem:
    fix = "存为 UTF-8 或 GB18030 的 CSV、JSON 或 JSON Lines / save it as CSV, JSON or JSON Lines in UTF-8 or GB18030"
    return Problem(UNREADABLE, fault("body", reason), fix=fix)
