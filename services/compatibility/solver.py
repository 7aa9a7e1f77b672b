"""Is there a value that fits these schemas and not those? A value, or a proof that there is none.

The proof is a tableau: for each kind of value the formula of every claim is taken apart into cases, each a set of
facts; a case is closed when its facts cannot be so together. What stands inside arrays and objects is a problem of the
same form again. A problem that asks for itself, by a schema that contains itself, is closed there: if it had any value,
the one of least depth would not contain another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from services.compatibility import terms as t
from services.compatibility.arrays import an_array
from services.compatibility.meaning import meaning
from services.compatibility.numbers import a_number
from services.compatibility.objects import an_object
from services.compatibility.outcome import NOTHING, Doubts, Found, Nothing, Outcome, Problem, Unsure
from services.compatibility.reading import Reading
from services.compatibility.terms import Among, Claim, Fact, Formula
from services.compatibility.texts import a_text
from services.compatibility.values import KINDS, Frozen, Kind
from services.compatibility.work import TooMuch, Work

_STEPS: Final = 200_000
_DEEP: Final = 120
_SCANNED: Final = 8
"""Alternatives that are looked through in one step."""


class Solver:
    """Keeps what it has proved, and how much it may still look at."""

    def __init__(self, reading: Reading, steps: int = _STEPS) -> None:
        self._reading = reading
        self._work = Work(steps)
        self._known: dict[Problem, Outcome] = {}
        self._above: dict[Problem, int] = {}
        self._touched: list[int] = []

    def value(self, *claims: Claim) -> Outcome:
        """A value for which all claims are so, the simplest kinds first."""
        try:
            return self._solve(frozenset(claims))
        except TooMuch:
            return Unsure("too many cases to look at them all")
        except RecursionError:
            return Unsure("nested too deep")

    def _solve(self, problem: Problem) -> Outcome:
        # What is known counts too: of arrays and objects there may be more ways than steps, all of known places.
        self._work.spend()
        if problem in self._known:
            return self._known[problem]
        if any(claim.denied in problem for claim in problem if claim.holds):
            return NOTHING
        if problem in self._above:
            self._touched[-1] = min(self._touched[-1], self._above[problem])
            return NOTHING
        return self._look(problem)

    def _look(self, problem: Problem) -> Outcome:
        depth = len(self._above)
        if depth > _DEEP:
            return Unsure("nested too deep")
        self._above[problem] = depth
        self._touched.append(depth)
        try:
            outcome = self._any_kind(problem)
        finally:
            touched = self._touched.pop()
            del self._above[problem]
            if self._touched:
                self._touched[-1] = min(self._touched[-1], touched)
        # What was closed because something above is being looked at is closed only below that.
        if not isinstance(outcome, Nothing) or touched >= depth:
            self._known[problem] = outcome
        return outcome

    def _any_kind(self, problem: Problem) -> Outcome:
        doubts = Doubts()
        for kind in KINDS:
            for facts in self._cases(problem, kind):
                outcome = self._of_kind(kind, facts)
                if isinstance(outcome, Found):
                    return outcome
                doubts.hear(outcome)
        return doubts.verdict()

    def _of_kind(self, kind: Kind, facts: Sequence[Fact]) -> Outcome:
        match kind:
            case "null":
                return _scalar(facts, Frozen("null", None))
            case "boolean":
                return _scalar(facts, Frozen("boolean", False), Frozen("boolean", True))
            case "number":
                return a_number(facts)
            case "string":
                return a_text(facts, self._work)
            case "array":
                return an_array(facts, self._solve, self._reading)
            case "object":
                return an_object(facts, self._solve, self._reading)

    def _cases(self, problem: Problem, kind: Kind) -> Iterator[tuple[Fact, ...]]:
        # What must be refused first: where it is, decides most of what else has to be looked at.
        parts = tuple(t.This(claim) for claim in sorted(problem, key=lambda one: (one.holds, one.schema.number)))
        yield from _Cases(self._work, kind, self._reading).of(parts, (), {}, frozenset())


def _scalar(facts: Sequence[Fact], *values: Frozen) -> Outcome:
    for value in values:
        if all((value in fact.values) == fact.holds for fact in facts if isinstance(fact, Among)):
            return Found(value)
    return NOTHING


class _Cases:
    """Takes formulas apart: what holds in any case first, then the alternatives one by one."""

    def __init__(self, work: Work, kind: Kind, reading: Reading) -> None:
        self._work = work
        self._kind: Kind = kind
        self._reading = reading

    def of(
        self,
        waiting: tuple[Formula, ...],
        choices: tuple[t.Any, ...],
        facts: dict[Fact, None],
        claims: frozenset[Claim],
    ) -> Iterator[tuple[Fact, ...]]:
        """The cases of what waits, together with what is already so; none where it contradicts itself."""
        found = dict(facts)
        fresh: list[t.Any] = []
        stack = list(reversed(waiting))
        while stack:
            self._work.spend()
            match part := stack.pop():
                case t.All(parts):
                    stack.extend(reversed(parts))
                case t.Any((only,)):
                    stack.append(only)
                case t.Any(parts):
                    fresh.append(t.Any(tuple(_flat(parts))))
                case t.One(alternatives, holds):
                    stack.append(_one(alternatives, holds=holds))
                case t.This(claim) if claim not in claims:
                    if claim.denied in claims:
                        return
                    claims |= {claim}
                    stack.append(self._said(claim))
                case t.This():
                    pass
                case _:
                    found[part] = None
        if not any(t.denied(fact) in found for fact in found):
            yield from self._chosen((*fresh, *choices), found, claims)

    def _said(self, claim: Claim) -> Formula:
        said = meaning(claim.schema, self._kind, self._reading)
        return said if claim.holds else t.denied(said)

    def _chosen(
        self, choices: tuple[t.Any, ...], facts: dict[Fact, None], claims: frozenset[Claim]
    ) -> Iterator[tuple[Fact, ...]]:
        """Branch where nothing is left to choose, else at the first choice; closed alternatives do not count."""
        open_choices = []
        self._work.spend(sum(len(choice.parts) for choice in choices) // _SCANNED)
        for choice in choices:
            left = tuple(part for part in choice.parts if not self._closed(part, facts, claims))
            if any(self._so(part, facts, claims) for part in left):
                continue
            open_choices.append(t.Any(left))
        if not open_choices:
            yield tuple(facts)
            return
        chosen = next((one for one in open_choices if len(one.parts) < 2), open_choices[0])  # noqa: PLR2004 - no choice
        rest = tuple(one for one in open_choices if one is not chosen)
        for part in chosen.parts:
            yield from self.of((part,), rest, facts, claims)

    def _closed(self, part: Formula, facts: dict[Fact, None], claims: frozenset[Claim]) -> bool:
        match part:
            case t.Any(()):
                return True
            case t.All(parts):
                return any(self._closed(one, facts, claims) for one in parts)
            case t.This(claim):
                return claim.denied in claims
            case t.Any() | t.One():
                return False
            case _:
                return t.denied(part) in facts

    def _so(self, part: Formula, facts: dict[Fact, None], claims: frozenset[Claim]) -> bool:
        match part:
            case t.All(parts):
                return all(self._so(one, facts, claims) for one in parts)
            case t.This(claim):
                return claim in claims
            case t.Any() | t.One():
                return False
            case _:
                return part in facts


def _flat(parts: tuple[Formula, ...]) -> Iterator[Formula]:
    """The alternatives, with those of a choice among them."""
    for part in parts:
        if isinstance(part, t.Any):
            yield from _flat(part.parts)
        else:
            yield part


def _one(claims: tuple[Claim, ...], *, holds: bool) -> Formula:
    """Just one of the claims; or none, or two of them."""
    if holds:
        return t.Any(
            tuple(
                t.All((t.This(claim), *(t.This(other.denied) for place, other in enumerate(claims) if place != at)))
                for at, claim in enumerate(claims)
            )
        )
    none = t.All(tuple(t.This(claim.denied) for claim in claims))
    pairs = tuple(t.All((t.This(one), t.This(other))) for at, one in enumerate(claims) for other in claims[at + 1 :])
    return t.Any((none, *pairs))
