"""How long cases, steps and agencies' answers take: told as they are, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import func, select

from contracts.types import instant_text
from services.console import projection, reckoning, stats, tables
from services.console.reckoning import Reckoner
from services.journey.rules import RULES
from services.runtime.database import open_store
from services.runtime.record import Record
from services.runtime.store import Store
from tests.console.stage import NOON, Stage, StillClock, at, case, delivery
from tests.stores import Stores

LATER = at(10 * 86_400)


@dataclass
class Archive:
    """A console's store, told what happened."""

    store: Store
    clock: StillClock

    def tell(self, *records: Record) -> None:
        """Take in news, each in its own transaction."""
        for each in records:
            with self.store.writer.begin() as connection:
                projection.apply(connection, each)

    def reckon(self, *, before: str | None = None) -> None:
        """Work out the times as the service does."""

        async def working() -> None:
            self.store.start()
            await Reckoner(self.store, self.clock).reckon(before)

        asyncio.run(working())

    def told(self, **wanted: Any) -> dict[str, Any]:
        """What people are told."""
        with self.store.reader.connect() as connection:
            return stats.told(connection, stats.Wanted(**wanted), self.clock.now())

    def waiting(self) -> int:
        """How many cases are still to be reckoned."""
        with self.store.reader.connect() as connection:
            number = select(func.count()).select_from(tables.cases).where(tables.cases.c.reckoned.is_(False))
            return connection.scalar(number) or 0


@pytest.fixture
def archive(stores: Stores) -> Iterator[Archive]:
    """A migrated store, ten days after noon."""
    store = open_store(stores.empty(), "console")
    yield Archive(store, StillClock(moments=[LATER]))
    store.writer.dispose()
    store.reader.dispose()


def step(rule: str, facet: str, after: str, before: str = "NONE") -> dict[str, str]:
    """A transition."""
    return {"rule": rule, "facet": facet, "before": before, "after": after, "zh": "一致", "en": "fits"}


def asked(command: str, organisation: str, seconds: float, tries: int = 1, **more: Any) -> Record:
    """A command that was asked so many seconds after noon and first tried one second later."""
    moment = instant_text(at(seconds))
    results = ["unavailable/P503"] * (tries - 1) + ["answered/0"]
    return delivery("case-1", command, organisation, results, began=at(seconds + 1), asked_at=moment, **more)


def closed(id_: str, took: timedelta, kind: str = "new-car", opened: datetime = NOON) -> Record:
    """A case that was opened then and took that long."""
    ended = instant_text(opened + took)
    return case(id_, headline="CLOSED", closed_at=ended, kind=kind, opened_at=instant_text(opened), version=9)


def at_rank(lengths: list[float], share: float) -> float:
    """The smallest length that at least that share does not exceed: written apart from what it judges."""
    return next(x for x in sorted(lengths) if sum(y <= x for y in lengths) >= share * len(lengths))


def test_closing_is_measured_against_the_pilots(archive: Archive) -> None:
    """Shares within thirty minutes and three days, both edges included, exact quantiles, and the slowest by name."""
    edges = [
        timedelta(minutes=30),
        timedelta(minutes=30, milliseconds=1),
        timedelta(days=3),
        timedelta(days=3, seconds=1),
    ]
    chance = Random(7)
    lengths = edges + [timedelta(milliseconds=chance.randrange(1000, 4 * 86_400_000)) for _ in range(33)]
    archive.tell(*(closed(f"c{number:02}", length) for number, length in enumerate(lengths)))
    archive.tell(closed("export", timedelta(seconds=1), kind="export-new"))
    archive.reckon()
    seconds = [length / timedelta(seconds=1) for length in lengths]
    told = archive.told()["cases"]
    assert told["closed"] == 37
    assert told["within_30_min"] == round(sum(x <= 1800 for x in seconds) / 37, 4)
    assert told["within_3_days"] == round(sum(x <= 259_200 for x in seconds) / 37, 4)
    assert (told["median_s"], told["p95_s"]) == (at_rank(seconds, 0.5), at_rank(seconds, 0.95))
    assert told["slowest"][0] == {"id": f"c{seconds.index(max(seconds)):02}", "took_s": max(seconds)}
    assert archive.told(kind="export-new")["cases"]["closed"] == 1


def test_open_cases_are_counted_apart_with_how_long_they_wait(archive: Archive) -> None:
    """To leave them out would flatter; a cancelled one neither waits nor was closed."""
    archive.tell(
        case("fresh", opened_at=instant_text(LATER - timedelta(minutes=5))),
        case("slow", opened_at=instant_text(LATER - timedelta(hours=5)), headline="HOLD"),
        case("stuck", opened_at=instant_text(LATER - timedelta(days=5)), headline="MANUAL"),
        case("off", headline="CANCELLED", closed_at=instant_text(at(60))),
    )
    archive.reckon()
    told = archive.told()["cases"]
    assert (told["closed"], told["open"], told["within_30_min"], told["median_s"]) == (0, 3, None, None)
    assert (told["open_over_30_min"], told["open_over_3_days"]) == (2, 1)
    assert (told["open_longest"], told["open_longest_s"], told["open_median_s"]) == ("stuck", 432_000.0, 18_000.0)


def test_a_step_takes_from_its_asking_until_it_happened(archive: Archive) -> None:
    """Held and parked time belongs to it; what follows by itself takes no time; a note is no step."""
    archive.tell(
        asked("coc.query", "miit", 2),
        asked("registration.register", "police", 10, tries=3),
        case("case-1", version=1, changed_at=at(1), steps=[step("T1", "order", "CONFIRMED")]),
        case("case-1", version=2, changed_at=at(5), steps=[step("T2", "coc", "AVAILABLE")]),
        case("case-1", version=3, changed_at=at(600), steps=[step("P503", "reg", "HOLD")]),
        case(
            "case-1",
            version=4,
            changed_at=at(1010),
            steps=[
                step("T8", "reg", "REGISTERED"),
                step("T8", "plate", "ASSIGNED", "RESERVED"),
                step("T12", "case", "CLOSED", "OPEN"),
                step("CORRECT", "order", "CONFIRMED", "CONFIRMED"),
            ],
        ),
    )
    archive.reckon()
    assert [(each["rule"], each["facet"], each["count"], each["median_s"]) for each in archive.told()["steps"]] == [
        ("T2", "coc", 1, 3.0),
        ("T8", "plate", 1, 1000.0),
        ("T8", "reg", 1, 1000.0),
        ("T12", "case", 1, 0.0),
    ]


def test_what_was_redone_is_counted_each_time_from_its_own_asking(archive: Archive) -> None:
    """The second invoice's time does not begin with the first one's."""
    archive.tell(
        asked("invoice.request", "tax", 1, id="d1"),
        asked("invoice.request", "tax", 500, id="d2"),
        case("case-1", version=2, changed_at=at(4), steps=[step("T3", "invoice", "ISSUED")]),
        case("case-1", version=3, changed_at=at(507), steps=[step("T3", "invoice", "ISSUED")]),
    )
    archive.reckon()
    (invoice,) = archive.told()["steps"]
    assert (invoice["count"], invoice["median_s"], invoice["p95_s"]) == (2, 3.0, 7.0)


def test_an_answer_is_split_into_waiting_and_calling(archive: Archive) -> None:
    """From asking to the end of the last try; what is not answered yet is not counted as if it were."""
    archive.tell(
        case("case-1"),
        asked("registration.register", "police", 10, tries=3),
        asked("tax.pay", "tax", 10, tries=2, state="parked"),
    )
    archive.reckon()
    (police,) = archive.told()["agencies"]
    calls = (217 + 254 + 291) / 1000
    assert (police["organisation"], police["command"], police["count"]) == ("police", "registration.register", 1)
    assert police["median_s"] == police["p95_s"] == 21.291
    assert (police["calling_s"], police["tries"]) == (calls, 3.0)
    assert police["waiting_s"] == pytest.approx(21.291 - calls)


@pytest.mark.parametrize("deadline", [timedelta(days=7), timedelta(days=90), None], ids=str)
def test_a_delivery_that_never_told_when_it_was_asked_counts_from_its_first_try(
    archive: Archive, deadline: timedelta | None
) -> None:
    """What the topics' table allowed then nobody knows any more, and a person may have moved it."""
    ends = {"deadline": instant_text(at(10) + deadline)} if deadline else {}
    of_it: dict[str, Any] = {"id": "d1", "began": at(11), **ends}
    archive.tell(
        case("case-1", version=2, changed_at=at(40), steps=[step("T8", "reg", "REGISTERED")]),
        delivery("case-1", "registration.register", "police", ["unavailable"], state="parked", **of_it),
        delivery("case-1", "registration.register", "police", ["unavailable", "answered"], **of_it),
    )
    archive.reckon()
    told = archive.told()
    assert told["agencies"][0]["median_s"] == pytest.approx(10 + 0.254)
    assert told["steps"][0]["median_s"] == pytest.approx(40 - 11)


def test_what_is_told_later_of_the_asking_counts(archive: Archive) -> None:
    """The first news came from a dispatch that did not tell it yet."""
    archive.tell(
        case("case-1"),
        delivery("case-1", "tax.pay", "tax", ["unavailable"], id="d1", began=at(11), state="parked"),
        asked("tax.pay", "tax", 5, tries=2, id="d1"),
    )
    archive.reckon()
    (tax,) = archive.told()["agencies"]
    assert tax["median_s"] == pytest.approx(1 + 10 + 0.254)


def test_late_news_of_a_delivery_still_counts(archive: Archive) -> None:
    """A case is done with only after it has come to rest; asked before that, it is told as it stands."""
    archive.clock.move(at(6))
    archive.tell(case("case-1", version=2, changed_at=at(5), steps=[step("T2", "coc", "AVAILABLE")]))
    archive.reckon()
    assert (archive.told()["steps"], archive.waiting()) == ([], 1)
    archive.tell(asked("coc.query", "miit", 2))
    archive.clock.move(at(60))
    for _ in range(2):
        archive.reckon(before=instant_text(at(50)))
    assert ([each["count"] for each in archive.told()["steps"]], archive.waiting()) == ([1], 0)
    archive.tell(case("case-1", version=3, changed_at=at(61)))
    assert archive.waiting() == 1


def test_a_case_that_changes_while_it_is_reckoned_is_not_done_with(archive: Archive) -> None:
    """Reading and writing are two acts: news in between is reckoned next time."""
    archive.tell(case("case-1", version=2, changed_at=at(5)))
    with archive.store.reader.connect() as connection:
        found = reckoning._changed(connection, ("", ""), None)
        done = reckoning.reckoned(connection, found, rested=instant_text(LATER))
    archive.tell(case("case-1", version=3, changed_at=at(6)))
    with archive.store.writer.begin() as connection:
        reckoning.keep(connection, done)
    assert archive.waiting() == 1
    archive.reckon()
    assert archive.waiting() == 0


def test_a_question_waits_for_some_of_a_backlog_and_is_told_of_the_rest(archive: Archive) -> None:
    """After an upgrade every case is to be reckoned: nobody waits for all of them, or takes a part for the whole."""
    archive.tell(*(closed(f"c{number:03}", timedelta(hours=1)) for number in range(reckoning.AT_ONCE + 5)))

    async def asking() -> list[int]:
        archive.store.start()
        reckoner = Reckoner(archive.store, archive.clock, most=1)
        return [await reckoner.now(), await reckoner.now()]

    assert asyncio.run(asking()) == [5, 0]
    assert archive.told()["cases"]["closed"] == reckoning.AT_ONCE + 5


def test_since_and_kind_choose(archive: Archive) -> None:
    """A day begins at midnight in China."""
    midnight = datetime.fromisoformat("2026-11-19T16:00:00+00:00")
    archive.tell(
        closed("before", timedelta(hours=1), opened=midnight - timedelta(milliseconds=1)),
        closed("after", timedelta(hours=2), opened=midnight),
    )
    archive.reckon()
    told = archive.told(since=date(2026, 11, 20))["cases"]
    assert (told["closed"], told["median_s"]) == (1, 7200.0)
    assert archive.told(since=date(2026, 11, 19))["cases"]["closed"] == 2


@pytest.mark.parametrize("kind", RULES)
def test_every_command_of_the_process_is_known_to_take_its_facet_there(kind: Any) -> None:
    """The console may not read the journey's table; so nobody may change one and forget the other."""
    for rule in RULES[kind]:
        for facet, after in filter(None, ((rule.facet, rule.after), rule.also)):
            assert reckoning.ASKED_BY.get((facet, after)) == rule.asks


def test_the_times_are_asked_as_json(stage: Stage) -> None:
    """What was told a moment ago is in; a stranger and a kind that is none get no numbers."""
    stage.tell(closed("c1", timedelta(minutes=4)))
    told = stage.api("/api/stats/cases?since=2026-11-01").json
    assert (told["kind"], told["since"]) == ("new-car", "2026-11-01")
    assert (told["cases"]["closed"], told["cases"]["within_30_min"], told["cases"]["median_s"]) == (1, 1.0, 240.0)
    assert stage.api("/api/stats/cases?kind=spaceship").status == 422
    assert stage.ask("/api/stats/cases").status == 401


def test_a_store_that_cannot_be_written_is_said_and_waited_out(stage: Stage) -> None:
    """What cannot be reckoned is not told as if it were; afterwards all is there."""
    stage.tell(closed("c1", timedelta(minutes=4)))
    _protect(stage, on=True)
    refused = stage.api("/api/stats/cases")
    assert (refused.status, refused.headers["retry-after"]) == (503, "10")
    _protect(stage, on=False)
    assert stage.api("/api/stats/cases").json["cases"]["closed"] == 1


def _protect(stage: Stage, *, on: bool) -> None:
    """What a full or read-only disk does to the database."""
    connection = stage.store.writer.raw_connection()
    connection.cursor().execute(f"pragma query_only={int(on)}")
    connection.close()
