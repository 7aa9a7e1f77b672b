"""Telling Kafka how far everything is finished."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from observability import logs, metrics

from .consumer import Consumer, KafkaTrouble
from .record import Place
from .window import Tenure
from .work import Stuck

COMMIT_S: Final = 5.0
_TIMEOUTS_IN_A_ROW: Final = 3


@dataclass(slots=True)
class Commits:
    """Commits watermarks; never further, and never for a partition that is not held."""

    group: str
    consumer: Consumer
    _late: int = 0

    async def commit(self, tenures: Mapping[Place, Tenure]) -> None:
        """Commit what is new. Raises `Stuck` after three in a row of which nobody heard though a broker was there."""
        held = self.consumer.held()
        # The tenures themselves: while Kafka answers, a partition may go, or go and come back.
        due = {
            place: (tenure, committable)
            for place, tenure in tenures.items()
            if (committable := tenure.watermark.committable) not in (None, tenure.sent) and place in held
        }
        if not due:
            return
        try:
            async with asyncio.timeout(COMMIT_S):
                await self.consumer.commit({place: offset for place, (_, offset) in due.items()})
        except TimeoutError as late:
            if not await self.consumer.there():
                # Nobody is heard now: a new process would find the same, and cost the time of its start.
                return
            self._late += 1
            if self._late >= _TIMEOUTS_IN_A_ROW:
                message = f"{self.group}: {self._late} commits in a row timed out"
                raise Stuck(message) from late
        except KafkaTrouble as error:
            # Near a rebalance a commit may fail; what it covered comes again and the ledger knows it.
            metrics.count("tongche_commit_failures_total")
            logs.get().info("commit_failed", group=self.group, error=str(error))
        else:
            self._late = 0
            for tenure, offset in due.values():
                tenure.sent = offset
