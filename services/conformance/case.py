"""One case of the kit, and how the cases of an agency are found."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal, get_args

from adapters.spec import Adapter, Operation
from contracts.purposes import PURPOSES

from .fixtures import PLAIN, Situation
from .stage import Stage
from .walk import before
from .words import Words

Kind = Literal["fixtures", "idempotency", "time-outs", "order", "call-backs", "encodings", "security", "faults"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

TITLES: Final[dict[Kind, Words]] = {
    "fixtures": Words("样例", "Fixtures"),
    "idempotency": Words("幂等", "Idempotency"),
    "time-outs": Words("超时", "Time-outs"),
    "order": Words("次序", "Order"),
    "call-backs": Words("回执与回调", "Answers that come later"),
    "encodings": Words("编码", "Encodings"),
    "security": Words("安全", "Security"),
    "faults": Words("故障", "Faults"),
}


ABOUT_A_NO: Final = frozenset[Kind]({"security", "faults"})
"""What is demanded in these is that something is turned down."""


@dataclass(frozen=True, slots=True)
class Case:
    """One demand on an agency, played on a stage; `play` raises `Unmet` or `Blocked` where it is not met.

    `clause` is where the demand is written down: a fixture's file, or its name in docs/conformance.md. `bed` is a
    state of the test bed that it needs; such a case is played alone, for all others would suffer from it.
    """

    id: str
    kind: Kind
    command: str
    title: Words
    demands: Words
    fix: Words
    clause: str
    play: Callable[[Stage], Awaitable[None]]
    situation: Situation = PLAIN
    cars: int = 2
    is_plain: bool = False
    """Whether it demands only that the command succeeds: on that all others of the command rest."""
    expects_no: bool = False
    """Whether a no is what it demands first: to one that is not the right one it is a fault of its own."""

    @property
    def bed(self) -> str | None:
        """What must be arranged."""
        return self.situation.bed

    @property
    def steps(self) -> list[str]:
        """What happened to its cars before, as it stands."""
        return before(self.command, self.situation.without, self.situation.after)


def about(operation: Operation, title: Words) -> Words:
    """A title with what the operation is for before it."""
    versions = operation.command.versions
    return Words(f"{PURPOSES[versions.name].zh}：{title.zh}", f"{versions.purpose}: {title.en}")


Play = Callable[[Stage, str], Awaitable[None]]
Applies = Callable[[Adapter, Operation], bool]


@dataclass(frozen=True, slots=True)
class Property:
    """What holds for every operation to which it applies, or, `once`, for an agency by the first of them."""

    id: str
    kind: Kind
    title: Words
    demands: Words
    fix: Words
    applies: Applies
    play: Play
    once: bool = False
    bed: str | None = None
    cars: int = 2
    expects_no: bool = False
    """Whether a no is demanded before any success. Where the kind is `ABOUT_A_NO` that is so of itself."""
