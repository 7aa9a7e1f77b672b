"""What the journey keeps of persons: every case as a whole, its sale and papers included."""

from __future__ import annotations

from typing import Final

from contracts import topics
from contracts.case import CASE_CHANGED
from contracts.fields import FIELDS, field_names
from services.runtime.holdings import Holding, fields_of

from .case import Case
from .retention import OTHERS_KEPT
from .tables import cases, live_vin, timers, unplaced

MESSAGES: Final = fields_of(CASE_CHANGED, *(command.versions for command in topics.COMMANDS.values()))
HOLDINGS: Final = (
    Holding(
        cases, "业务全卷", "every case as a whole", field_names(Case) & FIELDS.keys(), cases.c.id, cases.c.opened_at
    ),
    Holding(live_vin, "占用中的车架号", "VINs that are taken", frozenset({"vin"}), live_vin.c.case_id),
    Holding(timers, "定时器", "timers", frozenset({"due"}), timers.c.case_id),
    Holding(
        unplaced,
        "尚无业务可归的消息（合格证只存一年）",
        "messages about a case that is not here yet (certificates: one year only)",
        fields_of(*(versions for carried in topics.SUBSCRIBABLE.values() for versions in carried)),
        unplaced.c.subject,
        unplaced.c.at,
        OTHERS_KEPT,
    ),
)
