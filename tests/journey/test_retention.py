"""What waits for a case is not kept for ever, and a car that is sold after that is none the worse."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from contracts.certificate import CocQueryV1
from contracts.contract import Contract
from contracts.sale import SaleCancelledV1
from services.journey import retention, tables
from services.journey.retention import CERTIFICATES_KEPT, OTHERS_KEPT, Retention
from tests.journey.road import VIN, sale
from tests.journey.shell import KEY, Shell, play

A_DAY = timedelta(days=1)


def _certificate(shell: Shell) -> Contract:
    shell.agencies.of = sale()
    return shell.agencies.answer(CocQueryV1(vin=VIN, coc_no=shell.agencies.of.coc_no))


async def _kept(shell: Shell) -> list[str]:
    """Types of what waits, after a day's look at it."""
    retention = getattr(shell.runtime.tasks["retention"], "__self__", None)
    assert isinstance(retention, Retention)
    await retention.prune()
    rows = await shell.runtime.store.read(lambda connection: connection.execute(select(tables.unplaced.c.type)).all())
    return sorted(type_ for (type_,) in rows)


def test_a_certificate_waits_a_year_and_the_rest_three(tmp_path: Path) -> None:
    """To the day; and as many as there are."""

    async def scene(shell: Shell) -> None:
        for number in range(3):
            await shell.tell(_certificate(shell), subject=f"{KEY}-{number}")
        await shell.tell(SaleCancelledV1(vin=VIN, reason="off"))
        both = ["tongche.coc.confirmed.v1"] * 3 + ["tongche.sale.cancelled.v1"]
        shell.clock.pass_(CERTIFICATES_KEPT - A_DAY)
        assert await _kept(shell) == both
        shell.clock.pass_(2 * A_DAY)
        assert await _kept(shell) == both[3:]
        shell.clock.pass_(OTHERS_KEPT - CERTIFICATES_KEPT - 2 * A_DAY)
        assert await _kept(shell) == both[3:]
        shell.clock.pass_(2 * A_DAY)
        assert await _kept(shell) == []

    play(tmp_path, scene)


def test_all_that_is_old_goes_however_many_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One act deletes some, so that none of them lasts; the oldest go first, and what is not old stays."""
    monkeypatch.setattr(retention, "_AT_ONCE", 2)

    async def scene(shell: Shell) -> None:
        for number in range(5):
            await shell.tell(_certificate(shell), subject=f"{KEY}-{number}")
        shell.clock.pass_(CERTIFICATES_KEPT + A_DAY)
        await shell.tell(_certificate(shell), subject=f"{KEY}-new")
        assert await _kept(shell) == ["tongche.coc.confirmed.v1"]

    play(tmp_path, scene)


def test_a_car_whose_certificate_was_forgotten_is_sold_as_any_other(tmp_path: Path) -> None:
    """MIIT is asked for it, as if nobody had told anything."""

    async def scene(shell: Shell) -> None:
        await shell.tell(_certificate(shell), subject=KEY)
        shell.clock.pass_(CERTIFICATES_KEPT + A_DAY)
        assert await _kept(shell) == []
        shell.clock.pass_(-CERTIFICATES_KEPT - A_DAY)
        await shell.tell(shell.agencies.of)
        await shell.run()
        assert shell.cases[-1].headline == "CLOSED"

    play(tmp_path, scene)
