"""JSON values as JSON Schema compares them: 1 and 1.0 are one number, 1 and true are two things, keys have no order."""

from __future__ import annotations

import json
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, Literal, NamedTuple

Kind = Literal["null", "boolean", "number", "string", "array", "object"]
_DIGITS: Final = 4300
"""As many as Python reads of an integer; with a few letters one could else write a number that fills the memory."""
_LARGEST: Final = 10**_DIGITS
_TOO_LONG: Final = f"a number of more than {_DIGITS} digits"
KINDS: Final[tuple[Kind, ...]] = ("null", "boolean", "number", "string", "array", "object")


class Frozen(NamedTuple):
    """A JSON value that can be compared and put in a set. Numbers are exact."""

    kind: Kind
    content: Any


class NotJson(ValueError):
    """Something that JSON cannot say."""


def frozen(value: Any) -> Frozen:
    """Take a JSON value. A float is the decimal number that its shortest writing says. Raises `NotJson`."""
    match value:
        case None:
            return Frozen("null", None)
        case bool():
            return Frozen("boolean", value)
        case int() | float() | Decimal() | Fraction():
            return Frozen("number", exact(value))
        case str():
            return Frozen("string", value)
        case list() | tuple():
            return Frozen("array", tuple(map(frozen, value)))
        case dict():
            return Frozen("object", frozenset((name, frozen(one)) for name, one in value.items()))
        case _:
            raise NotJson(type(value).__name__)


def exact(number: float | Decimal | Fraction) -> Fraction:
    """A number as a fraction; raises `NotJson` for those that are none."""
    if isinstance(number, float):
        number = Decimal(repr(number))
    if isinstance(number, Decimal) and not number.is_finite():
        raise NotJson(str(number))
    if abs(number.adjusted()) >= _DIGITS if isinstance(number, Decimal) else abs(number) >= _LARGEST:
        raise NotJson(_TOO_LONG)
    return Fraction(number)


def thawed(value: Frozen) -> Any:
    """The JSON value again, in the plainest Python: integers as int, keys in the order of the alphabet."""
    match value.kind:
        case "number":
            return plain(value.content)
        case "array":
            return [thawed(one) for one in value.content]
        case "object":
            return {name: thawed(one) for name, one in sorted(value.content, key=lambda pair: pair[0])}
        case _:
            return value.content


def plain(number: Fraction) -> int | float | Decimal:
    """The number as Python writes it in JSON: an int, else a float where that says the same, else a decimal."""
    if number.denominator == 1:
        return int(number)
    with suppress(OverflowError):
        nearest = float(number)
        if exact(nearest) == number:
            return nearest
    return Decimal(number.numerator) / Decimal(number.denominator)


def parse(text: str) -> Any:
    """Read a JSON document: decimals exactly, and nothing that two readers could read differently.

    Raises `NotJson`, with what is wrong, for bad syntax, NaN, Infinity and a name that stands twice in one object.
    """
    try:
        return json.loads(
            text, parse_int=_whole, parse_float=Decimal, parse_constant=_no_number, object_pairs_hook=_once
        )
    except json.JSONDecodeError as wrong:
        raise NotJson(str(wrong)) from None
    except RecursionError:
        raise NotJson("nested too deep") from None


def _whole(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise NotJson(_TOO_LONG)
    return int(digits)


def _no_number(name: str) -> None:
    raise NotJson(f"{name} is no JSON number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise NotJson(f"the name {twice!r} stands twice in one object")
    return read
