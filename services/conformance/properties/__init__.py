"""What holds for every agency of a style, as rows: one module a kind of demand."""

from __future__ import annotations

from typing import Final

from services.conformance.case import Property

from . import documents, encodings, faults, files, idempotency, later, order, security, soap, timeouts

PROPERTIES: Final[tuple[Property, ...]] = (
    *idempotency.ROWS,
    *timeouts.ROWS,
    *order.ROWS,
    *later.ROWS,
    *files.ROWS,
    *encodings.ROWS,
    *security.ROWS,
    *documents.ROWS,
    *soap.ROWS,
    *faults.ROWS,
)
