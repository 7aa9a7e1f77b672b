"""JSON as RFC 8259 has it and not a step further: what two readers could understand differently is refused.

Refused are: duplicate names, NaN and Infinity, numbers that a 64-bit reader would bend, deep nesting, text that is not
UTF-8, escaped halves of surrogate pairs, and anything after the value. A byte-order mark at the start is forgiven.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final, Literal, NoReturn

Reason = Literal[
    "empty",
    "not_utf8",
    "utf16_or_utf32",
    "duplicate_name",
    "not_a_number",
    "number_out_of_range",
    "too_deep",
    "lone_surrogate",
    "trailing_content",
    "syntax",
]

DEEPEST: Final = 32
_LONGEST_NUMBER: Final = 40
_INTEGERS: Final = range(-(2**63), 2**63)

_WHITESPACE: Final = " \t\n\r"
# Strings are skipped as wholes, so that brackets inside them do not count.
_STRING_OR_BRACKET: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_ESCAPED_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")
_OTHER_MARKS: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class UnreadableJson(ValueError):
    """These bytes are not one JSON value. `where` is "line:column" if known; none of the content is told."""

    def __init__(self, reason: Reason, where: str | None = None) -> None:
        super().__init__(reason)
        self.reason: Reason = reason
        self.where = where


def loads(body: bytes) -> Any:
    """Read exactly one JSON value. Raises `UnreadableJson`, and nothing else, for anything but one."""
    text = _text(body)
    _refuse_depth(text)
    value = _value(text)
    if _ESCAPED_SURROGATE.search(text):
        _refuse_lone_surrogates(value)
    return value


def _text(body: bytes) -> str:
    # RFC 8259 begins with an ASCII character, so a NUL among the first two bytes tells a wider encoding.
    if body.startswith(_OTHER_MARKS) or b"\0" in body[:2]:
        raise UnreadableJson("utf16_or_utf32")
    try:
        text = body.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError:
        raise UnreadableJson("not_utf8") from None
    text = text.strip(_WHITESPACE)
    if not text:
        raise UnreadableJson("empty")
    return text


def _refuse_depth(text: str) -> None:
    depth = 0
    for token in _STRING_OR_BRACKET.finditer(text):
        if token[0] in "[{":
            depth += 1
            if depth > DEEPEST:
                raise UnreadableJson("too_deep")
        elif token[0] in "]}":
            depth -= 1


def _value(text: str) -> Any:
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as wrong:
        reason: Reason = "trailing_content" if wrong.msg == "Extra data" else "syntax"
        raise UnreadableJson(reason, f"{wrong.lineno}:{wrong.colno}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise UnreadableJson("duplicate_name")
    return value


def _integer(digits: str) -> int:
    # The length first: turning a million digits into a number takes quadratic time.
    if len(digits) > _LONGEST_NUMBER or (number := int(digits)) not in _INTEGERS:
        raise UnreadableJson("number_out_of_range")
    return number


def _real(digits: str) -> float:
    if len(digits) > _LONGEST_NUMBER or math.isinf(number := float(digits)):
        raise UnreadableJson("number_out_of_range")
    return number


def _constant(_name: str) -> NoReturn:
    raise UnreadableJson("not_a_number")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_real, parse_constant=_constant
)


def _refuse_lone_surrogates(value: Any) -> None:
    for text in _texts(value):
        try:
            text.encode()
        except UnicodeEncodeError:
            raise UnreadableJson("lone_surrogate") from None


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from _texts(item)
