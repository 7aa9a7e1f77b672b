"""What publishers are told though they did not ask: a sale of a car that is sold was refused, or theirs was contested.

Neither hears a word of the other: every text is ours, every value the hearer's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from contracts.case import CaseChangedV1
from contracts.codes import CODES
from contracts.contract import Contract
from contracts.envelope import Envelope, message
from contracts.keys import vehicle_key
from contracts.sale import SaleContestedV1, SaleRefusedV1
from contracts.topics import refused
from contracts.types import instant_text
from services.intake.ledger import Ledger
from services.intake.problems import fault
from services.intake.tables import acknowledged, notices, submissions
from services.runtime import outbox
from services.runtime.sql import insert_once

SOURCE: Final = "urn:tongche:intake"
CONFLICT: Final = "C409"
WORDS: Final = {
    CONFLICT: (
        "又有人申报销售此车，已拒绝；您的业务不受影响",
        "a second sale of this car was reported and refused; yours stands",
    )
}
"""What a notice says, by its code: our own sentence, whatever the step says."""


@dataclass(frozen=True, slots=True)
class Notices:
    """Tells publishers on their own topics. `heard` are those that have one; the others ask by HTTP."""

    heard: frozenset[str]
    ledger: Ledger

    def refused(self, connection: Connection, envelope: Envelope) -> None:
        """The sale that opened this case was refused; to be called once a case."""
        for sale in _sales(connection, envelope.subject):
            no = SaleRefusedV1(source_id=sale.sourceid, faults=(fault("vin", "already_sold", code=CONFLICT),))
            self._tell(connection, sale, envelope, no)

    def contested(self, connection: Connection, envelope: Envelope, case: CaseChangedV1) -> None:
        """Another sale of this case's car was refused: kept, and told once a version however often it comes."""
        row = {
            "case_id": envelope.subject,
            "version": case.version,
            "at": instant_text(case.changed_at),
            "code": CONFLICT,
        }
        if not insert_once(connection, notices, row):
            return
        zh, en = WORDS[CONFLICT]
        for sale in _sales(connection, envelope.subject):
            self._tell(connection, sale, envelope, SaleContestedV1(vin=case.vin, order_no=case.order_no, zh=zh, en=en))

    def _tell(self, connection: Connection, sale: Row[*tuple[Any, ...]], envelope: Envelope, data: Contract) -> None:
        if sale.publisher not in self.heard:
            return
        # Neither cause nor trace: what set this off may be the other's message, under the other's trace.
        said = message(
            data,
            id=self.ledger.ids(),
            source=SOURCE,
            subject=envelope.subject,
            time=self.ledger.clock.now(),
            sourceid=sale.sourceid,
        )
        key = vehicle_key(self.ledger.key_secret, sale.vin)
        outbox.add(connection, refused(sale.publisher).name, key, said)


def is_contested(case: CaseChangedV1) -> bool:
    """Whether this change says that another sale of the case's car was refused."""
    return case.headline != "REFUSED" and any(step.rule == CONFLICT for step in case.steps)


def of(connection: Connection, case_id: str) -> list[dict[str, str]]:
    """What publishers may read of a case's notices, oldest first."""
    kept = select(notices).where(notices.c.case_id == case_id).order_by(notices.c.version)
    return [_shown(row) for row in connection.execute(kept)]


def said(code: str) -> dict[str, str]:
    """A code of the rulebook in words."""
    return {"zh": CODES[code].zh, "en": CODES[code].en} if code in CODES else {}


def _shown(row: Row[*tuple[Any, ...]]) -> dict[str, str]:
    zh, en = WORDS[row.code]
    return {"at": row.at, "code": row.code, "zh": zh, "en": en}


def _sales(connection: Connection, case_id: str) -> list[Row[*tuple[Any, ...]]]:
    """The sale that opened a case, once for each publisher to whom it was acknowledged."""
    columns = (submissions.c.sourceid, submissions.c.vin, acknowledged.c.publisher)
    joined = select(*columns).join(acknowledged, acknowledged.c.id == submissions.c.id)
    return list(connection.execute(joined.where(submissions.c.id == case_id).order_by(acknowledged.c.publisher)))
