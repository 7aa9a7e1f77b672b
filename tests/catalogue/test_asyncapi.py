"""The AsyncAPI document of the whole broker: it keeps the specification, leaves nothing out and invents nothing.

The official schema is the one that `tests/runtime` uses; the official command line tool judges it where it is found.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import pytest
import yaml

from contracts.formats import FORMATS
from contracts.registry import CONTRACTS
from contracts.topics import COMMANDS, SUBSCRIBABLE, carried
from services.catalogue.topics import entries
from tests.catalogue.conftest import ROOT, installation
from tests.runtime.test_asyncapi import HEARD, SAID

OFFICIAL: Final = json.loads((ROOT / "tests/runtime/asyncapi-3.0.0.json").read_text(encoding="utf-8"))
CLI: Final = os.environ.get("ASYNCAPI_CLI") or shutil.which("asyncapi")
PARSER: Final = os.environ.get("ASYNCAPI_PARSER")
NO_CLI: Final = "no AsyncAPI CLI on the PATH or in ASYNCAPI_CLI: docs/catalogue.md"
NO_PARSER: Final = "no AsyncAPI parser in ASYNCAPI_PARSER, or no node: docs/catalogue.md"


def _refs(told: Any) -> Iterator[str]:
    if isinstance(told, dict):
        yield from (value for key, value in told.items() if key == "$ref")
    for one in told.values() if isinstance(told, dict) else told if isinstance(told, list) else ():
        yield from _refs(one)


def _at(document: Any, ref: str) -> Any:
    place = document
    for step in ref.removeprefix("#/").split("/"):
        place = place[step]
    return place


def _validator(broker: Any, message: Any) -> Any:
    name = message["payload"]["$ref"].rpartition("/")[2]
    mine = {key: told for key, told in broker["components"]["schemas"].items() if key.startswith(name)}
    schema = {**message["payload"], "components": {"schemas": mine}}
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True, formats=dict(FORMATS))


def test_it_keeps_the_specification(broker: Any) -> None:
    """The official JSON schema of AsyncAPI 3.0.0 accepts it, and its components have names that the text allows."""
    assert [error.message for error in jsonschema_rs.validator_for(OFFICIAL).iter_errors(broker)] == []
    names = [name for kind in broker["components"].values() for name in kind]
    assert [name for name in names if not re.fullmatch(r"[a-zA-Z0-9.\-_]+", name)] == []


def test_every_reference_leads_somewhere(broker: Any) -> None:
    """And none of them leaves the document."""
    for ref in set(_refs(broker)):
        assert ref.startswith("#/")
        assert _at(broker, ref)


def test_every_payload_is_a_schema_and_every_example_keeps_it(broker: Any) -> None:
    """JSON Schema 2020-12, formats and all; examples of headers are valid too."""
    for message in broker["components"]["messages"].values():
        if message["name"] == "bytes":
            continue
        jsonschema_rs.meta.validate(_at(broker, message["payload"]["$ref"]))
        validator = _validator(broker, message)
        assert message["examples"]
        for example in message["examples"]:
            assert [error.message for error in validator.iter_errors(example["payload"])] == []
            assert jsonschema_rs.is_valid(message["headers"], example["headers"])


def test_a_payload_that_breaks_its_contract_breaks_its_schema(broker: Any) -> None:
    """Parts were moved to the document's components, and are still reached from where they were."""
    message = broker["components"]["messages"]["sale.confirmed.v3"]
    whole = message["examples"][0]["payload"]
    validator = _validator(broker, message)
    assert validator.is_valid(whole)
    assert not validator.is_valid({**whole, "buyer": {**whole["buyer"], "phone": 1}})
    assert not validator.is_valid({name: whole[name] for name in whole if name != "vin"})


def test_every_topic_of_the_installation_is_there(broker: Any) -> None:
    """Each with its partitions and its retention, as they are on Kafka."""
    topics = {topic.name: topic for topic in installation().topics()}
    assert {channel["address"] for channel in broker["channels"].values()} == set(topics)
    for channel in broker["channels"].values():
        topic, kafka = topics[channel["address"]], channel["bindings"]["kafka"]
        assert kafka["partitions"] == topic.partitions
        assert kafka["topicConfiguration"]["retention.ms"] == topic.retention.total_seconds() * 1000
        assert [tag["name"] for tag in channel["tags"]] == [topic.owner]


def test_every_version_in_use_is_on_its_topics(broker: Any) -> None:
    """Not only the newest: what was written stays readable; on a view stands what was pinned."""
    for address in ("sale.events", "insurer.events", "submit.platform"):
        types = _types(broker, address)
        assert types == {
            versions.type_of(number) for versions in carried(address) for number in range(1, versions.newest + 1)
        }
    assert "tongche.sale.confirmed.v1" in _types(broker, "to.automaker-data.sale.events")
    assert "tongche.sale.confirmed.v3" not in _types(broker, "to.automaker-data.sale.events")
    assert "tongche.subscription.ended.v1" in _types(broker, "to.automaker-data.sale.events")


def _types(broker: Any, address: str) -> set[str]:
    return {_at(broker, message["$ref"])["name"] for message in broker["channels"][address]["messages"].values()}


def test_every_contract_is_on_some_topic(broker: Any) -> None:
    """A contract that no topic carries would be a word nobody says."""
    told = {message["name"] for message in broker["components"]["messages"].values()}
    assert told - {"bytes"} == {
        versions.type_of(number) for versions in CONTRACTS.values() for number in range(1, versions.newest + 1)
    }


def test_messages_name_the_schema_that_they_have(broker: Any) -> None:
    """`ce_dataschema` is fixed to the URN of the payload; publishers are not asked for it."""
    for name, message in broker["components"]["messages"].items():
        if name == "bytes":
            continue
        properties = message["headers"]["properties"]
        assert properties["ce_type"]["const"] == message["name"]
        if name.startswith("submit."):
            assert message["headers"]["required"] == ["ce_specversion", "ce_id", "ce_source", "ce_type"]
        else:
            assert properties["ce_dataschema"]["const"] == message["x-tongche-dataschema"]
            assert message["x-tongche-dataschema"].endswith(message["name"])


def test_who_reads_and_writes_is_who_really_does(broker: Any) -> None:
    """Compared with what the services' own documents are proved to follow and to write."""
    readers: dict[str, set[str]] = {}
    writers: dict[str, set[str]] = {}
    for operation in broker["operations"].values():
        (who,) = (tag["name"] for tag in operation["tags"])
        side = readers if operation["action"] == "receive" else writers
        side.setdefault(_at(broker, operation["channel"]["$ref"])["address"], set()).add(who)
    for topic in broker["channels"]:
        heard = {service for service, topics in HEARD.items() if topic in topics}
        assert readers.get(topic, set()) & set(HEARD) == heard or topic.startswith("submit.")
        said = {service for service, topics in SAID.items() if topic in topics}
        assert writers[topic] & set(SAID) == said or topic.startswith("refused.")
        assert ("projection" in readers.get(topic, set())) == (topic in SUBSCRIBABLE)
    assert readers["submit.maker"] == {"intake"}
    assert readers["refused.maker"] == {"maker"}
    assert writers["submit.maker"] == {"maker"}
    assert readers["to.bank-one.tax.events"] == {"bank-one"}
    assert writers["to.bank-one.tax.events"] == {"projection"}


def test_commands_are_on_the_topics_of_their_agencies(broker: Any) -> None:
    """Of each organisation of that kind, and of no other."""
    for row in COMMANDS.values():
        has = {topic.split("-")[0].split(".")[0] for topic in broker["channels"] if topic.endswith(".commands")
               if row.versions.type_of() in _types(broker, topic)}  # fmt: skip
        assert has == {row.agency}


def test_yaml_says_the_same(exported: dict[str, bytes], broker: Any) -> None:
    """Read by a library that had no part in writing it."""
    assert yaml.load(exported["asyncapi.yaml"], Loader=yaml.CSafeLoader) == broker


def test_no_address_of_an_installation_is_told(broker: Any) -> None:
    """Servers are a placeholder."""
    (server,) = broker["servers"].values()
    assert server["host"] == "{bootstrap}"
    assert server["variables"]["bootstrap"]["default"].endswith(".example:9092")
    assert "127.0.0.1" not in json.dumps(broker)


def test_the_class_of_a_topic_is_that_of_its_most_sensitive_message() -> None:
    """Raw bytes may be anything, and are treated as the worst."""
    grades = {entry.topic.name: entry.grade for entry in entries(installation())}
    assert grades["telemetry.spans"] == "G1"
    assert grades["miit.events"] == "G2"
    assert grades["bank.events"] == "G4"
    assert grades["sale.events.poison"] == "G4"
    assert grades["to.automaker-data.sale.events"] == "G3"
    assert grades["to.bank-one.tax.events"] == "G2"


@pytest.mark.skipif(CLI is None, reason=NO_CLI)
@pytest.mark.parametrize("name", ["asyncapi.json", "asyncapi.yaml"])
def test_the_official_command_line_tool_has_nothing_against_it(
    exported: dict[str, bytes], tmp_path: Path, name: str
) -> None:
    """No error and no warning."""
    assert CLI is not None
    (tmp_path / name).write_bytes(exported[name])
    quiet = {**os.environ, "CI": "true", "HOME": str(tmp_path)}  # it would report its use to its makers otherwise
    run = subprocess.run(
        [CLI, "validate", str(tmp_path / name), "--fail-severity=warn"],
        env=quiet,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


_PARSE: Final = """
const { Parser } = require(process.argv[1] + "/node_modules/@asyncapi/parser");
new Parser().parse(require("fs").readFileSync(0, "utf8")).then(({ diagnostics }) => {
  const bad = diagnostics.filter(({ severity }) => severity < 2);
  console.log(JSON.stringify(bad.map(({ message, path }) => [message, path])));
});
"""


@pytest.mark.skipif(PARSER is None or shutil.which("node") is None, reason=NO_PARSER)
def test_the_official_parser_has_nothing_against_it(exported: dict[str, bytes]) -> None:
    """It is what the command line tool judges by, and a twentieth of its size."""
    run = subprocess.run(
        ["node", "-e", _PARSE, str(PARSER)], input=exported["asyncapi.json"], capture_output=True, check=True
    )
    assert json.loads(run.stdout) == []
