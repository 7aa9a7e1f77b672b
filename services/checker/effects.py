"""Invariants 2 and 6 in the agencies' own ledger: each effect once, guarded, and undone in reverse order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from . import expectations as expected
from .findings import Finding
from .story import Case, Effect, Story

_NO_TAX_LEFT: Final = frozenset({"RELIEVED", "NOTHING_LEFT"})


@dataclass
class Standing:
    """What stands at the agencies for one vehicle while its ledger is read."""

    story: Story
    effects: dict[str, Effect] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)
    handed_back: dict[str, Effect] = field(default_factory=dict)
    """What stood for the sale of a car that went back, until its return took it away."""

    def take(self, effect: Effect) -> None:
        self.keys.add(effect.key)
        returned = self.story.is_return(self.story.case_of(effect))
        for undone in expected.UNDOES.get(effect.operation, ()):
            gone = self.effects.pop(undone, None)
            if gone is not None and returned:
                self.handed_back[undone] = gone
        for over in expected.ENDS.get(effect.operation, ()):
            self.effects.pop(over, None)
        if effect.operation in expected.ONCE and not self._declined(effect):
            self.effects[effect.operation] = effect

    def holds(self, operation: str, at: str) -> bool:
        """Whether it stands at that moment; a reservation may have expired."""
        effect = self.effects.get(operation)
        return effect is not None and not self._expired(effect, at)

    def _declined(self, effect: Effect) -> bool:
        # A decision against us is on record, but nothing stands that could be undone.
        return bool(self.story.answered(effect, "decision") == "REJECTED")

    def _expired(self, effect: Effect, at: str) -> bool:
        until = self.story.answered(effect, "reserved_until")
        return until is not None and datetime.fromisoformat(until) <= datetime.fromisoformat(at)


def standing(story: Story) -> Standing:
    """What stands at the end."""
    end = Standing(story)
    for effect in story.effects:
        end.take(effect)
    return end


def walk(story: Story) -> Iterator[Finding]:
    """Read a vehicle's ledger from its beginning and name what breaks a rule at its moment."""
    now = Standing(story)
    for number, effect in enumerate(story.effects):
        if effect.key in now.keys:
            yield _named("key-twice", effect, story)
            continue
        yield from _once(effect, now, story)
        yield from _guarded(effect, now, story)
        yield from _in_reverse(effect, now, story, story.effects[number + 1 :])
        now.take(effect)


def _once(effect: Effect, now: Standing, story: Story) -> Iterator[Finding]:
    if effect.delivery not in story.commands:
        yield _named("uncommanded", effect, story)
    if effect.revision > 1 and not _was_waiting(effect, story):
        yield _named("edited-by-nobody", effect, story)
    undone = expected.UNDOES.get(effect.operation)
    again = effect.operation in expected.ONCE and now.holds(effect.operation, effect.at)
    if again and not _may_replace(effect, now, story) and not _was_decided(effect, now, story):
        yield _named("second-effect", effect, story)
    elif undone and not undone & now.effects.keys():
        yield _named("undone-twice", effect, story)


def _was_waiting(effect: Effect, story: Story) -> bool:
    """Only what was put aside can be edited, and that was said when it was."""
    said = (change.told for change in story.named("delivery.changed"))
    return any(one["delivery_id"] == effect.delivery and one["state"] in {"parked", "dead"} for one in said)


def _was_decided(effect: Effect, now: Standing, story: Story) -> bool:
    """A person edited the command after its effect, or gave up a delivery whose effect no answer had told."""
    before = now.effects[effect.operation]
    edited = before.delivery == effect.delivery and before.revision < effect.revision
    return edited or story.left_to_person(before)


def _may_replace(effect: Effect, now: Standing, story: Story) -> bool:
    facet, case = expected.REPLACED.get(effect.operation), story.case_of(effect)
    if facet is None:
        return False
    return facet in story.held.get(case, ()) or case in story.corrected or _has_grown(effect, now, story)


def _has_grown(effect: Effect, now: Standing, story: Story) -> bool:
    """A late declaration of an earlier day, that nobody has paid, says too little of the surcharge."""
    before, after = story.declared_on(now.effects[effect.operation]), story.declared_on(effect)
    bought_on = story.invoice_date(story.case_of(effect))
    if before is None or after is None or bought_on is None or "tax.pay" in now.effects:
        return False
    return before < after and after > bought_on + expected.IN_TIME


def _guarded(effect: Effect, now: Standing, story: Story) -> Iterator[Finding]:
    planned = expected.guarded(terms(story, story.case_of(effect)))
    for needed in expected.NEEDS.get(effect.operation, ()):
        if needed in planned and not now.holds(needed, effect.at):
            yield _named("guard-open", effect, story, f"{effect.operation} < {needed}")
    if effect.operation in expected.CERTIFIED_FIRST and not _certified(effect, story):
        yield _named("guard-open", effect, story, f"{effect.operation} < coc.query")
    if effect.operation in expected.SETTLED_FIRST and not _settled(effect, story):
        yield _named("guard-open", effect, story, f"{effect.operation} < loan.settled")
    ground = story.ground_of(effect)
    if ground in expected.STRUCK_OFF and expected.STRUCK_OFF[ground] != ("registration.deregister" in now.effects):
        yield _named("guard-open", effect, story, f"{effect.operation} by {ground}")


def _settled(effect: Effect, story: Story) -> bool:
    """Both moments are Kafka's, so that no agency's clock matters."""
    command = story.commands.get(effect.delivery)
    told = min((notice.sent for notice in story.named("loan.settled")), default=None)
    return told is not None and (command is None or told <= command.sent)


def _certified(effect: Effect, story: Story) -> bool:
    return story.certified_at is not None and story.certified_at <= datetime.fromisoformat(effect.at)


def _in_reverse(effect: Effect, now: Standing, story: Story, later: Sequence[Effect]) -> Iterator[Finding]:
    if story.is_return(story.case_of(effect)):
        yield from _out_of_order(effect, now, story, expected.RETURNED_IN_ORDER)
        return
    if effect.operation in expected.BEFORE_REGISTRATION_ONLY and "registration.register" in now.effects:
        yield _named("undone-after-registration", effect, story)
    if not _is_redone(effect, story, later):
        yield from _out_of_order(effect, now, story, expected.UNDONE_BEFORE)


def _out_of_order(
    effect: Effect, now: Standing, story: Story, order: Mapping[str, frozenset[str]]
) -> Iterator[Finding]:
    for operation in sorted(order.get(effect.operation, frozenset())):
        if now.holds(operation, effect.at):
            yield _named("undone-out-of-order", effect, story, f"{operation} < {effect.operation}")


def _is_redone(effect: Effect, story: Story, later: Sequence[Effect]) -> bool:
    """One strand is mended, for a reason that is on record, while the others stand: nothing is being called off."""
    case_id = story.case_of(effect)
    case = story.case_by_id.get(case_id)
    reason = case_id in story.corrected or bool(story.held.get(case_id))
    goes_on = case is not None and case.headline not in {"CANCELLING", "CANCELLED"}
    undone = expected.UNDOES.get(effect.operation, frozenset())
    return reason and (goes_on or any(other.operation in undone for other in later))


def terms(story: Story, case_id: str) -> expected.Terms:
    """What the sale and, where somebody decided, the case say about the plan.

    A state that excuses from a loan or its mortgage is believed only where the evidence has its reason.
    """
    case, sale = story.case_by_id.get(case_id), story.sold(case_id)
    told = sale.told if sale else {}
    tax = _state(case, "tax")
    if story.is_return(case_id):
        return expected.Terms("returned-car", relieved=tax in _NO_TAX_LEFT)
    return expected.Terms(
        kind="export-new" if told.get("hs_code") else "new-car",
        financed=bool(told.get("lender_uscc")) and not _unfinanced(story, case_id, _state(case, "loan")),
        unsecured=_unsecured(story, case_id, _state(case, "mort")),
        relieved=tax == "RELIEVED",
        hs_code=told.get("hs_code") or "",
    )


def _state(case: Case | None, facet: str) -> str | None:
    return case.facets.get(facet, {}).get("state") if case else None


def _unfinanced(story: Story, case_id: str, loan: str | None) -> bool:
    return loan in {"REJECTED", "WITHDRAWN"} or (loan == "NOT_NEEDED" and case_id in story.pays_cash)


def _unsecured(story: Story, case_id: str, mortgage: str | None) -> bool:
    """Other security after a mortgage that was held, a loan paid back in time, or the mortgage's release."""
    match mortgage:
        case "SECURED":
            return "mort" in story.held.get(case_id, ())
        case "NOT_NEEDED":
            return any(story.named("loan.settled"))
        case "RELEASED":
            return any(story.named("mortgage.released"))
    return False


def _named(what: str, effect: Effect, story: Story, about: str = "") -> Finding:
    return story.finding(what, effect.where, about or effect.operation, story.case_of(effect))
