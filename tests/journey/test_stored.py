"""Cases that were stored when sales and policies had fewer versions are read as if they had been stored today."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from contracts.insurance import INSURANCE_BOUND
from contracts.sale import SALE_CONFIRMED
from services.journey.case import Case
from tests.journey.road import Road, sale


def _stored(fuel: str) -> dict[str, Any]:
    road = Road(sale(fuel))
    road.run()
    assert road.case.papers.bound is not None
    state: dict[str, Any] = json.loads(road.case.model_dump_json(exclude_defaults=True))
    return state


@pytest.mark.parametrize("fuel", ["ICE", "BEV"])
def test_a_case_with_the_sale_and_policy_of_old_is_the_same_case(fuel: str) -> None:
    """With one motor or none; the policy by days."""
    today = _stored(fuel)
    case = Case.model_validate_json(json.dumps(today))
    assert case.papers.bound is not None
    before = json.loads(json.dumps(today))
    before["sale"] = json.loads(SALE_CONFIRMED.down(2, case.sale).model_dump_json())
    before["papers"]["bound"] = json.loads(INSURANCE_BOUND.down(1, case.papers.bound).model_dump_json())
    assert "motor_no" in before["sale"]
    assert "start_date" in before["papers"]["bound"]
    assert Case.model_validate_json(json.dumps(before)) == case


def test_what_was_stored_comes_back() -> None:
    """Also a second motor, which only the newest version can say."""
    road = Road(sale("BEV").model_copy(update={"motor_nos": ("TZ213XS6034014", "TZ300XYB0001")}))
    road.run()
    assert Case.model_validate_json(road.case.model_dump_json(exclude_defaults=True)) == road.case


def test_what_is_of_no_version_is_an_error() -> None:
    """A store that somebody else wrote into is not guessed at."""
    state = _stored("ICE")
    state["sale"]["vin"] = "not a vin"
    with pytest.raises(ValidationError):
        Case.model_validate_json(json.dumps(state))
