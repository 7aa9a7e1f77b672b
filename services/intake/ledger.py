"""Taking a submission in: once per (source, sourceid), stored together with the message that will be published."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import Connection, Row, select, update

from contracts.concerns import Concerns
from contracts.envelope import message
from contracts.keys import vehicle_key
from contracts.sale import SALE_CONFIRMED, SaleCorrectedV1, concerned
from contracts.topics import SALE_EVENTS
from contracts.types import instant_text
from observability import tracing
from services.intake.admission import Admissible
from services.intake.problems import IDEMPOTENCY, IN_FLIGHT, UNKNOWN_SALE, Problem, fault
from services.intake.tables import acknowledged, cases, submissions
from services.runtime import outbox
from services.runtime.clock import Clock
from services.runtime.sql import insert_once

Status = Literal["accepted", "replayed"]

SALE_TYPES: Final = tuple(SALE_CONFIRMED.type_of(number + 1) for number in range(SALE_CONFIRMED.newest))


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What a publisher is told once it is durable."""

    id: str
    case_id: str
    source: str
    sourceid: str
    vin: str
    status: Status

    @property
    def code(self) -> str:
        """The rulebook's code: 0 accepted, 1 duplicate with the same result."""
        return "0" if self.status == "accepted" else "1"


@dataclass(frozen=True, slots=True)
class Origin:
    """The traceparent of whatever brought a submission in, and whether it came alone.

    Only one that came alone continues that trace: of a batch or a file each begins its own, linked to it, because
    a trace is the story of one case.
    """

    context: str
    alone: bool = True


class _Place(NamedTuple):
    """Where a submission belongs: its case, and whose business that is, where the sale told."""

    case: str
    concerns: str | None


@dataclass(frozen=True, slots=True)
class Ledger:
    """The acts that take submissions in; each runs inside one transaction of the store."""

    clock: Clock
    ids: Callable[[], str]
    key_secret: bytes

    def admit(self, connection: Connection, wanted: Admissible, publisher: str, origin: Origin) -> Acknowledged:
        """Take one in, or find that it is in already. Raises a `Problem` before anything is written."""
        known = _known(connection, wanted)
        if known is None:
            return self._accept(connection, wanted, publisher, origin)
        if known.content != wanted.content:
            field = "order_no" if wanted.source.startswith("urn:tongche:dealer:") else "id"
            raise Problem(IDEMPOTENCY, fault(field, "used_for_other_content"))
        insert_once(connection, acknowledged, {"id": known.id, "publisher": publisher})
        return _acknowledgement(wanted, known.id, known.case_id, "replayed")

    def admit_each(
        self, connection: Connection, wanted: Iterable[Admissible], publisher: str, origin: Origin
    ) -> list[Acknowledged | Problem]:
        """Take many in, in one transaction; one that cannot come in does not keep the others out."""
        outcomes: list[Acknowledged | Problem] = []
        for each in wanted:
            try:
                outcomes.append(self.admit(connection, each, publisher, origin))
            except Problem as problem:
                outcomes.append(problem)
        return outcomes

    def _accept(self, connection: Connection, wanted: Admissible, publisher: str, origin: Origin) -> Acknowledged:
        id_ = self.ids()
        place = _Place(id_, str(concerned(wanted.data)))
        if not wanted.is_sale:
            place = _sale_of(connection, wanted.vin, publisher)
        if isinstance(wanted.data, SaleCorrectedV1) and wanted.data.pay_cash:
            _without_lender(connection, place)
        self._store(connection, wanted, id_, place)
        insert_once(connection, acknowledged, {"id": id_, "publisher": publisher})
        self._publish(connection, wanted, id_, place, origin)
        return _acknowledgement(wanted, id_, place.case, "accepted")

    def _store(self, connection: Connection, wanted: Admissible, id_: str, place: _Place) -> None:
        row = {
            "id": id_,
            "source": wanted.source,
            "sourceid": wanted.sourceid,
            "type": wanted.type,
            "case_id": place.case,
            "vin": wanted.vin,
            "order_no": wanted.order_no,
            "content": wanted.content,
            "accepted_at": instant_text(self.clock.now()),
            "concerns": place.concerns,
        }
        if not insert_once(connection, submissions, row):
            # Another process took the same id in between our look and our write; its answer is not ours to give.
            raise in_flight()

    def _publish(self, connection: Connection, wanted: Admissible, id_: str, place: _Place, origin: Origin) -> None:
        parent = wanted.traceparent or (origin.context if origin.alone else "")
        links = [origin.context] if parent != origin.context else []
        with tracing.span(
            f"send {SALE_EVENTS.name}", "producer", parent=parent, links=links, case_id=place.case
        ) as span:
            sent = message(
                wanted.data,
                id=id_,
                source=wanted.source,
                subject=place.case,
                time=self.clock.now(),
                traceparent=span.traceparent,
                sourceid=wanted.sourceid,
                concerns=place.concerns,
            )
            outbox.add(connection, SALE_EVENTS.name, vehicle_key(self.key_secret, wanted.vin), sent)


def in_flight() -> Problem:
    """The same id is being taken in by somebody else at this moment."""
    return Problem(
        IN_FLIGHT,
        fix="稍后以相同内容重试 / try again in a moment with the same content",
        headers={"Retry-After": "1"},
    )


def _known(connection: Connection, wanted: Admissible) -> Row[*tuple[Any, ...]] | None:
    key = (submissions.c.source == wanted.source) & (submissions.c.sourceid == wanted.sourceid)
    columns = (submissions.c.id, submissions.c.case_id, submissions.c.content)
    return connection.execute(select(*columns).where(key)).one_or_none()


def _sale_of(connection: Connection, vin: str, publisher: str) -> _Place:
    """The case that a correction or cancellation is about: the publisher's newest sale of the car."""
    found = (
        select(submissions.c.id, submissions.c.concerns)
        .join(acknowledged, acknowledged.c.id == submissions.c.id)
        .outerjoin(cases, cases.c.case_id == submissions.c.id)
        .where(
            submissions.c.vin == vin,
            submissions.c.type.in_(SALE_TYPES),
            acknowledged.c.publisher == publisher,
        )
        # A refused second sale of the car (C409) must not hide the one that lives.
        .order_by(cases.c.refused.is_(True), submissions.c.id.desc())
        .limit(1)
    )
    sale = connection.execute(found).one_or_none()
    if sale is None:
        raise Problem(
            UNKNOWN_SALE,
            fault("vin", "unknown_sale"),
            fix="先发布该车的销售 / publish the sale of this car first",
        )
    return _Place(sale.id, sale.concerns)


def _without_lender(connection: Connection, place: _Place) -> None:
    """The bank hears that its loan is off, and nothing after that, however late the journey hears of it."""
    concerns = Concerns.parse(place.concerns or "")._replace(lender="")
    row = update(submissions).where(submissions.c.id == place.case)
    connection.execute(row.values(concerns=str(concerns)))


def _acknowledgement(wanted: Admissible, id_: str, case: str, status: Status) -> Acknowledged:
    return Acknowledged(id_, case, wanted.source, wanted.sourceid, wanted.vin, status)
