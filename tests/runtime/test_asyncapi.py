"""What each service says about itself on Kafka, against what it really follows and writes.

`asyncapi-3.0.0.json` is the official schema (Apache-2.0), as carried by the npm package @asyncapi/specs 6.11.1.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import jsonschema_rs
import pytest
from fastapi import FastAPI

from adapters.organisations import ORGANISATIONS
from contracts.registry import CONTRACTS, resolve
from contracts.topics import AGENCIES, COMMANDS, NOTICES, all_topics
from services.console.service import build as console
from services.dispatch.service import build as dispatch
from services.intake.service import build as intake
from services.journey.service import build as journey
from services.projection.service import build as projection
from services.runtime import asyncapi, face
from services.runtime.clock import Clock
from services.runtime.database import open_store
from services.runtime.face import Runtime
from services.runtime.outbox import Relay
from services.runtime.producer import Producer
from services.runtime.settings import Settings
from services.stack import credentials
from services.stack.data import DataFolder
from tests.journey.road import LOAN, sale

ROOT: Final = Path(__file__).parents[2]
SCHEMA: Final = json.loads(Path(__file__).with_name("asyncapi-3.0.0.json").read_text(encoding="utf-8"))
BUILDS: Final = {
    "intake": intake,
    "journey": journey,
    "dispatch": dispatch,
    "projection": projection,
    "console": console,
}
PUBLISHERS: Final = {
    row["name"]
    for row in tomllib.loads((ROOT / "services/stack/publishers.default.toml").read_text(encoding="utf-8"))[
        "publishers"
    ]
}
VIEWS: Final = {
    ("automaker-data", "sale.events"),
    ("automaker-data", "tax.events"),
    ("automaker-data", "police.events"),
    ("shanghai-police", "sale.events"),
    ("shanghai-police", "insurer.events"),
    ("tax-office", "sale.events"),
    ("insurer-one", "sale.events"),
    ("insurer-one", "police.events"),
    ("bank-one", "tax.events"),
    ("bank-one", "police.events"),
    ("export-desk", "commerce.events"),
    ("export-desk", "customs.events"),
}
"""Of a fresh installation: who reads a view of what."""
COMMANDS_OF_ALL: Final = {f"{organisation}.commands" for organisation in ORGANISATIONS}
EVENTS_OF_ALL: Final = {f"{agency}.events" for agency in AGENCIES}

HEARD: Final = {
    "intake": {"case.events", *(f"submit.{name}" for name in PUBLISHERS)},
    "journey": {"sale.events", "delivery.events", *EVENTS_OF_ALL},
    "dispatch": COMMANDS_OF_ALL,
    "projection": {"sale.events", "case.events", *EVENTS_OF_ALL},
    "console": {"case.events", "delivery.events", "telemetry.spans"},
}
SAID: Final = {
    "intake": {"sale.events", *(f"refused.{name}" for name in PUBLISHERS)},
    "journey": {"case.events", *COMMANDS_OF_ALL},
    "dispatch": {"delivery.events", *EVENTS_OF_ALL, *(f"{organisation}.dead" for organisation in ORGANISATIONS)},
    "projection": {f"to.{subscriber}.{topic}" for subscriber, topic in VIEWS},
    "console": set(),
}


class Answer(NamedTuple):
    """What an application said."""

    status: int
    body: Any


async def _asked(app: FastAPI, path: str, token: str) -> Answer:
    """Ask without a server between."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"127.0.0.1"), (b"authorization", f"Bearer {token}".encode())]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": headers}
    await app({**scope, "http_version": "1.1", "scheme": "http", "client": None, "server": None}, receive, send)
    return Answer(sent[0]["status"], json.loads(b"".join(message.get("body", b"") for message in sent[1:])))


async def _told(service: str, build: Callable[[Runtime], FastAPI], settings: Settings) -> tuple[Answer, Answer]:
    """What an operator is told, and what anybody else is."""
    store = open_store(settings, service)
    producer = Producer(settings.kafka, service)
    runtime = Runtime(service, settings, settings.secret(), Clock(), store, producer, Relay(store, producer))
    app = build(runtime)
    face._add_face(app, runtime)
    try:
        token = runtime.secrets.operator_token
        return await _asked(app, "/asyncapi.json", token), await _asked(app, "/asyncapi.json", "of-nobody")
    finally:
        for close in runtime.closers:
            await close()
        store.writer.dispose()
        store.reader.dispose()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Answer, Answer]]:
    """What every service says to an operator and to anybody: the real thing over HTTP, which reaches no Kafka."""
    folder = tmp_path_factory.mktemp("asyncapi")
    credentials.ensure(DataFolder(folder))
    settings = Settings(data=folder, kafka="kafka.invalid:9092")
    return {name: asyncio.run(_told(name, build, settings)) for name, build in BUILDS.items()}


@pytest.fixture(scope="module")
def documents(told: dict[str, tuple[Answer, Answer]]) -> dict[str, Any]:
    """The document of every service."""
    assert {operators.status for operators, _ in told.values()} == {200}
    return {name: operators.body for name, (operators, _) in told.items()}


@pytest.fixture(params=sorted(BUILDS))
def service(request: pytest.FixtureRequest) -> str:
    """Each service in turn."""
    return str(request.param)


def _addresses(document: Any, action: str) -> list[str]:
    keys = (told["channel"]["$ref"] for told in document["operations"].values() if told["action"] == action)
    return [document["channels"][key.removeprefix("#/channels/")]["address"] for key in keys]


def _refs(told: Any) -> Iterator[str]:
    if isinstance(told, dict):
        yield from (value for key, value in told.items() if key == "$ref")
    for one in told.values() if isinstance(told, dict) else told if isinstance(told, list) else ():
        yield from _refs(one)


def _message(document: Any, channel: str) -> Any:
    (ref,) = (message["$ref"] for message in document["channels"][channel]["messages"].values())
    return document["components"]["messages"][ref.rpartition("/")[2]]


def test_the_document_keeps_the_specification(documents: dict[str, Any], service: str) -> None:
    """The official JSON schema of AsyncAPI 3.0.0 accepts it, and its components have names that the text allows."""
    errors = [error.message for error in jsonschema_rs.validator_for(SCHEMA).iter_errors(documents[service])]
    assert errors == []
    names = [name for kind in documents[service]["components"].values() for name in kind]
    assert [name for name in names if not re.fullmatch(r"[a-zA-Z0-9.\-_]+", name)] == []


def test_who_subscribes_to_what_is_told_to_operators_alone(
    told: dict[str, tuple[Answer, Answer]], documents: dict[str, Any]
) -> None:
    """The projection's document names its subscribers; all others are the same for everybody."""
    said = {name: anybody for name, (_, anybody) in told.items()}
    refused = said.pop("projection")
    assert refused.status == 401
    assert "bank-one" not in json.dumps(refused.body)
    assert {name: answer.body for name, answer in said.items()} == {name: documents[name] for name in said}


def test_every_reference_leads_somewhere(documents: dict[str, Any], service: str) -> None:
    """Renamed components are found under their new names."""
    for ref in set(_refs(documents[service])):
        place = documents[service]
        for step in ref.removeprefix("#/").split("/"):
            place = place[step]


def test_it_hears_exactly_what_it_follows(documents: dict[str, Any], service: str) -> None:
    """Each topic of its subscriptions once, and no other."""
    assert sorted(_addresses(documents[service], "receive")) == sorted(HEARD[service])


def test_it_says_exactly_what_it_writes(documents: dict[str, Any], service: str) -> None:
    """The topics it owns, the spans, and a poison topic for each that it follows."""
    poison = {f"{topic}.poison" for topic in HEARD[service]}
    assert sorted(_addresses(documents[service], "send")) == sorted(SAID[service] | poison | {"telemetry.spans"})


def test_every_topic_of_the_table_is_somebodys(documents: dict[str, Any]) -> None:
    """Together the services describe the whole table."""
    told = {channel["address"] for document in documents.values() for channel in document["channels"].values()}
    assert told == {topic.name for topic in all_topics(ORGANISATIONS, PUBLISHERS, VIEWS)}


def test_commands_and_answers_are_where_their_organisations_are(documents: dict[str, Any]) -> None:
    """Every command is on the topics of its agency's organisations, its answer on the agency's."""
    for row in COMMANDS.values():
        for organisation in ORGANISATIONS.values():
            types = _message(documents["dispatch"], f"{organisation.id}.commands")["headers"]["properties"]["ce_type"]
            assert (row.versions.type_of() in types["enum"]) == (row.agency == organisation.agency)
        types = _message(documents["journey"], f"{row.agency}.events")["headers"]["properties"]["ce_type"]
        assert {row.answer.type_of(), "tongche.agency.refused.v1"} <= set(types["enum"])


def test_notices_are_where_their_agencys_answers_are(documents: dict[str, Any]) -> None:
    """Also those that answer nothing, and each once."""
    for versions in NOTICES.values():
        types = _message(documents["journey"], f"{versions.owner}.events")["headers"]["properties"]["ce_type"]["enum"]
        assert types.count(versions.type_of()) == 1


def test_every_contract_is_on_some_topic(documents: dict[str, Any]) -> None:
    """A contract that no topic carries would be a word nobody says."""
    messages = [message for document in documents.values() for message in document["components"]["messages"].values()]
    types = {
        type_
        for message in messages
        if "headers" in message
        for type_ in message["headers"]["properties"]["ce_type"]["enum"]
    }
    assert {resolve(type_)[0].name for type_ in types} == set(CONTRACTS)


def test_what_is_really_written_fits_the_schema(documents: dict[str, Any]) -> None:
    """The value of a sale as it goes to Kafka is valid by the document, and one without its VIN is not."""
    document = documents["journey"]
    schema = {**_message(document, "sale.events")["payload"], "components": document["components"]}
    written = json.loads(sale(loan=LOAN).model_dump_json(exclude_none=True))
    assert jsonschema_rs.is_valid(schema, written)
    assert not jsonschema_rs.is_valid(schema, {name: written[name] for name in written if name != "vin"})


def test_the_version_is_the_projects() -> None:
    """The constant follows pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == asyncapi.VERSION


def test_no_service_starts_with_faststream() -> None:
    """Importing it costs a second and thirty megabytes: only who asks for the document pays."""
    imports = "; ".join(f"import services.{name}.service" for name in BUILDS)
    program = f"{imports}; import services.simulator.service, sys; sys.exit('faststream' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0
