"""Patterns of JSON Schema, read: what ECMA-262 and the validator read alike, and what of that is regular."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from services.compatibility.characters import ANY, CLASSES, Spans, others, points, spans


class Irregular(ValueError):
    """A pattern with a part that is no regular language, or that readers read differently."""


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of these."""

    spans: Spans


@dataclass(frozen=True, slots=True)
class Edge:
    """No character, but the beginning or the end of the text."""

    side: Literal["begin", "end"]


@dataclass(frozen=True, slots=True)
class Sequence:
    """One part after the other; none is the empty text."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the parts."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """The part so many times, without end where there is no `high`."""

    part: Part
    low: int
    high: int | None


Part = Chars | Edge | Sequence | Choice | Repeat

_MOST: Final = 2000
"""Repetitions that an automaton is still built for."""
_NAMED: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v"}
_PUNCTUATION: Final = frozenset("^$\\.*+?()[]{}|/-_,:;=!@#%&~'\"` ")
"""What stands for itself behind a backslash: of the rest, `\\<` and `\\>` are the edges of words to the validator."""
_BOUNDS: Final = re.compile(r"\{([0-9]{1,5})(,([0-9]{1,5})?)?\}")
_CODES: Final = (
    re.compile(r"x([0-9A-Fa-f]{2})"),
    re.compile(r"u([0-9A-Fa-f]{4})"),
    re.compile(r"u\{([0-9A-Fa-f]{1,6})\}"),
)
_SIGNS: Final[Mapping[str, Part]] = {"^": Edge("begin"), "$": Edge("end"), ".": Chars(ANY)}
_SIMPLE: Final = {"*": (0, None), "+": (1, None), "?": (0, 1)}


@lru_cache(maxsize=1024)
def read(pattern: str) -> Part:
    """The parts of a pattern. Raises `Irregular`."""
    return _Reader(pattern).read()


class _Reader:
    """Recursive descent."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    def read(self) -> Part:
        part = self._choice()
        if self._next:
            raise Irregular(f"unmatched {self._next}")
        return part

    @property
    def _next(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _take(self) -> str:
        taken = self._next
        if not taken:
            raise Irregular("the pattern ends too early")
        self._at += 1
        return taken

    def _took(self, text: str) -> bool:
        found = self._pattern.startswith(text, self._at)
        self._at += len(text) if found else 0
        return found

    def _choice(self) -> Part:
        parts = [self._sequence()]
        while self._took("|"):
            parts.append(self._sequence())
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def _sequence(self) -> Part:
        parts: list[Part] = []
        while self._next and self._next not in "|)":
            parts.append(self._repeated(self._one()))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _repeated(self, part: Part) -> Part:
        bounds = self._bounds()
        if bounds is None:
            return part
        low, high = bounds
        if max(low, high or 0) > _MOST or (high is not None and high < low):
            raise Irregular(f"the bounds {low}, {high}")
        self._took("?")  # lazy or not, the language is the same
        if self._next and self._next in "*+?{":
            raise Irregular("a quantifier after a quantifier")
        return Repeat(part, low, high)

    def _bounds(self) -> tuple[int, int | None] | None:
        if self._next in _SIMPLE:
            return _SIMPLE[self._take()]
        if self._next != "{":
            return None
        found = _BOUNDS.match(self._pattern, self._at)
        if found is None:
            raise Irregular("a brace that is no quantifier")
        self._at = found.end()
        low = int(found[1])
        return low, (low if found[2] is None else None if found[3] is None else int(found[3]))

    def _one(self) -> Part:
        taken = self._take()
        if taken in _SIGNS:
            return _SIGNS[taken]
        if taken == "(":
            return self._group()
        if taken in "*+?{":
            raise Irregular("a quantifier of nothing")
        return Chars(self._class() if taken == "[" else self._escape() if taken == "\\" else points(taken))

    def _group(self) -> Part:
        if self._next == "?" and not self._took("?:"):
            raise Irregular("a group that looks around, is named or sets flags")
        part = self._choice()
        if not self._took(")"):
            raise Irregular("a group without an end")
        return part

    def _class(self) -> Spans:
        inverted = self._took("^")
        found: list[Spans] = []
        while not self._took("]"):
            found.append(self._range())
        if not found:
            raise Irregular("an empty class")
        together = spans(*(span for some in found for span in some))
        return others(together) if inverted else together

    def _range(self) -> Spans:
        low = self._member()
        if self._next != "-" or self._pattern[self._at + 1 : self._at + 2] in {"]", ""}:
            return low
        self._take()
        high = self._member()
        if not _is_point(low) or not _is_point(high) or low[0][0] > high[0][0]:
            raise Irregular("a range without two ends in order")
        return spans((low[0][0], high[0][0]))

    def _member(self) -> Spans:
        taken = self._take()
        return self._escape() if taken == "\\" else points(taken)

    def _escape(self) -> Spans:
        for code in _CODES:
            if found := code.match(self._pattern, self._at):
                self._at = found.end()
                return points(chr(int(found[1], 16)))
        taken = self._take()
        if taken in CLASSES:
            return CLASSES[taken]
        if taken in _NAMED or taken in _PUNCTUATION:
            return points(_NAMED.get(taken, taken))
        raise Irregular(f"the escape \\{taken}")


def _is_point(some: Spans) -> bool:
    return len(some) == 1 and some[0][0] == some[0][1]


_LOOKS: Final = re.compile(r"\(\?<?[=!][^()]*\)|\\b|\\B")
_NAMES: Final = re.compile(r"\(\?<[A-Za-z_]\w*>")


def loosened(pattern: str) -> str:
    """A regular pattern near one that is not: without what looks around; of anything else, that of all texts."""
    near = _NAMES.sub("(", _LOOKS.sub("", pattern))
    try:
        read(near)
    except Irregular:
        return ""
    return near
