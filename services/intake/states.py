"""What became of a sale, as its publisher may know it: from the journey's snapshots, without anybody's own fields."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from contracts.case import CaseChangedV1
from contracts.envelope import Envelope, Undecodable
from contracts.fields import FIELDS
from contracts.sale import SALE_RETURNED
from services.intake import notices
from services.intake.ledger import SALE_TYPES
from services.intake.notices import Notices
from services.intake.tables import acknowledged, cases, submissions
from services.runtime.record import Record, read
from services.runtime.sql import upsert

GROUP: Final = "intake.status"

_MOST: Final = 100
_WORDS: Final = {
    "OPEN": "open",
    "HOLD": "hold",
    "MANUAL": "manual",
    "CANCELLING": "cancelling",
    "CANCELLED": "cancelled",
    "REFUSED": "refused",
    "CLOSED": "closed",
}
STATUSES: Final = tuple(_WORDS.values())
_FIELD_OF: Final = {"loan": "decision", "mort": "mortgage_state"}
"""Facets whose state tells a field that dealers and makers may not see in full (rulebook §4)."""
_NOT_DONE: Final = ("", "NONE", "∅")


@dataclass(frozen=True, slots=True)
class States:
    """Follows the cases for their publishers."""

    notices: Notices

    def keep(self, connection: Connection, record: Record) -> None:
        """Remember a snapshot unless a newer one is known. Raises `Undecodable` for what is none."""
        came = read(record)
        if not isinstance(came.data, CaseChangedV1):
            reason = f"unexpected-type:{came.envelope.type}"
            raise Undecodable(reason)
        if notices.is_contested(came.data):
            self.notices.contested(connection, came.envelope, came.data)
        known = connection.execute(select(cases).where(cases.c.case_id == came.envelope.subject)).one_or_none()
        if known is not None and known.version >= came.data.version:
            return
        if known is None and came.data.kind == "returned-car":
            _follow_return(connection, came.envelope.subject, came.data)
        _keep_concerns(connection, came.envelope)
        refused = came.data.headline == "REFUSED"
        if refused and not (known and known.refused):
            self.notices.refused(connection, came.envelope)
        row = {
            "case_id": came.envelope.subject,
            "version": came.data.version,
            "refused": refused,
            "snapshot": json.dumps(_view(came.data), ensure_ascii=False),
        }
        upsert(connection, cases, ("case_id",), row)


def _follow_return(connection: Connection, case_id: str, case: CaseChangedV1) -> None:
    """A car that went back has a case of its own: whoever sold it, and told its return, is led to that one."""
    sold = (
        select(submissions.c.id)
        .join(cases, cases.c.case_id == submissions.c.id)
        .where(
            submissions.c.vin == case.vin,
            submissions.c.order_no == case.order_no,
            submissions.c.type.in_(SALE_TYPES),
            # The other of two buyers' sales may have the same number; the car never was its buyer's.
            cases.c.refused.is_(False),
        )
    )
    returned = (submissions.c.type == SALE_RETURNED.type_of()) & submissions.c.case_id.in_(sold)
    connection.execute(update(submissions).where(returned).values(case_id=case_id))


def one(connection: Connection, publisher: str, id_: str) -> dict[str, Any] | None:
    """The sale with this id, if it was acknowledged to this publisher."""
    row = connection.execute(_QUERY.where(submissions.c.id == id_, acknowledged.c.publisher == publisher)).first()
    return _sale(connection, row) if row is not None else None


def by_order(connection: Connection, publisher: str, order_no: str) -> list[dict[str, Any]]:
    """The publisher's sales with this order number, newest first."""
    mine = _QUERY.where(submissions.c.order_no == order_no, acknowledged.c.publisher == publisher)
    found = connection.execute(mine.order_by(submissions.c.id.desc()).limit(_MOST)).all()
    return [_sale(connection, row) for row in found]


_QUERY: Final = (
    select(submissions, cases.c.snapshot)
    .join(acknowledged, acknowledged.c.id == submissions.c.id)
    .outerjoin(cases, cases.c.case_id == submissions.c.case_id)
)


def _sale(connection: Connection, row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    sale = {
        "id": row.id,
        "case_id": row.case_id,
        "type": row.type,
        "source": row.source,
        "sourceid": row.sourceid,
        "order_no": row.order_no,
        "accepted_at": row.accepted_at,
        "status": "received",
    }
    return sale | (json.loads(row.snapshot) if row.snapshot else {}) | {"notices": notices.of(connection, row.case_id)}


def _keep_concerns(connection: Connection, envelope: Envelope) -> None:
    """Whose business a sale is now, so that what changes it later concerns no bank that is out of it."""
    changed = (submissions.c.id == envelope.subject) & submissions.c.concerns.is_distinct_from(envelope.concerns)
    connection.execute(update(submissions).where(changed).values(concerns=envelope.concerns))


def _view(case: CaseChangedV1) -> dict[str, Any]:
    """What dealers and makers may see of a snapshot; made when it comes, so that the rest is never stored here."""
    said = case.model_dump(mode="json", exclude_none=True)
    times: dict[str, Any] = {name: said[name] for name in ("opened_at", "changed_at", "closed_at") if name in said}
    code: dict[str, Any] = {"code": case.code, "words": notices.said(case.code)} if case.code else {}
    facets = [shown for facet in said["facets"] if (shown := _facet(facet))]
    return {"status": _WORDS[case.headline], **code, **times, "facets": facets}


def _facet(facet: Mapping[str, Any]) -> dict[str, Any] | None:
    name = facet["name"]
    sight = FIELDS[_FIELD_OF[name]].seen_by("O") if name in _FIELD_OF else "full"
    if sight == "denied":
        return None
    if sight != "full":
        done = facet["state"] not in _NOT_DONE
        return {"name": name, "state": "DONE" if done else "NONE", "done": done}
    return {key: facet[key] for key in ("name", "state", "hold", "code", "until") if key in facet}
