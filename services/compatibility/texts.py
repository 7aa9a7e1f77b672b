"""Texts: patterns and lengths are decided; of formats that are no regular language something is known, not all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from services.compatibility import regular
from services.compatibility.formats import FORMATS, Format
from services.compatibility.outcome import NOTHING, Found, Outcome, Unsure
from services.compatibility.regular import Irregular, TooLarge, Wanted
from services.compatibility.terms import ANY_SIZE, Among, Fact, Formatted, Matches, Size
from services.compatibility.values import Frozen
from services.compatibility.work import Work

_TRIED: Final = 40


@dataclass(slots=True)
class _Asked:
    found: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    size: Size = ANY_SIZE
    among: set[str] | None = None
    barred: set[str] = field(default_factory=set)
    formats: set[str] = field(default_factory=set)
    not_formats: set[str] = field(default_factory=set)

    def fits(self, text: str) -> bool:
        """Whether a text is as asked. Raises `Irregular`."""
        return (
            len(text) in self.size
            and text not in self.barred
            and self.is_of_formats(text)
            and all(regular.matches(pattern, text) for pattern in sorted(self.found))
            and not any(regular.matches(pattern, text) for pattern in sorted(self.missing))
        )

    def is_of_formats(self, text: str) -> bool:
        """Whether it is of all formats asked for, and of none denied."""
        return all(FORMATS[name].holds(text) for name in self.formats) and not any(
            FORMATS[name].holds(text) for name in self.not_formats
        )

    def as_language(self) -> Wanted:
        """What patterns, lengths and barred texts leave; of formats, their shapes."""
        known = [FORMATS[name] for name in self.formats]
        shapes = {one.shape for one in known if one.shape}
        exact = {FORMATS[name].shape for name in self.not_formats if FORMATS[name].exact}
        return Wanted(
            frozenset(self.found | shapes),
            frozenset(self.missing | exact),
            self.size.low,
            self.size.high,
            frozenset(self.barred),
        )

    @property
    def opaque(self) -> list[Format]:
        """The formats whose shape does not say it all."""
        return [FORMATS[name] for name in sorted(self.formats | self.not_formats) if not FORMATS[name].exact]


def a_text(facts: Sequence[Fact], work: Work) -> Outcome:
    """A text of which all facts are so. Raises `TooMuch`."""
    asked = _asked(facts)
    if _contradicts(asked):
        return NOTHING
    try:
        return _among(asked) if asked.among is not None else _search(asked, work)
    except (Irregular, TooLarge) as beyond:
        return _guess(asked, f"a pattern is beyond the proof: {beyond}")


def _asked(facts: Sequence[Fact]) -> _Asked:
    asked = _Asked()
    for fact in facts:
        match fact:
            case Size():
                asked.size &= fact
            case Matches(pattern, holds):
                (asked.found if holds else asked.missing).add(pattern)
            case Formatted(name, holds):
                (asked.formats if holds else asked.not_formats).add(name)
            case Among(values, True):
                texts = {value.content for value in values}
                asked.among = texts if asked.among is None else asked.among & texts
            case Among(values, _):
                asked.barred |= {value.content for value in values}
    return asked


def _contradicts(asked: _Asked) -> bool:
    implied = {wider for name in asked.formats for wider in (name, *FORMATS[name].within)}
    return bool(implied & asked.not_formats) or bool(asked.found & asked.missing) or not asked.size.possible


def _among(asked: _Asked) -> Outcome:
    found = next((text for text in sorted(asked.among or ()) if asked.fits(text)), None)
    return NOTHING if found is None else Found(Frozen("string", found))


def _search(asked: _Asked, work: Work) -> Outcome:
    sample = next((text for text in _samples(asked) if asked.fits(text)), None)
    if sample is not None:
        return Found(Frozen("string", sample))
    wanted = asked.as_language()
    if not asked.opaque:
        text = regular.shortest(wanted, work)
        return NOTHING if text is None else Found(Frozen("string", text))
    tried = []
    for text in regular.words(wanted, _TRIED, work):
        if asked.is_of_formats(text):
            return Found(Frozen("string", text))
        tried.append(text)
    if len(tried) < _TRIED:
        return NOTHING
    names = ", ".join(one.name for one in asked.opaque)
    return Unsure(f"the format {names} is no regular language")


def _samples(asked: _Asked) -> Iterator[str]:
    for name in sorted(asked.formats):
        known = FORMATS[name]
        yield from known.samples
        if known.padded:
            yield from (sample.ljust(asked.size.low) for sample in known.samples)


def _guess(asked: _Asked, why: str) -> Outcome:
    """No proof is left; a sample may still do, if only what is regular is asked of it."""
    if asked.among is not None and not asked.among:
        return NOTHING
    try:
        for text in islice(_samples(asked), _TRIED):
            if asked.fits(text):
                return Found(Frozen("string", text))
    except Irregular:
        pass
    return Unsure(why)
