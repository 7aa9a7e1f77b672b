"""Sets of characters as spans of code points, with the classes that patterns name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Final

Span = tuple[int, int]
Spans = tuple[Span, ...]

LAST: Final = 0x10FFFF
_SURROGATES: Final = (0xD800, 0xDFFF)


def spans(*some: Span) -> Spans:
    """Sorted, and merged where they touch."""
    merged: list[Span] = []
    for low, high in sorted(some):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def others(some: Spans) -> Spans:
    """All characters but these; halves of surrogate pairs are no characters."""
    left: list[Span] = []
    begin = 0
    for low, high in spans(*some, _SURROGATES):
        if begin < low:
            left.append((begin, low - 1))
        begin = high + 1
    return (*left, (begin, LAST)) if begin <= LAST else tuple(left)


def points(text: str) -> Spans:
    """The characters of a text."""
    return spans(*((ord(one), ord(one)) for one in text))


def blocks(sets: Iterable[Spans]) -> tuple[Span, ...]:
    """Spans that no set of characters divides, which together are all characters."""
    everything = others(())
    edges = {low for some in (*sets, everything) for low, _ in some}
    edges |= {high + 1 for some in (*sets, everything) for _, high in some}
    cuts = sorted(edges)
    pairs = ((low, high - 1) for low, high in pairwise(cuts))
    return tuple(pair for pair in pairs if within(pair[0], everything))


def within(point: int, some: Spans) -> bool:
    """Whether the character is one of them."""
    return any(low <= point <= high for low, high in some)


_DIGIT: Final = spans((48, 57))
_WORD: Final = spans((48, 57), (65, 90), (95, 95), (97, 122))
_SPACE: Final = spans(
    *((9, 13), (32, 32), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029)),
    *((0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)),
)
CLASSES: Final[Mapping[str, Spans]] = {
    "d": _DIGIT,
    "D": others(_DIGIT),
    "w": _WORD,
    "W": others(_WORD),
    "s": _SPACE,
    "S": others(_SPACE),
}
ANY: Final = others(points("\n"))
"""What the dot means to the validator; to a reader in JavaScript it also stops at a carriage return."""
