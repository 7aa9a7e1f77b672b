"""The heads of what is parked: tried again when they are due, each vehicle's in order."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from contracts.envelope import Undecodable
from observability import logs
from services.runtime.looks import Looks
from services.runtime.parking import Parked
from services.runtime.producer import Producer
from services.runtime.work import Gone

from .attempts import Attempts
from .delivery import Failed, Overtaken, again
from .parked import ParkedDeliveries

_LOOK_S: Final = 1.0
_AT_ONCE: Final = 50
_CALL_S: Final = 10.0


@dataclass(slots=True)
class Heads:
    """Tries the parked heads of one organisation in the partitions that are ours."""

    attempts: Attempts
    parked: ParkedDeliveries
    producer: Producer
    _trying: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _looks: Looks = field(default_factory=partial(Looks, _LOOK_S))

    def look(self) -> None:
        """Have a look at once: something came, or somebody decided."""
        self._looks.at_once()

    async def stop(self) -> None:
        """Stop trying; whoever has the partitions next begins anew."""
        while self._trying:
            # A call that is cut off here would be a doubt that costs a look-up, or a person.
            await asyncio.wait(self._trying.values(), timeout=_CALL_S)
            for task in self._trying.values():
                task.cancel()
            await asyncio.gather(*self._trying.values(), return_exceptions=True)

    async def run(self) -> None:
        """Try the heads that are due, for as long as the service lives."""
        async with asyncio.TaskGroup() as heads:
            while True:
                self._looks.begin()
                await self.attempts.listen()
                # What was being tried as the look began may be over at its end, and what it saw of that old.
                trying = set(self._trying)
                for row in await self._due():
                    is_tried = row.record.key in trying or row.record.key in self._trying
                    if not is_tried and row.record.place in self.attempts.mine:
                        task = heads.create_task(self._head(row))
                        self._trying[row.record.key] = task
                        task.add_done_callback(partial(self._tried, row.record.key))
                await self._looks.until_next()

    async def _due(self) -> list[Parked]:
        mine = frozenset(self.attempts.mine)
        if not mine or not self.parked.keys:
            return []
        return await self.attempts.book.due(mine, self.attempts.clock.now().timestamp(), _AT_ONCE)

    def _tried(self, key: str, _: asyncio.Task[None]) -> None:
        self._trying.pop(key, None)
        if len(self._trying) < _AT_ONCE // 2:
            self._looks.at_once()

    async def _head(self, row: Parked) -> None:
        try:
            await self._try(row)
        except Gone:
            # Its partition moved, and the new owner tries it; we must not find it due again, whatever Kafka says still.
            self.attempts.leaving([row.record.place])

    async def _try(self, due: Parked) -> None:
        """Try once more; answered → stored → said → only then is the parked row let go."""
        try:
            row = due if due.state == "answered" else await self._answered(due)
        except Overtaken:
            logs.get().info("decided_meanwhile", case_id=due.case)
            return
        if row is not None:
            await self.producer.send_all(row.outputs)
            await self.parked.let_go(row)

    async def _answered(self, due: Parked) -> Parked | None:
        """The row with its outcome; None where it is parked again, or dead."""
        try:
            delivery = again(due, self.attempts.agency)
        except Undecodable as wrong:
            await self.parked.bury(due, wrong.reason)
            return None
        while True:
            outcome = await self.attempts.outcome(delivery, due.tries)
            # Its time may have run out while it waited for its turn and anybody could decide about it.
            await self.attempts.take_up(delivery)
            if not isinstance(outcome, Failed):
                return await self.attempts.book.answer(due, outcome.outputs)
            if await self.parked.put(delivery, outcome, due.tries):
                return None
