"""Makers on Kafka: what they produce to `submit.<publisher>` comes in like everything else, or is refused aloud."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection

from contracts.envelope import message
from contracts.keys import vehicle_key
from contracts.sale import Fault, SaleRefusedV1
from contracts.topics import refused
from observability import metrics, tracing
from services.intake import admission, cloudevents
from services.intake.ledger import Ledger, Origin
from services.intake.notices import SOURCE
from services.intake.problems import NOT_ENTITLED, Problem, fault, without_personal
from services.intake.publishers import Publisher, Publishers
from services.runtime import outbox
from services.runtime.record import Record

GROUP: Final = "intake.submit"

_PREFIX: Final = "submit."


@dataclass(frozen=True, slots=True)
class Submitted:
    """Takes in, or refuses, one record of a publisher's topic inside a transaction.

    To be followed by place: a publisher's id is its own only together with its source, and one that comes again with
    other content must be refused aloud, not passed over.
    """

    publishers: Publishers
    ledger: Ledger

    def apply(self, connection: Connection, record: Record) -> None:
        """Never silent: what does not come in gets a `sale.refused` on the publisher's own topic."""
        name = record.topic.removeprefix(_PREFIX)
        parent = dict(record.headers).get("ce_traceparent", b"").decode(errors="replace")
        with tracing.span(f"process {record.topic}", "consumer", parent=parent) as span:
            try:
                self._admit(connection, record, self._publisher(name), span.traceparent)
            except Problem as problem:
                span.fail(problem.kind.name)
                metrics.count("tongche_door_sales_total", result="refused")
                self._refuse(connection, record, name, problem, span.traceparent)

    def _publisher(self, name: str) -> Publisher:
        publisher = self.publishers.by_name(name)
        if publisher is None:
            raise Problem(NOT_ENTITLED, fault("publisher", "unknown_publisher", code="A403"))
        return publisher

    def _admit(self, connection: Connection, record: Record, publisher: Publisher, context: str) -> None:
        submission = replace(cloudevents.from_record(record.headers, record.value), traceparent=None)
        admission.check_source(submission, publisher)
        wanted = admission.examine(submission, publisher, self.ledger.clock.today())
        acknowledged = self.ledger.admit(connection, wanted, publisher.name, Origin(context))
        metrics.count("tongche_door_sales_total", result=acknowledged.status)

    def _refuse(self, connection: Connection, record: Record, name: str, problem: Problem, context: str) -> None:
        source_id = cloudevents.source_id(record.headers) or record.spot
        faults = without_personal(problem.faults) or (_whole(problem),)
        id_ = self.ledger.ids()
        refusal = message(
            SaleRefusedV1(source_id=source_id, faults=faults),
            id=id_,
            source=SOURCE,
            subject=id_,
            time=self.ledger.clock.now(),
            traceparent=context,
            sourceid=source_id,
        )
        outbox.add(connection, refused(name).name, vehicle_key(self.ledger.key_secret, source_id), refusal)


def _whole(problem: Problem) -> Fault:
    return fault("event", problem.kind.name)
