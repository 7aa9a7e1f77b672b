"""Deliveries as people see them. Of a command's data only what names nobody, unless they ask for it with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from contracts.codes import CODES
from contracts.delivery import DeliveryChangedV1
from contracts.envelope import Message, Undecodable
from observability import redaction
from services.dispatch.consumers import organisation_of
from services.dispatch.mailbox import Kept
from services.dispatch.refusals import Refusal
from services.dispatch.voice import OWNER_OF
from services.runtime.parking import Parked
from services.runtime.record import Outgoing, Record, read

from . import editing
from .held import Held
from .lineage import Act
from .plans import Item, Repair
from .search import Row

Shown = dict[str, Any]
Fate = Message[DeliveryChangedV1]

_OWNERS: Final[Mapping[str, str]] = {str(failure): owner for failure, owner in OWNER_OF.items()}
_NOTHING: Final[Shown] = {"code": None, "code_zh": None, "code_en": None}


def row(one: Row) -> Shown:
    """One line of a list: whose, what, why; none of the command's data."""
    return _held(one) if isinstance(one, Held) else _parked(one)


def _held(one: Held) -> Shown:
    return {
        "id": one.record.id,
        "case": one.case,
        "organisation": organisation_of(one.consumer),
        "command": one.command,
        "state": "held",
        "tries": 0,
        "since": one.since,
        "deadline": None,
        "next_try_at": None,
        "revision": 1,
        "failure": None,
        "reason": None,
        "owner": None,
        **_NOTHING,
    }


def _parked(one: Parked) -> Shown:
    last = one.history[-1] if one.history else {}
    code = CODES.get(last.get("code") or "")
    return {
        "id": one.record.id,
        "case": one.case,
        "organisation": organisation_of(one.consumer),
        "command": one.command,
        "state": one.state,
        "tries": one.tries,
        "since": one.since,
        "deadline": one.deadline or None,
        "next_try_at": None if one.state == "dead" else one.not_before,
        "revision": one.revision,
        "failure": one.failure,
        "reason": one.reason,
        "owner": _owner(one),
        "code": last.get("code"),
        "code_zh": code.zh if code else None,
        "code_en": code.en if code else None,
    }


def _owner(one: Parked) -> str | None:
    return _OWNERS.get(one.failure or "") if one.state == "dead" else None


def attempts(one: Parked) -> list[Shown]:
    """Every try it has had."""
    return [dict(attempt) for attempt in one.history]


def data(record: Record, *, reveal: bool) -> Shown | None:
    """A command's data; None where it cannot be read."""
    try:
        found = editing.content(read(record).data)
    except Undecodable:
        return None
    return found if reveal else redaction.mapping(found)


def act(one: Act, *, reveal: bool = False) -> Shown:
    """What a person did, with what an edit changed."""
    before, after = one.before or {}, one.after or {}
    names = sorted(name for name in before | after if before.get(name) != after.get(name))
    if not reveal:
        before, after = redaction.mapping(before), redaction.mapping(after)
    return {
        "at": one.at,
        "who": one.because.by,
        "act": one.name,
        "reason": one.because.reason,
        "repair": one.because.repair,
        "was": one.was,
        "revision": one.revision,
        "not_carried_out": one.because.not_carried_out,
        "changes": [{"field": name, "before": before.get(name), "after": after.get(name)} for name in names],
    }


def called_back(one: Kept) -> Shown:
    """That an answer was brought, and that others came which say something else; nothing of what they say."""
    return {
        "organisation": one.organisation,
        "delivery": one.delivery,
        "revision": one.revision,
        "at": one.at,
        "others": one.others,
        "other_at": one.other_at,
        "open": one.others > one.cleared,
    }


def only_answered(brought: list[Kept], acts: list[Act]) -> Shown:
    """A delivery of which nothing is known here but that it was answered."""
    absent = ("case", "command", "since", "deadline", "next_try_at", "failure", "reason", "owner", "data", "head")
    last = brought[-1]
    return {
        **dict.fromkeys((*absent, "code", "code_zh", "code_en")),
        "id": last.delivery,
        "organisation": last.organisation,
        "state": "unknown",
        "tries": 0,
        "revision": last.revision,
        "attempts": [],
        "acts": [act(one) for one in acts],
        "behind": [],
        "called_back": [called_back(one) for one in brought],
    }


def refused(one: Refusal) -> Shown:
    """That call-backs were refused, how many and why."""
    return {"why": one.why, "number": one.number, "since": one.since, "last_at": one.last_at}


def fate(said: Fate) -> Shown:
    """A delivery that waits no more."""
    told = said.data
    last = told.attempts[-1] if told.attempts else None
    code = CODES.get(last.code or "") if last else None
    return {
        "id": told.delivery_id,
        "case": said.envelope.subject,
        "organisation": told.organisation,
        "command": told.command,
        "state": told.state,
        "tries": len(told.attempts),
        "since": None,
        "deadline": told.deadline.timestamp() if told.deadline else None,
        "next_try_at": None,
        "revision": last.revision or 1 if last else 1,
        "failure": told.failure,
        "reason": told.reason,
        "owner": None,
        "code": code.id if code else None,
        "code_zh": code.zh if code else None,
        "code_en": code.en if code else None,
        "attempts": [one.model_dump(mode="json", exclude_none=True) for one in told.attempts],
    }


def repair(one: Repair, progress: Shown) -> Shown:
    """A repair of many, and how far it is. Moments are seconds since 1970."""
    return {
        "id": one.id,
        "act": one.act,
        "state": one.state,
        "who": one.because.by,
        "reason": one.because.reason,
        "wanted": {name: value for name, value in one.wanted.items() if value is not None},
        "not_carried_out": one.because.not_carried_out,
        "planned_at": one.planned_at,
        "started_at": one.started_at,
        "ended_at": one.ended_at,
        "per_second": one.per_second,
        **progress,
    }


def item(one: Item) -> Shown:
    """One delivery of a repair."""
    return {
        "position": one.position,
        "delivery": one.delivery,
        "organisation": organisation_of(one.consumer),
        "command": one.command,
        "failure": one.failure,
        "since": one.since,
        "state": one.state,
        "why": one.why,
    }


def ended(outputs: list[Outgoing]) -> Fate | None:
    """What was told last of the fate of a delivery that waits no more."""
    for one in reversed(outputs):
        said = read(Record(one.topic, 0, 0, one.key, one.headers, one.value))
        if isinstance(said.data, DeliveryChangedV1):
            return Message(said.envelope, said.data)
    return None
