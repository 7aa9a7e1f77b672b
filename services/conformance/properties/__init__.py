"""What holds for every agency of a style, as rows: one module a kind of demand."""

from __future__ import annotations

from typing import Final

from services.conformance.case import Property

from . import documents, encodings, faults, idempotency, later, order, security, timeouts

PROPERTIES: Final[tuple[Property, ...]] = (
    *idempotency.ROWS,
    *timeouts.ROWS,
    *order.ROWS,
    *later.ROWS,
    *encodings.ROWS,
    *security.ROWS,
    *documents.ROWS,
    *faults.ROWS,
)
