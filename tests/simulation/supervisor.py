"""Who starts processes, starts them again when they end, and what befalls them meanwhile."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Protocol

from services.runtime.work import Stuck
from tests.simulation.cluster import Cluster
from tests.simulation.disk import Disk
from tests.simulation.world import Process, World

SKEWS_S: Final = (-300.0, -20.0, 0.0, 20.0, 300.0)
"""An hour shows nothing else and takes twelve times as long: what waits by a clock that was ahead waits for that."""
DISASTERS: Final = ("kill", "freeze", "zombie", "storm", "broker", "disk", "slow disk")


class Service(Protocol):
    """A program of which there is one process a slot, and what it stands on."""

    @property
    def world(self) -> World: ...
    @property
    def cluster(self) -> Cluster: ...
    @property
    def disk(self) -> Disk: ...

    def run(self, process: Process, slot: str) -> Coroutine[Any, Any, None]:
        """The program."""


@dataclass(slots=True, eq=False, repr=False)
class Supervisor:
    """Keeps a process in every slot that is wanted."""

    service: Service
    wanted: set[str] = field(default_factory=lambda: {"0"})
    at_work: dict[str, Process] = field(default_factory=dict)
    frozen: list[Process] = field(default_factory=list)
    unplanned: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    """What was done when, for who reads about a run that failed."""

    def __post_init__(self) -> None:
        self.world.on_end = self._ended
        for slot in sorted(self.wanted):
            self.start(slot)

    @property
    def world(self) -> World:
        """Where all this happens."""
        return self.service.world

    def start(self, slot: str) -> None:
        """Have a process in a slot, if it is wanted and there is none."""
        if slot not in self.wanted or slot in self.at_work:
            return
        process = self.at_work[slot] = self.world.process(slot)
        process.start(partial(self.service.run, process, slot))

    def tell(self, what: str) -> None:
        """Note what was done."""
        self.told.append(f"{self.world.now:.3f} {what}")

    def kill(self, slot: str) -> None:
        """As by `kill -9`; somebody starts it again."""
        process = self.at_work.pop(slot, None)
        if process is not None:
            self.tell(f"kill {slot} after {process.steps} steps")
            process.kill()
            self._later(slot)

    def freeze(self, slot: str, seconds: float, *, replaced: bool = False) -> None:
        """Stop a process for a while; a careless supervisor may put another in its place before it thaws."""
        process = self.at_work.get(slot)
        if process is None or process.frozen:
            return
        self.tell(f"freeze {slot} for {seconds:.1f} s after {process.steps} steps{', replaced' * replaced}")
        process.freeze()
        self.frozen.append(process)
        self.world.after(seconds, process.thaw)
        if replaced:
            del self.at_work[slot]
            self._later(slot)

    def storm(self) -> None:
        """A slot more, or one that goes for good."""
        slot = self.world.chance.choice("12")
        self.tell(f"{'scale in' if slot in self.wanted else 'scale out'} {slot}")
        if slot in self.wanted:
            self.wanted.remove(slot)
            self.kill(slot)
        else:
            self.wanted.add(slot)
            self.start(slot)

    def strike(self, kind: str, slot: str) -> None:
        """One disaster, of any length."""
        world, chance = self.world, self.world.chance
        match kind:
            case "kill":
                self.kill(slot)
            case "freeze":
                self.freeze(slot, chance.uniform(0.5, 8))
            case "zombie":
                self.freeze(slot, chance.uniform(1, 8), replaced=True)
            case "clock":
                self.jump(slot)
            case "late zombie":
                self.freeze(slot, chance.uniform(4, 8), replaced=True)
                self.jump(slot)
            case "storm":
                for _ in range(chance.randint(1, 4)):
                    world.after(chance.uniform(0, 4), self.storm)
            case _:
                self.outage(kind, chance.uniform(0.2, 5))

    def jump(self, slot: str) -> None:
        """Have the clock of a machine leap, forward or back."""
        self.world.skews[slot] = self.world.chance.choice(SKEWS_S)
        self.tell(f"the clock of {slot} is off by {self.world.skews[slot]:.0f} s")

    def outage(self, kind: str, seconds: float) -> None:
        """Have the broker or the database away for a while, or reading slow."""
        self.tell(f"{kind} for {seconds:.1f} s")
        thing, flag, value, usual = {
            "broker": (self.service.cluster, "away", True, False),
            "disk": (self.service.disk, "full", True, False),
            "slow disk": (self.service.disk, "slowness", 150.0, 1.0),
        }[kind]
        setattr(thing, flag, value)
        self.world.after(seconds, partial(setattr, thing, flag, usual))

    def heal(self) -> None:
        """The end of all disasters."""
        self.tell("heal")
        self.world.mischief = lambda _: None
        self.world.skews.clear()
        self.service.cluster.away = self.service.disk.full = False
        self.service.cluster.trouble = self.service.disk.doubt = 0.0
        self.service.disk.slowness = 1.0
        for process in self.frozen:
            process.thaw()

    def _later(self, slot: str) -> None:
        self.world.after(self.world.chance.uniform(0.05, 1.5), lambda: self.start(slot))

    def _ended(self, process: Process) -> None:
        error = self.world.ends[-1][1]
        self.tell(f"{process.name} ended: {error!r}")
        if not _is_stuck(error):
            self.unplanned.append(f"{process.name} ended: {error!r}")
        if self.at_work.get(process.name) is process:
            del self.at_work[process.name]
            self._later(process.name)


def _is_stuck(error: BaseException | None) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(map(_is_stuck, error.exceptions))
    return isinstance(error, Stuck)


@dataclass(slots=True, repr=False)
class Fate:
    """Strikes at chosen moments: when something was done for a process that it has not heard of."""

    supervisor: Supervisor
    kinds: tuple[str, ...]
    left: int
    often: float = 0.02

    def __call__(self, process: Process) -> None:
        chance = self.supervisor.world.chance
        if not self.left or chance.random() >= self.often:
            return
        self.left -= 1
        if self.supervisor.at_work.get(process.name) is process:
            self.supervisor.strike(chance.choice(self.kinds), process.name)
