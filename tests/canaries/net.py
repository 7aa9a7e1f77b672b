"""Finds any of thousands of needles in any bytes, in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from tests.canaries.forms import Canary, Form, Needle, needles

_GRAM: Final = 4
_LETTERS: Final = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


class Found(NamedTuple):
    """A canary was there, in this form."""

    canary: Canary
    form: Form


class _Place(NamedTuple):
    canary: Canary
    needle: Needle
    offset: int
    """Of the gram in the needle."""


class Net:
    """Every so many bytes four are looked up, of which each needle has as many as there are ways to lie.

    That needs no more than one step in Python for several bytes, however many needles there are.
    """

    def __init__(self, canaries: Iterable[Canary]) -> None:
        pairs = [(canary, needle) for canary in canaries for needle in needles(canary)]
        shortest = min((len(needle.bytes) for _, needle in pairs), default=_GRAM)
        self._step = shortest - _GRAM + 1
        self.longest = max((len(needle.bytes) for _, needle in pairs), default=0)
        self._grams: dict[bytes, list[_Place]] = {}
        for canary, needle in pairs:
            start = self._rarest(needle.bytes)
            for offset in range(start, start + self._step):
                gram = needle.bytes[offset : offset + _GRAM]
                self._grams.setdefault(gram, []).append(_Place(canary, needle, offset))

    def _rarest(self, needle: bytes) -> int:
        """Where to take the grams from: zeros and years stand everywhere."""
        starts = range(len(needle) - _GRAM - self._step + 2)
        return max(starts, key=lambda start: len(set(needle[start : start + self._step + _GRAM - 1])))

    def found_in(self, data: bytes) -> set[Found]:
        """Everything that is in there."""
        return {Found(canary, needle.form) for canary, needle, _ in self._lying(data)}

    def _lying(self, data: bytes) -> Iterator[_Place]:
        grams, width = self._grams, _GRAM
        known = grams.keys()
        for at in [at for at in range(0, len(data) - width + 1, self._step) if data[at : at + width] in known]:
            for place in grams[data[at : at + width]]:
                begin = at - place.offset
                if begin >= 0 and data.startswith(place.needle.bytes, begin) and _stands(data, begin, place.needle):
                    yield place


def _stands(data: bytes, begin: int, needle: Needle) -> bool:
    if not needle.alone:
        return True
    end = begin + len(needle.bytes)
    before, after = data[begin - 1 : begin] if begin else b"", data[end : end + 1]
    return not (_LETTERS.intersection(before) or _LETTERS.intersection(after))
