"""Examples are valid, show every field, and are about nobody."""

from __future__ import annotations

import json
from typing import Any, Final

import jsonschema_rs
import pytest

from contracts.examples import examples, values
from contracts.fields import FIELDS, field_names
from contracts.formats import FORMATS
from contracts.registry import CONTRACTS, resolve
from contracts.schemas import schema_of

TYPES: Final = [versions.type_of(number) for versions in CONTRACTS.values() for number in range(1, versions.newest + 1)]


@pytest.mark.parametrize("type_", TYPES)
def test_every_version_has_examples_that_keep_it(type_: str) -> None:
    """By its class and by its schema, formats and all; and what is written of them is what stands there."""
    versions, number = resolve(type_)
    validator = jsonschema_rs.validator_for(schema_of(versions, number), validate_formats=True, formats=dict(FORMATS))
    assert examples()[type_]
    for data in examples()[type_]:
        read = versions.model(number).model_validate_json(json.dumps(data))
        assert json.loads(read.model_dump_json(exclude_none=True)) == data
        assert [error.message for error in validator.iter_errors(data)] == []


def test_no_example_is_of_a_version_that_is_gone() -> None:
    """Every line of the file is somebody's."""
    assert set(examples()) == set(TYPES)


@pytest.mark.parametrize("type_", TYPES)
def test_every_field_is_shown(type_: str) -> None:
    """Together the examples of a version hold all of its fields."""
    versions, number = resolve(type_)
    shown = {name for data in examples()[type_] for name in _names(data)}
    assert field_names(versions.model(number)) <= shown


def _names(data: Any) -> set[str]:
    if isinstance(data, dict):
        return set(data).union(*map(_names, data.values()))
    return set().union(*map(_names, data)) if isinstance(data, list) else set()


def test_the_dictionary_has_a_value_for_every_field_in_use() -> None:
    """Fields alone, no groups."""
    used = {name for versions in CONTRACTS.values() for model in versions.models for name in field_names(model)}
    assert set(values()) == used
    assert set(values()) <= set(FIELDS)


def test_nobody_in_them_exists() -> None:
    """Names say that they are samples, and telephones have a prefix of the project's invented ones."""
    for told in examples().values():
        for data in told:
            for name, value in _all(data):
                if name in {"buyer_name", "grantee_name"}:
                    assert "样本" in value
                if name == "phone":
                    assert value.startswith("154")
                if name == "address":
                    assert value.startswith(("样例", "样本"))


def _all(data: Any) -> list[tuple[str, Any]]:
    if isinstance(data, dict):
        return [*data.items(), *(pair for value in data.values() for pair in _all(value))]
    return [pair for one in data for pair in _all(one)] if isinstance(data, list) else []
