"""Taking in a whole file: read, checked and stored a few hundred rows at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any, Final, Literal

from starlette.requests import ClientDisconnect

from contracts.sale import Fault
from observability import metrics
from services.intake import admission, cloudevents
from services.intake.admission import MOST_FAULTS, Admissible
from services.intake.files.reading import File
from services.intake.files.rows import Row, sale_of, shown
from services.intake.ledger import Acknowledged, Ledger, Origin
from services.intake.problems import CONTRACT, Problem, errors, fault
from services.intake.publishers import Publisher
from services.intake.reasons import sentence
from services.runtime.store import Store

AT_ONCE: Final = 200
MOST_ROWS: Final = 50_000
MOST_REFUSED: Final = 1_000
"""After so many refused rows the file is wrong as a whole, and reading on would help nobody."""

Gone = Callable[[], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Stopped:
    """Why an import ended before its file: nothing was read from `line` on."""

    line: int
    reason: Literal["too_many_rows", "too_many_refused"]

    def told(self) -> dict[str, Any]:
        """As reports have it."""
        return {"line": self.line, "reason": self.reason, "detail": sentence(self.reason)}


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that did not come in."""

    line: int
    faults: tuple[Fault, ...]

    def told(self) -> dict[str, Any]:
        """As reports have it."""
        codes = list(dict.fromkeys(fault.code for fault in self.faults))
        return {"line": self.line, "codes": codes, "errors": errors(self.faults)}


@dataclass(frozen=True, slots=True)
class Progress:
    """What became of some rows, up to and including `line`. All of it is durable."""

    line: int
    acknowledged: tuple[tuple[int, Acknowledged], ...]
    refused: tuple[Refused, ...]


@dataclass(slots=True)
class Import:
    """One file of one publisher. `dated` moves the date of its sales; `gone` asks whether its sender has left.

    It ends early, and says where in `stopped`, when the file has too many rows or too many that are refused. The row
    it stopped at is refused with that reason, so that every report tells it.
    """

    store: Store
    ledger: Ledger
    publisher: Publisher
    file: File
    dated: date | None
    origin: Origin
    gone: Gone
    stopped: Stopped | None = None
    _read: int = 0
    _refused: int = 0

    async def run(self) -> AsyncIterator[Progress]:
        """Take it in, and tell after each transaction how far it is.

        Raises `StoreUnavailable`; what was told until then is durable, and the same file again takes in the rest.
        So it is when the sender leaves: `ClientDisconnect`.
        """
        # In a thread: checking hundreds of rows would hold up everybody else at the door.
        while examined := await asyncio.to_thread(self._next):
            if await self.gone():
                raise ClientDisconnect
            progress = await self._stored(examined)
            self._refused += len(progress.refused)
            yield progress

    def _next(self) -> list[tuple[int, Admissible | Problem]]:
        if self.stopped is not None:
            return []
        today = self.ledger.clock.today()
        examined: list[tuple[int, Admissible | Problem]] = []
        refused = self._refused
        for row in islice(self.file.rows, AT_ONCE):
            self.stopped = self._limit(row.line, refused)
            if self.stopped is not None:
                return [*examined, (row.line, Problem(CONTRACT, fault("row", self.stopped.reason)))]
            outcome = self._examined(row, today)
            refused += isinstance(outcome, Problem)
            self._read += 1
            examined.append((row.line, outcome))
        return examined

    def _limit(self, line: int, refused: int) -> Stopped | None:
        if refused >= MOST_REFUSED:
            return Stopped(line, "too_many_refused")
        return Stopped(line, "too_many_rows") if self._read >= MOST_ROWS else None

    def _examined(self, row: Row, today: date) -> Admissible | Problem:
        try:
            return self._admissible(row, today)
        except Problem as problem:
            return problem

    def _admissible(self, row: Row, today: date) -> Admissible:
        if row.event is not None:
            submission = cloudevents.structured(row.event)
            admission.check_source(submission, self.publisher)
            return admission.examine(submission, self.publisher, today, dated=self.dated)
        if row.cells is None:
            raise Problem(CONTRACT, *row.faults)
        submission, faults = sale_of(row.cells)
        return admission.examine(submission, self.publisher, today, dated=self.dated, known_faults=faults)

    async def _stored(self, examined: Sequence[tuple[int, Admissible | Problem]]) -> Progress:
        wanted = [each for _, each in examined if isinstance(each, Admissible)]
        outcomes = iter(
            await self.store.run(
                lambda connection: self.ledger.admit_each(connection, wanted, self.publisher.name, self.origin)
            )
        )
        results = [(line, each if isinstance(each, Problem) else next(outcomes)) for line, each in examined]
        progress = Progress(
            line=examined[-1][0],
            acknowledged=tuple((line, each) for line, each in results if isinstance(each, Acknowledged)),
            refused=tuple(Refused(line, shown(each.faults)[:MOST_FAULTS]) for line, each in _problems(results)),
        )
        _count(progress)
        return progress


def _problems(results: Sequence[tuple[int, Acknowledged | Problem]]) -> Iterator[tuple[int, Problem]]:
    return ((line, each) for line, each in results if isinstance(each, Problem))


def _count(progress: Progress) -> None:
    for _, each in progress.acknowledged:
        metrics.count("tongche_door_sales_total", result=each.status)
    if progress.refused:
        metrics.count("tongche_door_sales_total", by=len(progress.refused), result="refused")
