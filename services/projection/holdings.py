"""What the projection keeps of persons: nobody's name; which case was shown to whom, and never what stood there."""

from __future__ import annotations

from typing import Final

from contracts.subscription import SUBSCRIPTION_ENDED, SUBSCRIPTION_WITHHELD
from services.runtime.holdings import Holding, fields_of

from .disclosures import KEPT
from .tables import disclosures, grants, terms, webhook_losses, webhook_reached, webhooks

MESSAGES: Final = fields_of(SUBSCRIPTION_ENDED, SUBSCRIPTION_WITHHELD)
HOLDINGS: Final = (
    Holding(
        disclosures,
        "对外提供记录",
        "who was shown which message",
        frozenset({"case_id"}),
        disclosures.c.case_id,
        disclosures.c.at,
        KEPT,
    ),
    Holding(terms, "提供的条件", "on what terms", since=terms.c.first_at),
    Holding(grants, "授权", "grants", since=grants.c.opened_at),
    Holding(webhooks, "推送地址的状态", "how it stands with those to whom we post"),
    Holding(
        webhook_losses, "未能推送的消息", "what was gone before it could be posted", since=webhook_losses.c.noted_at
    ),
    Holding(webhook_reached, "推送进度", "up to where topics were read for those to whom we post"),
)
