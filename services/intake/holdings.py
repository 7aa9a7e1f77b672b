"""What the door keeps of persons: VINs and order numbers, and of the sale itself only what is about to be published."""

from __future__ import annotations

from typing import Final

from contracts import case, sale
from services.intake.tables import acknowledged, cases, notices, submissions
from services.runtime.holdings import Holding, fields_of

MESSAGES: Final = fields_of(
    sale.SALE_CONFIRMED,
    sale.SALE_CORRECTED,
    sale.SALE_CANCELLED,
    sale.SALE_RETURNED,
    sale.SALE_REFUSED,
    sale.SALE_CONTESTED,
)
HOLDINGS: Final = (
    Holding(
        submissions,
        "已受理的申报（去重用）",
        "what was acknowledged, so that it is taken once",
        frozenset({"vin", "order_no"}),
        submissions.c.case_id,
        submissions.c.accepted_at,
    ),
    Holding(acknowledged, "受理对象", "to whom it was acknowledged"),
    Holding(cases, "业务快照", "the newest snapshot of every case", fields_of(case.CASE_CHANGED), cases.c.case_id),
    Holding(
        notices, "告知发布方的事项", "what publishers were told", frozenset({"code"}), notices.c.case_id, notices.c.at
    ),
)
