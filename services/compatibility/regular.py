"""Regular languages: patterns run against texts, and searched together for the shortest text that fits them all.

A pattern searches: it holds where any part of a text matches. Automata are made as far as a search walks, over one
alphabet: blocks of characters that no pattern of the search tells apart.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

from services.compatibility import patterns
from services.compatibility.characters import Span, Spans, blocks, points, within
from services.compatibility.patterns import Chars, Choice, Edge, Irregular, Part, Repeat, Sequence
from services.compatibility.work import Work

__all__ = ["Irregular", "Language", "TooLarge", "Wanted", "matches", "shortest", "words"]

_MOST: Final = 100_000
_WALKED: Final = 4
"""States that are left in one step."""
_ALWAYS: Final = -1
"""The state of a pattern that has been found: whatever follows, it stays so."""
_PLAIN: Final = "a0A1b2B3c4C5_-"
_PREFERRED: Final = tuple(map(ord, _PLAIN))


class TooLarge(RuntimeError):
    """A search over more states than are walked."""


@dataclass(slots=True)
class _Machine:
    """Thompson's automaton: silent moves, some only at an edge of the text, and at most one loud move a state."""

    silent: list[list[tuple[str, int]]] = field(default_factory=list)
    loud: list[tuple[Spans, int] | None] = field(default_factory=list)

    def state(self) -> int:
        self.silent.append([])
        self.loud.append(None)
        return len(self.loud) - 1

    def add(self, part: Part, here: int) -> int:
        """Build a part behind a state, and say where it ends."""
        match part:
            case Chars(spans):
                there = self.state()
                self.loud[here] = (spans, there)
                # What follows starts at a state of its own, so that no state gets two loud moves.
                return self._then(there)
            case Edge(side):
                there = self.state()
                self.silent[here].append((side, there))
                return there
            case Sequence(parts):
                for one in parts:
                    here = self.add(one, here)
                return here
            case Choice(parts):
                end = self.state()
                for one in parts:
                    self.silent[self.add(one, self._then(here))].append(("", end))
                return end
            case Repeat(one, low, high):
                return self._repeat(one, low, high, here)

    def _repeat(self, part: Part, low: int, high: int | None, here: int) -> int:
        for _ in range(low):
            here = self.add(part, self._then(here))
        end = self.state()
        self.silent[here].append(("", end))
        if high is None:
            loop = self._then(here)
            self.silent[self.add(part, loop)] += [("", loop), ("", end)]
            return end
        for _ in range(high - low):
            here = self.add(part, self._then(here))
            self.silent[here].append(("", end))
        return end

    def _then(self, here: int) -> int:
        there = self.state()
        self.silent[here].append(("", there))
        return there


class Language:
    """The texts in which one pattern is found. Raises `Irregular` for what is none."""

    def __init__(self, pattern: str) -> None:
        self._machine = _Machine()
        first = self._machine.state()
        self._end = self._machine.add(patterns.read(pattern), first)
        # A match may begin anywhere, so the first state is always among those that we are in.
        self._first = first
        self.start = self._settled(frozenset({first}), "begin")
        self._next: dict[tuple[frozenset[int], int], frozenset[int]] = {}

    @property
    def sets(self) -> Iterator[Spans]:
        """The sets of characters that it tells apart."""
        return (move[0] for move in self._machine.loud if move is not None)

    def step(self, states: frozenset[int], point: int) -> frozenset[int]:
        """Where one character leads."""
        if _ALWAYS in states:
            return states
        found = self._next.get((states, point))
        if found is None:
            moves = (self._machine.loud[state] for state in states)
            there = {move[1] for move in moves if move is not None and within(point, move[0])}
            found = self._next[states, point] = self._settled(frozenset({*there, self._first}))
        return found

    def accepts(self, states: frozenset[int], *, at_start: bool) -> bool:
        """Whether the pattern is found in a text that ends here."""
        if _ALWAYS in states:
            return True
        edges = ("begin", "end") if at_start else ("end",)
        return self._end in self._closure(states, *edges)

    def _settled(self, states: frozenset[int], *edges: str) -> frozenset[int]:
        closed = self._closure(states, *edges)
        return frozenset({_ALWAYS}) if self._end in closed else closed

    def _closure(self, states: frozenset[int], *edges: str) -> frozenset[int]:
        found = set(states)
        waiting = list(states)
        while waiting:
            for edge, there in self._machine.silent[waiting.pop()]:
                if (not edge or edge in edges) and there not in found:
                    found.add(there)
                    waiting.append(there)
        return frozenset(found)


@lru_cache(maxsize=512)
def language(pattern: str) -> Language:
    """The language of a pattern, made once. Raises `Irregular`."""
    return Language(pattern)


def matches(pattern: str, text: str) -> bool:
    """Whether the pattern is found in the text. Raises `Irregular`."""
    spoken = language(pattern)
    states = spoken.start
    for one in text:
        states = spoken.step(states, ord(one))
    return spoken.accepts(states, at_start=not text)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Texts with all of the patterns `found` and none of those `missing`, so long, and none of these."""

    found: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()
    low: int = 0
    high: int | None = None
    barred: frozenset[str] = frozenset()


def shortest(wanted: Wanted, work: Work) -> str | None:
    """The first of the shortest such texts, or None where the search has proved that there is none.

    Raises `Irregular`, `TooLarge` and `TooMuch`.
    """
    if not wanted.found | wanted.missing | wanted.barred:
        return None if wanted.high is not None and wanted.low > wanted.high else "a" * wanted.low
    if wanted.low or wanted.high is not None:
        # Lengths make the search long, and mostly do not matter.
        anyhow = _Search(replace(wanted, low=0, high=None), work).run()
        if anyhow is None or (wanted.low <= len(anyhow) and (wanted.high is None or len(anyhow) <= wanted.high)):
            return anyhow
    return _Search(wanted, work).run()


def words(wanted: Wanted, most: int, work: Work) -> Iterator[str]:
    """Up to so many different such texts; that there are fewer is a proof. Raises as `shortest`."""
    barred = wanted.barred
    for _ in range(most):
        word = shortest(replace(wanted, barred=barred), work)
        if word is None:
            return
        yield word
        barred |= {word}


_Node = tuple[tuple[frozenset[int], ...], int, str | None]
"""States of all languages, the length as far as it counts, and the text while it is the beginning of a barred one."""


class _Search:
    """Breadth first over the product of all automata; each state is seen once, so the search ends."""

    def __init__(self, wanted: Wanted, work: Work) -> None:
        self._wanted = wanted
        self._work = work
        self._signs = [(language(one), True) for one in sorted(wanted.found)]
        self._signs += [(language(one), False) for one in sorted(wanted.missing)]
        self._beginnings = {word[:length] for word in wanted.barred for length in range(len(word) + 1)}
        self._letters = self._alphabet()
        self._walked = 0

    def run(self) -> str | None:
        start: _Node = (tuple(one.start for one, _ in self._signs), 0, "" if "" in self._beginnings else None)
        came_by: dict[_Node, tuple[_Node, int] | None] = {start: None}
        waiting = deque([(start, 0)])
        while waiting:
            node, length = waiting.popleft()
            if self._fits(node, length):
                return _spelt(node, came_by)
            if length == self._wanted.high:
                continue
            for point in self._letters:
                there = self._step(node, point, length)
                if there is not None and there not in came_by:
                    came_by[there] = (node, point)
                    waiting.append((there, length + 1))
            self._count(node)
        return None

    def _count(self, node: _Node) -> None:
        """Count what was looked at. Raises `TooLarge` and `TooMuch`."""
        states = 1 + sum(map(len, node[0]))
        self._work.spend(1 + states // _WALKED)
        self._walked += states
        if self._walked > _MOST:
            raise TooLarge("an automaton with very many states")

    def _alphabet(self) -> list[int]:
        """One character of each block, a plain one where there is one; those of barred texts each for themselves."""
        letters = points("".join(self._wanted.barred))
        single = [((low, low),) for low, high in letters for low in range(low, high + 1)]
        found = blocks([*(some for one, _ in self._signs for some in one.sets), *single, ((97, 97),), ((32, 126),)])
        return sorted(map(_plainest, found), key=_plainness)

    def _step(self, node: _Node, point: int, length: int) -> _Node | None:
        states = tuple(one.step(before, point) for (one, _), before in zip(self._signs, node[0], strict=True))
        if any(not wanted and _ALWAYS in after for (_, wanted), after in zip(self._signs, states, strict=True)):
            return None
        text = None if node[2] is None else node[2] + chr(point)
        counted = length + 1 if self._wanted.high is not None else min(length + 1, self._wanted.low)
        return states, counted, text if text in self._beginnings else None

    def _fits(self, node: _Node, length: int) -> bool:
        if length < self._wanted.low or node[2] in self._wanted.barred:
            return False
        return all(
            one.accepts(states, at_start=length == 0) == wanted
            for (one, wanted), states in zip(self._signs, node[0], strict=True)
        )


def _spelt(node: _Node, came_by: dict[_Node, tuple[_Node, int] | None]) -> str:
    letters: list[str] = []
    step = came_by[node]
    while step is not None:
        letters.append(chr(step[1]))
        step = came_by[step[0]]
    return "".join(reversed(letters))


def _plainest(block: Span) -> int:
    inside = (point for point in _PREFERRED if block[0] <= point <= block[1])
    return next(inside, block[0])


def _plainness(point: int) -> tuple[int, int]:
    return (_PREFERRED.index(point) if point in _PREFERRED else len(_PREFERRED), point)
