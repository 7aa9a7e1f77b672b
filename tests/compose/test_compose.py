"""compose.yaml against the specification's schema, and against what our own processes expect."""

from __future__ import annotations

import json
import re
import runpy
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import jsonschema_rs
import pytest
import typer
import yaml

from adapters.organisations import ORGANISATIONS
from contracts.topics import LARGEST_MESSAGE, all_topics
from services.cli import application
from services.runtime.settings import Settings
from services.runtime.topics import publishers_of, topics_of
from services.stack.data import DataFolder
from services.stack.plan import SERVICES, settings_of

ROOT: Final = Path(__file__).parents[2]
COMPOSE: Final[dict[str, Any]] = yaml.safe_load((ROOT / "compose" / "compose.yaml").read_text(encoding="utf-8"))
CONTAINERS: Final[dict[str, dict[str, Any]]] = COMPOSE["services"]
ONE_SHOTS: Final = {"init", "topics"}
OURS: Final = {service.name for service in SERVICES}
FOREIGN: Final = {"kafka", "postgres", "collector", "jaeger"}
DOCKERFILE: Final = (ROOT / "compose" / "Dockerfile").read_text(encoding="utf-8")


def _environment(name: str) -> dict[str, str]:
    return dict(CONTAINERS[name]["environment"])


def _settings(name: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for variable, value in _environment(name).items():
        monkeypatch.setenv(variable, value)
    return Settings()


def _probe(name: str) -> str:
    return str(CONTAINERS[name]["healthcheck"]["test"][-1])


def _published() -> Iterator[tuple[str, str]]:
    return ((name, port) for name, container in CONTAINERS.items() for port in container.get("ports", []))


def test_the_file_keeps_the_specification() -> None:
    """The official JSON schema of the Compose specification accepts the whole file."""
    schema = json.loads((Path(__file__).parent / "compose-spec.json").read_text(encoding="utf-8"))
    errors = [error.message for error in jsonschema_rs.validator_for(schema).iter_errors(COMPOSE)]
    assert errors == []


def test_every_process_of_ours_is_a_container() -> None:
    """What the supervisor starts, compose starts, by the same command; nothing else runs."""
    assert set(CONTAINERS) == OURS | ONE_SHOTS | FOREIGN
    for service in SERVICES:
        assert CONTAINERS[service.name]["command"] == ["python", *service.arguments]


@pytest.mark.parametrize("name", sorted(OURS | {"topics"}))
def test_every_variable_is_a_setting(name: str) -> None:
    """A variable that no setting reads would be believed and do nothing."""
    told = {variable for variable in _environment(name) if variable.startswith("TONGCHE_")}
    known = {f"TONGCHE_{field.upper()}" for field in Settings.model_fields}
    assert told <= known
    # Whatever says where something is differs in containers; the rest may keep its default.
    places = {field for field in known if field.endswith(("_PORT", "_URL", "_DATA", "_KAFKA", "_DATABASE", "_BIND"))}
    assert places <= told


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_health_is_asked_at_the_services_own_port(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The probe goes to /ready on the port that the settings give the service."""
    settings = _settings(service.name, monkeypatch)
    assert _probe(service.name) == f"http://127.0.0.1:{getattr(settings, service.port)}/ready"


def test_nothing_is_published_beyond_loopback() -> None:
    """Only this machine reaches anything, and each port is the same inside and outside."""
    published = dict(_published())
    assert all(re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port) for port in published.values())
    ports = {name: int(port.rpartition(":")[2]) for name, port in published.items()}
    assert ports == {"kafka": 9094, "simulator": 7414, "intake": 7410, "dispatch": 7411, "jaeger": 16686}


def test_addresses_between_containers_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kafka, PostgreSQL, the collector and the simulator are called by their containers' names and ports."""
    settings = _settings("intake", monkeypatch)
    kafka = _environment("kafka")
    assert f"INSIDE://{settings.kafka}" in kafka["KAFKA_ADVERTISED_LISTENERS"].split(",")
    assert settings.kafka in _probe("kafka")
    assert settings.simulator_url == f"http://simulator:{settings.simulator_port}"
    collector = yaml.safe_load((ROOT / "compose" / "otel-collector.yaml").read_text(encoding="utf-8"))
    listening = collector["receivers"]["otlp"]["protocols"]["http"]["endpoint"]
    assert settings.otlp == f"http://collector:{listening.rpartition(':')[2]}"
    database = urlsplit(settings.database or "")
    postgres = _environment("postgres")
    assert (database.hostname, database.port) == ("postgres", 5432)
    assert (database.username, database.path) == (postgres["POSTGRES_USER"], f"/{postgres['POSTGRES_DB']}")


def test_the_console_finds_dispatch_where_it_looks() -> None:
    """It asks 127.0.0.1, so both live in one network, and dispatch publishes the console's port."""
    assert CONTAINERS["console"]["network_mode"] == "service:dispatch"
    assert "ports" not in CONTAINERS["console"]


def test_the_broker_takes_what_our_topics_allow_and_creates_none_by_itself() -> None:
    """The topics table is the only source of topics, and its largest message fits the broker."""
    kafka = _environment("kafka")
    assert kafka["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    assert int(kafka["KAFKA_MESSAGE_MAX_BYTES"]) >= LARGEST_MESSAGE * 2


def test_the_collectors_pipelines_are_made_of_what_is_configured() -> None:
    """Every part of a pipeline is defined, and its exporter goes to the Jaeger container."""
    config = yaml.safe_load((ROOT / "compose" / "otel-collector.yaml").read_text(encoding="utf-8"))
    for pipeline in config["service"]["pipelines"].values():
        for kind, names in pipeline.items():
            assert set(names) <= set(config[kind])
    assert config["exporters"]["otlphttp/jaeger"]["endpoint"] == "http://jaeger:4318"


def test_every_image_is_pinned() -> None:
    """A version in full, also of what our own image is built from."""
    images = [container["image"] for container in CONTAINERS.values()]
    images += re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert all(re.search(r":\d+\.\d+[\w.-]*$", image) for image in images), images


@pytest.mark.parametrize("name", sorted(OURS | FOREIGN))
def test_what_runs_on_is_watched_and_limited(name: str) -> None:
    """Health, limits and restart are said for each; the collector's image has nothing to ask itself with."""
    container = CONTAINERS[name]
    assert container["restart"] == "unless-stopped"
    assert set(container["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    assert ("healthcheck" in container) == (name != "collector")


def test_who_waits_waits_for_something_that_can_happen() -> None:
    """Healthy needs a health check, completed needs an end."""
    for container in CONTAINERS.values():
        for needed, how in container.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if needed in ONE_SHOTS else "service_healthy"
            assert how["condition"] == wanted
            assert needed in ONE_SHOTS or "healthcheck" in CONTAINERS[needed]


def test_no_secret_is_written_down() -> None:
    """No variable holds a password or a token, only the name of a file."""
    for name, container in CONTAINERS.items():
        for variable, value in container.get("environment", {}).items():
            if re.search(r"PASS|TOKEN|SECRET", variable):
                assert value.startswith(("/secrets/", "/database-secret/")), (name, variable)
    assert urlsplit(_environment("intake")["TONGCHE_DATABASE"]).password is None


def test_our_containers_can_do_little() -> None:
    """Read-only, without privileges, as a user of their own."""
    for name in OURS | ONE_SHOTS:
        container = CONTAINERS[name]
        assert container["read_only"] is True
        assert container["cap_drop"] == ["ALL"]
        assert container["security_opt"] == ["no-new-privileges:true"]
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)


def test_only_init_may_write_secrets_and_only_the_database_sees_its_password() -> None:
    """Each volume is mounted where it is needed, read-only but for its owner."""
    mounts = [(name, *mount.split(":")) for name, it in CONTAINERS.items() for mount in it.get("volumes", [])]
    writers = {(name, volume) for name, volume, _, *mode in mounts if mode != ["ro"]}
    assert writers == {
        ("init", "secrets"),
        ("init", "database-secret"),
        ("kafka", "kafka"),
        ("postgres", "postgres"),
        ("simulator", "simulator"),
    }
    assert {name for name, volume, *_ in mounts if volume == "database-secret"} == {"init", "postgres"}
    assert {volume for _, volume, *_ in mounts if not volume.startswith(".")} == set(COMPOSE["volumes"])


def test_the_image_is_built_from_the_lock_and_only_what_runs() -> None:
    """Every wheel by its hash; the folders that run are let through, the rest is kept out."""
    assert "--require-hashes" in DOCKERFILE
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines
    allowed = {line[1:] for line in lines if line.startswith("!")}
    assert allowed == {"contracts", "adapters", "observability", "services", "compose/*.py", "requirements.lock"}
    python = re.search(r"^FROM python:(\d+)\.(\d+)", DOCKERFILE, re.MULTILINE)
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    assert python is not None
    assert wanted == f">={python[1]}.{python[2]}"


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The two volumes after `init` ran twice, as it does when compose is started again."""
    secrets, database = tmp_path / "secrets", tmp_path / "database-secret"
    for folder in (secrets, database):
        folder.mkdir()
    init = runpy.run_path(str(ROOT / "compose" / "init.py"))["main"]
    init(secrets, database)
    before = {file.name: file.read_bytes() for folder in (secrets, database) for file in folder.iterdir()}
    init(secrets, database)
    after = {file.name: file.read_bytes() for folder in (secrets, database) for file in folder.iterdir()}
    assert before == after
    monkeypatch.setenv("TONGCHE_SECRETS", str(secrets / "secrets.json"))
    monkeypatch.setenv("TONGCHE_PUBLISHERS", str(secrets / "publishers.toml"))
    monkeypatch.setenv("TONGCHE_NOTIFIERS", str(secrets / "notifiers.toml"))
    return secrets, database


def test_init_makes_what_the_services_read(prepared: tuple[Path, Path]) -> None:
    """Secrets that the settings accept, and a password that libpq finds, readable by their owner only."""
    secrets, database = prepared
    assert len(Settings().secret().key_secret) == 32
    assert Settings().notifiers.is_file()
    password = (database / "password").read_text(encoding="ascii")
    assert (secrets / "pgpass").read_text(encoding="ascii") == f"*:*:*:tongche:{password}\n"
    assert _environment("intake")["PGPASSFILE"] == "/secrets/pgpass"
    for file in (secrets / "pgpass", secrets / "secrets.json", database / "password"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.usefixtures("prepared")
def test_the_topics_are_those_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one-shot is `tongche topics ensure`, for the organisations and publishers of this installation."""
    monkeypatch.setenv("TONGCHE_KAFKA", _environment("topics")["TONGCHE_KAFKA"])
    settings = settings_of(DataFolder(Path(_environment("topics")["TONGCHE_DATA"])))
    assert settings.kafka == "kafka:9092"
    assert publishers_of(settings)
    wanted = {topic.name for topic in all_topics(ORGANISATIONS, publishers_of(settings))}
    assert {topic.name for topic in topics_of(settings)} == wanted
    assert "sale.events" in wanted
    command = CONTAINERS["topics"]["command"]
    assert command[:3] == ["python", "-m", "services.cli"]
    verb: Any = typer.main.get_command(application())
    for word in command[3:]:
        verb = verb.commands[word]
    assert verb.callback.__module__ == "services.cli.topics"
