"""Keeps the console's tables in step with what the topics say. Every function runs inside the store's transaction."""

from __future__ import annotations

import json
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, or_, select

from contracts.case import CaseChangedV1, Step
from contracts.delivery import DeliveryChangedV1
from contracts.envelope import Envelope, Undecodable
from contracts.telemetry import Span, TelemetrySpansV1
from contracts.types import instant_text
from observability import metrics, redaction
from services.console.tables import cases, changes, deliveries, spans, steps
from services.runtime.record import Record, read
from services.runtime.sql import insert_each_once, upsert, upsert_all

VIN_TAIL: Final = 6
OVER: Final = frozenset({"CLOSED", "CANCELLED", "REFUSED"})
CHANGES_KEPT: Final = 20_000
SPANS_KEPT: Final = 1_000_000
_PRUNED_AT_ONCE: Final = 5_000


def apply(connection: Connection, record: Record) -> None:
    """Take in one record of any topic that the console follows."""
    message = read(record)
    match message.data:
        case CaseChangedV1() as data:
            case_changed(connection, message.envelope, data)
        case DeliveryChangedV1() as data:
            delivery_changed(connection, message.envelope, data)
        case TelemetrySpansV1() as data:
            spans_came(connection, data)
        case _:
            raise Undecodable("unexpected-type")


def case_changed(connection: Connection, envelope: Envelope, data: CaseChangedV1) -> None:
    """Keep the snapshot with the highest version, and the steps of every version."""
    case_id = envelope.subject
    _keep_steps(connection, case_id, data)
    known = connection.scalar(select(cases.c.version).where(cases.c.case_id == case_id))
    if known is not None and known >= data.version:
        return
    upsert(connection, cases, ["case_id"], _case_row(case_id, data))
    _tell(connection, "case", case_id, _case_told(data))


def is_unfinished(case: CaseChangedV1) -> bool:
    """Whether a case is over, and yet a hold that came later is somebody's: no timer will move it."""
    return case.headline in OVER and any(facet.hold and facet.until is None for facet in case.facets)


def delivery_changed(connection: Connection, envelope: Envelope, data: DeliveryChangedV1) -> None:
    """Keep the delivery with the highest revision."""
    known = connection.scalar(select(deliveries.c.revision).where(deliveries.c.delivery_id == data.delivery_id))
    if known is not None and known >= data.revision:
        return
    row: dict[str, Any] = {
        "delivery_id": data.delivery_id,
        "case_id": envelope.subject,
        "organisation": data.organisation,
        "command": data.command,
        "revision": data.revision,
        "state": data.state,
        "changed_at": instant_text(envelope.time),
        "snapshot": data.model_dump_json(exclude={"vin"}),
    }
    upsert(connection, deliveries, ["delivery_id"], row | _asked(data, first=known is None))
    _tell(connection, "delivery", envelope.subject, _delivery_told(row, data))


def _asked(data: DeliveryChangedV1, *, first: bool) -> dict[str, str]:
    """When it was asked, if that was told, or else when it was first tried: later news may leave early tries out."""
    if data.asked_at:
        return {"asked_at": instant_text(data.asked_at)}
    return {"asked_at": instant_text(data.attempts[0].started_at)} if first and data.attempts else {}


def spans_came(connection: Connection, data: TelemetrySpansV1) -> None:
    """Keep the spans that are not kept yet."""
    metrics.count("tongche_spans_stored_total", len(data.spans))
    insert_each_once(connection, spans, [_span_row(span) for span in data.spans])


def prune(connection: Connection, before_ns: int, keep: int = SPANS_KEPT) -> int:
    """Forget old spans of cases that are over, and the oldest of all beyond `keep`; how many went this time.

    A parked case outlives every collector's window: while it is open its spans stay, however old. Few go at a
    time, so that the writer is never held up for long.
    """
    is_open = select(cases.c.case_id).where(cases.c.closed_at.is_(None))
    over = or_(spans.c.case_id.is_(None), spans.c.case_id.not_in(is_open))
    gone = _delete_spans(connection, (spans.c.start_ns < before_ns) & over)
    surplus = (connection.scalar(select(func.count()).select_from(spans)) or 0) - keep
    if surplus > 0:
        edge = connection.scalar(select(spans.c.start_ns).order_by(spans.c.start_ns).offset(surplus - 1).limit(1))
        gone += _delete_spans(connection, spans.c.start_ns <= edge)
    newest = connection.scalar(select(func.max(changes.c.seq))) or 0
    connection.execute(delete(changes).where(changes.c.seq <= newest - CHANGES_KEPT))
    return gone


def _delete_spans(connection: Connection, which: Any) -> int:
    oldest = select(spans.c.trace_id, spans.c.span_id).where(which).order_by(spans.c.start_ns).limit(_PRUNED_AT_ONCE)
    keys = [tuple(row) for row in connection.execute(oldest)]
    for trace_id, span_id in keys:
        connection.execute(delete(spans).where(spans.c.trace_id == trace_id, spans.c.span_id == span_id))
    return len(keys)


def _keep_steps(connection: Connection, case_id: str, data: CaseChangedV1) -> None:
    of = {"case_id": case_id, "version": data.version, "at": instant_text(data.changed_at)}
    rows = [{**of, "position": position, **_step_row(step)} for position, step in enumerate(data.steps)]
    upsert_all(connection, steps, ["case_id", "version", "position"], rows)


def _step_row(step: Step) -> dict[str, Any]:
    inputs = [given.model_dump() for given in step.inputs]
    return step.model_dump(exclude={"inputs"}) | {"inputs": _json(inputs) if inputs else None}


def _case_row(case_id: str, data: CaseChangedV1) -> dict[str, Any]:
    return {
        "case_id": case_id,
        **data.model_dump(include={"vin", "order_no", "kind", "version", "headline", "owner", "code"}),
        "opened_at": instant_text(data.opened_at),
        "changed_at": instant_text(data.changed_at),
        "closed_at": instant_text(data.closed_at) if data.closed_at else None,
        "unfinished": is_unfinished(data),
        "snapshot": data.model_dump_json(exclude={"vin", "steps"}),
        "reckoned": False,
    }


def _case_told(data: CaseChangedV1) -> dict[str, Any]:
    return {
        "vin": redaction.vin(data.vin, VIN_TAIL),
        "kind": data.kind,
        "version": data.version,
        "headline": data.headline,
        "owner": data.owner,
        "unfinished": is_unfinished(data),
        "code": data.code,
        "at": instant_text(data.changed_at),
        "steps": [step.model_dump(include={"facet", "before", "after", "zh", "en"}) for step in data.steps],
    }


def _delivery_told(row: dict[str, Any], data: DeliveryChangedV1) -> dict[str, Any]:
    told = {key: row[key] for key in ("delivery_id", "organisation", "command", "state")}
    return told | {"attempts": len(data.attempts), "failure": data.failure, "at": row["changed_at"]}


def _tell(connection: Connection, kind: str, case_id: str, told: dict[str, Any]) -> None:
    row = {"kind": kind, "case_id": case_id, "told": _json({"case_id": case_id, **told})}
    connection.execute(insert(changes), row)


def _span_row(span: Span) -> dict[str, Any]:
    row = span.model_dump(exclude={"attributes", "links"})
    return row | {"attributes": _json(span.attributes), "links": _json(span.links)}


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
