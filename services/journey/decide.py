"""The pure heart: a case and an event give the next case, what to ask, when to look again, and why.

No I/O, no clock, no chance: the moment, the policies and the minting of ids are handed in as a `World`.
"""

from __future__ import annotations

from dataclasses import dataclass

from contracts.case import CaseKind, Step
from contracts.delivery import DeliveryChangedV1
from contracts.refusal import AgencyRefusedV1
from contracts.sale import SaleCancelledV1, SaleConfirmedV2, SaleCorrectedV1

from .answers import answered, delivered, refused
from .case import FACETS, Case, FacetState, Timer
from .draft import Command, Draft
from .repair import NotPossible, assign, cancel, correct, resume
from .rules import RULES
from .settle import settle, tell_lateness
from .world import Act, Assign, Cancel, Due, Event, Resume, Told, World


@dataclass(frozen=True, slots=True)
class Decision:
    """What an event brought. `timers` are all that the case has now, `changed` is false where nothing is to be told."""

    case: Case
    commands: tuple[Command, ...]
    timers: tuple[Timer, ...]
    steps: tuple[Step, ...]
    changed: bool


def open_case(case_id: str, told: Told, world: World) -> Decision:
    """A sale opens a case; on a VIN that is taken the case is refused (C409), without a word about the other buyer."""
    sale = told.data
    if not isinstance(sale, SaleConfirmedV2):
        raise TypeError(type(sale).__name__)
    kind: CaseKind = "export-new" if sale.export else "new-car"
    facets = {name: FacetState() for name in FACETS[kind]}
    if kind == "new-car" and sale.loan is None:
        facets |= {"loan": FacetState(state="NOT_NEEDED"), "mort": FacetState(state="NOT_NEEDED")}
    case = Case(id=case_id, kind=kind, sale=sale, opened_at=world.now, changed_at=world.now, facets=facets)
    draft = Draft(case, world)
    if told.taken:
        _refuse(draft)
    else:
        draft.move(RULES[kind][0])
        settle(draft)
    return _decision(draft, changed=True)


def decide(case: Case, event: Event, world: World) -> Decision:
    """What an event brings. Raises `NotPossible` for a person's act that the case's state forbids."""
    draft = Draft(case, world)
    match event:
        case Told():
            _hear(draft, event)
        case Due(timer):
            _wake(draft, timer)
        case Assign() | Resume() | Cancel():
            _act(draft, event)
    settle(draft)
    changed = bool(draft.steps or draft.commands) or draft.case != case
    if changed:
        draft.change(version=case.version + 1, changed_at=world.now)
    return _decision(draft, changed=changed)


def _decision(draft: Draft, *, changed: bool) -> Decision:
    return Decision(draft.case, tuple(draft.commands), draft.case.timers, tuple(draft.steps), changed)


def _refuse(draft: Draft) -> None:
    draft.tell("C409", "order", ("NONE", "REFUSED"), ("该车架号已有业务", "the VIN already has a case"))
    draft.put("order", "REFUSED")
    draft.change(ended="REFUSED", code="C409", closed_at=draft.world.now)


def _hear(draft: Draft, told: Told) -> None:
    match told.data:
        case SaleConfirmedV2():
            draft.note("1", "order", "同一销售重复送达，已记录", "the same sale again, recorded")
        case SaleCorrectedV1() as correction:
            correct(draft, correction)
        case SaleCancelledV1():
            _cancel_by_maker(draft)
        case AgencyRefusedV1() as refusal:
            refused(draft, told.cause, refusal)
        case DeliveryChangedV1() as delivery:
            delivered(draft, told.cause, delivery)
        case answer:
            answered(draft, told.cause, answer)


def _cancel_by_maker(draft: Draft) -> None:
    try:
        cancel(draft, "销售方撤销", "called off by the seller")
    except NotPossible as why:
        draft.note(
            "CANCEL", "order", f"销售方要求撤销，未执行：{why.zh}", f"the seller's wish was not carried out: {why.en}"
        )


def _act(draft: Draft, act: Act) -> None:
    match act:
        case Assign():
            assign(draft, act)
        case Resume():
            resume(draft, act)
        case Cancel(reason, by):
            cancel(draft, f"人工撤销（{by}）：{reason}", f"called off by {by}: {reason}")


def _wake(draft: Draft, timer: str) -> None:
    kind, _, name = timer.partition(":")
    match kind:
        case "watch":
            _give_up(draft, name)
        case "hold":
            _escalate(draft, name)
        case "tax-clock":
            tell_lateness(draft)


def _give_up(draft: Draft, ask_id: str) -> None:
    """Dispatch should have settled it by now."""
    ask = draft.case.asks.get(ask_id)
    if ask is None or ask.until is None or draft.world.now < ask.until:
        return
    draft.distrust(ask)
    if draft.case.facets[ask.facet].hold is None:
        draft.hold(ask.facet, "timeout")


def _escalate(draft: Draft, facet: str) -> None:
    """A hold that did not mend itself becomes its owner's."""
    hold = draft.case.facets[facet].hold
    if hold is None or hold.until is None or draft.world.now < hold.until:
        return
    draft.hand_over(facet, hold.owner)
    text = (f"暂停到期，转 {hold.owner}", f"waited long enough; {hold.owner} must act")
    draft.tell("MANUAL", facet, ("HOLD", "MANUAL"), text)
