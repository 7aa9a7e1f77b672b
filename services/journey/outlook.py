"""What policy has decided about a case and will decide: every question, its pack, its own date, and what it comes to.

Pure. A date that is not there yet is assumed, and said to be. `trial` compares two sets of packs over open cases.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from contracts.policy import Pack, Policies, PolicyGap
from contracts.policy.params import Rule
from contracts.types import CHINA

from .case import Case
from .policy_questions import ROWS, Row, Said, View

Stage = Literal["decided", "ahead"]


@dataclass(frozen=True, slots=True)
class Question:
    """One policy question of a case: `said` answers it, or there is a `gap`; `assumed`: its own date is not known."""

    rule: Rule
    stage: Stage
    date_field: str
    on: date
    assumed: bool
    said: Said | None
    gap: str | None = None


@dataclass(frozen=True, slots=True)
class Outlook:
    """All questions of a case in the order in which they come up, and the packs that are only shown beside them."""

    case: Case
    questions: tuple[Question, ...]
    annotations: tuple[Pack, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """A question that other packs would answer otherwise."""

    before: Question
    after: Question

    @property
    def closes_gap(self) -> bool:
        """Whether there would be an answer where there is none."""
        return self.before.said is None and self.after.said is not None

    @property
    def opens_gap(self) -> bool:
        """Whether there would be none any more."""
        return self.before.said is not None and self.after.said is None


@dataclass(frozen=True, slots=True)
class Change:
    """What other packs would change about an open case."""

    case: Case
    differences: tuple[Difference, ...]


def outlook(case: Case, policies: Policies, today: date) -> Outlook:
    """Every policy question of a case and the packs that annotate it. Of a case that is over, what was decided."""
    view = View(case, policies, today)
    rows = (row for row in ROWS if case.kind in row.kinds and row.arises(view))
    asked = (_question(row, view) for row in rows)
    questions = tuple(question for question in asked if case.ended is None or question.stage == "decided")
    return Outlook(case, questions, tuple(_annotations(view, questions)))


def trial(cases: Iterable[Case], current: Policies, tried: Policies, today: date) -> Iterator[Change]:
    """Which cases other packs would change, and how. What is decided stays decided, so none that is over."""
    for case in cases:
        if differences := tuple(_differences(case, current, tried, today)):
            yield Change(case, differences)


def _differences(case: Case, current: Policies, tried: Policies, today: date) -> Iterator[Difference]:
    before, after = (outlook(case, policies, today).questions for policies in (current, tried))
    for one, other in zip(before, after, strict=True):
        if one.stage == "ahead" and one.said != other.said:
            yield Difference(one, other)


def _question(row: Row, view: View) -> Question:
    known = row.day(view)
    on = known or row.expected(view)
    decided = row.decided(view)
    said, gap = _answer(row, view, on)
    if decided:
        said, gap = _as_recorded(row, view, said), None
    return Question(row.rule, "decided" if decided else "ahead", row.date_field, on, known is None, said, gap)


def _answer(row: Row, view: View, on: date) -> tuple[Said | None, str | None]:
    try:
        return row.says(view, on), None
    except PolicyGap as gap:
        return None, str(gap)


def _as_recorded(row: Row, view: View, said: Said | None) -> Said | None:
    """What was decided, by the pack that the case remembers, whatever packs say today."""
    ids = {pack.id for pack in view.policies.packs if pack.rule == row.rule}
    recorded = next((pack for pack in view.case.packs if pack in ids), None)
    if recorded is None or (said and said.pack == recorded):
        return said
    return Said(recorded, "已依此办理", "decided by this pack", said.fen if said else {})


def _annotations(view: View, questions: tuple[Question, ...]) -> Iterator[Pack]:
    """Packs that do not bind, by the day of their own question; where the case has none, by the days it was open."""
    days = {question.rule: question.on for question in questions}
    opened = _day(view.case.opened_at)
    until = _day(view.case.closed_at) if view.case.closed_at else view.today
    for pack in view.policies.packs:
        if pack.status.binds or not pack.scope.covers(view.region, view.case.kind):
            continue
        first, last = pack.effective_from or date.min, pack.effective_to or date.max
        own = days.get(pack.rule)
        if pack.on(own) if own else first <= until and opened <= last:
            yield pack


def _day(moment: datetime) -> date:
    return moment.astimezone(CHINA).date()
