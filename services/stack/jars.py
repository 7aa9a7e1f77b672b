"""Kafka's jars: exactly those of `jars.lock`, fetched once into the user's cache, checked every time.

`python -m services.stack.jars` resolves the coordinates anew and prints the lock, for a change of Kafka's version.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from services.stack.trouble import TroubleError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jgo.maven import MavenContext

KAFKA = "org.apache.kafka:kafka_2.13:4.3.1"
# Kafka's own dependencies leave the choice of a logger open; without one its log is silent.
LOGGER = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"

LOCK = Path(__file__).with_name("jars.lock")
_AT_ONCE = 6

Report = Callable[[int], None]
"""Told how many more bytes have arrived."""


@dataclass(frozen=True)
class Jar:
    """One line of the lock."""

    sha256: str
    size: int
    group: str
    artifact: str
    version: str

    @property
    def filename(self) -> str:
        return f"{self.artifact}-{self.version}.jar"

    def __str__(self) -> str:
        return f"{self.sha256} {self.size} {self.group}:{self.artifact}:{self.version}"

    @classmethod
    def parse(cls, line: str) -> Jar:
        sha256, size, coordinate = line.split()
        return cls(sha256, int(size), *coordinate.split(":"))


def locked() -> tuple[Jar, ...]:
    """Read the committed lock."""
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    return tuple(Jar.parse(line) for line in lines if not line.startswith("#"))


def cache() -> Path:
    """Where the jars of every checkout of this user are kept."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "tongche" / "jars"


def missing(jars: Iterable[Jar], folder: Path) -> list[Jar]:
    """Tell which jars are absent or are not what the lock says."""
    with ThreadPoolExecutor() as pool:
        verdicts = pool.map(lambda jar: (jar, _is_sound(jar, folder / jar.filename)), jars)
        return [jar for jar, sound in verdicts if not sound]


def ensure(report: Callable[[list[Jar]], Report], folder: Path | None = None) -> tuple[Path, ...]:
    """Return the class path, fetching what is missing. `report` is asked for a listener only if something is."""
    folder = folder or cache()
    jars = locked()
    if missing(jars, folder):
        with _alone(folder):
            # Somebody else may have fetched them while we waited for our turn.
            wanted = missing(jars, folder)
            if wanted:
                _fetch(wanted, folder, report(wanted))
    return tuple(folder / jar.filename for jar in jars)


def silently(_wanted: list[Jar]) -> Report:
    """For those who have nobody to tell."""
    return lambda _more: None


def _is_sound(jar: Jar, path: Path) -> bool:
    if not path.is_file() or path.stat().st_size != jar.size:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == jar.sha256


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    from services.stack.locks import FileLock

    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock").waiting():
        yield


def _fetch(jars: list[Jar], folder: Path, advance: Report) -> None:
    staging = Path(tempfile.mkdtemp(prefix=".fetch-", dir=folder))
    try:
        repository = _repository(staging, advance)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            # A list, so that the first failure is raised here.
            list(pool.map(lambda jar: _fetch_one(repository, jar, folder), jars))
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _fetch_one(repository: MavenContext, jar: Jar, folder: Path) -> None:
    artifact = repository.project(jar.group, jar.artifact).at_version(jar.version).artifact()
    try:
        arrived = artifact.resolve()
    except (OSError, RuntimeError) as problem:
        raise TroubleError(
            f"无法下载 {jar.filename}：{_short(problem)}",
            f"could not fetch {jar.filename}: {_short(problem)}",
            fix="检查网络与磁盘空间，或设置镜像 / check network and disk, or name a mirror: "
            "TONGCHE_MAVEN=<Maven repository URL>; what has arrived is kept",
        ) from problem
    if not _is_sound(jar, arrived):
        raise TroubleError(
            f"{jar.filename} 的校验和与 jars.lock 不符，已丢弃",
            f"{jar.filename} is not what jars.lock says; it was thrown away",
            fix="换一个仓库再试 / try another repository: TONGCHE_MAVEN=<Maven repository URL>",
        )
    arrived.replace(folder / jar.filename)


def _short(problem: Exception) -> str:
    return str(problem).splitlines()[0][:200] if str(problem) else type(problem).__name__


def _repository(staging: Path, advance: Report) -> MavenContext:
    # jgo costs a third of a second to import, and is needed once in the life of a cache.
    from jgo.constants import MAVEN_CENTRAL_URL
    from jgo.maven import MavenContext, PythonResolver

    @contextmanager
    def bytes_arrive(_filename: str, _size: int) -> Iterator[Report]:
        yield advance

    return MavenContext(
        repo_cache=staging,
        remote_repos={"maven": os.environ.get("TONGCHE_MAVEN") or MAVEN_CENTRAL_URL},
        resolver=PythonResolver(progress_callback=bytes_arrive),
    )


def _resolve_lock() -> Iterator[Jar]:
    from jgo.parse import Coordinate

    with tempfile.TemporaryDirectory() as staging:
        repository = _repository(Path(staging), lambda _: None)
        kafka, logger = (repository.create_dependency(Coordinate.parse(c)) for c in (KAFKA, LOGGER))
        # The logger's own dependencies are Kafka's too, and Kafka's versions of them must win.
        named, transitive = repository.resolver.resolve([kafka])
        needed = [dependency for dependency in transitive if dependency.scope in {"compile", "runtime"}]
        for dependency in [*named, *needed, logger]:
            path = dependency.artifact.resolve()
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            yield Jar(digest, path.stat().st_size, dependency.groupId, dependency.artifactId, dependency.version)


if __name__ == "__main__":
    print("# What runs the embedded Kafka: sha256, bytes, coordinate. Made by: python -m services.stack.jars")
    for jar in sorted(_resolve_lock(), key=lambda jar: (jar.group, jar.artifact)):
        print(jar)
