"""What happens in a run, all of it drawn from one seed, and what came of it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from adapters.spec import Features
from tests.simulation.bookkeeper import Books
from tests.simulation.dispatching import OFFICES, VINS, Dispatch
from tests.simulation.journeying import Journey
from tests.simulation.offices import MOODS, Office
from tests.simulation.supervisor import DISASTERS, SKEWS_S, Fate, Supervisor
from tests.simulation.world import World

ALONE: Final = tuple(kind for kind in DISASTERS if kind not in ("zombie", "storm"))
"""What befalls a service of which there is one process only."""
HAUNTED: Final = ("zombie", "zombie", "slow disk", "disk")
"""Processes that come back while others do their work, and look-ups from long ago."""
LEAPING: Final = ("clock", "clock", "late zombie", "late zombie", "kill", "storm", "slow disk")
"""Machines whose clocks leap while their work moves from one to another."""
_TROUBLES: Final = (0.0, 0.1, 0.3)
_MOST_DISASTERS: Final = 5
_LOOK_EVERY: Final = 50
_PATIENCE_S: Final = 200.0 + max(SKEWS_S)
"""So long, after everything is well again, may it take until nothing is under way: clocks that were ahead included."""
_OLD: Final = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was wrong in a run, and its story."""

    seed: int
    wrong: tuple[str, ...]
    told: tuple[str, ...]
    steps: int

    def __str__(self) -> str:
        """For whoever must find out why."""
        return "\n  ".join((f"seed {self.seed} after {self.steps} steps:", *self.wrong, "what happened:", *self.told))


def books(seed: int, database: str | None = None) -> Outcome:
    """A service whose effect is in its store; alone in its group, or one of several with zombies among them."""
    world = World(seed, database)
    chance = world.chance
    alone = chance.random() < 1 / 2
    service = Books(world)
    supervisor = Supervisor(service, {"0"} if alone else {"0", "1"})
    _disturb(supervisor, ALONE if alone else DISASTERS)
    for _ in range(chance.randint(10, 30)):
        key, twice = f"key{chance.randrange(4)}", chance.random() < 1 / 10
        world.after(chance.uniform(0, 6), partial(service.send, key, twice=twice))
    world.run(8)
    return settled(supervisor, lambda: service.finished, partial(service.judged, alone=alone))


def dispatch(seed: int, database: str | None = None) -> Outcome:
    """A dispatch to two organisations of one kind with changing moods."""
    return _dispatch(World(seed, database), (DISASTERS, HAUNTED))


def skewed_dispatch(seed: int) -> Outcome:
    """The same on machines whose clocks are off, each by its own, and leap."""
    return _dispatch(World(seed), (LEAPING,), _skewed)


def _dispatch(
    world: World, disasters: tuple[tuple[str, ...], ...], before: Callable[[World], None] = lambda _: None
) -> Outcome:
    # tenacity draws its jitter from the common source.
    random.seed(world.seed)
    chance = world.chance
    before(world)
    service = Dispatch(world, chance.choice(tuple(Features)))
    supervisor = Supervisor(service, set("01"[: chance.randint(1, 2)]))
    _disturb(supervisor, chance.choice(disasters))
    for _ in range(chance.randint(6, 20)):
        world.after(chance.uniform(0, 5), partial(_command, service))
    for _ in range(chance.randint(0, 5)):
        world.after(chance.uniform(0, 6), partial(_mood, supervisor, service))
    world.run(8)
    for office in service.offices.values():
        office.mood = MOODS["well"]
        office.not_yet.clear()
    return settled(supervisor, lambda: service.finished, service.judged)


def journey(seed: int) -> Outcome:
    """A journey of some cases, whose organisations answer honestly, now and then twice."""
    return _journey(World(seed), ALONE)


def skewed_journey(seed: int) -> Outcome:
    """The same on a machine whose clock is off, and leaps."""
    world = World(seed)
    _skewed(world)
    return _journey(world, (*ALONE, "clock", "clock"))


def _journey(world: World, disasters: tuple[str, ...]) -> Outcome:
    chance = world.chance
    service = Journey(world, chance.choice((0.1, 1.0)))
    supervisor = Supervisor(service)
    _disturb(supervisor, disasters)
    for number in range(chance.randint(1, len(VINS))):
        world.after(chance.uniform(0, 3), partial(service.sell, number))
    world.run(8)
    return settled(supervisor, lambda: service.finished, service.judged)


def _skewed(world: World) -> None:
    for slot in "012":
        world.skews[slot] = world.chance.choice(SKEWS_S)


def _disturb(supervisor: Supervisor, kinds: tuple[str, ...]) -> None:
    chance, service = supervisor.world.chance, supervisor.service
    service.cluster.trouble, service.disk.doubt = chance.choice(_TROUBLES), chance.choice(_TROUBLES)
    supervisor.world.mischief = Fate(supervisor, kinds, chance.randint(0, _MOST_DISASTERS))


def _command(service: Dispatch) -> None:
    chance = service.world.chance
    office, vin, luck = service.offices[chance.choice(OFFICES)], chance.choice(VINS), chance.random()
    if luck < 1 / 20:
        service.poison(office.name, vin)
        return
    old = 1 / 20 <= luck < 1 / 10
    sent = service.send(office.name, vin, twice=chance.random() < 1 / 10, age=_OLD if old else timedelta())
    if chance.random() < 1 / 10:
        office.refuses.add(sent.number)
    elif chance.random() < 1 / 10:
        office.not_yet.add(sent.number)


def _mood(supervisor: Supervisor, service: Dispatch) -> None:
    office: Office = service.world.chance.choice(list(service.offices.values()))
    mood = service.world.chance.choice(list(MOODS))
    office.mood = MOODS[mood]
    supervisor.tell(f"{office.name} is {mood}")


def settled(supervisor: Supervisor, finished: Callable[[], bool], judged: Callable[[], list[str]]) -> Outcome:
    """Let everything be well again, wait until nothing is under way, judge."""
    world = supervisor.world
    supervisor.heal()
    done = world.run(world.now + _PATIENCE_S, lambda: world.steps % _LOOK_EVERY == 0 and finished())
    wrong = [*judged(), *supervisor.unplanned, *world.complaints]
    world.end()
    return Outcome(world.seed, tuple(wrong if done else [*wrong, "it never ends"]), tuple(supervisor.told), world.steps)


PLANS: Final[dict[str, Callable[[int], Outcome]]] = {
    "books": books,
    "dispatch": dispatch,
    "journey": journey,
    "skewed dispatch": skewed_dispatch,
    "skewed journey": skewed_journey,
}
"""By what they are about."""

ON_POSTGRESQL: Final[dict[str, Callable[..., Outcome]]] = {"books": books, "dispatch": dispatch}
"""Those that may also be played there: it takes longer, so a part of all."""
