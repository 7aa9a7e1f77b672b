"""What was valid once is valid for ever: commands wait for days, topics keep years, and no sender is told to hurry.

`said_before.jsonl` is what commit 1d33ccf said: of each version of a contract one payload for every set of fields that
a run on simulated agencies and the adapters' fixtures showed; of what neither shows (a correction, a refusal, the bad
days of a delivery) some written by hand. Each version since then has its first payload at the end.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from contracts.contract import Contract
from contracts.registry import resolve
from contracts.topics import COMMANDS

_FILE: Final = Path(__file__).parent / "said_before.jsonl"
SAID: Final[list[tuple[str, dict[str, Any]]]] = [
    (line["type"], line["data"]) for line in map(json.loads, _FILE.read_text(encoding="utf-8").splitlines())
]


def _read(type_: str, data: dict[str, Any]) -> Contract:
    versions, number = resolve(type_)
    versions.read(number, json.dumps(data).encode())
    return versions.model(number).model_validate_json(json.dumps(data))


@pytest.mark.parametrize(("type_", "data"), SAID, ids=[type_ for type_, _ in SAID])
def test_what_was_said_before_is_still_understood(type_: str, data: dict[str, Any]) -> None:
    """It is read, lifted to the newest version, and nothing that was said is lost or altered."""
    told = _read(type_, data).model_dump(mode="json")
    assert _within(data, told)


def _within(said: Any, told: Any) -> bool:
    """Whether all that was said is told; who reads it may know more by default."""
    match said:
        case dict():
            return all(name in told and _within(value, told[name]) for name, value in said.items())
        case list():
            return len(said) == len(told) and all(map(_within, said, told))
        case _:
            return bool(said == told)


def test_every_contract_of_that_day_has_its_payload() -> None:
    """Sixty contracts, one of them in two versions; and the three versions since."""
    assert len({type_ for type_, _ in SAID}) == 64


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("mortgage.register", {"cosign_no": None}),
        ("mortgage.release", {"settled_on": None}),
        ("insurance.cancel", {"cancel_ground": "NOT_REGISTERED"}),
        ("tax.reclaim", {"reclaim_basis": "TCL-51", "refund_asked": None, "returned_on": None, "reclaimed_on": None}),
    ],
)
def test_what_old_senders_left_out_is_what_they_meant(name: str, meant: dict[str, Any]) -> None:
    """Policies and taxes were only undone before registration, then wholly; papers that nobody asked for are absent."""
    (data,) = (data for type_, data in SAID if type_ == COMMANDS[name].versions.type_of(1))
    told = _read(COMMANDS[name].versions.type_of(1), data)
    assert {field: getattr(told, field) for field in meant} == meant
    assert not set(meant) & set(data)
