"""What goes wrong, and when: drawn whole from a seed before anything starts, so that the seed repeats it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from random import Random
from typing import Any, Final

from services.chaos.proxy import BLACK_HOLE, HALF_OPEN, Weather

SERVICES: Final = ("simulator", "intake", "journey", "dispatch", "console")
LINKS: Final = ("kafka", "simulator", "intake")
"""What stands behind a proxy of ours: the broker, the agencies, the door."""

WEATHERS: Final[Mapping[str, Weather]] = {
    "latency": Weather(latency_s=0.15, jitter_s=0.2),
    "slices": Weather(slice_bytes=7),
    "narrow": Weather(bytes_per_s=20_000, slice_bytes=512),
    "cut": Weather(cut=True),
    "cut for some": Weather(cut=True, share=0.5),
    "half open": HALF_OPEN,
    "half open for some": Weather(dead=HALF_OPEN.dead, share=0.5),
    "black hole": BLACK_HOLE,
    "black hole for some": Weather(dead=BLACK_HOLE.dead, share=0.5),
}

MISBEHAVIOURS: Final[Mapping[str, Mapping[str, Any]]] = {
    "refuses connections": {"down": "refuse"},
    "503": {"down": "503", "retry_after_s": 2},
    "429": {"throttle_per_s": 1},
    "500": {"error_rate": 0.7},
    "hangs": {"hang": 0.7},
    "garbage": {"garbage": 0.7},
    "wrong schema": {"wrong_schema": 0.7},
    "success, then silence": {"success_then_timeout": 0.7},
    "another's answer": {"duplicate": 0.4},
    "late answers, out of order": {"late": 0.6, "late_ms": 7_000},
    "slow tail": {"delay_ms": 200, "tail_ms": 4_000, "tail_rate": 0.3},
    "a body without end": {"huge": 0.4},
}

AGENCIES: Final[Mapping[str, tuple[str, ...]]] = {
    "miit": ("miit",),
    "tax": ("tax",),
    "police": ("police",),
    "commerce": ("commerce",),
    "customs": ("customs",),
    "insurer": ("insurer-91110000MAY1GEUH59",),
    "bank": ("bank-91110000MAT57WXL1C",),
}
"""Replaced by all organisations of a kind where they are known."""


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault: what, where, from when and for how long; `how` names the variant."""

    at_s: float
    fault: str
    target: str
    how: str = ""
    lasts_s: float = 0.0

    def __str__(self) -> str:
        how = f" ({self.how})" if self.how else ""
        return f"{self.fault} {self.target}{how}" + (f" {self.lasts_s:.0f} s" if self.lasts_s else "")


@dataclass(frozen=True, slots=True)
class Card:
    """A fault that may be drawn, and between how many seconds it lasts."""

    fault: str
    target: str
    how: str = ""
    least_s: float = 0.0
    most_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Menu:
    """What may go wrong in a run: decks by name, and how often each is drawn from in one round."""

    decks: Mapping[str, Sequence[Card]]
    shares: Mapping[str, int]
    every_s: float = 4.0
    """The mean distance between two strikes."""

    def only(self, faults: Sequence[str] | None) -> Menu:
        """The decks with these faults in them, or all."""
        chosen = {name for name, cards in self.decks.items() if not faults or {name, cards[0].fault} & set(faults)}
        shares = {name: share for name, share in self.shares.items() if name in chosen}
        return Menu(self.decks, shares, self.every_s)


def menu(organisations: Mapping[str, Sequence[str]] = AGENCIES, links: Sequence[str] = LINKS) -> Menu:
    """Everything that can go wrong."""
    decks = {
        "kill": [Card("kill", name) for name in (*SERVICES, "kafka", "supervisor")],
        "restart": [Card("stop", name) for name in ("kafka", "dispatch", "journey")],
        "freeze": [Card("freeze", name) for name in SERVICES],
        "workers": [Card("worker", "dispatch", how, 8, 25) for how in ("leaves", "is killed")],
        "zombie": [Card("zombie", "dispatch", least_s=60, most_s=60)],
        "link": [Card("link", link, weather, 5, 20) for link in links for weather in WEATHERS],
        "agency": [
            Card("agency", organisation, how, 5, 20)
            for organisation in chain.from_iterable(organisations.values())
            for how in MISBEHAVIOURS
        ],
        "poison": [Card("poison", "every topic", least_s=5, most_s=10)],
        "disk": [Card("disk", name, "full", 2, 6) for name in (*SERVICES, "all")],
        "clock": [Card("clock", "everybody", how) for how in ("+600 s", "-600 s")],
    }
    shares = {"kill": 4, "restart": 1, "freeze": 1, "workers": 2, "zombie": 1, "link": 5, "agency": 6, "poison": 1}
    return Menu(decks, shares | {"disk": 1, "clock": 1})


@dataclass(slots=True)
class _Hand:
    """Draws from decks: nothing twice before all of a deck was had once."""

    random: Random
    decks: Mapping[str, Sequence[Card]]
    _left: dict[str, list[Card]] = field(default_factory=dict)

    def draw(self, deck: str) -> Card:
        if not self._left.get(deck):
            self._left[deck] = self.random.sample(self.decks[deck], len(self.decks[deck]))
        return self._left[deck].pop()


def schedule(seed: int, seconds: float, menu: Menu) -> list[Strike]:
    """The strikes of a run, in the order of their beginning. Each ends within the run, or is not begun."""
    random = Random(seed)  # noqa: S311 - a repeatable run
    hand = _Hand(random, menu.decks)
    strikes: list[Strike] = []
    at = random.uniform(0.2, 1.0) * menu.every_s
    for deck in _rounds(random, menu.shares):
        if at >= seconds:
            return strikes
        card = hand.draw(deck)
        lasts = round(random.uniform(card.least_s, card.most_s), 1)
        if at + lasts <= seconds:
            strikes.append(Strike(round(at, 1), card.fault, card.target, card.how, lasts))
        at += menu.every_s * random.uniform(0.5, 1.5)
    return strikes


def _rounds(random: Random, shares: Mapping[str, int]) -> Iterator[str]:
    """Names of decks, each as often in a round as its share, in an order of its own each round."""
    once = [name for name, share in shares.items() for _ in range(share)]
    while True:
        yield from random.sample(once, len(once))
