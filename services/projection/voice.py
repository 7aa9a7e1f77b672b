"""What a subscriber hears: views, and the two messages about its subscription; the envelopes of all of them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from itertools import count
from typing import Final, NamedTuple

from contracts.contract import Contract
from contracts.envelope import Envelope, Headers, message
from contracts.subscription import SubscriptionEndedV1, SubscriptionWithheldV1, WhyEnded
from contracts.topics import VIEW_PARTITIONS
from contracts.types import instant_text
from contracts.versions import Versions
from contracts.views.plan import View
from contracts.views.reading import LOST
from services.runtime.producer import partition_of
from services.runtime.record import Outgoing, outgoing

_SOURCE: Final = "urn:tongche:projection:{}"
"""Of all that is told under a grant: a message's own source names its publisher or the organisation that answered, and
not everybody may know that. With the grant in it, source and id name one event, as CloudEvents has it."""

_NOTICES: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:tongche:projection")

_ENDED: Final[dict[WhyEnded, tuple[str, str]]] = {
    "lapsed": ("授权已到期", "the grant's time is over"),
    "revoked": ("授权已被撤销", "the grant was revoked"),
    "removed": ("授权已被移除", "the grant was taken out"),
    "refused": ("授权所请求的内容不被允许（A403）", "the grant asks for what may not be seen (A403)"),
}


def grant_of(source: str) -> str:
    """The grant under which something was told, by its source."""
    return source.removeprefix(_SOURCE.format(""))


def constant(view: View) -> Headers:
    """The headers that all messages of a view share."""
    told = {
        "ce_specversion": "1.0",
        "ce_source": _SOURCE.format(view.grant.id),
        "ce_type": view.type,
        "ce_dataschema": view.dataschema,
        "ce_dataclassification": view.grade,
        "ce_purpose": view.grant.purpose,
        "ce_grant": view.grant.id,
    }
    return (("content-type", b"application/json"), *((name, value.encode()) for name, value in told.items()))


def headers(shared: Headers, envelope: Envelope, lost: tuple[str, ...]) -> Headers:
    """Those of one message: its own id, case and time, nothing else of its envelope."""
    subject = envelope.subject.encode()
    own = [
        *shared,
        ("ce_id", envelope.id.encode()),
        ("ce_subject", subject),
        ("ce_time", instant_text(envelope.time).encode()),
        ("ce_correlationid", subject),
    ]
    if envelope.traceparent:
        own.append(("ce_traceparent", envelope.traceparent.encode()))
    if lost:
        own.append((LOST, ",".join(lost).encode()))
    return tuple(own)


def withheld(view: View, topic: str, key: str, envelope: Envelope, now: datetime) -> Outgoing:
    """Word of a message that the pinned version cannot say; the same word however often the message comes."""
    zh, en = _cannot_say(view.versions, view.grant.version)
    data = SubscriptionWithheldV1(
        subscriber=view.subscriber.name,
        grant_id=view.grant.id,
        message_id=envelope.id,
        message_type=envelope.type,
        zh=zh,
        en=en,
    )
    id_ = _id(f"{envelope.id}:{view.grant.id}:withheld")
    about = _About(view.grant.id, envelope.subject, now, envelope.traceparent)
    return _said(topic, key, data, id_, about)


class Over(NamedTuple):
    """A grant that has ended."""

    subscriber: str
    grant: str
    contract: str
    why: WhyEnded
    at: datetime


def ended(over: Over, topic: str) -> Iterator[Outgoing]:
    """The last word about a grant on one of its topics, in each partition; the same word however often it is said.

    Partitions are read at paces of their own: in only one it would come before what another still holds.
    """
    zh, en = _ENDED[over.why]
    data = SubscriptionEndedV1(
        subscriber=over.subscriber,
        grant_id=over.grant,
        contract=over.contract,
        ended_at=over.at,
        why=over.why,
        zh=zh,
        en=en,
    )
    about = _About(over.grant, over.grant, over.at)
    id_ = _id(f"{over.grant}:{topic}:ended")
    for key in _keys():
        # To its reader it is one message; to the outbox, which forgets what has arrived by id, each is its own.
        yield _said(topic, key, data, id_, about)._replace(id=f"{id_}:{key}")


@cache
def _keys() -> tuple[str, ...]:
    """One key for each partition: who gives a partition itself would need a producer of its own."""
    found: dict[int, str] = {}
    for number in count():
        found.setdefault(partition_of(key := f"ended-{number}", VIEW_PARTITIONS), key)
        if len(found) == VIEW_PARTITIONS:
            return tuple(found.values())
    raise AssertionError


def _id(text: str) -> str:
    """The id of a notice, which is the same whenever it is told again."""
    return str(uuid.uuid5(_NOTICES, text))


class _About(NamedTuple):
    """Under which grant something is told, about what, when."""

    grant: str
    subject: str
    at: datetime
    traceparent: str | None = None


def _said(topic: str, key: str, data: Contract, id_: str, about: _About) -> Outgoing:
    source = _SOURCE.format(about.grant)
    said = message(data, id=id_, source=source, subject=about.subject, time=about.at, traceparent=about.traceparent)
    return outgoing(topic, key, said)


def _cannot_say(versions: Versions, version: int) -> tuple[str, str]:
    """In general words: what exactly could not be said is part of the content."""
    losses = versions.losses[version - 1 :]
    if not losses:
        return f"{versions.name} v{version} 无法表达此消息", f"{versions.name} v{version} cannot say this message"
    zh = f"{versions.name} v{version} 无法表达此消息；该版本不能携带：" + "；".join(loss.zh for loss in losses)
    en = f"{versions.name} v{version} cannot say this message; what it cannot carry: " + "; ".join(
        loss.en for loss in losses
    )
    return zh, en
