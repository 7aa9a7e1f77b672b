"""What is shown of a case: plain values made from stored rows, without input or output.

Words stay as they are in the messages, so that scripts can compare them; `said` holds the same in Chinese and English.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final, Literal

from contracts.types import CHINA
from observability import redaction
from services.console import organisations, story, words
from services.console.organisations import Organisation
from services.console.projection import OVER, VIN_TAIL
from services.console.story import Why
from services.console.words import Words

Row = Mapping[str, Any]
Said = dict[str, Words]
Tone = Literal["none", "busy", "done", "wait", "person", "off"]
Standing = Literal["trying", "held", "parked", "under-way", "dead", "cancelled", "answered"]
"""How a command stands that has not been answered: it is being tried, waits with its organisation, waits for its next
try, is asked about again as nothing is wrong, was given up, or was answered and its case does not know yet."""

_UNDONE: Final = frozenset({"CANCELLED", "REVERSED", "REFUNDED", "WITHDRAWN", "RELEASED", "REJECTED", "NOT_NEEDED"})
_UNDER_WAY: Final = frozenset({"ASSESSED", "COSIGNED", "QUOTED", "RESERVED", "SENT"})
_CLOCKS: Final = {
    "tax-clock": Words("购置税申报期限（60 日）", "last day to declare the purchase tax (60 days)"),
    "registration.register": Words(
        "办理登记的法定期限（工作日）", "the police's last day to register (in working days)"
    ),
}
"""Limits of the law, by the timer that watches them, or by the command whose answer one watches for."""
_WATCH: Final = "watch:"
_HEADLINE_TONES: Final[dict[str, Tone]] = {
    "OPEN": "busy",
    "HOLD": "wait",
    "MANUAL": "person",
    "CANCELLING": "wait",
    "CANCELLED": "off",
    "REFUSED": "off",
    "CLOSED": "done",
}
_DELIVERY_TONES: Final[dict[str, Tone]] = {
    "settled": "done",
    "refused": "person",
    "held": "wait",
    "parked": "wait",
    "dead": "person",
    "cancelled": "off",
}
_STANDING_TONES: Final[dict[Standing, Tone]] = {
    "held": "wait",
    "parked": "wait",
    "under-way": "wait",
    "dead": "person",
    "cancelled": "off",
}
_RESULT_TONES: Final[dict[str, Tone]] = {
    "answered": "done",
    "refused": "person",
    "unavailable": "wait",
    "ambiguous": "wait",
    "not-yet": "busy",
    "broken-answer": "person",
}


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One case in a list. The VIN is masked; `progress` is the tone of each facet.

    `unfinished`: it is over, as its headline says, and yet a hold that came later is somebody's.
    """

    id: str
    vin: str
    order_no: str
    kind: str
    headline: str
    unfinished: bool
    owner: str | None
    code: str | None
    opened_at: str
    changed_at: str
    closed_at: str | None
    progress: tuple[Tone, ...]
    tone: Tone
    said: Said


@dataclass(frozen=True, slots=True)
class Facet:
    """One strand of a case."""

    name: str
    state: str
    hold: str | None
    code: str | None
    until: str | None
    owner: str | None
    tone: Tone
    said: Said


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at an organisation."""

    number: int
    started_at: str
    duration_ms: int
    result: str
    status: int | None
    code: str | None
    span_id: str | None
    tone: Tone
    said: Said


@dataclass(frozen=True, slots=True)
class Delivery:
    """One command on its way, with every attempt."""

    id: str
    organisation: str
    command: str
    state: str
    next_try_at: str | None
    deadline: str | None
    failure: str | None
    owner: str | None
    reason: str | None
    attempts: tuple[Attempt, ...]
    asked_at: str | None
    changed_at: str
    tone: Tone
    said: Said

    @property
    def began_at(self) -> str:
        """When it was first tried, or else when we first heard of it."""
        return self.attempts[0].started_at if self.attempts else self.changed_at


@dataclass(frozen=True, slots=True)
class Agency:
    """What went to the organisations of one kind, in order of time."""

    name: str
    deliveries: tuple[Delivery, ...]
    said: Said


@dataclass(frozen=True, slots=True)
class Step:
    """One transition, with why it was allowed; `said.told` is all of it in one sentence."""

    at: str
    version: int
    rule: str
    facet: str
    before: str
    after: str
    pack: str | None
    why: Why
    said: Said


@dataclass(frozen=True, slots=True)
class Clock:
    """A legal limit that runs: its last day, and how many days are left, that day included."""

    name: str
    last_day: str
    days_left: int
    said: Said


@dataclass(frozen=True, slots=True)
class Asked:
    """A command that was sent to an organisation at a moment (of old ones nobody knows which) and is not answered.

    `down_since`: since when that organisation is down or paused; None while it is up.
    """

    delivery: str
    facet: str | None
    organisation: str
    asked_at: str | None
    standing: Standing
    down_since: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Wait:
    """Something that the case waits for: why, until when, who must act, and the command that resolves it.

    `asked` is there where it is the answer to a command; `until` is then its next try, or when the organisation is
    probed next.
    """

    what: str
    until: str | None
    owner: str | None
    commands: tuple[str, ...]
    tone: Tone
    said: Said
    asked: Asked | None = None


@dataclass(frozen=True, slots=True)
class Contradiction:
    """An organisation brought an answer at a moment, and later so many others that say something else.

    The first holds. What they say nobody is told here; `commands` resolve it.
    """

    organisation: str
    delivery: str
    case: str | None
    at: str
    others: int
    other_at: str
    commands: tuple[str, ...]
    said: Said


@dataclass(frozen=True, slots=True)
class Case:
    """The whole case."""

    line: CaseLine
    version: int
    facets: tuple[Facet, ...]
    waits: tuple[Wait, ...]
    agencies: tuple[Agency, ...]
    steps: tuple[Step, ...]
    clocks: tuple[Clock, ...] = ()
    timers: tuple[dict[str, str], ...] = ()
    policy_packs: tuple[str, ...] = field(default=())
    contradictions: tuple[Contradiction, ...] = ()
    fresh: bool = True
    """Whether dispatch has told just now how the organisations stand."""

    @property
    def deliveries(self) -> set[str]:
        """The ids of all that was sent to anybody."""
        return {each.id for agency in self.agencies for each in agency.deliveries}


def contradiction(told: organisations.Contradiction, case: str | None) -> Contradiction:
    """What dispatch tells of one, about a case if that is known."""
    look = (f"tongche case show {case}",) if case else ()
    return Contradiction(
        organisation=told.organisation,
        delivery=told.delivery,
        case=case,
        at=told.at,
        others=told.others,
        other_at=told.other_at,
        commands=(
            f"tongche delivery show {told.delivery}",
            *look,
            f'tongche delivery clear-up {told.delivery} --reason "…"',
        ),
        said={"organisation": words.organisation(told.organisation)},
    )


def line(row: Row) -> CaseLine:
    """One row of the table of cases."""
    in_a_word = words.unfinished if row["unfinished"] else words.headline
    said = {"headline": in_a_word(row["headline"]), "kind": words.kind(row["kind"])}
    return CaseLine(
        id=row["case_id"],
        vin=redaction.vin(row["vin"], VIN_TAIL),
        order_no=row["order_no"],
        kind=row["kind"],
        headline=row["headline"],
        unfinished=bool(row["unfinished"]),
        owner=row["owner"],
        code=row["code"],
        opened_at=row["opened_at"],
        changed_at=row["changed_at"],
        closed_at=row["closed_at"],
        progress=tuple(each.tone for each in _facets(json.loads(row["snapshot"]), ())),
        tone="person" if row["unfinished"] else _HEADLINE_TONES.get(row["headline"], "busy"),
        said=said | _said(owner=(words.owner, row["owner"]), code=(words.code, row["code"])),
    )


def case(
    row: Row, steps: Iterable[Row], deliveries: Iterable[Row], now: datetime, organisations: Mapping[str, Organisation]
) -> Case:
    """The whole case from its row, its steps and its deliveries, as it and the organisations stand at a moment."""
    snapshot = json.loads(row["snapshot"])
    known = [_delivery(each) for each in deliveries]
    unanswered = _unanswered(snapshot.get("asked") or (), known)
    asked = tuple(_wait(each, organisations.get(each.organisation), now) for each in unanswered)
    facets = tuple(_facets(snapshot, asked))
    return Case(
        line=line(row),
        version=row["version"],
        facets=facets,
        waits=(*_held(row, facets), *asked),
        agencies=_by_agency(known),
        steps=tuple(_step(step) for step in steps),
        clocks=tuple(_clocks(snapshot.get("timers") or (), known, now)),
        timers=tuple(snapshot.get("timers") or ()),
        policy_packs=tuple(snapshot.get("policy_packs") or ()),
    )


def _clocks(timers: Iterable[Row], deliveries: Iterable[Delivery], now: datetime) -> Iterable[Clock]:
    # The journey watches for an answer under its command's id, which is the delivery's.
    watched = {f"{_WATCH}{each.id}": each.command for each in deliveries}
    for timer in timers:
        name = watched.get(timer["name"], timer["name"])
        if name in _CLOCKS:
            # Due is the midnight at which the first late day begins.
            last = (datetime.fromisoformat(timer["due"]).astimezone(CHINA) - timedelta(milliseconds=1)).date()
            left = (last - now.astimezone(CHINA).date()).days + 1
            yield Clock(name, last.isoformat(), left, {"name": _CLOCKS[name]})


def _facets(snapshot: Row, waits: Iterable[Wait]) -> Iterable[Facet]:
    """Its facets; one is begun once a command for it is under way, though nothing has come of it yet."""
    under_way: dict[str, Standing] = {each["facet"]: "trying" for each in snapshot.get("asked") or ()}
    for wait in waits:
        if wait.asked and wait.asked.facet in under_way and wait.asked.standing in _STANDING_TONES:
            under_way[wait.asked.facet] = wait.asked.standing
    return (_facet(facet, under_way.get(facet["name"])) for facet in snapshot["facets"])


def _facet(facet: Row, asked: Standing | None) -> Facet:
    hold = facet.get("hold")
    until = facet.get("until")
    is_begun = asked is not None and facet["state"] == "NONE"
    state = words.under_way(asked) if asked and is_begun else words.state(facet["state"], facet["name"])
    said = {"name": words.facet(facet["name"]), "state": state}
    why = words.hold(hold, facet["name"]) if hold else None
    return Facet(
        name=facet["name"],
        state=facet["state"],
        hold=hold,
        code=facet.get("code"),
        until=until,
        owner=facet.get("owner"),
        tone=_STANDING_TONES.get(asked, "busy")
        if asked and is_begun and not hold
        else _facet_tone(facet["state"], hold, until),
        said=said
        | ({"hold": why} if why else {})
        | _said(code=(words.code, facet.get("code")), owner=(words.owner, facet.get("owner"))),
    )


def _facet_tone(state: str, hold: str | None, until: str | None) -> Tone:
    if hold:
        return "wait" if until else "person"
    if state == "NONE":
        return "none"
    if state in _UNDONE:
        return "off"
    return "busy" if state in _UNDER_WAY else "done"


def _delivery(row: Row) -> Delivery:
    snapshot = json.loads(row["snapshot"])
    said = {
        "organisation": words.organisation(row["organisation"]),
        "command": words.command(row["command"]),
        "state": words.delivery(row["state"]),
    }
    return Delivery(
        id=row["delivery_id"],
        organisation=row["organisation"],
        command=row["command"],
        state=row["state"],
        next_try_at=snapshot.get("next_try_at"),
        deadline=snapshot.get("deadline"),
        failure=snapshot.get("failure"),
        owner=snapshot.get("owner"),
        reason=snapshot.get("reason"),
        attempts=tuple(_attempt(attempt) for attempt in snapshot.get("attempts") or ()),
        asked_at=row["asked_at"],
        changed_at=row["changed_at"],
        tone=_DELIVERY_TONES.get(row["state"], "busy"),
        said=said | _said(failure=(words.failure, snapshot.get("failure")), owner=(words.owner, snapshot.get("owner"))),
    )


def _attempt(attempt: Row) -> Attempt:
    return Attempt(
        number=attempt["number"],
        started_at=attempt["started_at"],
        duration_ms=attempt["duration_ms"],
        result=attempt["result"],
        status=attempt.get("status"),
        code=attempt.get("code"),
        span_id=attempt.get("span_id"),
        tone=_RESULT_TONES.get(attempt["result"], "busy"),
        said={"result": words.result(attempt["result"])} | _said(code=(words.code, attempt.get("code"))),
    )


def _by_agency(deliveries: Sequence[Delivery]) -> tuple[Agency, ...]:
    ordered = sorted(deliveries, key=lambda each: (words.agency_of(each.organisation), each.began_at))
    agencies = [
        Agency(name, tuple(each), {"name": words.agency(name)})
        for name, each in groupby(ordered, lambda each: words.agency_of(each.organisation))
    ]
    return tuple(sorted(agencies, key=lambda agency: agency.deliveries[0].began_at))


def _step(row: Row) -> Step:
    grounds = story.why(row)
    return Step(
        at=row["at"],
        version=row["version"],
        rule=row["rule"],
        facet=row["facet"],
        before=row["before"],
        after=row["after"],
        pack=row["pack"],
        why=grounds,
        said={
            "told": story.sentence(row, grounds),
            "why": Words(row["zh"], row["en"]),
            "facet": words.facet(row["facet"]),
            "before": words.state(row["before"], row["facet"]),
            "after": words.state(row["after"], row["facet"]),
        },
    )


def _held(case: Row, facets: Iterable[Facet]) -> Iterable[Wait]:
    for facet in facets:
        if facet.hold:
            acts = ("resume",) if case["headline"] in OVER else _acts(facet)
            yield Wait(
                what=facet.name,
                until=facet.until,
                owner=facet.owner,
                commands=tuple(f'tongche case {act} {case["case_id"]} --reason "…"' for act in acts),
                tone=facet.tone,
                said={"what": facet.said["name"], "why": facet.said["hold"]} | _said(owner=(words.owner, facet.owner)),
            )


def _acts(facet: Facet) -> tuple[str, ...]:
    """What a person can do about a held facet. A refused mortgage comes after registration: nothing is called off."""
    is_refused = facet.name == "mort" and facet.state in {"NONE", "COSIGNED"}
    return ("resume", "secure") if is_refused else ("resume", "cancel")


@dataclass(frozen=True, slots=True)
class _Sent:
    """A command that is not answered, as the journey tells of it, or else dispatch, which says where it is."""

    id: str
    command: str
    organisation: str
    facet: str | None
    asked_at: str | None
    delivery: Delivery | None


def _unanswered(asked: Iterable[Row], deliveries: Iterable[Delivery]) -> Iterable[_Sent]:
    """What the journey says that it asked, and whatever else dispatch has put aside or given up."""
    known = {each.id: each for each in deliveries}
    told = {each["delivery_id"]: each for each in asked}
    for id_, ask in told.items():
        yield _Sent(id_, ask["asked_for"], ask["asked_of"], ask["facet"], ask["asked_at"], known.get(id_))
    for id_, each in known.items():
        if each.state in ("parked", "dead") and id_ not in told:
            yield _Sent(id_, each.command, each.organisation, None, each.asked_at, each)


def _wait(sent: _Sent, organisation: Organisation | None, now: datetime) -> Wait:
    down = organisation if organisation and organisation.state != "closed" else None
    delivery, standing = sent.delivery, _standing(sent.delivery, down is not None, now)
    held = down if standing == "held" else None
    failure = delivery.said.get("failure") if delivery else None
    stands = words.held(words.standing(held.state, held.paused_by, held.reason)) if held else words.waiting(standing)
    reason = held.reason if held else delivery.reason if delivery else None
    told = words.plain if held and held.paused_by else words.reason
    return Wait(
        what=sent.command,
        until=_until(standing, delivery, held),
        owner=delivery.owner if delivery else None,
        commands=_resolved_by(sent, standing, held),
        tone=_STANDING_TONES.get(standing, "busy"),
        said={
            "what": words.command(sent.command),
            "why": stands if held else failure or stands,
            "standing": stands,
            "organisation": words.organisation(sent.organisation),
        }
        | _said(reason=(told, reason), owner=(words.owner, delivery.owner if delivery else None)),
        asked=Asked(
            delivery=sent.id,
            facet=sent.facet,
            organisation=sent.organisation,
            asked_at=sent.asked_at,
            standing=standing,
            down_since=down.since if down else None,
            reason=reason,
        ),
    )


def _standing(delivery: Delivery | None, is_down: bool, now: datetime) -> Standing:  # noqa: FBT001 - half of the answer
    match delivery.state if delivery else None:
        case "dead" | "cancelled" as over:
            return over
        case "settled" | "refused":
            return "answered"
        case "parked" if delivery and not _is_due(delivery, now):
            # What is merely under way, a parcel or a certificate, is asked about again by itself.
            return "under-way" if delivery.failure == "not-yet" else "parked"
    return "held" if is_down else "trying"


def _is_due(delivery: Delivery, now: datetime) -> bool:
    return delivery.next_try_at is not None and datetime.fromisoformat(delivery.next_try_at) <= now


def _until(standing: Standing, delivery: Delivery | None, held: Organisation | None) -> str | None:
    if held:
        return held.probe_at
    return delivery.next_try_at if delivery and standing in {"parked", "under-way"} else None


def _resolved_by(sent: _Sent, standing: Standing, held: Organisation | None) -> tuple[str, ...]:
    if held and held.paused_by:
        return (f'tongche delivery resume {sent.organisation} --reason "…"',)
    match standing:
        case "parked" | "dead":
            return (f'tongche delivery retry {sent.id} --reason "…"',)
        case "held":
            return (f"tongche delivery show {sent.id}",)
        case _:
            return ()


def _said(**named: tuple[Any, str | None]) -> Said:
    """The words for those that there are."""
    return {name: look_up(word) for name, (look_up, word) in named.items() if word}
