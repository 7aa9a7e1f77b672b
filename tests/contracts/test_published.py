"""What was published stays as it was, and our classes keep to it: the gate that every change goes through."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any, Final

import pytest

from contracts import published
from contracts.examples import examples
from contracts.fields import FIELDS, field_names
from contracts.formats import FORMATS
from contracts.registry import CONTRACTS, resolve
from contracts.schemas import schema_of, schema_of_type, urn
from contracts.versions import Versions
from services.compatibility.gate import Finding, findings
from services.compatibility.judge import validator

VERSIONS: Final = [(versions, number) for versions in CONTRACTS.values() for number in range(1, versions.newest + 1)]
FOUND: Final = list(findings(CONTRACTS.values(), published.published()))
_SAID: Final = Path(__file__).parent / "said_before.jsonl"

every_version = pytest.mark.parametrize(("versions", "number"), VERSIONS, ids=[v.type_of(n) for v, n in VERSIONS])


@pytest.mark.parametrize("finding", FOUND, ids=[f"{one.contract}.v{one.version}" for one in FOUND])
def test_a_contract_is_as_published(finding: Finding) -> None:
    """Compatible with every revision, and the newest is what the class says now."""
    wrong = None if finding.worst is None else (finding.worst[0].file, finding.worst[1])
    assert finding.state not in {"broken", "undecided"}, f"make it a new version (docs/compatibility.md): {wrong}"
    assert finding.state == "same", "it changed compatibly: tongche contracts freeze"


def test_revisions_are_counted_from_one_without_a_gap() -> None:
    """Each file stands where its name says, under the address of its version."""
    numbers: dict[tuple[str, int], list[int]] = {}
    for one in published.published():
        numbers.setdefault((one.contract, one.version), []).append(one.revision)
        assert one.schema["$id"] == urn(CONTRACTS[one.contract], one.version)
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())


def test_the_file_is_the_schema_as_it_is_written() -> None:
    """Byte for byte, so that nobody mends one by hand."""
    folder = Path(published.__file__).parent
    for one in published.published():
        assert (folder / one.file).read_text(encoding="utf-8") == published.text_of(one.schema)


@every_version
def test_a_schema_is_made_the_same_every_time_and_explains_its_fields(versions: Versions, number: int) -> None:
    """Its address is `ce_dataschema`, each field has its meaning, each part its sentence."""
    schema = schema_of(versions, number)
    assert json.dumps(schema) == json.dumps(schema_of(versions, number)) == json.dumps(schema_of_type(schema["$id"]))
    parts = [schema, *schema.get("$defs", {}).values()]
    told = {name: said for part in parts for name, said in part["properties"].items()}
    assert all(part["description"] for part in parts)
    assert field_names(versions.model(number)) <= set(told)
    for name in field_names(versions.model(number)):
        assert told[name]["description"] == f"{FIELDS[name].zh} / {FIELDS[name].en}"
        assert told[name].get("x-tongche-unit", "") == FIELDS[name].unit


def test_every_format_of_a_number_is_one_that_somebody_checks() -> None:
    """And each of our own formats is some field's."""
    said = json.dumps([schema_of(versions, number) for versions, number in VERSIONS])
    assert {name for name in FORMATS if f'"format": "{name}"' not in said} == set()


@pytest.mark.parametrize("line", _SAID.read_text(encoding="utf-8").splitlines(), ids=lambda line: line[:60])
def test_what_was_said_before_fits_the_schema(line: str) -> None:
    """The schema takes what the class takes."""
    said = json.loads(line)
    assert validator(schema_of(*resolve(said["type"]))).is_valid(said["data"])


@every_version
def test_every_example_fits_the_schema(versions: Versions, number: int) -> None:
    """Whoever tries the examples out by the schema alone finds them right."""
    schema = validator(schema_of(versions, number))
    assert all(map(schema.is_valid, examples()[versions.type_of(number)]))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("vin",), "LZZTEST06TA000001"),
        (("seats",), 10),
        (("fuel_kind",), "STEAM"),
        (("sold_on",), "2026-02-30"),
        (("seller_uscc",), "911100001000013428"),
        (("buyer", "phone"), "x"),
        (("buyer", "surprise"), "x"),
    ],
)
def test_the_schema_refuses_what_the_class_refuses(path: tuple[str, ...], value: Any) -> None:
    """Check digits, bounds, members, days that are none, fields that nobody knows."""
    sale = CONTRACTS["sale.confirmed"]
    data = copy.deepcopy(next(one for one in examples()[sale.type_of()] if "buyer" in one))
    schema = schema_of(sale, sale.newest)
    assert validator(schema).is_valid(data)
    part = data
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    assert not validator(schema).is_valid(data)
