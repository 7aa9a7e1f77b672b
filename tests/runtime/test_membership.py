"""Coming and going: what is asked for, when, and what must have ended before."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.runtime.commits import Commits
from services.runtime.membership import Membership
from services.runtime.record import Place, Record
from services.runtime.work import Lane
from tests.runtime.test_commits import HERE, THERE, Group


@dataclass
class Claims:
    """Work that is given everything, and writes down what it was asked for."""

    asked: list[list[Place]] = field(default_factory=list)

    async def assigned(self, partitions: Collection[Place], generation: int) -> Collection[Place]:
        del generation
        self.asked.append(sorted(partitions))
        return list(partitions)

    async def recall(self, records: Sequence[Record]) -> Mapping[str, Any]:
        raise NotImplementedError(records)

    async def handle(self, record: Record, known: Any | None) -> None:
        raise NotImplementedError(record, known)

    def leaving(self, partitions: Collection[Place]) -> None: ...
    async def revoked(self, partitions: Collection[Place]) -> None: ...

    def waits(self) -> bool:
        return False


def test_a_partition_is_taken_anew_only_when_nothing_from_before_is_under_way() -> None:
    """What outlived the drain would otherwise pass the fence once more, after others have done the same work."""

    async def play() -> None:
        work, group = Claims(), Group()
        group.answers.set()
        lane = Lane("group", ("topic",), "", drain_s=0.01)
        member = Membership(lane, work, group, Commits("group", group))
        await member.assigned([HERE, THERE])
        late = member.tenures[HERE]
        late.running += 1
        await member.revoked([HERE, THERE])
        await member.assigned([HERE, THERE])
        assert work.asked == [[HERE, THERE], [THERE]]
        await member.ask_again()
        assert member.tenures.keys() == {THERE}
        late.rest()
        await member.ask_again()
        assert work.asked[2:] == [[HERE]]
        assert member.tenures.keys() == {HERE, THERE}
        assert member.tenures[HERE] is not late

    asyncio.run(play())
