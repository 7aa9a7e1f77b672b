"""What is shown of an organisation, in the reader's language."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.runtime.browsing import Tongue
from services.simulator import monsoon
from services.simulator.agency import CHINA
from services.simulator.country import Name
from services.simulator.faults import Faults, Script
from services.simulator.page.fields import APART
from services.simulator.page.words import MISHAPS, MOODS, STATES, TEXTS, Words
from services.simulator.watch import Seen, Watch
from services.simulator.world import World

FORESEEN: Final = 4
"""Moods to come that are told."""
_TONES: Final = {"well": "done", "down": "person", "turned": "wait", "storm": "wait", "lull": "busy"}


@dataclass(frozen=True, slots=True)
class Interface:
    """The reader's language. Called with a name it gives that text."""

    tongue: Tongue

    def __call__(self, name: str) -> str:
        return self.say(TEXTS[name])

    def say(self, words: Words) -> str:
        """Return the words in the reader's language."""
        return words.en if self.tongue == "en" else words.zh

    def name(self, name: Name) -> str:
        """Return what an organisation is called."""
        return name.en if self.tongue == "en" else name.zh

    def mood(self, name: str | None) -> str:
        """Return what a mood is called; none is calm."""
        return self("calm") if name is None else self.say(MOODS[name])

    def mishap(self, name: str) -> str:
        """Return what went wrong."""
        return self.say(MISHAPS[name])

    def clock(self, instant: str) -> str:
        """Return the time of day in China, to the millisecond."""
        moment = datetime.fromisoformat(instant).astimezone(CHINA)
        return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"


@dataclass(frozen=True, slots=True)
class Standing:
    """How an organisation is at this moment."""

    state: str
    turned: tuple[str, ...]
    """Knobs that somebody turned, as JSON would have them."""
    spell: monsoon.Spell | None
    coming: tuple[tuple[monsoon.Spell, float], ...]

    @property
    def tone(self) -> str:
        """The colour in which it is said."""
        return _TONES[self.state]

    @property
    def words(self) -> Words:
        """What it is called."""
        return STATES[self.state]


@dataclass(frozen=True, slots=True)
class Organisation:
    """One organisation, and what came to it."""

    name: Name
    standing: Standing
    watch: Watch

    def last(self, file: str) -> list[Seen]:
        """Its newest lines."""
        return self.watch.last(self.name.id, file)

    def count(self, file: str) -> int:
        """How many there were."""
        return self.watch.count(self.name.id, file)


def organisation(world: World, name: Name) -> Organisation:
    """An organisation as it is now."""
    return Organisation(name, _standing(world, name.id), world.watch)


def _standing(world: World, organisation: str) -> Standing:
    faults, now = world.turned(organisation), world.country.clock.now()
    spell = monsoon.present(faults, organisation, now)
    turned = faults.model_dump(mode="json", exclude_defaults=True, exclude=set(APART))
    return Standing(
        _state(world.faults(organisation), spell, is_turned=bool(turned or faults.scripts)),
        tuple(f"{knob} = {json.dumps(value, ensure_ascii=False)}" for knob, value in turned.items()),
        spell,
        tuple(monsoon.coming(faults, organisation, now, FORESEEN)),
    )


def _state(faults: Faults, spell: monsoon.Spell | None, *, is_turned: bool) -> str:
    if faults.down is not None:
        return "down"
    if spell is not None:
        return "storm" if spell.mood else "lull"
    return "turned" if is_turned else "well"


def script(ui: Interface, one: Script) -> str:
    """What a script does, in a line."""
    does = {
        "code": one.code,
        "fixture": one.fixture,
        "alter_fen": str(one.alter_fen) if one.alter_fen else None,
        "alter_vin": one.alter_vin,
        "echo": one.echo,
        "silent": ui("silent") if one.silent else None,
    }
    told = ", ".join(f"{name} {value}" if name != "silent" else value for name, value in does.items() if value)
    times = "" if one.times is None else f" ×{one.times}"
    return f"{told}{times}"
