"""What time undoes before it is paid or bound: a surcharge that grew, a cover that was to begin on a past day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from contracts.case import Step
from services.journey.world import Resume
from tests.journey.road import Road, name_of, sale

BOUGHT_ON = date(2026, 1, 15)
LAST_DAY = date(2026, 3, 16)
"""The sixtieth after it."""
GO_ON = Resume("mended", "li")


def bought(on: date) -> Road:
    """A car of 113,000 yuan whose sale is told on that day, with a tax of 10,000.00 that is about to be paid."""
    road = Road(sale(sold_on=BOUGHT_ON, mfg_date=date(2025, 12, 1)), on=on)
    road.run("tax.pay")
    return road


def told(road: Road, command: str, field: str) -> list[Any]:
    """What each command of that name said in a field."""
    return [getattr(sent.data, field) for sent in road.asked if name_of(sent) == command]


def back(road: Road, facet: str) -> list[Step]:
    """Where a facet began anew by itself."""
    return [step for step in road.steps if (step.facet, step.after) == (facet, "NONE") and step.before != "NONE"]


@pytest.mark.parametrize(
    ("declared_on", "waited", "due"),
    [(60, 15, [1_000_000, 1_007_500]), (61, 10, [1_000_500, 1_005_500]), (59, 2, [1_000_000, 1_000_500])],
)
def test_a_surcharge_runs_until_the_tax_is_paid(declared_on: int, waited: int, due: list[int]) -> None:
    """Assessed for one day and to be paid on a later one: assessed anew, by the pack of the terms (TCL 32)."""
    road = bought(BOUGHT_ON + timedelta(days=declared_on))
    road.refuse("tax.pay", "T503")
    road.sleep(timedelta(days=waited))
    road.hear(GO_ON)
    road.run()
    assert told(road, "tax.pay", "amount_due") == due
    assert told(road, "tax.declare", "declared_on")[-1] == road.world.today
    (anew,) = back(road, "tax")
    assert (anew.rule, anew.before, anew.pack, anew.source) == ("T5", "ASSESSED", "PTL-2019", "TCL 32")
    assert road.case.headline == "CLOSED"


@pytest.mark.parametrize("waited", [0, 20])
def test_in_time_an_assessment_stands(waited: int) -> None:
    """Held for days, and still within the sixty: it is paid as it was assessed."""
    road = bought(BOUGHT_ON + timedelta(days=40))
    road.refuse("tax.pay", "T503")
    road.sleep(timedelta(days=waited))
    road.hear(GO_ON)
    road.run()
    assert (road.names.count("tax.declare"), back(road, "tax"), road.case.headline) == (1, [], "CLOSED")


def test_nothing_is_assessed_anew_while_a_payment_is_out() -> None:
    """It may have been made in time; when the office says that it was, nothing more is owed."""
    road = bought(LAST_DAY)
    road.sleep(timedelta(days=15))
    road.hear(GO_ON)
    assert road.names.count("tax.declare") == 1
    road.answer("tax.pay", tax_paid_at=datetime(2026, 3, 16, 15, 59, tzinfo=UTC))
    road.run()
    assert (road.case.headline, told(road, "tax.pay", "amount_due")) == ("CLOSED", [1_000_000])


def test_a_payment_that_came_later_than_its_surcharge_says_is_held() -> None:
    """Paid a minute into the sixty-first day in China: taken back and paid anew, once a person lets it (T422)."""
    road = bought(LAST_DAY)
    road.sleep(timedelta(days=15))
    road.hear(GO_ON)
    step = road.answer("tax.pay", tax_paid_at=datetime(2026, 3, 16, 16, 1, tzinfo=UTC)).steps[-1]
    assert (road.held("tax"), step.pack) == ("T422", "PTL-2019")
    road.hear(GO_ON)
    road.run()
    assert told(road, "tax.reclaim", "refund_asked") == [1_000_000]
    assert (road.case.headline, told(road, "tax.pay", "amount_due")) == ("CLOSED", [1_000_000, 1_007_500])


def test_an_office_whose_clock_is_ahead_makes_nobody_late() -> None:
    """Nothing was paid after the day on which we hear of it."""
    road = bought(LAST_DAY)
    road.answer("tax.pay", tax_paid_at=datetime(2026, 3, 17, 2, tzinfo=UTC))
    road.run()
    assert (road.case.headline, told(road, "tax.pay", "amount_due")) == ("CLOSED", [1_000_000])


@pytest.mark.parametrize(("waited", "quotes"), [(0, 1), (1, 2), (20, 2)])
def test_no_cover_is_taken_from_a_past_day(waited: int, quotes: int) -> None:
    """Quoted, refused, and resumed later: quoted anew from that day; on the same day the quote stands."""
    road = Road()
    road.run("insurance.bind")
    road.refuse("insurance.bind", "I503")
    road.sleep(timedelta(days=waited))
    road.hear(GO_ON)
    road.run()
    assert (road.names.count("insurance.quote"), len(back(road, "ins"))) == (quotes, quotes - 1)
    assert told(road, "insurance.bind", "start_date")[-1] == road.world.today
    assert road.case.headline == "CLOSED"


def test_nothing_is_quoted_anew_while_a_policy_is_being_bound() -> None:
    """Its answer is on the way, however late; there will be one policy."""
    road = Road()
    road.run("insurance.bind")
    road.sleep(timedelta(days=20))
    road.hear(GO_ON)
    road.run()
    assert (road.names.count("insurance.quote"), road.names.count("insurance.bind")) == (1, 1)
    assert road.case.headline == "CLOSED"
