"""Who did what, when and why: every act of a person, kept in the transaction that carries it out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from pydantic_core import from_json, to_json
from sqlalchemy import Connection, Row, insert, select

from adapters.spec import Json
from services.dispatch.tables import acts
from services.runtime.forms import OPERATOR

Name = Literal[
    "retry", "cancel", "edit", "answer", "reveal", "clear-up", "pause", "resume", "plan", "run", "halt", "abandon"
]


@dataclass(frozen=True, slots=True)
class Because:
    """Who acts, and why. `repair` acts on many in their name.

    `not_carried_out`: they vouch that no earlier call had its effect, though none of us can tell.
    """

    reason: str
    by: str = OPERATOR
    repair: str | None = None
    not_carried_out: bool = False


@dataclass(frozen=True, slots=True)
class Act:
    """One act, on one delivery, one organisation or one repair; `at` is seconds since 1970."""

    name: Name
    because: Because
    at: float
    organisation: str | None = None
    delivery: str | None = None
    was: str | None = None
    revision: int | None = None
    before: Json = None
    after: Json = None


def keep(connection: Connection, act: Act) -> None:
    """Add an act to what is known."""
    because = asdict(act.because)
    row = {
        "act": act.name,
        "at": act.at,
        "who": because.pop("by"),
        **because,
        "organisation": act.organisation,
        "delivery": act.delivery,
        "was": act.was,
        "revision": act.revision,
        "before": _packed(act.before),
        "after": _packed(act.after),
    }
    connection.execute(insert(acts), row)


def of_delivery(connection: Connection, id_: str) -> list[Act]:
    """Everything people did about a delivery, in order."""
    return list(map(_read, connection.execute(select(acts).where(acts.c.delivery == id_).order_by(acts.c.seq))))


def of_repair(connection: Connection, id_: str) -> list[Act]:
    """What people did about a repair itself, in order."""
    own = (acts.c.repair == id_) & acts.c.delivery.is_(None)
    return list(map(_read, connection.execute(select(acts).where(own).order_by(acts.c.seq))))


def _read(row: Row[Any]) -> Act:
    return Act(
        row.act,
        Because(row.reason, row.who, row.repair, row.not_carried_out),
        row.at,
        row.organisation,
        row.delivery,
        row.was,
        row.revision,
        _unpacked(row.before),
        _unpacked(row.after),
    )


def _packed(content: Json) -> bytes | None:
    return None if content is None else to_json(content)


def _unpacked(packed: bytes | None) -> Json:
    return None if packed is None else from_json(packed)
