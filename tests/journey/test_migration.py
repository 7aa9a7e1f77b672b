"""Cases in flight when the process changes: stored by the process of then, they come to their end by that of today."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from contracts.contract import Contract
from contracts.refusal import AgencyRefusedV1
from contracts.registry import resolve
from services.journey.case import Case
from services.journey.migration import PROCESS
from services.journey.world import Resume
from tests.journey.road import LOAN, VIN, Road, sale

GO_ON = Resume("checked", "li")
STORED = Path(__file__).parent / "in_flight"
ROWS = [json.loads(line) for path in sorted(STORED.glob("*.jsonl")) for line in path.read_text("utf-8").splitlines()]
"""What earlier processes wrote: a case, and what its agencies answer to all that it had asked."""


def answer(told: dict[str, Any]) -> Contract:
    """An answer of then, as it is read today."""
    versions, number = resolve(told["type"])
    return versions.read(number, json.dumps(told["data"]).encode())


def resumed(row: dict[str, Any]) -> Road:
    """The stored case on its road again: what it had asked is answered, as it was then."""
    case = Case.model_validate_json(json.dumps(row["case"]))
    road = Road(case.sale)
    road.case, road.asked, road.out, road.steps = case, [], {}, []
    for cause, told in row["answers"].items():
        if cause in road.case.asks:
            road.told(answer(told), cause)
    return road


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["what"])
def test_a_case_of_an_older_process_comes_to_its_end(row: dict[str, Any]) -> None:
    """From wherever it stood; no one-time command is asked a second time, and what it was lifted to is told once."""
    road = resumed(row)
    road.run()
    if road.case.ended is None:
        road.hear(GO_ON)
        road.run()
    assert road.case.ended in {"CLOSED", "CANCELLED"}
    assert road.case.process == PROCESS or not row["answers"]
    assert road.rules.count("MIGRATE") <= 1
    assert not {*road.names} & {ask["command"] for ask in row["case"].get("asks", {}).values()}


def test_a_mortgage_asked_for_without_the_lenders_signature_goes_on() -> None:
    """The police were asked by the old way, and what they answer counts."""
    road = resumed(next(row for row in ROWS if row["what"] == "before mortgage.register"))
    assert "MIGRATE" in road.rules
    assert (road.state("mort"), road.names.count("mortgage.cosign")) == ("REGISTERED", 0)


def test_a_mortgage_refused_the_old_way_is_asked_for_the_new_way() -> None:
    """Resumed, it begins with the lender's signature."""
    road = resumed(next(row for row in ROWS if row["what"] == "mortgage refused"))
    road.hear(GO_ON)
    road.run()
    assert road.names == ["mortgage.cosign", "mortgage.register"]


def test_a_mortgage_refused_after_it_was_lifted_begins_with_the_signature() -> None:
    """There is no joint application to repeat: the lender is asked for one."""
    row = next(row for row in ROWS if row["what"] == "before mortgage.register")
    row = row | {"answers": {}}
    road = resumed(row)
    ask = next(ask for ask in road.case.asks.values() if ask.command == "mortgage.register")
    refusal = AgencyRefusedV1(vin=VIN, organisation="police", command=ask.command, code="P412", reason="no")
    road.told(refusal, ask.id)
    road.hear(GO_ON)
    assert "mortgage.cosign" in road.names


def test_a_case_opened_today_is_of_todays_process() -> None:
    """Nothing to lift, and nothing told of it."""
    road = Road(sale("BEV", loan=LOAN))
    road.run()
    assert (road.case.process, "MIGRATE" in road.rules) == (PROCESS, False)
