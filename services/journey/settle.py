"""What follows from where a case stands: rows that fire by themselves, the end, what is taken back, what is asked.

Nothing is placed by hand after an event: each is computed anew from the state, so no order of events can forget it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from contracts.policy import PolicyGap
from contracts.policy.purchase_tax import last_day
from contracts.tax import InvoiceIssuedV1
from contracts.topics import COMMANDS
from contracts.types import CHINA

from . import early
from .case import Ask, Case, Effect, TaxClock, tax_is_open
from .draft import Draft, organisation_of
from .evidence import inputs_of
from .proofs import present
from .rules import CLOSING, HANDED_OVER, RULES, UNDO_ORDER, Rule, rule_with_effect


def settle(draft: Draft) -> None:
    """Draw every consequence."""
    _start_tax_clock(draft)
    _fire_by_themselves(draft)
    _close(draft)
    _follow_return(draft)
    _wait_for_settlement(draft)
    _take_back(draft)
    _own_what_is_stuck(draft)
    _own_what_is_missing(draft)
    for rule in list(due(draft.case)):
        _ask(draft, rule)


def due(case: Case) -> Iterator[Rule]:
    """The rows whose command must be asked now: their guards hold, and nothing is out or in the way."""
    asked = {ask.command for ask in case.asks.values()}
    unclean = {effect.facet for effect in case.effects if effect.standing == "unwanted"}
    for rule in _open_rows(case):
        if rule.asks and rule.asks not in asked and rule.facet not in unclean:
            yield rule


def firm(case: Case, rule: Rule) -> bool:
    """Whether everything that a row needs stands, and none of it is held."""
    return all(case.facets[facet].state in states and case.facets[facet].hold is None for facet, states in rule.guards)


def _open_rows(case: Case) -> Iterator[Rule]:
    return (rule for rule in RULES[case.kind] if _is_open(case, rule))


def _is_open(case: Case, rule: Rule) -> bool:
    if case.cancelling or case.ended in {"CANCELLED", "REFUSED"} or (case.followed and rule.facet in HANDED_OVER):
        return False
    facet = case.facets[rule.facet]
    return facet.state == rule.before and facet.hold is None and firm(case, rule)


def tell_lateness(draft: Draft) -> None:
    """Record, once an invoice, that the sixty days of PTL 12 have passed."""
    clock = draft.case.tax_clock
    if clock and clock.due and draft.world.now >= clock.due:
        draft.change(tax_clock=clock.model_copy(update={"due": None}))
        state, bill = draft.case.facets["tax"].state, present(draft.case.papers.invoice)
        terms = _terms_of(draft, bill)
        text = ("已逾申报期限，自第61日起加收滞纳金", "declared late; a surcharge runs from day 61")
        inputs = inputs_of(draft.case, ("invoice",))
        draft.tell("T408", "tax", (state, state), text, pack=terms, source="PTL 12; TCL 32", inputs=inputs)
        draft.name_packs(terms)


def _terms_of(draft: Draft, bill: InvoiceIssuedV1) -> str | None:
    """The pack that makes it late; None where it was taken away since the clock was set."""
    try:
        return draft.world.policies.pack_for("purchase-tax-terms", bill.invoice_date, kind="new-car").id
    except PolicyGap:
        return None


def _start_tax_clock(draft: Draft) -> None:
    bill, clock = draft.case.papers.invoice, draft.case.tax_clock
    if bill and tax_is_open(draft.case) and (clock is None or clock.invoice_no != bill.invoice_no):
        # The first late day counts from the day of business, which a test may choose, and not from the clock's.
        try:
            last = last_day(draft.world.policies, bill.invoice_date)
        except PolicyGap:
            return  # the assessment will be held for the same gap, and there a person sees it
        days = (last - draft.world.today).days + 1
        midnight = draft.world.now.astimezone(CHINA).replace(hour=0, minute=0, second=0, microsecond=0)
        draft.change(tax_clock=TaxClock(invoice_no=bill.invoice_no, due=midnight + timedelta(days=days)))
        tell_lateness(draft)


def _fire_by_themselves(draft: Draft) -> None:
    for rule in RULES[draft.case.kind]:
        if rule.when and _is_open(draft.case, rule):
            _fire(draft, rule)


def _fire(draft: Draft, rule: Rule) -> None:
    try:
        finding = rule.when(draft.case, draft.world) if rule.when else None
    except PolicyGap:
        draft.hold(rule.facet, "policy-gap", source=rule.source)
        return
    if finding:
        draft.move(rule, finding)


def _close(draft: Draft) -> None:
    closing, case = CLOSING[draft.case.kind], draft.case
    if case.ended is None and not case.cancelling and firm(case, closing):
        change = (closing.before, closing.after)
        inputs = inputs_of(case, closing.weighs)
        draft.tell(closing.id, closing.facet, change, (closing.zh, closing.en), source=closing.source, inputs=inputs)
        draft.change(ended="CLOSED", closed_at=draft.world.now, assigned=None)


def _follow_return(draft: Draft) -> None:
    """A car that went back after it was registered begins a case of its own, once this one owes nobody anything."""
    case = draft.case
    owing = any(ask.facet in HANDED_OVER for ask in case.asks.values())
    if case.returned and not case.followed and not owing and case.ended == "CLOSED" and case.kind == "new-car":
        draft.change(followed=True)
        draft.follow_up = case.returned
        draft.note("RETURN", "order", "退车另立业务办理", "the return has a case of its own")


def _wait_for_settlement(draft: Draft) -> None:
    """A car that went back stays on the register for as long as a mortgage stands (L423): its bank is waited for."""
    case = draft.case
    if case.kind != "returned-car" or case.ended or case.cancelling:
        return
    mort, loan = case.facets["mort"], case.facets["loan"]
    if mort.state == "REGISTERED" and loan.state == "APPROVED" and not (mort.hold or loan.hold):
        draft.hold("mort", "mortgaged")


def _ask(draft: Draft, rule: Rule) -> None:
    if rule.asks is None or rule.request is None:
        return
    organisation = organisation_of(draft.case, COMMANDS[rule.asks].agency)
    if organisation not in draft.world.organisations:
        draft.hold(rule.facet, "unknown-organisation")
        return
    try:
        data = rule.request(draft.case, draft.world)
    except PolicyGap:
        draft.hold(rule.facet, "policy-gap", source=rule.source)
        return
    if rule.remembers:
        kept = {name: getattr(data, name) for name in rule.remembers}
        draft.change(papers=draft.case.papers.model_copy(update=kept))
    draft.send(draft.await_(rule.asks, rule.facet, organisation), data)


def _take_back(draft: Draft) -> None:
    """Undo what is unwanted, in reverse order, one after the other; a cancelled case first lets what is out come in."""
    undoing = [ask for ask in draft.case.asks.values() if ask.undoes]
    if _refund_differs(draft.case):
        return
    if undoing or (draft.case.cancelling and draft.case.asks):
        return
    unwanted = [effect for effect in draft.case.effects if effect.standing == "unwanted"]
    if unwanted:
        _undo(draft, min(unwanted, key=lambda effect: UNDO_ORDER.index(effect.rule)))
    elif draft.case.cancelling:
        _cancelled(draft)


def _own_what_is_stuck(draft: Draft) -> None:
    """What could not be taken back is somebody's, whatever else its facet was held for and no more is."""
    for effect in draft.case.effects:
        if effect.stuck and draft.case.facets[effect.facet].hold is None:
            draft.hold(effect.facet, "stuck")


def _own_what_is_missing(draft: Draft) -> None:
    """A change that waits for one that nobody has told is somebody's."""
    facet = early.gap(draft.case)
    if facet and draft.case.facets[facet].hold is None:
        draft.hold(facet, "gap")


def _refund_differs(case: Case) -> bool:
    """Whether money came back that is not what was paid: a case is not called undone over it."""
    return any(facet.hold and facet.hold.reason == "refund" for facet in case.facets.values())


def _undo(draft: Draft, effect: Effect) -> None:
    if effect.stuck:
        return
    _rule, undo = rule_with_effect(draft.case.kind, effect.rule)
    if effect.organisation not in draft.world.organisations:
        draft.mark(effect, stuck=True)
        draft.hold(effect.facet, "unknown-organisation")
        return
    ask: Ask = draft.await_(undo.command, effect.facet, effect.organisation, undoes=effect.reference)
    draft.send(ask, undo.request(draft.case, effect))


def _cancelled(draft: Draft) -> None:
    draft.tell(
        "CANCELLED", "order", (draft.case.facets["order"].state, "CANCELLED"),
        ("业务已撤销，已办事项均已撤回", "the case is cancelled; all that was done is taken back"),
    )  # fmt: skip
    draft.put("order", "CANCELLED")
    draft.change(ended="CANCELLED", cancelling=False, closed_at=draft.world.now, assigned=None)
