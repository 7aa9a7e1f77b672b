"""The Kafka topics, in one table: who writes them, what they carry, how long they keep it.

Partition counts are chosen once: changing one breaks the order of a vehicle's messages. Twelve partitions let
twelve processes share a topic; the number of vehicles in work at once does not depend on it (lanes are by key).
All topics that one service reads together have equal counts, so that one vehicle is one partition in all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from . import case, certificate, delivery, export, insurance, loan, police, refusal, sale, subscription, tax, telemetry
from .versions import Versions

AGENCIES: Final = ("miit", "tax", "insurer", "bank", "police", "commerce", "customs")

PARTITIONS: Final = 12
COMMAND_PARTITIONS: Final = 6
SUBMIT_PARTITIONS: Final = 3
"""Publishers are many and each is slow; what they send gets our own key, and with it its order, at the door."""
VIEW_PARTITIONS: Final = 3
"""Subscribers are many, and each reads a few topics: a broker that was killed looks through every partition."""
LARGEST_MESSAGE: Final = 1_048_576
"""Bytes. No producer may send more, and every topic accepts as much, so that no batch is refused by the broker."""

_WEEK: Final = timedelta(days=7)
_QUARTER: Final = timedelta(days=90)
_MONTH: Final = timedelta(days=30)
"""So long may a subscriber's reader be away; what it was given is then its own to keep, and no longer ours."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic and its settings; `owner` is the service or party that alone writes to it."""

    name: str
    partitions: int
    owner: str
    purpose: str
    retention: timedelta = _QUARTER

    @property
    def settings(self) -> dict[str, str]:
        """The configuration entries as Kafka names them."""
        return {
            "retention.ms": str(int(self.retention.total_seconds() * 1000)),
            "max.message.bytes": str(LARGEST_MESSAGE * 2),
            "cleanup.policy": "delete",
        }


SALE_EVENTS: Final = Topic("sale.events", PARTITIONS, "intake", "sales, corrections, cancellations")
CASE_EVENTS: Final = Topic("case.events", PARTITIONS, "journey", "the state of every case")
DELIVERY_EVENTS: Final = Topic("delivery.events", PARTITIONS, "dispatch", "the fate of every command")
TELEMETRY_SPANS: Final = Topic("telemetry.spans", COMMAND_PARTITIONS, "observability", "spans", _WEEK)


def events(agency: str) -> Topic:
    """What an agency answered, whichever organisation of that kind it was."""
    return Topic(f"{agency}.events", PARTITIONS, "dispatch", f"answers of {agency}")


def commands(organisation: str) -> Topic:
    """What we ask one organisation; one topic each, so that one that is down never stops another."""
    return Topic(f"{organisation}.commands", COMMAND_PARTITIONS, "journey", f"commands to {organisation}")


def dead(organisation: str) -> Topic:
    """Commands that nobody will try again until a person acts."""
    return Topic(f"{organisation}.dead", 1, "dispatch", f"dead commands to {organisation}")


def poison(topic: Topic) -> Topic:
    """Bytes from `topic` that are none of our messages, raw, with the reason in a header."""
    return Topic(f"{topic.name}.poison", 1, "runtime", f"undecodable messages of {topic.name}")


def submit(publisher: str) -> Topic:
    """Where one publisher produces its sales."""
    return Topic(f"submit.{publisher}", SUBMIT_PARTITIONS, publisher, f"sales submitted by {publisher}")


def refused(publisher: str) -> Topic:
    """Where one publisher reads what we did not accept."""
    return Topic(f"refused.{publisher}", 1, "intake", f"refusals to {publisher}")


def to(subscriber: str, topic: str) -> Topic:
    """Where one subscriber reads its own view of a topic."""
    return Topic(
        f"to.{subscriber}.{topic}", VIEW_PARTITIONS, "projection", f"{topic} as {subscriber} may see it", _MONTH
    )


def all_topics(
    organisations: Iterable[str], publishers: Iterable[str], views: Iterable[tuple[str, str]] = ()
) -> Iterator[Topic]:
    """Every topic of one installation; `views` are pairs of a subscriber and a topic that it has a view of."""
    consumed = [
        SALE_EVENTS,
        CASE_EVENTS,
        DELIVERY_EVENTS,
        TELEMETRY_SPANS,
        *map(events, AGENCIES),
        *map(commands, organisations),
        *map(submit, publishers),
    ]
    yield from consumed
    yield from map(poison, consumed)
    yield from map(dead, organisations)
    yield from map(refused, publishers)
    yield from (to(subscriber, topic) for subscriber, topic in views)


@dataclass(frozen=True, slots=True)
class Command:
    """A command's row: what answers it, and how long dispatch may keep trying before it is dead."""

    versions: Versions
    answer: Versions
    deadline: timedelta

    @property
    def agency(self) -> str:
        """The agency that takes it."""
        return self.versions.owner


def _row(command: Versions, answer: Versions, **deadline: int) -> Command:
    return Command(command, answer, timedelta(**deadline))


COMMANDS: Final = {
    row.versions.name: row
    for row in (
        _row(certificate.COC_QUERY, certificate.COC_CONFIRMED, minutes=30),
        _row(tax.INVOICE_REQUEST, tax.INVOICE_ISSUED, days=1),
        _row(tax.INVOICE_REVERSE, tax.INVOICE_REVERSED, days=3),
        _row(tax.TAX_DECLARE, tax.TAX_ASSESSED, days=3),
        _row(tax.TAX_PAY, tax.TAX_PAID, days=3),
        _row(tax.TAX_RECLAIM, tax.TAX_REFUNDED, days=7),
        _row(insurance.INSURANCE_QUOTE, insurance.INSURANCE_QUOTED, days=1),
        _row(insurance.INSURANCE_BIND, insurance.INSURANCE_BOUND, days=1),
        _row(insurance.INSURANCE_ENDORSE, insurance.INSURANCE_ENDORSED, days=7),
        _row(insurance.INSURANCE_CANCEL, insurance.INSURANCE_CANCELLED, days=3),
        _row(loan.LOAN_APPLY, loan.LOAN_DECIDED, days=1),
        _row(loan.LOAN_WITHDRAW, loan.LOAN_WITHDRAWN, days=3),
        _row(police.PLATE_RESERVE, police.PLATE_RESERVED, days=1),
        _row(police.PLATE_RELEASE, police.PLATE_RELEASED, days=3),
        _row(police.REGISTRATION_REGISTER, police.REGISTRATION_REGISTERED, days=20),
        _row(loan.MORTGAGE_COSIGN, loan.MORTGAGE_COSIGNED, days=3),
        _row(police.MORTGAGE_REGISTER, police.MORTGAGE_REGISTERED, days=3),
        _row(police.MORTGAGE_RELEASE, police.MORTGAGE_RELEASED, days=3),
        _row(police.ELICENCE_ISSUE, police.ELICENCE_ISSUED, days=1),
        _row(police.ELICENCE_GRANT, police.ELICENCE_GRANTED, days=1),
        _row(police.ELICENCE_VERIFY, police.ELICENCE_VERIFIED, hours=1),
        _row(police.ELICENCE_REVOKE, police.ELICENCE_REVOKED, days=3),
        _row(police.REGISTRATION_DEREGISTER, police.REGISTRATION_DEREGISTERED, days=20),
        _row(police.PLATE_DISPATCH, police.PLATE_DISPATCHED, days=3),
        _row(police.PLATE_TRACK, police.PLATE_DELIVERED, days=7),
        _row(export.EXPORT_QUALIFY, export.EXPORT_QUALIFIED, days=3),
        _row(export.LICENCE_APPLY, export.LICENCE_ISSUED, days=5),
        _row(export.EXPORT_DECLARE, export.EXPORT_RELEASED, days=3),
        _row(export.EXPORT_TRACK, export.EXPORT_EXITED, days=30),
    )
}
"""Every command by its contract's name. The longest waits leave room for rulebook §5's legal limits, also over the
longest holidays: the journey watches those limits in working days."""

NOTICES: Final = {
    versions.name: versions for versions in (certificate.COC_CONFIRMED, loan.LOAN_SETTLED, police.MORTGAGE_RELEASED)
}
"""What an organisation may tell of its own accord, not asked by a command."""

ANY_AGENCY: Final = refusal.AGENCY_REFUSED.owner
"""The owner of what every agency says in the same words, on its own topic."""

_SALES: Final = (sale.SALE_CONFIRMED, sale.SALE_CORRECTED, sale.SALE_CANCELLED, sale.SALE_RETURNED)
_OF_SUBSCRIPTIONS: Final = (subscription.SUBSCRIPTION_WITHHELD, subscription.SUBSCRIPTION_ENDED)
_BY_FIRST_WORD: Final = {"submit": _SALES, "refused": (sale.SALE_REFUSED, sale.SALE_CONTESTED)}
_BY_LAST_WORD: Final = {"dead": (delivery.DELIVERY_CHANGED,), "spans": (telemetry.TELEMETRY_SPANS,)}
_NOT_FOR_OTHERS: Final = {DELIVERY_EVENTS.name: (delivery.DELIVERY_CHANGED,)}


def _answers(agency: str) -> tuple[Versions, ...]:
    """What its organisations answer, and what they tell of their own accord, which may be the same."""
    answers = tuple(row.answer for row in COMMANDS.values() if row.agency == agency)
    notices = (told for told in NOTICES.values() if told.owner == agency and told not in answers)
    return (*answers, *notices, refusal.AGENCY_REFUSED)


SUBSCRIBABLE: Final = {
    SALE_EVENTS.name: _SALES,
    CASE_EVENTS.name: (case.CASE_CHANGED,),
    **{events(agency).name: _answers(agency) for agency in AGENCIES},
}
"""The contracts of every topic of which others may have a view. What becomes of our deliveries is our own."""


def carried(topic: str) -> tuple[Versions, ...]:
    """The contracts on a topic; none on one that keeps foreign bytes. Raises `KeyError` for a name of no topic.

    On a view stand those of the topic that it is a view of, and what its subscriber is told of the subscription.
    """
    kind, _, rest = topic.partition(".")
    if topic.endswith(".poison"):
        return ()
    if kind in _BY_FIRST_WORD:
        return _BY_FIRST_WORD[kind]
    if kind == "to":
        return (*SUBSCRIBABLE[rest.partition(".")[2]], *_OF_SUBSCRIPTIONS)
    if rest == "commands":
        return _asked(kind.partition("-")[0])
    return _BY_LAST_WORD.get(rest) or _NOT_FOR_OTHERS.get(topic) or SUBSCRIBABLE[topic]


def _asked(agency: str) -> tuple[Versions, ...]:
    if agency not in AGENCIES:
        raise KeyError(agency)
    return tuple(row.versions for row in COMMANDS.values() if row.agency == agency)
