"""From a message to everybody who may see something of it: decode, whose, lower, show, record, send. At least once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from contracts.concerns import Concerns
from contracts.contract import Contract
from contracts.envelope import Undecodable, envelope_of
from contracts.registry import UnknownType, resolve
from contracts.versions import CannotDowncast, Lowered, Versions
from contracts.views.masks import Unfit
from observability import logs, tracing
from services.runtime.clock import Clock
from services.runtime.poison import note
from services.runtime.producer import Producer
from services.runtime.record import Record, read
from services.runtime.store import Store
from services.runtime.work import Forgetful

from .disclosures import Book
from .register import Register
from .streams import Heard, Stream, Told


@dataclass(slots=True)
class Projecting(Forgetful):
    """The work of our lanes. A message that comes again is recorded once and sent again under the same id."""

    register: Register
    book: Book
    producer: Producer
    store: Store
    clock: Clock

    async def handle(self, record: Record, known: Any | None) -> None:
        """Serve everybody; on return each has it on Kafka.

        Whose grant came to mean another view while this one was being recorded gets that one.
        """
        del known
        served: set[str] = set()
        try:
            told = self.told(record)
            while told:
                before = self._fed(record, told)
                served |= await self._serve(told)
                # Reading it all over again costs as much as a third of the work, and hardly ever anything has changed.
                settled = served.issuperset(one.stream.view.grant.id for one in told)
                told = [] if settled and self._fed(record, told) is before else self.told(record, served)
        except Undecodable as wrong:
            # It is kept by the service that its topic is for, which reads it too.
            await note(record, wrong.reason)

    def waits(self) -> bool:
        """Only the store can keep it waiting for long."""
        return not self.store.available

    def told(self, record: Record, served: Collection[str] = ()) -> list[Told]:
        """What is to be told of a record, and to whom but those whose grants are served. Raises `Undecodable`."""
        envelope = envelope_of(record.headers)
        if "\0" in envelope.id or "\0" in envelope.subject:
            raise Undecodable("attribute-nul")  # no database could keep it
        try:
            versions, number = resolve(envelope.type)
        except UnknownType:
            raise Undecodable("unknown-type") from None
        streams = self.register.on(record.topic, versions.name)
        if not streams:
            return []
        moment = self.clock.now()
        heard = Heard(record.topic, record.key, envelope, _concerns(envelope.concerns or ""))
        meant = [stream for stream in streams if _is_meant(stream, heard, moment.timestamp(), served)]
        if not meant:
            return []
        said = _Said(versions, number, _valid(record, versions, number))
        return [_told(stream, heard, said) or stream.withheld(heard, moment) for stream in meant]

    def _fed(self, record: Record, told: Sequence[Told]) -> Sequence[Stream]:
        """All that are fed by a message's contract, as they are now: another tuple whenever one comes or goes."""
        return self.register.on(record.topic, told[0].stream.view.versions.name)

    async def _serve(self, told: Sequence[Told]) -> set[str]:
        """Record, then send; gives back the grants of which nothing more is to be told."""
        for one in told:
            one.stream.flight.messages += 1
        try:
            with ExitStack() as spans:
                for span in _spans(told):
                    spans.enter_context(span)
                recorded = await self.book.record(one.disclosure for one in told)
                # What the book has refused is over for good; the rest may have changed since the book was asked.
                now = self.clock.now().timestamp()
                standing = [one for one in told if one.stream.stands(now)]
                await self.producer.send_all([one.outgoing for one in standing if one.disclosure.key in recorded])
                return {one.stream.view.grant.id for one in standing}
        finally:
            for one in told:
                one.stream.flight.messages -= 1


@dataclass(slots=True)
class _Said:
    """A message's data, in each version that is asked for, as JSON has it; made once each."""

    versions: Versions
    number: int
    data: Contract
    _made: dict[int, tuple[dict[str, Any], tuple[str, ...]]] = field(default_factory=dict)

    def in_version(self, pinned: int) -> tuple[Mapping[str, Any], tuple[str, ...]]:
        """The data, and what was lost. Raises `CannotDowncast`."""
        made = self._made.get(pinned)
        if made is None:
            lowered = self._lowered(pinned)
            made = self._made[pinned] = lowered.data.model_dump(mode="json", exclude_none=True), lowered.lost
        return made

    def _lowered(self, pinned: int) -> Lowered:
        # What is said in the pinned version already needs no casts, and there is nothing that it could lose.
        if pinned == self.number:
            return Lowered(self.data, ())
        return self.versions.lower(pinned, self.versions.up(self.number, self.data))


def _is_meant(stream: Stream, heard: Heard, now: float, served: Collection[str]) -> bool:
    return stream.view.grant.id not in served and stream.concerns(heard, now)


def _told(stream: Stream, heard: Heard, said: _Said) -> Told | None:
    """A view, or None where the pinned version cannot say it."""
    try:
        return stream.shown(heard, *said.in_version(stream.view.grant.version))
    except CannotDowncast:
        return None
    except Unfit as wrong:
        # No mask of ours should meet a value that its field may hold and it does not know; if one does, nothing passes.
        logs.get().error("view_unfit", grant=stream.view.grant.id, field=str(wrong))
        return None


def _valid(record: Record, versions: Versions, number: int) -> Contract:
    """The data in the version in which it was written. Raises `Undecodable` with the reason that everybody tells."""
    try:
        return versions.model(number).model_validate_json(record.value or b"")
    except ValidationError:
        read(record)
        raise


@lru_cache(maxsize=65_536)
def _concerns(text: str) -> Concerns | None:
    """Whose a message is; what nobody can read is nobody's."""
    try:
        return Concerns.parse(text)
    except ValueError:
        return None


def _spans(told: Sequence[Told]) -> Iterator[tracing.SpanHandle]:
    for one in told:
        yield tracing.span(
            f"send {one.outgoing.topic}",
            kind="producer",
            parent=one.traceparent,
            case_id=one.disclosure.case,
            attributes={"messaging.destination.name": one.outgoing.topic},
        )
