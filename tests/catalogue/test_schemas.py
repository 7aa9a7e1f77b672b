"""What `ce_dataschema` of any message names is found: at the door, in an export, and it is true of what is sent."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import jsonschema_rs
import pytest
from fastapi import FastAPI

from contracts.envelope import SCHEMA_BASE
from contracts.examples import examples
from contracts.formats import FORMATS
from contracts.registry import CONTRACTS
from contracts.views.plan import View, is_sealed
from contracts.views.schema import offered, view_schema
from contracts.views.subscriber import Subscribers
from services.intake.http import application
from services.intake.schemas import Schemas, Subscribed
from services.runtime.dataschema import UnknownSchema, named, written
from services.runtime.operator import operator
from services.runtime.settings import Secrets
from tests.catalogue.conftest import subscribers

TYPES: Final = [versions.type_of(number) for versions in CONTRACTS.values() for number in range(1, versions.newest + 1)]
OFFERS: Final = [offer for subscriber in subscribers().subscribers for offer in offered(subscriber)]
SECRETS: Final = Secrets(key_secret=b"k" * 32, operator_user="o", operator_password="p", operator_token="token")
OPERATOR: Final = {"authorization": "Bearer token"}
URNS: Final = [SCHEMA_BASE + type_ for type_ in TYPES] + [offer.dataschema for offer in OFFERS]


class Answer(NamedTuple):
    """What a door said."""

    status: int
    headers: dict[str, str]
    body: bytes


def _ask(app: FastAPI, path: str, **headers: str) -> Answer:
    """Ask without a server between."""
    return asyncio.run(_asked(app, path, headers))


async def _asked(app: FastAPI, path: str, headers: dict[str, str]) -> Answer:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    told = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": told}
    await app({**scope, "http_version": "1.1", "scheme": "http", "client": None, "server": None}, receive, send)
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return Answer(sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}, body)


@pytest.fixture(scope="module")
def door() -> FastAPI:
    """The door's route for schemas, as it stands among its others."""
    return application(Schemas(subscribers, operator(SECRETS)))


def test_every_dataschema_resolves_at_the_door(door: FastAPI) -> None:
    """By URN and by type: every version without a token, every view with the operator's; what comes is its schema."""
    for urn in URNS:
        needed = OPERATOR if urn.startswith(f"{SCHEMA_BASE}to.") else {}
        for name in (urn, urn.removeprefix(SCHEMA_BASE)):
            answer = _ask(door, f"/schemas/{name}", **needed)
            assert answer.status == 200
            assert answer.headers["content-type"] == "application/schema+json"
            assert json.loads(answer.body)["$id"] == urn


@pytest.mark.parametrize("told", [{}, {"authorization": "Bearer of-a-publisher"}, {"if_none_match": "*"}])
def test_who_subscribes_to_what_is_told_to_operators_alone(door: FastAPI, told: dict[str, str]) -> None:
    """Whoever else asks hears the same of a view that is there, of one that is not, and of what is no contract."""
    shown = OFFERS[0].dataschema
    names = (shown, shown.removeprefix(SCHEMA_BASE), f"{SCHEMA_BASE}to.nobody.{TYPES[0]}", "to.nobody.nothing", "to.")
    first, *others = (_ask(door, f"/schemas/{name}", **told) for name in names)
    assert (first.status, first.headers["www-authenticate"]) == (401, "Bearer")
    assert others == [first] * len(others)


def test_a_view_stays_out_of_shared_caches(door: FastAPI) -> None:
    """A contract's schema may lie in one."""
    for name, kept in ((TYPES[0], "public"), (OFFERS[0].dataschema, "private")):
        for known in ("", "*"):
            answer = _ask(door, f"/schemas/{name}", **OPERATOR, if_none_match=known)
            assert answer.headers["cache-control"] == f"{kept}, max-age=300"


def test_every_dataschema_is_in_the_export(exported: dict[str, bytes]) -> None:
    """The index names its file, and the file is what the door tells, byte for byte."""
    index = json.loads(exported["schemas/index.json"])
    assert set(index) == set(URNS)
    for urn, file in index.items():
        assert exported[f"schemas/{file}"] == written(named(urn, subscribers()))
    files = {name.removeprefix("schemas/") for name in exported if name.startswith("schemas/")}
    assert files == {*index.values(), "index.json"}


def test_an_exported_contract_is_the_frozen_file(exported: dict[str, bytes]) -> None:
    """Nobody gets another text than the one that was published."""
    published = Path(__file__).parents[2] / "contracts" / "published"
    for folder in published.iterdir():
        for file in folder.glob("v*.json"):
            version, revision = file.stem.split(".")
            newest = max(int(other.stem.split(".")[1]) for other in folder.glob(f"{version}.*.json"))
            if int(revision) == newest:
                assert exported[f"schemas/{folder.name}/{version}.json"] == file.read_bytes()


def test_what_one_has_is_not_sent_again(door: FastAPI) -> None:
    """304 by its tag, weak or one of several; caches may keep it."""
    path = f"/schemas/{URNS[0]}"
    tag = _ask(door, path).headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = _ask(door, path, if_none_match=known)
        assert (again.status, again.body) == (304, b"")
        assert again.headers["etag"] == tag
    assert _ask(door, path, if_none_match='"other"').status == 200
    assert _ask(door, f"/schemas/{URNS[1]}").headers["etag"] != tag


@pytest.mark.parametrize(
    "name",
    [
        "tongche.sale.confirmed.v99",
        "tongche.nothing.said.v1",
        "sale.confirmed",
        "to.nobody.tongche.sale.confirmed.v1",
        "to.bank-one.tongche.sale.confirmed.v1",
        "to.automaker-data.tongche.sale.confirmed.v2",
        "x" * 5000,
    ],
)
def test_what_nobody_says_is_not_found(door: FastAPI, name: str) -> None:
    """A problem document, and nothing of what was asked in it."""
    answer = _ask(door, f"/schemas/{name}", **OPERATOR)
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert name.encode() not in answer.body


def test_a_broken_subscribers_file_costs_nobody_the_contracts(tmp_path: Path) -> None:
    """Views are not known until it can be read; the door opens, and finds them as soon as it can."""
    file = tmp_path / "subscribers.toml"
    app = application(Schemas(Subscribed(file).now, operator(SECRETS)))
    for text in (None, "[[subscribers", ""):
        if text is not None:
            file.write_text(text, encoding="utf-8")
        assert _ask(app, f"/schemas/{TYPES[0]}").status == 200
        assert _ask(app, f"/schemas/{OFFERS[0].dataschema}", **OPERATOR).status == 404


@pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: offer.grant.id)
def test_a_view_keeps_its_schema(offer: View) -> None:
    """What is really shown of every example is valid, formats and all, and holds no name that the schema lacks."""
    schema = view_schema(offer)
    jsonschema_rs.meta.validate(schema)
    checked: Any = {"validate_formats": True, "formats": dict(FORMATS)}
    sealed = schema["properties"].get("sealed", {}).get("contentSchema", {"properties": {}})
    for data in examples()[offer.type]:
        shown = offer.show(data)
        clear = jsonschema_rs.Draft202012Validator(schema, **checked)
        assert [error.message for error in clear.iter_errors(shown.clear)] == []
        assert jsonschema_rs.Draft202012Validator(sealed, **checked).is_valid(shown.sealed)
        assert _names(shown.clear) <= _described(schema)
        assert _names(shown.sealed) <= _described(sealed)


@pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: offer.grant.id)
def test_a_schema_tells_no_field_that_was_not_granted(offer: View) -> None:
    """Neither in clear nor as sealed; and what is sealed does not stand in clear."""
    schema = view_schema(offer)
    sealed = schema["properties"].pop("sealed", {}).get("contentSchema", {"properties": {}})
    leaves = _leaves(schema), _leaves(sealed)
    assert leaves[0] | leaves[1] == set(offer.grant.fields)
    assert leaves[1] == {name for name, sight in offer.sights.items() if is_sealed(name, sight)}
    assert not leaves[0] & leaves[1]


def _names(data: Any) -> set[str]:
    if isinstance(data, dict):
        return set(data).union(*map(_names, data.values()))
    return set().union(*map(_names, data)) if isinstance(data, list) else set()


def _described(schema: Any) -> set[str]:
    properties = schema.get("items", schema).get("properties", {})
    return set(properties).union(*map(_described, properties.values()))


def _leaves(schema: Any) -> set[str]:
    properties = schema.get("items", schema).get("properties", {})
    return {name for name, told in properties.items() if not _described(told)}.union(*map(_leaves, properties.values()))


def _granted(**changed: Any) -> Subscribers:
    """The bank, with a second grant after its first, which is like it but for what changed."""
    (bank,) = (one for one in subscribers().subscribers if one.name == "bank-one")
    first = bank.grants[0]
    assert first.until is not None
    term = {"since": first.until, "until": first.until + timedelta(days=365)}
    grants = (first, first.model_copy(update={"id": "bank-more", **term, **changed}))
    return Subscribers(subscribers=(bank.model_copy(update={"grants": grants}),))


def test_two_grants_of_one_version_have_one_schema() -> None:
    """Their messages have the same `ce_dataschema`, so it tells the fields of both."""
    schema = named("to.bank-one.tongche.registration.registered.v1", _granted(fields=("vin", "plate_kind")))
    inside = schema["properties"]["sealed"]["contentSchema"]
    assert _leaves(inside) == {"plate_no", "plate_kind", "reg_cert_no", "reg_date"}


def test_a_grant_that_may_not_be_given_adds_nothing() -> None:
    """It says no purpose, and is refused as a whole; the other one stands."""
    wrong = _granted(contract="tax.paid", fields=("vin",), purpose="")
    with pytest.raises(UnknownSchema):
        named("to.bank-one.tongche.tax.paid.v1", wrong)
    assert named("to.bank-one.tongche.registration.registered.v1", wrong)
