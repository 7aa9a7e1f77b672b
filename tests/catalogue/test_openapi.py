"""The doors over HTTP in OpenAPI 3.1: valid, complete, and true to what is served."""

from __future__ import annotations

import json
from typing import Any, Final

import jsonschema_rs
import pytest
import schemathesis
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.definitions import OPENAPI_31

from contracts.topics import NOTICES
from services.catalogue.export import Described
from services.intake.admission import types_taken
from tests.catalogue.conftest import doors

DOORS: Final = doors()


@pytest.fixture(params=DOORS, ids=[door.name for door in DOORS])
def door(request: pytest.FixtureRequest) -> Described:
    """Each door in turn."""
    found: Described = request.param
    return found


def test_it_keeps_the_specification(door: Described) -> None:
    """The official schema of OpenAPI 3.1 accepts it, and a library that lives by such documents reads all of it."""
    assert door.document["openapi"].startswith("3.1")
    assert [error.message for error in jsonschema_rs.validator_for(OPENAPI_31).iter_errors(door.document)] == []
    operations = list(schemathesis.openapi.from_dict(dict(door.document)).get_all_operations())
    assert operations
    assert all(isinstance(each, Ok) for each in operations)


def test_every_schema_in_it_is_one(door: Described) -> None:
    """JSON Schema 2020-12, examples included."""
    for schema in _schemas(door.document):
        jsonschema_rs.meta.validate(schema)
        for example in schema.get("examples", ()):
            assert jsonschema_rs.is_valid(schema, example)


def _schemas(told: Any) -> list[Any]:
    if isinstance(told, list):
        return [one for each in told for one in _schemas(each)]
    if not isinstance(told, dict):
        return []
    return [*([told["schema"]] if isinstance(told.get("schema"), dict) else []), *_schemas(list(told.values()))]


def test_every_operation_says_who_may_and_what_is_refused(door: Described) -> None:
    """A bearer token, which for schemas is optional; refusals are problem documents."""
    for path, methods in door.document["paths"].items():
        for operation in methods.values():
            assert any(operation["security"])
            assert ({} in operation["security"]) == (path == "/schemas/{name}")
            assert "application/problem+json" in operation["responses"]["4XX"]["content"]
            assert all("schema" in said for said in _contents(operation["responses"]))


def _contents(responses: Any) -> list[Any]:
    return [said for response in responses.values() for said in response.get("content", {}).values()]


def test_the_types_that_are_taken_are_told() -> None:
    """As the doors themselves know them."""
    intake, notices = (door.document for door in DOORS)
    event = intake["paths"]["/v1/sales"]["post"]["requestBody"]["content"]["application/cloudevents+json"]["schema"]
    assert event["properties"]["type"]["enum"] == list(types_taken())
    (path,) = notices["paths"].values()
    body = path["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert {name.removeprefix("tongche.").rpartition(".")[0] for name in body["properties"]["type"]["enum"]} == set(
        NOTICES
    )


def test_it_is_exported(exported: dict[str, bytes]) -> None:
    """As it is served."""
    for door in DOORS:
        assert json.loads(exported[f"openapi/{door.name}.json"]) == door.document
