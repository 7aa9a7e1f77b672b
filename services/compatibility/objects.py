"""Objects: which properties there are, which serves which demand, and whether each can be filled.

Names that a schema mentions are taken one by one. All others fall into classes by the patterns that they match: of
one class the same is asked, so one name stands for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from services.compatibility.outcome import NOTHING, Doubts, Found, Nothing, Outcome, Problem, Solve, Unsure
from services.compatibility.reading import Reading
from services.compatibility.regular import Irregular
from services.compatibility.terms import ANY_SIZE, Claim, Each, EachName, Fact, Has, Keys, Size, Some, SomeName
from services.compatibility.values import Frozen

_PATTERNS: Final = 12
_FILLED: Final = 400


@dataclass(frozen=True, slots=True)
class _Slot:
    """One property to be: its name, if it is one that is mentioned; what is asked of the name and of the value."""

    name: str | None
    of_name: Problem
    of_value: Problem


@dataclass(slots=True)
class _Asked:
    size: Size = ANY_SIZE
    each: list[tuple[Keys, Claim]] = field(default_factory=list)
    some: list[tuple[Keys, Claim]] = field(default_factory=list)
    has: set[str] = field(default_factory=set)
    lacks: set[str] = field(default_factory=set)
    names: set[Claim] = field(default_factory=set)
    some_names: list[Claim] = field(default_factory=list)


def an_object(facts: Sequence[Fact], solve: Solve, reading: Reading) -> Outcome:
    """An object of which all facts are so."""
    asked = _asked(facts)
    if asked.has & asked.lacks or not asked.size.possible:
        return NOTHING
    try:
        return _Objects(asked, solve, reading).run()
    except Irregular as beyond:
        return Unsure(f"a pattern is beyond the proof: {beyond}")


def _asked(facts: Sequence[Fact]) -> _Asked:
    asked = _Asked()
    for fact in facts:
        match fact:
            case Size():
                asked.size &= fact
            case Each(Keys() as places, claim):
                asked.each.append((places, claim))
            case Some(Keys() as places, claim):
                asked.some.append((places, claim))
            case Has(name, holds):
                (asked.has if holds else asked.lacks).add(name)
            case EachName(claim):
                asked.names.add(claim)
            case SomeName(claim):
                asked.some_names.append(claim)
    return asked


class _Objects:
    def __init__(self, asked: _Asked, solve: Solve, reading: Reading) -> None:
        self._asked = asked
        self._solve = solve
        self._reading = reading
        self._doubts = Doubts()
        keys = [places for places, _ in (*asked.each, *asked.some)]
        self._mentioned = sorted(asked.has | asked.lacks | {name for places in keys for name in places.names})
        self._patterns = sorted({pattern for places in keys for pattern in places.patterns})

    def run(self) -> Outcome:
        if len(self._patterns) > _PATTERNS:
            return Unsure(f"{len(self._patterns)} patterns of names at once")
        start = [self._named(name) for name in sorted(self._asked.has)]
        # First what must be there at all: nothing else matters where that cannot be.
        for slot in start:
            outcome = self._possible(slot)
            if not isinstance(outcome, Found):
                return outcome
        for slots in self._placed(list(self._asked.some), list(self._asked.some_names), start):
            found = self._filled(slots)
            if found is not None:
                return found
        return self._doubts.verdict()

    # -- slots

    def _named(self, name: str) -> _Slot:
        of_value = frozenset(claim for places, claim in self._asked.each if name in places)
        return _Slot(name, frozenset(self._asked.names), of_value)

    def _classes(self) -> Iterator[_Slot]:
        """One slot for each class of names that nobody mentions."""
        barred = Claim(self._reading.of_values(Frozen("string", name) for name in self._mentioned), holds=False)
        text = Claim(self._reading.of_kind("string"), holds=True)
        for signs in self._signs(frozenset({barred, text, *self._asked.names}), self._patterns):
            matched = {pattern for pattern in self._patterns if self._of_pattern(pattern) in signs}
            of_value = frozenset(claim for places, claim in self._asked.each if _covers(places, matched))
            yield _Slot(None, signs, of_value)

    def _signs(self, of_name: Problem, patterns: Sequence[str]) -> Iterator[Problem]:
        """All ways to match or not to match the patterns for which there are names."""
        if isinstance(self._solve(of_name), Nothing):
            return
        if not patterns:
            yield of_name
            return
        matches = self._of_pattern(patterns[0])
        for claim in (matches.denied, matches):
            yield from self._signs(of_name | {claim}, patterns[1:])

    def _of_pattern(self, pattern: str) -> Claim:
        return Claim(self._reading.of_pattern(pattern), holds=True)

    def _possible(self, slot: _Slot) -> Outcome:
        """Whether there is a name and a value for it; the value, if so."""
        name = self._a_name(slot)
        return self._solve(slot.of_value) if isinstance(name, Found) else name

    def _a_name(self, slot: _Slot, *taken: str) -> Outcome:
        if slot.name is None:
            barred = Claim(self._reading.of_values(Frozen("string", name) for name in taken), holds=False)
            return self._solve(slot.of_name | {barred} if taken else slot.of_name)
        if not slot.of_name:
            return Found(Frozen("string", slot.name))
        itself = Claim(self._reading.of_values((Frozen("string", slot.name),)), holds=True)
        return self._solve(slot.of_name | {itself})

    # -- demands

    def _placed(self, some: list[tuple[Keys, Claim]], names: list[Claim], slots: list[_Slot]) -> Iterator[list[_Slot]]:
        """Ways to serve every demand: by a property that is there anyway, or by one more."""
        if not some and not names:
            yield slots
            return
        if some:
            (places, claim), *rest = some
            serving = self._by_value(places, claim, slots)
        else:
            claim, *names = names
            rest, serving = [], self._by_name(claim, slots)
        for replaced, slot in serving:
            outcome = self._possible(slot)
            self._doubts.hear(outcome)
            if isinstance(outcome, Found):
                others = [one for one in slots if one is not replaced]
                yield from self._placed(rest, names, [*others, slot])

    def _by_value(self, places: Keys, claim: Claim, slots: list[_Slot]) -> Iterator[tuple[_Slot | None, _Slot]]:
        for before, slot in self._open_slots(slots):
            if self._stands_in(slot, places):
                yield before, _Slot(slot.name, slot.of_name, slot.of_value | {claim})

    def _by_name(self, claim: Claim, slots: list[_Slot]) -> Iterator[tuple[_Slot | None, _Slot]]:
        for before, slot in self._open_slots(slots):
            yield before, _Slot(slot.name, slot.of_name | {claim}, slot.of_value)

    def _open_slots(self, slots: list[_Slot]) -> Iterator[tuple[_Slot | None, _Slot]]:
        """Those that are there, and all that may be made."""
        yield from ((slot, slot) for slot in slots)
        there = {slot.name for slot in slots}
        yield from ((None, self._named(name)) for name in self._free(there))
        yield from ((None, slot) for slot in self._classes())

    def _free(self, there: set[str | None]) -> list[str]:
        return [name for name in self._mentioned if name not in there and name not in self._asked.lacks]

    def _stands_in(self, slot: _Slot, places: Keys) -> bool:
        if slot.name is not None:
            return slot.name in places
        matched = {pattern for pattern in self._patterns if self._of_pattern(pattern) in slot.of_name}
        return _covers(places, matched)

    # -- filling

    def _filled(self, slots: list[_Slot]) -> Found | None:
        """The object, with as many more properties as are asked for; None where these slots do not make one."""
        if self._asked.size.high is not None and len(slots) > self._asked.size.high:
            return None
        properties: dict[str, Frozen] = {}
        for slot in sorted(slots, key=lambda one: one.name is None):
            if not self._add(slot, properties):
                if slot.name is None:
                    self._doubts.hear(Unsure("names of properties that are hard to tell apart"))
                return None
        self._fill_up(properties)
        if len(properties) < self._asked.size.low:
            return None
        return Found(Frozen("object", frozenset(properties.items())))

    def _add(self, slot: _Slot, properties: dict[str, Frozen]) -> bool:
        name = self._a_name(slot, *sorted(properties))
        value = self._solve(slot.of_value)
        self._doubts.hear(name)
        self._doubts.hear(value)
        if isinstance(name, Found) and isinstance(value, Found):
            properties[name.value.content] = value.value
            return True
        return False

    def _fill_up(self, properties: dict[str, Frozen]) -> None:
        missing = self._asked.size.low - len(properties)
        if missing > _FILLED:
            self._doubts.hear(Unsure(f"objects of {self._asked.size.low} properties"))
            return
        for name in self._free(set(properties)):
            if len(properties) < self._asked.size.low:
                self._add(self._named(name), properties)
        for slot in self._classes():
            self._fill_with(slot, properties)

    def _fill_with(self, slot: _Slot, properties: dict[str, Frozen]) -> None:
        """As many names of one class as are still missing: plain ones, and where they will not do, any."""
        if not isinstance(self._possible(slot), Found):
            return
        for number in range(self._asked.size.low):
            if len(properties) < self._asked.size.low and (name := f"p{number}") not in properties:
                of_name = slot.of_name | {Claim(self._reading.of_values((Frozen("string", name),)), holds=True)}
                self._add(_Slot(None, of_name, slot.of_value), properties)
        while len(properties) < self._asked.size.low and self._add(slot, properties):
            pass


def _covers(places: Keys, matched: set[str]) -> bool:
    """Whether a name that is not mentioned, and matches just these patterns, is among the places."""
    return bool(places.patterns & matched) != places.others
