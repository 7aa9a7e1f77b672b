"""What the journey tells everybody about a case: a snapshot after every change, without personal data."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from . import types as t
from .contract import Contract, Part
from .versions import Versions

Headline = Literal["OPEN", "HOLD", "MANUAL", "CANCELLING", "CANCELLED", "REFUSED", "CLOSED"]
CaseKind = Literal["new-car", "export-new", "returned-car"]
Word = Annotated[str, StringConstraints(max_length=60)]


class Facet(Part):
    """One strand of a case. `hold` is why it waits, `until` for how long, `owner` who must act on it."""

    name: Word
    state: Word
    hold: Word | None = None
    code: Word | None = None
    until: t.Instant | None = None
    owner: Word | None = None


class Input(Part):
    """What a step was decided on: its name, and the SHA-256 of its canonical JSON, without any personal field."""

    name: Word
    sha256: t.Sha256


class Step(Part):
    """One transition of this change, and why: the rule, its source, the policy packs that decided, the inputs.

    `source` cites what the rule rests on; `pack` is the policy pack that decided, where one did.
    """

    rule: Word
    facet: Word
    before: Word
    after: Word
    zh: t.Reason
    en: t.Reason
    pack: Word | None = None
    source: t.Text | None = None
    inputs: tuple[Input, ...] = ()


class Timer(Part):
    """A moment at which the journey will look at the case again."""

    name: Word
    due: t.Instant


class Asked(Part):
    """A command that its organisation has not answered. What becomes of it on its way is told under `delivery_id`.

    Which organisation is asked for what says that there is a loan, or an export: no party sees it in a case's state, so
    these fields have names of their own.
    """

    delivery_id: t.Reference
    asked_for: Word
    asked_of: t.Identifier
    facet: Word
    asked_at: t.Instant


class CaseChangedV1(Contract):
    """The whole case as it stands at `version`, and the steps that this change took.

    `code` is set where the case as a whole was refused (C409) or ended by one. A consumer keeps the snapshot
    with the highest version.
    """

    vin: t.Vin
    order_no: Annotated[str, StringConstraints(max_length=64)]
    kind: CaseKind
    version: Annotated[int, Field(ge=1)]
    headline: Headline
    owner: Word | None = None
    code: Word | None = None
    opened_at: t.Instant
    changed_at: t.Instant
    closed_at: t.Instant | None = None
    facets: tuple[Facet, ...]
    steps: tuple[Step, ...] = ()
    timers: tuple[Timer, ...] = ()
    policy_packs: tuple[Word, ...] = ()
    asked: tuple[Asked, ...] = ()


CASE_CHANGED: Final = Versions("case.changed", "event", "tongche", "the state of a case", (CaseChangedV1,))
