"""Asking an organisation once, within a slot of its gate: traced, noted as an attempt, and what the answer comes to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from adapters.errors import AgencyError, Ambiguous, BrokenAnswer, NotYet, Refused, TakenIn, Unavailable
from contracts.contract import Contract
from contracts.delivery import Attempt
from observability import metrics, tracing
from services.runtime.gate import Slot

from .delivery import Answered, Delivery, NeedsPerson, Unsettled, is_doubtful
from .doubts import Doubts
from .voice import Fate, Voice

_BUSY: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_STATUSES: Final = range(100, 600)

Question = Callable[[Delivery, str], Awaitable[Contract | None]]
"""Puts it to the agency under a traceparent: its event, or None if it knows nothing of the delivery."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks one organisation, whatever the question is: to do it, whether it did, or for its answer."""

    doubts: Doubts
    voice: Voice

    async def once(self, delivery: Delivery, slot: Slot | None, question: Question) -> Answered | None:
        """What is to be said of its answer; None if the organisation knows nothing of the delivery.

        The delivery has the attempt afterwards, and the gate knows how the organisation does; no `slot` where nobody
        is called, because its answer is here. Raises `AgencyError` where it may be tried again, `NeedsPerson` where
        nobody can tell whether it happened.
        """
        envelope, last = delivery.command.envelope, delivery.attempts[-1:]
        with tracing.span(
            f"process {delivery.record.topic}",
            kind="consumer",
            parent=envelope.traceparent,
            links=[one.span_id for one in last if one.span_id],
            case_id=envelope.subject,
            attributes={
                "messaging.destination.name": delivery.record.topic,
                "tongche.organisation": self.doubts.agency.organisation.id,
                "tongche.command": delivery.name,
                "tongche.attempt": len(delivery.attempts) + 1,
            },
        ) as span:
            return await self._noted(delivery, slot, span, question)

    async def _noted(
        self, delivery: Delivery, slot: Slot | None, span: tracing.SpanHandle, question: Question
    ) -> Answered | None:
        came: Contract | AgencyError | None
        began, started = self.doubts.clock.now(), _time()
        try:
            came = await question(delivery, span.traceparent)
        except AgencyError as failure:
            came = failure
        except Exception as mistake:
            # A mistake of ours, which says nothing of the organisation; but it may have happened.
            error = BrokenAnswer(unplanned(mistake))
            delivery.attempts.append(_attempt(delivery, began, _time() - started, error, span.span_id))
            self.doubts.note(span.span_id)
            raise
        lasted_s = _time() - started
        wrong = came if isinstance(came, AgencyError) else None
        if slot is not None:
            _judge(slot, wrong, delivery)
            organisation = self.doubts.agency.organisation.id
            metrics.observe("tongche_agency_call_seconds", lasted_s, organisation=organisation)
        if came is None:
            return None
        if isinstance(wrong, TakenIn | Unsettled) and delivery.taken_in:
            # Asked for and not there yet: no news, and it would fill the story of a delivery that waits for days.
            raise wrong
        delivery.attempts.append(_attempt(delivery, began, lasted_s, wrong, span.span_id))
        if wrong is not None:
            if is_doubtful(wrong) and not delivery.taken_in:
                self.doubts.note(span.span_id)
            span.fail(wrong.result)
            span.set("tongche.code", getattr(wrong, "code", None))
        return self._said(delivery, came, span.traceparent)

    def _said(self, delivery: Delivery, came: Contract | AgencyError, traceparent: str) -> Answered:
        command, key = delivery.command, delivery.record.key
        if not isinstance(came, AgencyError):
            fate = Fate("settled", delivery.attempts, deadline=delivery.deadline, decided=delivery.decided)
            said = self.voice.answered(command, key, came, traceparent)
            return Answered((said, self.voice.changed(command, key, fate, traceparent)))
        if isinstance(came, Refused):
            fate = Fate(
                "refused",
                delivery.attempts,
                deadline=delivery.deadline,
                reason=came.code,
                decided=delivery.decided,
            )
            said = self.voice.refused(command, key, came, traceparent)
            return Answered((said, self.voice.changed(command, key, fate, traceparent)))
        if is_doubtful(came) and not delivery.taken_in and not self.doubts.bear_resending(delivery.operation):
            raise NeedsPerson(str(came)) from came
        raise came


def cut_off(delivery: Delivery, now: datetime) -> Attempt:
    """The attempt that a process before us began and never told of: nobody knows what came of it."""
    return _attempt(delivery, now, 0.0, Ambiguous(), None)


def unplanned(mistake: Exception) -> str:
    """A mistake of ours as people are told of it: its kind, and nothing of what it was about."""
    return f"unplanned: {type(mistake).__name__}"


def _time() -> float:
    return asyncio.get_running_loop().time()


def _judge(slot: Slot, error: AgencyError | None, delivery: Delivery) -> None:
    """Tell the gate whether the organisation is there and in its right mind; what it says is another matter."""
    if error is None or isinstance(error, Refused | NotYet):
        slot.answered()
        return
    pause: timedelta | None = getattr(error, "retry_after", None)
    status = getattr(error, "status", None)
    slot.failed(
        f"{error.result}: {error}",
        pause_s=pause.total_seconds() if pause else None,
        busy=status in _BUSY,
        # No connection says nothing about the command; a bad answer may be about this one alone.
        about=delivery.record.key if status is not None and not isinstance(error, Unavailable) else None,
    )


def _attempt(
    delivery: Delivery, began: datetime, lasted_s: float, error: AgencyError | None, span_id: str | None
) -> Attempt:
    return Attempt(
        number=len(delivery.attempts) + 1,
        started_at=began,
        duration_ms=int(lasted_s * 1000),
        result=error.result if error else "answered",
        status=_status(error),
        code=getattr(error, "code", None),
        span_id=span_id,
        revision=delivery.revision if delivery.revision > 1 else None,
    )


def _status(error: AgencyError | None) -> int | None:
    status: int | None = getattr(error, "status", None) if error else HTTPStatus.OK
    # Some invent statuses, and HTTP clients hand them on.
    return status if status is not None and status in _STATUSES else None
