"""What the console keeps of persons: nobody's name; VINs, order numbers, and how each case went."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from contracts.case import CASE_CHANGED
from contracts.delivery import DELIVERY_CHANGED
from contracts.telemetry import TELEMETRY_SPANS
from services.console.tables import answer_times, cases, changes, deliveries, spans, step_times, steps
from services.runtime.holdings import Holding, fields_of

_CASES: Final = fields_of(CASE_CHANGED)
_DELIVERIES: Final = fields_of(DELIVERY_CHANGED)


def holdings(spans_kept: timedelta) -> tuple[Holding, ...]:
    """Its own tables."""
    return (
        Holding(cases, "业务快照", "the newest snapshot of every case", _CASES, cases.c.case_id, cases.c.opened_at),
        Holding(steps, "经过", "what happened and why", _CASES, steps.c.case_id, steps.c.at),
        Holding(deliveries, "投递快照", "the newest snapshot of every delivery", _DELIVERIES, deliveries.c.case_id),
        Holding(changes, "变更流", "what happened, for followers", _CASES | _DELIVERIES, changes.c.case_id),
        Holding(step_times, "各步用时", "how long steps took", since=step_times.c.at),
        Holding(answer_times, "各机构用时", "how long answers took", since=answer_times.c.at),
        Holding(spans, "链路", "spans", fields_of(TELEMETRY_SPANS), spans.c.case_id, spans.c.start_ns, spans_kept),
    )
