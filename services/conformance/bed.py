"""What the agency under test must know beforehand of the cars that will come: its test bed.

Much of what an agency is asked rests on what others have done: a policy on a certificate, a registration on five
proofs. Two kinds of bed bring that about:

* `Loaded`: the partner loads reference data into its test system before the run (`tongche conformance testbed` writes
  it: our own events, a line each). The numbers in it are invented, and the same for the same round.
* `Country`: all other agencies are there behind the same address, as in our simulator. The kit does at them what the
  process would, and their numbers are real.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from adapters.spec import Adapter
from contracts.topics import COMMANDS

from .car import Car, Facts, command, learned
from .fixtures import plain
from .walk import PAID_BACK, UPLOADED, untimely

DOWN: Final = "down"
"""The agency says in its own words that it is down."""
THROTTLED: Final = "throttled"
"""It takes fewer requests a second than come."""
SEIZED: Final = "seized"
"""The car is seized by an authority."""
UNDER_WAY: Final = "under-way"
"""What was sent does not arrive for the time being."""
LIVE: Final = "live"
"""The other agencies act when they are asked to, and have not done so beforehand."""
CONDITIONS: Final = frozenset({DOWN, THROTTLED, SEIZED, UNDER_WAY, LIVE})


class Bed(Protocol):
    """Where the agency under test stands among the others."""

    async def bring(self, step: str, car: Car) -> Facts:
        """Have a step of another agency done; what it tells. Raises `Blocked`."""
        ...

    def lacks(self, condition: str | None, steps: Sequence[str]) -> str | None:
        """Which condition, or which of the steps to a case, cannot be brought about here; None if all can."""
        ...

    def arranged(self, condition: str, car: Car) -> AbstractAsyncContextManager[None]:
        """A condition for as long as this lasts."""
        ...


class Blocked(Exception):
    """A step before the one that a case is about did not succeed."""

    def __init__(self, step: str, came: str) -> None:
        super().__init__(f"{step}: {came}")
        self.step = step
        self.came = came


@dataclass(frozen=True, slots=True)
class Loaded:
    """Reference data that was loaded before. Nothing can be arranged while cases run."""

    adapters: Mapping[str, Adapter]
    tested: Adapter

    async def bring(self, step: str, car: Car) -> Facts:
        """It has happened, as far as the test system knows."""
        _, data = self.event(step, car)
        return learned(data)

    def event(self, step: str, car: Car) -> tuple[str, dict[str, Any]]:
        """What the test system must know of a step: the event's name, and its data."""
        if step == UPLOADED:
            return "coc.confirmed", self._answered("coc.query", car)
        if step == PAID_BACK:
            return PAID_BACK, {name: car.facts[name] for name in ("vin", "loan_contract_no", "settled_on")}
        return COMMANDS[step].answer.name, self._answered(step, car)

    def lacks(self, condition: str | None, steps: Sequence[str]) -> str | None:
        """No mood can be loaded, and no step that must not have happened before one of the agency's own."""
        return condition or untimely(steps, self.tested.operations)

    @asynccontextmanager
    async def arranged(self, condition: str, car: Car) -> AsyncIterator[None]:
        """Never called: see `lacks`."""
        del condition, car
        yield

    def _answered(self, step: str, car: Car) -> dict[str, Any]:
        fixture = plain(self.adapters[COMMANDS[step].agency], step)
        told = dict(fixture.then["data"])
        model = COMMANDS[step].answer.models[-1]
        facts = _dated(car.facts["sold_on"]) | car.facts
        facts |= {name: make(car.number) for name, make in _INVENTED.items() if name not in facts}
        return dict(command(model, told, facts).model_dump(mode="json", exclude_none=True))


_INVENTED: Final[Mapping[str, Callable[[int], str]]] = {
    "coc_hash": lambda number: hashlib.sha256(f"{number}".encode()).hexdigest(),
    "invoice_no": lambda number: f"26112{number:015d}",
    "red_invoice_no": lambda number: f"26113{number:015d}",
    "assessment_no": lambda number: f"HD26{number:010d}",
    "tax_receipt_no": lambda number: f"WS26{number:010d}",
    "quote_no": lambda number: f"QT26{number:010d}",
    "policy_no": lambda number: f"PL26{number:010d}",
    "reservation_no": lambda number: f"YL26{number:010d}",
    "plate_no": lambda number: f"京AD{number % 100_000:05d}",
    "reg_cert_no": lambda number: f"11{number:010d}",
    "loan_contract_no": lambda number: f"AL26{number:010d}",
    "cosign_no": lambda number: f"GT26{number:010d}",
    "mortgage_no": lambda number: f"DY26{number:010d}",
    "dereg_no": lambda number: f"ZX26{number:010d}",
    "qualification_no": lambda number: f"ZG26{number:010d}",
    "licence_no": lambda number: f"26-AA-{number % 1_000_000:06d}",
}
"""How numbers that another agency would have given are made up, by field."""


def _dated(day: str) -> Facts:
    """The days on which others did theirs: all that happens to a car happens on one."""
    return {"reg_date": day, "dereg_date": day, "licence_expiry": f"{day[:4]}-12-31"}


Act = Callable[[str, Car], Awaitable[Facts]]
Turn = Callable[[str, str, str], AbstractAsyncContextManager[None]]
"""Organisation, condition, VIN → the knob turned for as long as this lasts."""


@dataclass(frozen=True, slots=True)
class Country:
    """All agencies behind one address. `act` does a step at another one, `turn` turns the operators' knobs."""

    organisation: str
    act: Act
    turn: Turn

    async def bring(self, step: str, car: Car) -> Facts:
        """Do it."""
        return await self.act(step, car)

    def lacks(self, condition: str | None, steps: Sequence[str]) -> str | None:
        """Nothing: there is a knob for everything."""
        del condition, steps
        return None

    @asynccontextmanager
    async def arranged(self, condition: str, car: Car) -> AsyncIterator[None]:
        """Turn the knob, and turn it back."""
        if condition == LIVE:
            yield
            return
        async with self.turn(self.organisation, condition, car.vin):
            yield
