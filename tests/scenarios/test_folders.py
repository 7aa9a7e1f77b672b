"""The folders of `compose/scenarios`: whole, valid, about nobody, and refused with file and line where they are not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.faults import faults_of
from contracts.numbers import vin
from contracts.sale import SaleConfirmedV2
from services.scenario import overview
from services.scenario.catalogue import SCENARIOS, Scenario, chosen, names, read
from services.scenario.steps import Publish
from services.stack.trouble import TroubleError

RULEBOOK = (*range(1, 16), 28, 30)
BESIDE = ("R1",)
"""Situations of the rulebook that are no rows of its table."""
WRONG_VIN = 11
FIRST = {"at": "2026-03-02T09:00:00+08:00", "do": "publish", "sale": "car", "data": {"vin": "LZZTEST05TA000001"}}
RETURN = {"at": "+PT1M", "do": "return", "sale": "car", "name": "return", "opens": "back", "data": {}}
EXPECTED = {
    "number": 99,
    "situation": {"zh": "情形", "en": "a situation"},
    "outcome": {"zh": "结果", "en": "an outcome"},
    "sales": {"car": {"headline": "CLOSED"}},
}


def published(scenarios: list[Scenario]) -> Iterator[tuple[Scenario, Publish]]:
    for scenario in scenarios:
        yield from ((scenario, step) for step in scenario.steps if isinstance(step, Publish))


def written(folder: Path, *steps: dict[str, Any], expected: dict[str, Any] | None = None) -> Path:
    """A folder with these lines."""
    folder.mkdir(exist_ok=True)
    (folder / "events.jsonl").write_text("".join(f"{json.dumps(step)}\n" for step in steps), encoding="utf-8")
    (folder / "expected.json").write_text(json.dumps(expected or EXPECTED), encoding="utf-8")
    return folder


def test_every_row_of_the_rulebook_has_a_folder(scenarios: list[Scenario]) -> None:
    """One each, whose name begins with the row's number."""
    assert tuple(one.expected.number for one in scenarios) == RULEBOOK + BESIDE
    assert all(one.name.partition("-")[0].lstrip("0") == str(one.expected.number) for one in scenarios)


def test_every_sale_is_one_that_the_door_would_take(scenarios: list[Scenario]) -> None:
    """But for the one whose check digit is wrong on purpose."""
    for scenario, step in published(scenarios):
        blamed = [fault.code for fault in faults_of(SaleConfirmedV2, step.data)[1]]
        assert blamed == (["V101"] if scenario.expected.number == WRONG_VIN else []), scenario.name


def test_no_two_scenarios_share_a_car(scenarios: list[Scenario]) -> None:
    """They are played side by side on one stack."""
    cars = [(one.name, each) for one in scenarios for each in set(one.vins.values())]
    assert len({each for _, each in cars}) == len(cars)
    orders = [step.data["order_no"] for _, step in published(scenarios)]
    assert len(set(orders)) == len(orders)


def test_nobody_is_meant(scenarios: list[Scenario]) -> None:
    """Sequence 000 is given to nobody, and no telephone begins so."""
    for _, step in published(scenarios):
        buyer = step.data["buyer"]
        assert re.fullmatch(r"[0-9]{14}000[0-9X]", buyer["buyer_id_no"])
        assert buyer["phone"].startswith("154")
        assert buyer["buyer_name"].endswith("样本")


def test_the_suggestion_for_a_wrong_check_digit_is_right(scenarios: list[Scenario]) -> None:
    """It is the same VIN but for that digit, and valid."""
    scenario = next(one for one in scenarios if one.expected.number == WRONG_VIN)
    ((answer,),) = scenario.expected.answers.values()
    (suggestion,) = answer.suggestions
    wrong = scenario.vins["car"]
    assert vin.is_valid(suggestion)
    assert (suggestion[:8], suggestion[9:]) == (wrong[:8], wrong[9:])


def test_the_table_for_people_is_current(scenarios: list[Scenario]) -> None:
    """`python -m services.scenario.overview` writes it."""
    text = overview.README.read_text(encoding="utf-8")
    assert overview.renewed(text, scenarios) == text


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        (["3"], "03-insurer-cannot-verify"),
        (["03"], "03-insurer-cannot-verify"),
        (["03-insurer-cannot-verify"], "03-insurer-cannot-verify"),
        (["3", "03"], "03-insurer-cannot-verify"),
        (["R1"], "R1-return-registered-car"),
        (["r1"], "R1-return-registered-car"),
    ],
)
def test_a_scenario_has_a_number_and_a_name(wanted: list[str], name: str) -> None:
    """However it is called, and however often, it is that one."""
    assert [one.name for one in chosen(wanted)] == [name]


def test_an_unknown_scenario_is_refused() -> None:
    """With the way to the list."""
    with pytest.raises(TroubleError, match="no such scenario: 99") as refused:
        chosen(["1", "99"])
    assert "list" in refused.value.fix


def test_all_are_all() -> None:
    """In the order of the rulebook."""
    assert (
        [one.name for one in chosen(["all"])]
        == names()
        == sorted(path.parent.name for path in SCENARIOS.glob("*/*.json"))
    )


@pytest.mark.parametrize(
    ("second", "named"),
    [
        ({"at": "+PT1M", "do": "expect", "when": {"car": {"headlin": "CLOSED"}}}, r"events\.jsonl:2.*headlin"),
        ({"at": "+PT1M", "do": "explode"}, r"events\.jsonl:2.*explode"),
        ({"at": "2026-03-02T09:00:00", "do": "expect"}, r"events\.jsonl:2.*timezone"),
        ({"at": "+1 minute", "do": "expect"}, r"events\.jsonl:2"),
        ({"at": "2026-03-01T09:00:00+08:00", "do": "expect"}, "back in time"),
        ({"at": "+PT1M", "do": "expect", "when": {"cra": {"headline": "CLOSED"}}}, "no sale is called cra"),
        ({"at": "+PT1M", "do": "act", "sale": "cra", "act": "resume", "reason": "so"}, "no sale is called cra"),
        (RETURN | {"sale": "cra"}, "no sale is called cra"),
        (RETURN | {"opens": "car"}, "two things are called car"),
        (RETURN | {"do": "cancel"}, r"events\.jsonl:2.*opens"),
    ],
    ids=[
        "misspelt",
        "no such act",
        "no zone",
        "no span",
        "backwards",
        "unknown sale",
        "unknown sale of an act",
        "return of an unknown sale",
        "two of one name",
        "a cancellation opens nothing",
    ],
)
def test_a_faulty_scenario_is_named(tmp_path: Path, second: dict[str, Any], named: str) -> None:
    """The file, its line and what is wrong, before anything runs."""
    with pytest.raises(TroubleError, match=named):
        read(written(tmp_path / "99-x", FIRST, second))


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"sales": {"car": {"facts": {}}}}, "facts"),
        ({"sales": {"cra": {}}}, "no sale is called cra"),
        ({"answers": {"never": []}}, "nothing handed in is called never"),
        ({"number": 0}, "number"),
    ],
    ids=["misspelt", "unknown sale", "unknown answer", "no number"],
)
def test_a_faulty_expectation_is_named(tmp_path: Path, changed: dict[str, Any], named: str) -> None:
    """A wish that nothing could fail is as bad as one that nothing could fulfil."""
    with pytest.raises(TroubleError, match=named):
        read(written(tmp_path / "99-x", FIRST, expected=EXPECTED | changed))


def test_a_scenario_begins_at_a_moment_of_its_own(tmp_path: Path) -> None:
    """Since when should its first step count?"""
    with pytest.raises(TroubleError, match="a moment of its own"):
        read(written(tmp_path / "99-x", FIRST | {"at": "+PT1M"}))


def test_a_sound_folder_is_read(tmp_path: Path) -> None:
    """With its cars and its end."""
    later = {"at": "+P1DT2H3M4S", "do": "expect", "when": {"car": {"headline": "CLOSED"}}}
    scenario = read(written(tmp_path / "99-x", FIRST, later))
    assert scenario.vins == {"car": "LZZTEST05TA000001"}
    assert str(scenario.ends - scenario.began) == "1 day, 2:03:04"


def test_what_follows_a_return_is_of_the_same_car(tmp_path: Path) -> None:
    """It can be awaited and expected by its name, as what a publisher handed in."""
    scenario = read(written(tmp_path / "99-x", FIRST, RETURN, expected=EXPECTED | {"sales": {"back": {}}}))
    assert scenario.vins == {"car": "LZZTEST05TA000001", "back": "LZZTEST05TA000001"}
    assert scenario.publisher("back") == scenario.publisher("car")
