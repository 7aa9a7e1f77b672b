"""What a subscriber is told about its own subscription: that a message was withheld, and that a grant has ended."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import StringConstraints

from . import types as t
from .contract import Contract
from .versions import Versions

Word = Annotated[str, StringConstraints(min_length=1, max_length=100)]
WhyEnded = Literal["lapsed", "revoked", "removed", "refused"]
"""Its time was over; an operator took it back; it stands in the file no more; the file asks for too much (A403)."""


class SubscriptionWithheldV1(Contract):
    """A message that was meant for the subscriber cannot be said in the version that it pinned.

    `message_id` and `message_type` are those of the message as it was published; nothing of its content is told.
    """

    subscriber: t.Identifier
    grant_id: t.Identifier
    message_id: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    message_type: Word
    zh: t.Reason
    en: t.Reason


class SubscriptionEndedV1(Contract):
    """A grant has ended: nothing of it comes after this. A grant does not come back; a new one has another id."""

    subscriber: t.Identifier
    grant_id: t.Identifier
    contract: Word
    ended_at: t.Instant
    why: WhyEnded
    zh: t.Reason
    en: t.Reason


SUBSCRIPTION_WITHHELD: Final = Versions(
    "subscription.withheld",
    "event",
    "tongche",
    "tells a subscriber of a message that its version cannot say",
    (SubscriptionWithheldV1,),
)
SUBSCRIPTION_ENDED: Final = Versions(
    "subscription.ended", "event", "tongche", "tells a subscriber that a grant has ended", (SubscriptionEndedV1,)
)
