"""Dispatch and customs by files: taken in once, whatever breaks on the way, and answered by the receipt alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.registry import ADAPTERS
from adapters.spec import Later, Operation, RetryPolicy
from contracts.export import ExportTrackV1
from services.chaos.proxy import CLEAR, Proxy, Weather
from services.runtime.record import Record
from services.runtime.settings import Settings
from tests.dispatch.agency import Customs, vin
from tests.dispatch.window import Window, window
from tests.dispatch.workshop import Site, as_record, declaration, until

CAR = vin(1)
SOON = timedelta(milliseconds=50)
PATIENCE = timedelta(seconds=5)
"""Of one exchange; for so long a process of before may still be at it."""
MOMENTS = ("before the call", "before saying", "after saying")


def _quick(operation: Operation) -> Operation:
    assert operation.later is not None
    assert operation.later.endpoint is not None
    asked = replace(operation.later.endpoint, timeout=PATIENCE)
    later: Later = replace(operation.later, endpoint=asked, every=SOON, settles=timedelta(milliseconds=500))
    return replace(operation, endpoint=replace(operation.endpoint, timeout=PATIENCE), later=later)


@dataclass
class Shore:
    """Where declarations are made: customs at their window, and dispatch before it."""

    folder: Path
    settings: Settings
    chance: Callable[[], float] = lambda: 0.5

    def play(self, scenario: Callable[[Window, Site], Awaitable[None]]) -> None:
        """Play a scenario; played again, customs and dispatch go on where they were."""

        async def played() -> None:
            async with asyncio.timeout(120), window(self.folder, self.chance) as customs:
                site = Site(self.settings, "", Customs(), carrier=customs.way())
                await scenario(customs, site)

        asyncio.run(played())


@pytest.fixture
def shore(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Shore:
    """A shore of the test's own, with hasty people."""
    adapter = ADAPTERS["customs"]
    hasty = replace(
        adapter,
        retry=RetryPolicy(timedelta(seconds=1.5), timedelta(milliseconds=20), 2.0, timedelta(milliseconds=600)),
        operations={name: _quick(operation) for name, operation in adapter.operations.items()},
    )
    monkeypatch.setitem(ADAPTERS, "customs", hasty)
    return Shore(tmp_path / "customs", settings)


async def _delivered(site: Site, record: Record) -> None:
    async with site.working() as worker:
        await worker.deliveries.handle(record, None)
        await worker.nothing_parked()
        await until(lambda: bool(site.states(record)))


def _open(customs: Window) -> None:
    """Let every car go: what it needs of commerce is not the matter here."""
    scripts = [{"operation": "export.declare", "fixture": "export-declare"}]
    customs.turn(scripts=scripts)


def test_a_refusal_is_a_receipt(shore: Shore) -> None:
    """The car has no licence that commerce knows: the case hears it, and nothing is put down again."""

    async def scenario(customs: Window, site: Site) -> None:
        record = declaration(CAR, licence="26-AA-999999")
        await _delivered(site, record)
        assert site.states(record)[-1] == "refused"
        assert customs.names("SentBox") == [f"DEC01_{record.id}.xml"]

    shore.play(scenario)


def test_a_release_comes_by_its_receipt(shore: Shore) -> None:
    """One document, one release, and the attempt before it says that it was only taken in."""

    async def scenario(customs: Window, site: Site) -> None:
        _open(customs)
        record = declaration(CAR)
        await _delivered(site, record)
        (released,) = site.heard("export.released")
        assert released.vin == CAR
        (fate,) = [one for one in site.heard("delivery.changed") if one.state == "settled"]
        assert [(one.result, one.status) for one in fate.attempts] == [("not-yet", 202), ("answered", 200)]

    shore.play(scenario)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_process_that_dies_puts_nothing_down_twice(shore: Shore, moment: str) -> None:
    """Between note and file, receipt and saying, saying and letting go: its successor asks by the key."""

    async def scenario(customs: Window, site: Site) -> None:
        _open(customs)
        record = declaration(CAR)
        await site.until_dead(moment, record)
        async with site.working() as worker:
            known = (await worker.deliveries.recall([record])).get(record.id)
            await worker.deliveries.handle(record, known)
            await worker.nothing_parked()
            await until(lambda: "settled" in site.states(record))
        assert len(site.heard("export.released")) == 1
        assert customs.names("SentBox") == [f"DEC01_{record.id}.xml"]

    shore.play(scenario)


def test_what_waits_for_its_receipt_survives_restarts_on_both_sides(shore: Shore) -> None:
    """Parked with dispatch and silent at customs; both go, both come back, and one receipt is enough."""
    record = declaration(CAR)
    silent = [{"operation": "export.declare", "vin": CAR, "silent": True}]

    async def taken_in(customs: Window, site: Site) -> None:
        customs.turn(scripts=silent)
        async with site.working() as worker:
            await worker.deliveries.handle(record, None)
            (row,) = await worker.parked_as("parked")
            assert row.failure == "not-yet"
            assert customs.names("SentBox") == [f"DEC01_{record.id}.xml"]

    async def answered(customs: Window, site: Site) -> None:
        _open(customs)
        async with site.working(generation=2) as worker:
            await worker.nothing_parked()
            await until(lambda: "settled" in site.states(record))
        assert customs.names("SentBox") == [f"DEC01_{record.id}.xml"]

    shore.play(taken_in)
    shore.play(answered)


@pytest.mark.parametrize("knob", ["garbage", "wrong_schema", "huge"])
def test_what_is_no_receipt_is_asked_for_again(shore: Shore, knob: str) -> None:
    """It decides nothing, and the document is not put down a second time."""
    record, other = declaration(CAR), declaration(vin(2), 1)

    async def scenario(customs: Window, site: Site) -> None:
        _open(customs)
        await _delivered(site, other)
        customs.turn(**{knob: 1.0})
        async with site.working() as worker:
            handling = asyncio.create_task(worker.deliveries.handle(record, None))
            await until(lambda: len(customs.names("SentBox")) == 2)
            await handling
            await until(lambda: site.states(record)[-1:] == ["parked"])
            customs.turn(**{knob: 0.0})
            await worker.nothing_parked()
            await until(lambda: "settled" in site.states(record))
        assert len(customs.names("SentBox")) == 2

    shore.play(scenario)


def test_a_car_that_has_not_left_is_asked_about_until_it_has(shore: Shore) -> None:
    """Each asking is a document of its own under the same name, and its answer the newest receipt."""

    async def scenario(customs: Window, site: Site) -> None:
        still_here = [{"operation": "export.track", "fixture": "export-track-still-here", "times": 2}]
        gone = [{"operation": "export.track", "fixture": "export-track"}]
        customs.turn(scripts=still_here + gone)
        record = as_record(ExportTrackV1(vin=CAR, decl_no="223320260000012345"), "customs.commands")
        await _delivered(site, record)
        (exited,) = site.heard("export.exited")
        assert exited.vin == CAR

    shore.play(scenario)


def test_a_link_that_breaks_again_and_again_ends_in_one_release(shore: Shore) -> None:
    """Cut every few hundred bytes, then left in peace."""

    async def scenario(customs: Window, site: Site) -> None:
        _open(customs)
        record = declaration(CAR)
        async with Proxy("127.0.0.1", customs.face.port) as link:
            site.carrier = customs.way(link.port)
            link.turn(Weather(slice_bytes=64))
            async with site.working() as worker:
                handling = asyncio.create_task(worker.deliveries.handle(record, None))
                for step in range(1, 9):
                    await until(lambda step=step: link.passed > 700 * step or handling.done())  # type: ignore[misc]
                    link.reset()
                link.turn(CLEAR)
                await handling
                await worker.nothing_parked()
                await until(lambda: "settled" in site.states(record))
        assert len(site.heard("export.released")) == 1
        assert customs.names("SentBox") == [f"DEC01_{record.id}.xml"]

    shore.play(scenario)


def test_two_workers_put_one_document_down(shore: Shore) -> None:
    """The partition moves while the receipt is awaited: the new owner asks for it, the old one says nothing."""

    async def scenario(customs: Window, site: Site) -> None:
        silent = [{"operation": "export.declare", "vin": CAR, "silent": True}]
        customs.turn(scripts=silent)
        record = declaration(CAR)
        async with site.working(slot="0") as old:
            calling: asyncio.Task[Any] = asyncio.create_task(old.deliveries.handle(record, None))
            await until(lambda: len(customs.names("SentBox")) == 1)
            site.carrier = customs.way()
            async with site.working(slot="1", generation=2) as new:
                _open(customs)
                await asyncio.gather(calling, return_exceptions=True)
                await new.deliveries.handle(record, None)
                await new.nothing_parked()
                await until(lambda: "settled" in site.states(record))
        assert len(site.heard("export.released")) == 1
        assert customs.names("SentBox") == [f"DEC01_{record.id}.xml"]

    shore.play(scenario)
