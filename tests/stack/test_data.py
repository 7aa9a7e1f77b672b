"""The data folder, its secrets, and the ports it keeps."""

from __future__ import annotations

import hashlib
import json
import socket
import tomllib

import pytest

from adapters.organisations import ORGANISATIONS
from services.runtime.settings import Settings
from services.runtime.subscribers import read
from services.stack import credentials, ports
from services.stack.data import DataFolder, write
from services.stack.plan import SERVICES, Plan, wire
from services.stack.trouble import TroubleError


def test_a_folder_of_somebody_else_is_left_alone(folder: DataFolder) -> None:
    """Files without our marker are neither joined nor removed."""
    strange = DataFolder(folder.root / "db")
    (strange.root / "thesis.txt").write_text("years of work")
    with pytest.raises(TroubleError, match="is not a data folder of Tongche"):
        strange.create()
    with pytest.raises(TroubleError, match="nothing was removed"):
        strange.remove()
    assert (strange.root / "thesis.txt").exists()


def test_our_folder_can_be_removed_and_made_again(folder: DataFolder) -> None:
    """Creating is safe to repeat; removing leaves nothing."""
    folder.create()
    folder.remove()
    assert not folder.root.exists()


def test_a_write_that_fails_leaves_the_old_file(folder: DataFolder) -> None:
    """A reader never sees half a file, nor a forgotten temporary one."""
    write(folder.stack, "old")
    with pytest.raises(UnicodeEncodeError):
        write(folder.stack, "\ud800")
    assert folder.stack.read_text() == "old"
    assert [path.name for path in folder.root.glob(".stack*")] == []


def test_secrets_are_generated_once_and_kept_private(folder: DataFolder) -> None:
    """Nobody else may read them, and a second start changes nothing."""
    credentials.ensure(folder)
    before = folder.secrets.read_bytes()
    credentials.ensure(folder)
    assert folder.secrets.read_bytes() == before
    assert folder.secrets.stat().st_mode & 0o077 == 0
    secret = Settings(data=folder.root).secret()
    assert len(secret.key_secret) == 32
    assert secret.operator_user == "operator"
    assert secret.operator_password not in repr(secret)


def test_every_organisation_has_a_token_that_only_its_hash_betrays(folder: DataFolder) -> None:
    """The notifiers' file holds hashes; the tokens lie with the secrets, one for each organisation."""
    credentials.ensure(folder)
    tokens = credentials.organisation_tokens(folder)
    told = tomllib.loads(folder.notifiers.read_text())["notifiers"]
    assert {each["organisation"]: each["token_sha256"] for each in told} == {
        name: hashlib.sha256(token.encode()).hexdigest() for name, token in tokens.items()
    }
    assert tokens.keys() == ORGANISATIONS.keys()
    assert len(set(tokens.values())) == len(tokens)
    assert not [token for token in tokens.values() if token in folder.notifiers.read_text()]
    assert folder.notifiers.stat().st_mode & 0o077 == 0


def test_an_older_installation_gets_what_it_lacks(folder: DataFolder) -> None:
    """Secrets of a version without organisations' tokens stay what they are, and these come to them."""
    credentials.ensure(folder)
    stored = json.loads(folder.secrets.read_bytes())
    del stored["organisation_tokens"]
    folder.secrets.write_text(json.dumps(stored))
    folder.notifiers.unlink()
    credentials.ensure(folder)
    after = json.loads(folder.secrets.read_bytes())
    assert {name: after[name] for name in stored} == stored
    assert len(tomllib.loads(folder.notifiers.read_text())["notifiers"]) == len(after["organisation_tokens"])


def test_an_older_installation_gets_no_subscribers_that_nobody_asked_for(folder: DataFolder) -> None:
    """Its buyers are real to it; samples are for a fresh folder, which may have been interrupted."""
    credentials.ensure(folder)
    folder.subscribers.unlink()
    credentials.ensure(folder)
    samples = read(folder.subscribers).subscribers
    assert len(samples) > 1
    stored = json.loads(folder.secrets.read_bytes())
    del stored["subscriber_keys"]
    folder.secrets.write_text(json.dumps(stored))
    folder.subscribers.unlink()
    for _ in range(2):
        credentials.ensure(folder)
        assert read(folder.subscribers).subscribers == ()
        assert credentials.subscriber_keys(folder) == {}


def test_every_publisher_has_a_token_that_only_its_hash_betrays(folder: DataFolder) -> None:
    """The publishers' file holds hashes; the tokens lie with the secrets."""
    credentials.ensure(folder)
    publishers = tomllib.loads(folder.publishers.read_text(encoding="utf-8"))["publishers"]
    tokens = credentials.publisher_tokens(folder)
    assert {entry["name"] for entry in publishers} == set(tokens)
    for entry in publishers:
        assert entry["token_sha256"] == hashlib.sha256(tokens[entry["name"]].encode()).hexdigest()
        assert entry["source"] == f"urn:tongche:publisher:{entry['name']}"
        assert tokens[entry["name"]] not in folder.publishers.read_text(encoding="utf-8")


def test_no_uscc_belongs_to_two_publishers(folder: DataFolder) -> None:
    """The platform speaks for twelve dealers, every maker for itself."""
    credentials.ensure(folder)
    publishers = tomllib.loads(folder.publishers.read_text(encoding="utf-8"))["publishers"]
    usccs = [uscc for entry in publishers for uscc in entry["usccs"]]
    assert len(usccs) == len(set(usccs)) == 12 + 9
    assert {len(uscc) for uscc in usccs} == {18}


def test_a_publisher_that_a_person_added_stays(folder: DataFolder) -> None:
    """What is there is not generated again."""
    credentials.ensure(folder)
    folder.publishers.write_text("# mine\n")
    credentials.ensure(folder)
    assert folder.publishers.read_text() == "# mine\n"


def test_ports_stay_while_they_are_free() -> None:
    """The same address as last time, another one only where somebody took it, never one twice."""
    first = ports.choose(("a", "b"), {})
    assert ports.choose(("a", "b"), first) == first
    with socket.socket() as other:
        other.bind(("127.0.0.1", first["a"]))
        other.listen()
        second = ports.choose(("a", "b"), first)
    assert second["a"] != first["a"]
    assert second["b"] == first["b"]
    assert len(set(ports.choose("abcdef", dict.fromkeys("abcdef", first["a"])).values())) == 6


def test_a_service_is_told_everything(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings read from the environment that the supervisor makes are the settings it decided on."""
    monkeypatch.setenv("TONGCHE_BUSINESS_DATE", "2026-05-01")
    wiring = wire(Plan(folder), {})
    for name, value in wiring.environment().items():
        monkeypatch.setenv(name, value)
    assert Settings() == wiring.settings
    assert Settings().kafka == f"127.0.0.1:{wiring.ports['kafka']}"


def test_a_wished_port_and_a_cluster_of_somebody_else_are_respected(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the person set is not decided anew."""
    (port,) = ports.choose(("door",), {}).values()
    monkeypatch.setenv("TONGCHE_DOOR_PORT", str(port))
    monkeypatch.setenv("TONGCHE_KAFKA", "kafka.example:9092")
    wiring = wire(Plan(folder), {"intake": port + 1})
    assert wiring.settings.door_port == port
    assert not wiring.embedded_kafka
    assert wiring.urls(SERVICES)["kafka"] == "kafka.example:9092"
    assert "controller" not in wiring.ports


def test_a_broken_secrets_file_is_an_error(folder: DataFolder) -> None:
    """No service falls back on a default secret, and the message does not repeat what was there."""
    folder.secrets.write_text(json.dumps({"key_secret": "abcd", "operator_user": "o"}))
    with pytest.raises(ValueError, match="operator_password"):
        Settings(data=folder.root).secret()
