"""Commits: watermarks of what is held, and nothing of what has gone meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import pytest

from services.runtime import commits as module
from services.runtime.commits import Commits
from services.runtime.consumer import KafkaTrouble, Member
from services.runtime.record import Place, Record
from services.runtime.window import Tenure
from services.runtime.work import Stuck

HERE, THERE = Place("topic", 0), Place("topic", 1)


@dataclass
class Group:
    """A consumer that keeps what is committed; it answers when it may."""

    holds: frozenset[Place] = frozenset({HERE, THERE})
    kept: list[dict[Place, int]] = field(default_factory=list)
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    trouble: bool = False
    generation: int = 1
    broker: bool = True

    async def commit(self, offsets: Mapping[Place, int]) -> None:
        self.kept.append(dict(offsets))
        await self.answers.wait()
        if self.trouble:
            raise KafkaTrouble("RebalanceInProgressError")

    def held(self) -> AbstractSet[Place]:
        return self.holds

    async def start(self, member: Member) -> None: ...
    async def stop(self) -> None: ...
    def pause(self, places: Collection[Place]) -> None: ...
    def resume(self, places: Collection[Place]) -> None: ...
    def seek(self, place: Place, offset: int) -> None: ...

    async def fetch(self, most: int) -> Mapping[Place, list[Record]]:
        raise NotImplementedError(most)

    async def there(self) -> bool:
        return self.broker

    async def committed(self, place: Place) -> int:
        raise NotImplementedError(place)

    async def ends(self, places: Collection[Place]) -> Mapping[Place, int]:
        raise NotImplementedError(places)


def _finished(*offsets: int) -> Tenure:
    tenure = Tenure()
    for offset in offsets:
        tenure.watermark.fetched(offset)
    for offset in offsets:
        tenure.watermark.finished(offset)
    return tenure


def test_only_what_is_new_and_held_is_committed() -> None:
    """And what Kafka has acknowledged is not said again."""

    async def play() -> None:
        group = Group(holds=frozenset({HERE}))
        group.answers.set()
        tenures = {HERE: _finished(3, 4), THERE: _finished(9)}
        commits = Commits("group", group)
        await commits.commit(tenures)
        await commits.commit(tenures)
        assert group.kept == [{HERE: 5}]

    asyncio.run(play())


@pytest.mark.parametrize("trouble", [False, True])
def test_a_partition_may_go_while_kafka_answers(*, trouble: bool) -> None:
    """Neither that nor its coming back confuses anybody: the new tenure has committed nothing yet."""

    async def play() -> None:
        group = Group(trouble=trouble)
        tenures = {HERE: _finished(3), THERE: _finished(9)}
        under_way = asyncio.create_task(Commits("group", group).commit(tenures))
        await asyncio.sleep(0)
        del tenures[HERE]
        tenures[THERE] = Tenure()
        group.answers.set()
        await under_way
        assert tenures[THERE].sent is None

    asyncio.run(play())


@pytest.mark.parametrize("broker", [True, False], ids=["a broker is there", "none is"])
def test_commits_of_which_nobody_hears_end_the_process_only_if_somebody_could(
    monkeypatch: pytest.MonkeyPatch, *, broker: bool
) -> None:
    """While no broker is there a new process would be no better off."""
    monkeypatch.setattr(module, "COMMIT_S", 0.01)

    async def play() -> list[BaseException | None]:
        commits = Commits("group", Group(broker=broker))
        return [
            (await asyncio.gather(commits.commit({HERE: _finished(3)}), return_exceptions=True))[0] for _ in range(4)
        ]

    ends = asyncio.run(play())
    assert [isinstance(end, Stuck) for end in ends] == [False, False, broker, broker]
