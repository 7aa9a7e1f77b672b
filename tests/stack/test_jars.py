"""Kafka's jars, from a repository of our own making."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from services.stack import jars
from services.stack.jars import Jar
from services.stack.trouble import TroubleError

CONTENT = b"not really a jar" * 1000


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A Maven repository on loopback, named as a mirror; removing its files is a network that fails."""
    root = tmp_path / "repository"
    root.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        monkeypatch.setenv("TONGCHE_MAVEN", f"http://127.0.0.1:{server.server_port}")
        yield root
        server.shutdown()
        thread.join()


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Jar, ...]:
    """A lock of two jars with the same content."""
    digest = hashlib.sha256(CONTENT).hexdigest()
    wanted = tuple(Jar(digest, len(CONTENT), "org.example", name, "1.0") for name in ("one", "two"))
    path = tmp_path / "jars.lock"
    path.write_text("# a lock\n" + "\n".join(map(str, wanted)))
    monkeypatch.setattr(jars, "LOCK", path)
    return wanted


def publish(root: Path, *wanted: Jar, content: bytes = CONTENT) -> None:
    for jar in wanted:
        folder = root / "org" / "example" / jar.artifact / jar.version
        folder.mkdir(parents=True, exist_ok=True)
        (folder / jar.filename).write_bytes(content)


def test_jars_are_fetched_once(repository: Path, lock: tuple[Jar, ...], tmp_path: Path) -> None:
    """The first run fetches all and counts every byte; the second asks nobody, network or not."""
    publish(repository, *lock)
    arrived: list[int] = []
    path = jars.ensure(lambda _: arrived.append, tmp_path / "cache")
    assert [jar.read_bytes() for jar in path] == [CONTENT, CONTENT]
    assert sum(arrived) == 2 * len(CONTENT)
    for jar in repository.rglob("*.jar"):
        jar.unlink()
    assert jars.ensure(jars.silently, tmp_path / "cache") == path


def test_only_what_is_broken_is_fetched_again(repository: Path, lock: tuple[Jar, ...], tmp_path: Path) -> None:
    """A jar that rotted in the cache is replaced, the other is left alone."""
    publish(repository, *lock)
    first, _ = jars.ensure(jars.silently, tmp_path / "cache")
    first.write_bytes(b"x" * len(CONTENT))
    wanted: list[list[Jar]] = []

    def report(missing: list[Jar]) -> jars.Report:
        wanted.append(missing)
        return jars.silently(missing)

    jars.ensure(report, tmp_path / "cache")
    assert wanted == [[lock[0]]]
    assert first.read_bytes() == CONTENT


def test_a_foreign_jar_is_refused(repository: Path, lock: tuple[Jar, ...], tmp_path: Path) -> None:
    """What the lock does not know never reaches the class path, and nothing half done stays behind."""
    publish(repository, *lock, content=b"y" * len(CONTENT))
    with pytest.raises(TroubleError, match="is not what jars.lock says"):
        jars.ensure(jars.silently, tmp_path / "cache")
    assert list((tmp_path / "cache").glob("*.jar")) == []
    assert list((tmp_path / "cache").glob(".fetch-*")) == []


def test_a_repository_out_of_reach_is_named_with_the_way_round(
    lock: tuple[Jar, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No traceback: which jar, why, and the variable that names a mirror."""
    monkeypatch.setenv("TONGCHE_MAVEN", "http://127.0.0.1:1")
    with pytest.raises(TroubleError) as trouble:
        jars.ensure(jars.silently, tmp_path / "cache")
    assert lock[0].artifact in trouble.value.en
    assert "TONGCHE_MAVEN" in trouble.value.fix


def test_the_committed_lock_is_whole() -> None:
    """One Kafka server, one logger, every digest a SHA-256, no name twice."""
    wanted = jars.locked()
    names = [jar.filename for jar in wanted]
    assert {"kafka_2.13-4.3.1.jar", "log4j-slf4j-impl-2.25.4.jar"} <= set(names)
    assert len(names) == len(set(names))
    assert all(len(jar.sha256) == 64 and jar.size > 0 for jar in wanted)
    assert [str(jar) for jar in wanted] == [str(Jar.parse(str(jar))) for jar in wanted]
