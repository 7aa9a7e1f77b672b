"""What goes wrong, and when: drawn whole from a seed before anything starts, so that the seed repeats it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from random import Random
from typing import Any, Final

from services.chaos.patience import PATIENCE_S
from services.chaos.proxy import BLACK_HOLE, HALF_OPEN, Weather
from services.stack.plan import FILES

SERVICES: Final = ("simulator", "intake", "journey", "dispatch", "projection", "console")
LINKS: Final = ("kafka", "simulator", FILES, "intake")
"""What stands behind a proxy of ours: the broker, the agencies, those that are spoken to by files, the door."""
POSTGRESQL: Final = "postgresql"
"""The link that is there only where a PostgreSQL is."""

LEAST_S: Final = 33.0
"""A run of so many seconds deals every kind of fault."""
LONG_S: Final = 180.0
"""In a run of so many seconds faults last as long as they do in life; in a shorter one they are hasty."""
FIRST_S: Final = 60.0
"""Within so many seconds a long run has begun every kind of fault."""
HANGS_S: Final = 20.0
"""So long the supervisor watches somebody who hangs."""
SHORTEST_SESSION_S: Final = 6.0
"""Brokers allow none that is shorter."""
JOINING_S: Final = 10.0
"""So long it takes a worker to be given its places."""
LAST: Final = "clock"
"""Starts everything anew."""
_FIRST_S: Final = 0.3
_BEFORE_LAST: Final = 0.8

BROKER_ENDS: Final = ("is killed", "is stopped")

_LONGER: Final = 1.2

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


def outlasting(time_out_s: float) -> Mapping[str, Weather]:
    """Weathers in which nobody who gives up after so many seconds hears an answer; to be had for longer than that."""
    return {
        "latency": Weather(latency_s=2 * time_out_s),
        "slices": Weather(slice_bytes=1, bytes_per_s=8 / time_out_s),
        "cut": Weather(cut=True),
        "half open": HALF_OPEN,
        "black hole": BLACK_HOLE,
    }


SQUALLS: Final = {
    link: {f"{how} for {_LONGER * most_s:.0f} s": weather for how, weather in outlasting(most_s).items()}
    for link, most_s in PATIENCE_S.items()
}
"""By link and variant, weather that lasts longer than we wait for anything on that link."""

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
    """One fault: what, where, from when and for how long; `how` names the variant.

    `session_s`: of workers that come, after how long of silence their partitions are others'; None is as usual.
    """

    at_s: float
    fault: str
    target: str
    how: str = ""
    lasts_s: float = 0.0
    session_s: float | None = None

    def __str__(self) -> str:
        how = f" ({self.how})" if self.how else ""
        return f"{self.fault} {self.target}{how}" + (f" {self.lasts_s:.0f} s" if self.lasts_s else "")


def weather_of(strike: Strike) -> Weather:
    """What a link is like while it is struck."""
    return WEATHERS.get(strike.how) or SQUALLS[strike.target][strike.how]


@dataclass(frozen=True, slots=True)
class Card:
    """A fault that may be drawn, and between how many seconds it lasts.

    `until_s` is how long after its beginning all is well again at the latest, where that is later than its end.
    """

    fault: str
    target: str
    how: str = ""
    least_s: float = 0.0
    most_s: float = 0.0
    until_s: float = 0.0
    session_s: float | None = None

    @property
    def takes_s(self) -> float:
        """From its beginning until all is well again."""
        return max(self.most_s, self.until_s)


@dataclass(frozen=True, slots=True)
class Menu:
    """What may go wrong in a run: decks by name, and how often each is drawn from in one round."""

    decks: Mapping[str, Sequence[Card]]
    shares: Mapping[str, int]
    every_s: float = 4.0
    """The mean distance between two strikes, once each deck was drawn from."""

    def only(self, faults: Sequence[str] | None) -> Menu:
        """The decks with these faults in them, or all."""
        chosen = {name for name, cards in self.decks.items() if not faults or {name, cards[0].fault} & set(faults)}
        shares = {name: share for name, share in self.shares.items() if name in chosen}
        return Menu(self.decks, shares, self.every_s)


def menu_for(
    seconds: float, organisations: Mapping[str, Sequence[str]] = AGENCIES, links: Sequence[str] = LINKS
) -> Menu:
    """Everything that can go wrong in a run of this length; in a short one the same things, more shortly."""
    return menu(organisations, links, hasty=seconds < LONG_S)


def menu(
    organisations: Mapping[str, Sequence[str]] = AGENCIES, links: Sequence[str] = LINKS, *, hasty: bool = False
) -> Menu:
    """Everything that can go wrong."""
    least, most, asleep, session = (3, 8, 13, SHORTEST_SESSION_S) if hasty else (5, 20, 60, None)
    disks = [Card("disk", name, "full", 2, 6) for name in (*SERVICES, "all")]
    if POSTGRESQL in links:
        disks.append(Card("disk", POSTGRESQL, "read-only", 2, 6))
    decks = {
        "kill": [Card("kill", name, until_s=5) for name in (*SERVICES, "supervisor")],
        "restart": [Card("stop", name, until_s=5) for name in SERVICES],
        "broker": [Card("broker", "kafka", how, until_s=15) for how in BROKER_ENDS],
        "freeze": [Card("freeze", name, until_s=HANGS_S + 2) for name in SERVICES],
        "workers": [
            Card("workers", "dispatch", f"{many} at once", least, most, most + JOINING_S, SHORTEST_SESSION_S)
            for many in ((2,) if hasty else (1, 2, 3))
        ],
        # For twice its session: when it wakes, its partitions are others'.
        "zombie": [Card("zombie", "dispatch", "", asleep, asleep, asleep + JOINING_S, session)],
        "link": [Card("link", link, weather, least, most) for link in links for weather in WEATHERS],
        "agency": [
            Card("agency", organisation, how, least, most)
            for organisation in chain.from_iterable(organisations.values())
            for how in MISBEHAVIOURS
        ],
        "poison": [Card("poison", "every topic", least_s=least, most_s=most / 2)],
        "disk": disks,
        LAST: [Card(LAST, "everybody", how) for how in ("+3600 s", "-3600 s")],
    }
    if not hasty:
        decks["squall"] = [
            Card("link", link, how, _LONGER * PATIENCE_S[link], _LONGER * PATIENCE_S[link])
            for link in links
            for how in SQUALLS[link]
        ]
    shares = {"kill": 4, "restart": 1, "broker": 1, "freeze": 1, "workers": 2, "zombie": 1}
    shares |= {"link": 5, "squall": 1, "agency": 6, "poison": 1, "disk": 1, LAST: 1}
    return Menu(decks, {name: share for name, share in shares.items() if name in decks})


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

    def strike(self, card: Card, at: float) -> Strike:
        lasts = round(self.random.uniform(card.least_s, card.most_s), 1)
        return Strike(round(at, 1), card.fault, card.target, card.how, lasts, card.session_s)


def schedule(seed: int, seconds: float, menu: Menu) -> list[Strike]:
    """The strikes of a run, in the order of their beginning. Each ends within the run, or is not begun.

    First comes one of each deck, side by side, so that a run of `LEAST_S` has seen every kind; then round after round.
    """
    random = Random(seed)  # noqa: S311 - a repeatable run
    hand = _Hand(random, menu.decks)
    first_s = min(seconds, FIRST_S)
    strikes = [*_one_of_each(random, hand, menu.shares, first_s), *_rounds(random, hand, menu, first_s, seconds)]
    return sorted((one for one in strikes if one.at_s + one.lasts_s <= seconds), key=lambda one: one.at_s)


def _one_of_each(random: Random, hand: _Hand, decks: Iterable[str], within_s: float) -> Iterator[Strike]:
    """What takes long begins early; what begins everything anew, and so ends whatever went wrong before, comes last."""
    for deck in decks:
        card = hand.draw(deck)
        latest = within_s * _BEFORE_LAST - card.takes_s
        if deck == LAST:
            yield hand.strike(card, within_s * random.uniform(_BEFORE_LAST, 0.95))
        else:
            yield hand.strike(card, random.uniform(_FIRST_S, max(_FIRST_S, latest)))


def _rounds(random: Random, hand: _Hand, menu: Menu, since_s: float, seconds: float) -> Iterator[Strike]:
    at = since_s
    for deck in _shuffled(random, menu.shares):
        at += menu.every_s * random.uniform(0.5, 1.5)
        if at >= seconds:
            return
        yield hand.strike(hand.draw(deck), at)


def _shuffled(random: Random, shares: Mapping[str, int]) -> Iterator[str]:
    """Names of decks, each as often in a round as its share, in an order of its own each round."""
    once = [name for name, share in shares.items() for _ in range(share)]
    while once:
        yield from random.sample(once, len(once))
