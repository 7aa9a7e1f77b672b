"""What is kept of grants: when each began, who took it back and why, when it ended, where its subscriber hears it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, insert, select, update

from services.runtime import outbox
from services.runtime.sql import insert_once

from . import voice
from .tables import grants


class Known(NamedTuple):
    """What is kept of a grant that has begun or was revoked; moments in seconds since 1970."""

    id: str
    subscriber: str
    contract: str
    topics: tuple[str, ...]
    opened_at: float | None = None
    revoked_at: float | None = None
    who: str | None = None
    reason: str | None = None
    ended_at: float | None = None
    why: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether it has begun, and its subscriber has not been told of its end."""
        return self.opened_at is not None and self.ended_at is None


def kept(connection: Connection) -> list[Known]:
    """Every grant that was ever in force, or revoked before it was."""
    return [_read(row) for row in connection.execute(select(grants))]


def _read(row: Row[Any]) -> Known:
    return Known(**{**row._mapping, "topics": tuple(row.topics.split())})  # noqa: SLF001 - public in spite of its name


def _written(kept: Known) -> Mapping[str, Any]:
    return {**kept._asdict(), "topics": " ".join(kept.topics)}


def begin(connection: Connection, kept: Known) -> None:
    """Store that it runs, unless it was revoked by somebody else meanwhile."""
    if not insert_once(connection, grants, dict(_written(kept))):
        values = {"topics": " ".join(kept.topics), "opened_at": kept.opened_at}
        connection.execute(update(grants).where(grants.c.id == kept.id).values(values))


def end(connection: Connection, over: voice.Over, on: Iterable[str]) -> None:
    """Store that it is over, and what its subscriber is to be told; once, whoever comes to it."""
    is_open = (grants.c.id == over.grant) & grants.c.ended_at.is_(None)
    closed = update(grants).where(is_open).values(ended_at=over.at.timestamp(), why=over.why)
    if connection.execute(closed).rowcount == 1:
        for topic in on:
            for said in voice.ended(over, topic):
                outbox.add_outgoing(connection, said)


def revoke(connection: Connection, kept: Known) -> None:
    """Store who took it back, when and why."""
    exists = connection.execute(select(grants.c.id).where(grants.c.id == kept.id)).first() is not None
    if not exists:
        connection.execute(insert(grants), dict(_written(kept)))
        return
    values = {"revoked_at": kept.revoked_at, "who": kept.who, "reason": kept.reason}
    connection.execute(update(grants).where(grants.c.id == kept.id).values(values))
