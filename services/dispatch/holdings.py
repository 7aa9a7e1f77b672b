"""What dispatch keeps of persons: commands that wait, and those that a person edited."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from contracts import topics
from contracts.delivery import DELIVERY_CHANGED
from services.runtime.holdings import Holding, fields_of
from services.runtime.settings import Settings

from . import mailbox
from .refusals import SHOWN_FOR
from .tables import acts, breakers, callbacks, held, items, notices, paces, refusals, repairs, rivals

_COMMANDS: Final = fields_of(*(command.versions for command in topics.COMMANDS.values()))
_ANSWERS: Final = fields_of(
    *(versions for agency in topics.AGENCIES for versions in topics.carried(f"{agency}.events"))
)
MESSAGES: Final = _COMMANDS | _ANSWERS | fields_of(DELIVERY_CHANGED)


def holdings(settings: Settings) -> tuple[Holding, ...]:
    """Its own tables."""
    kept = timedelta(days=settings.acts_kept_days)
    edited = acts.c.before.is_not(None) | acts.c.after.is_not(None)
    return (
        Holding(held, "挂起的指令", "commands that are held", _COMMANDS, held.c.case_id, held.c.since),
        Holding(acts, "人工处置", "what persons did", _COMMANDS | _ANSWERS, None, acts.c.at, kept, edited),
        Holding(repairs, "批量处置", "repairs of many", since=repairs.c.planned_at, kept=kept),
        Holding(items, "批量处置的明细", "deliveries of a repair", since=items.c.since),
        Holding(notices, "机构的主动告知", "what organisations told", since=notices.c.at),
        Holding(
            callbacks, "机构回送的答复", "answers that were called back", _ANSWERS, None, callbacks.c.at, mailbox.KEPT
        ),
        Holding(rivals, "与之矛盾的答复", "answers that contradict one", _ANSWERS, None, rivals.c.at, mailbox.KEPT),
        Holding(refusals, "被拒绝的回送", "call-backs that were refused", since=refusals.c.last_at, kept=SHOWN_FOR),
        Holding(breakers, "断路器", "breakers", since=breakers.c.since),
        Holding(paces, "批量处置的节奏", "the pace of repairs"),
    )
