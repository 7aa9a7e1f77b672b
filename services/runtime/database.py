"""Opening a service's database: SQLite by default, a PostgreSQL schema when a URL is given."""

from __future__ import annotations

import threading
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import ExceptionContext, make_url

from .settings import Settings
from .store import Store

_BUSY_S: Final = 10
SILENT_S: Final = 30
_LINK: Final = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": SILENT_S * 1000,
}
"""PostgreSQL's names: seconds, but the last is milliseconds. A link that has fallen silent is given up."""
_FROZEN: Final = "15s"
"""A process that stands still inside a transaction has its locks taken away after that, and its writes with them."""
_READ_ONLY: Final = "25006"
_STATEMENTS: Final = 16
"""SQLite keeps ready so many statements, each with the values it last had: megabytes, where it was a large batch."""
# Alembic keeps what it is doing in globals of its own: two threads at once would take each other's.
_ALEMBIC: Final = threading.Lock()


def open_store(settings: Settings, service: str) -> Store:
    """Bring the schema of `service` up to date, then open it; the caller starts and stops the store."""
    writer = _engine(settings, service, immediate=True)
    migrate(writer, service)
    return Store(writer, _engine(settings, service, immediate=False))


def _engine(settings: Settings, service: str, *, immediate: bool) -> Engine:
    if settings.database is None:
        return _sqlite(settings.data / "db" / f"{service}.db", immediate=immediate)
    url = make_url(settings.database).set(drivername="postgresql+psycopg")
    options = f"-csearch_path={service} -cidle_in_transaction_session_timeout={_FROZEN}"
    # Whoever reads sees one moment, as on SQLite; whoever writes sees what others have written before it had its locks.
    seen = "READ COMMITTED" if immediate else "REPEATABLE READ"
    engine = create_engine(url, isolation_level=seen, connect_args={"options": options, **_LINK}, pool_pre_ping=True)

    @event.listens_for(engine, "handle_error")
    def _given_up(error: ExceptionContext) -> None:
        # Such a session stays what it is when the database can be written again; the next one may not be.
        if getattr(error.original_exception, "sqlstate", None) == _READ_ONLY:
            error.is_disconnect = True

    return engine


def _sqlite(path: Path, *, immediate: bool) -> Engine:
    path.parent.mkdir(parents=True, exist_ok=True)
    settings = {"timeout": _BUSY_S, "check_same_thread": False, "cached_statements": _STATEMENTS}
    engine = create_engine(f"sqlite:///{path}", connect_args=settings)

    @event.listens_for(engine, "connect")
    def _durable(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # so that we say BEGIN ourselves
        connection.execute("pragma journal_mode=wal")
        connection.execute("pragma synchronous=full")
        connection.execute("pragma foreign_keys=on")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writer that starts as a reader can meet another one half way and would have to give up.
        connection.exec_driver_sql("begin immediate" if immediate else "begin")

    return engine


def migrate(engine: Engine, service: str) -> None:
    """Apply the runtime's migrations, then the service's own. Safe to repeat; one process at a time does it."""
    with _ALEMBIC, engine.connect() as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text("select pg_advisory_xact_lock(7410)"))
            connection.execute(text(f'create schema if not exists "{service}"'))
        for name in ("runtime", service):
            folder = _migrations_of(name)
            if folder.is_dir():
                _upgrade(connection, name, folder)


def _migrations_of(name: str) -> Path:
    package = "services.runtime" if name == "runtime" else f"services.{name}"
    folder = Path(str(files(package))) / "migrations"
    return folder / "versions" if name == "runtime" else folder


def _upgrade(connection: Connection, name: str, folder: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(str(files("services.runtime"))) / "migrations"))
    config.set_main_option("version_locations", str(folder))
    config.set_main_option("path_separator", "os")
    config.attributes.update(connection=connection, version_table=f"alembic_{name}")
    command.upgrade(config, "head")
