"""The doors over HTTP in OpenAPI 3.1: valid, complete, and true to what is served."""

from __future__ import annotations

import json
from typing import Any, Final

import jsonschema_rs
import pytest
import schemathesis
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.definitions import OPENAPI_31

from adapters.registry import ADAPTERS
from contracts.topics import NOTICES
from services.catalogue.export import SEAL, Described, files
from services.intake.admission import types_taken
from tests.catalogue.conftest import doors, installation

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
    """A bearer token, which for schemas is optional, or a seal, and never neither; refusals are problem documents."""
    for path, methods in door.document["paths"].items():
        for operation in methods.values():
            is_sealed = SEAL in operation
            assert is_sealed == path.endswith("/callbacks")
            assert any(operation["security"]) != is_sealed
            assert ({} in operation["security"]) == (path == "/schemas/{name}")
            assert "application/problem+json" in operation["responses"]["4XX"]["content"]
            assert all("schema" in said for said in _contents(operation["responses"]))


def _contents(responses: Any) -> list[Any]:
    return [said for response in responses.values() for said in response.get("content", {}).values()]


def test_the_types_that_are_taken_are_told() -> None:
    """As the doors themselves know them."""
    intake, notices, _ = (door.document for door in DOORS)
    event = intake["paths"]["/v1/sales"]["post"]["requestBody"]["content"]["application/cloudevents+json"]["schema"]
    assert event["properties"]["type"]["enum"] == list(types_taken())
    (path,) = notices["paths"].values()
    body = path["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert {name.removeprefix("tongche.").rpartition(".")[0] for name in body["properties"]["type"]["enum"]} == set(
        NOTICES
    )


def test_the_sealed_door_says_by_which_seal_whose_call_backs_are_proved() -> None:
    """Of every kind of agency that calls back, in both languages, with the body in which the seal stands."""
    told = {door.name: door.document for door in DOORS}["callbacks"]
    ((_, methods),) = told["paths"].items()
    seals = {seal["agency"]: seal for seal in methods["post"][SEAL]}
    calling = {name: adapter for name, adapter in ADAPTERS.items() if adapter.calls_back}
    assert {name: seal["kind"] for name, seal in seals.items()} == {name: one.seal for name, one in calling.items()}
    assert seals["bank"]["kind"] == "xmldsig"
    assert all(seal["zh"] and "signature" in seal["en"] for seal in seals.values())
    assert set(methods["post"]["requestBody"]["content"]) == {"application/xml"}
    assert {"202", "401", "422", "503"} <= methods["post"]["responses"].keys()


def test_the_site_says_how_every_door_is_guarded(exported: dict[str, bytes]) -> None:
    """Beside each route."""
    page = exported["doors.html"].decode()
    for words in ("a bearer token", "a token, or none", "a seal in the message", "openapi/callbacks.json"):
        assert words in page


def test_a_door_that_says_nothing_of_its_guard_is_not_exported() -> None:
    """Nobody would know whether it is open to all."""
    open_door = {"post": {"operationId": "take", "security": []}}
    with pytest.raises(LookupError, match="take"):
        files(installation(), [Described("open", {"info": {"title": "t"}, "paths": {"/": open_door}})], "0.0.0")


def test_it_is_exported(exported: dict[str, bytes]) -> None:
    """As it is served."""
    for door in DOORS:
        assert json.loads(exported[f"openapi/{door.name}.json"]) == door.document
