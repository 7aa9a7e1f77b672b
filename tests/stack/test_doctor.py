"""The check-up names what is wrong and the exact fix."""

from __future__ import annotations

import json
import socket
from datetime import timedelta

import pytest

from services.stack import credentials, doctor
from services.stack.data import DataFolder, write_json
from services.stack.doctor import Finding
from services.stack.identities import identity
from services.stack.state import Stack


def found(folder: DataFolder, check: str) -> Finding:
    return next(finding for finding in doctor.examine(folder) if check in finding.check)


def test_a_healthy_machine_has_nothing_to_fix(folder: DataFolder) -> None:
    """Every check that does not depend on what is cached passes here."""
    failing = [finding.check for finding in doctor.examine(folder) if not finding.ok]
    assert set(failing) <= {"Kafka jars"}


def test_an_unusable_java_is_named(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to install."""
    monkeypatch.setenv("TONGCHE_JAVA", "/nowhere/java")
    assert not found(folder, "Java").ok
    assert "apt install openjdk" in found(folder, "Java").fix


def test_absent_jars_are_counted(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache is not a fault, but it is told, with what fetches them."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder.root / "cache"))
    assert found(folder, "jars").found.startswith("0/")
    assert "tongche up" in found(folder, "jars").fix


def test_a_cluster_out_of_reach_is_named(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the variable that names it."""
    monkeypatch.setenv("TONGCHE_KAFKA", "127.0.0.1:1")
    assert not found(folder, "Kafka").ok or not list(doctor.examine(folder))[-1].ok
    assert "TONGCHE_KAFKA=127.0.0.1:1" in list(doctor.examine(folder))[-1].fix


def test_a_port_that_somebody_took_is_named(folder: DataFolder) -> None:
    """Which of our addresses a stranger holds."""
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        port = stranger.getsockname()[1]
        Stack(
            phase="stopped",
            data=str(folder.root),
            logs=str(folder.logs),
            ports={"console": port},
            urls={},
            ready={},
        ).save(folder)
        assert found(folder, "ports").found == f"console {port}"


def test_a_folder_of_somebody_else_is_told(folder: DataFolder) -> None:
    """Before anything is written there."""
    credentials.ensure(folder)
    folder.marker.unlink()
    assert not found(folder, "data folder").ok
    assert "--data" in found(folder, "data folder").fix


@pytest.mark.parametrize(
    ("content", "ok", "said"),
    [
        ("subscribers = []\n", True, "0 项授权"),
        ("[[subscribers", False, "TOML"),
        ("", False, "no subscribers"),
    ],
)
def test_a_subscribers_file_that_cannot_count_is_told(folder: DataFolder, content: str, ok: bool, said: str) -> None:  # noqa: FBT001 - a case
    """With the verb that shows why."""
    folder.create()
    folder.subscribers.write_text(content, encoding="utf-8")
    finding = found(folder, "subscribers.toml")
    assert (finding.ok, said in finding.found, "grant check" in finding.fix) == (ok, True, True)


def test_a_certificate_that_ends_is_named(folder: DataFolder) -> None:
    """A month before, with the verb that brings another; an installation of before there were any has none."""
    assert found(folder, "certificates").ok
    credentials.ensure(folder)
    assert found(folder, "certificates").ok
    stored = json.loads(folder.secrets.read_bytes())
    write_json(folder.secrets, stored | {"identities": {"tongche": identity("tongche", timedelta(days=29))}})
    told = found(folder, "certificates")
    assert (told.ok, told.found.startswith("tongche 20"), told.fix) == (False, True, "tongche partner identity --renew")
    write_json(folder.secrets, {name: value for name, value in stored.items() if name != "identities"})
    assert found(folder, "certificates").ok
