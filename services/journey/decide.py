"""The pure heart: a case and an event give the next case, what to ask, when to look again, and why.

No I/O, no clock, no chance: the moment, the policies and the minting of ids are handed in as a `World`.
"""

from __future__ import annotations

from dataclasses import dataclass

from contracts.case import CaseKind, Step
from contracts.delivery import DeliveryChangedV1
from contracts.refusal import AgencyRefusedV1
from contracts.sale import SaleCancelledV1, SaleConfirmedV3, SaleCorrectedV1, SaleReturnedV1

from . import early
from .answers import answered, delivered, refused
from .case import FACETS, Case, FacetState, Papers, Timer
from .draft import Command, Draft
from .migration import PROCESS, lift
from .repair import NotPossible, assign, cancel, correct, resume, secure, take_over
from .rules import LAPSES, RULES
from .settle import settle, tell_lateness
from .world import Act, Assign, Cancel, Contested, Due, Event, Resume, Secure, Told, TurnedBack, World


@dataclass(frozen=True, slots=True)
class Decision:
    """What an event brought. `timers` are all that the case has now, `changed` is false where nothing is to be told.

    `follow_up` asks for a case of its own, for the car that went back.
    """

    case: Case
    commands: tuple[Command, ...]
    timers: tuple[Timer, ...]
    steps: tuple[Step, ...]
    changed: bool
    follow_up: SaleReturnedV1 | None = None


_INHERITED = (
    "invoice", "loan", "settled", "mortgage", "released_mortgage",
    "elicence", "registered", "bound", "assessed", "paid",
)  # fmt: skip
"""The papers of a sale that its return is about."""


def open_case(case_id: str, told: Told, world: World) -> Decision:
    """A sale opens a case; on a VIN that is taken the case is refused (C409), without a word about the other buyer."""
    sale = told.data
    if not isinstance(sale, SaleConfirmedV3):
        raise TypeError(type(sale).__name__)
    kind: CaseKind = "export-new" if sale.export else "new-car"
    facets = {name: FacetState() for name in FACETS[kind]}
    if kind == "new-car" and sale.loan is None:
        facets |= {"loan": FacetState(state="NOT_NEEDED"), "mort": FacetState(state="NOT_NEEDED")}
    now = world.now
    case = Case(id=case_id, kind=kind, process=PROCESS, sale=sale, opened_at=now, changed_at=now, facets=facets)
    draft = Draft(case, world)
    if told.taken:
        _refuse(draft)
    else:
        draft.move(RULES[kind][0])
        settle(draft)
    return _decision(draft, changed=True)


def open_return(case_id: str, sold: Case, world: World) -> Decision:
    """The case of a registered car that went back, from the closed case of its sale and the papers of that."""
    facets = {name: sold.facets[name].model_copy(update={"hold": None}) for name in FACETS["returned-car"]}
    facets |= {"order": FacetState(), "ins": FacetState(state="BOUND")}
    papers = Papers(**{name: getattr(sold.papers, name) for name in _INHERITED})
    case = Case(
        id=case_id,
        kind="returned-car",
        process=PROCESS,
        sale=sold.sale,
        returned=sold.returned,
        papers=papers,
        early=sold.early,
        opened_at=world.now,
        changed_at=world.now,
        facets=facets,
    )
    draft = Draft(case, world)
    draft.move(RULES["returned-car"][0])
    settle(draft)
    return _decision(draft, changed=True)


def decide(case: Case, event: Event, world: World) -> Decision:
    """What an event brings. Raises `NotPossible` for a person's act that the case's state forbids."""
    draft = Draft(case, world)
    lift(draft)
    match event:
        case Told():
            _hear(draft, event)
        case Contested():
            text = ("另有一笔同车销售被拒绝", "a second sale of this car was reported and refused")
            draft.note("C409", "order", *text)
        case TurnedBack(back):
            take_over(draft, back)
        case Due(timer):
            _wake(draft, timer)
        case Assign() | Resume() | Secure() | Cancel():
            _act(draft, event)
    _hear_early(draft)
    settle(draft)
    _hear_early(draft)
    changed = bool(draft.steps or draft.commands) or draft.case != case
    if changed:
        draft.change(version=case.version + 1, changed_at=world.now)
    return _decision(draft, changed=changed)


def _decision(draft: Draft, *, changed: bool) -> Decision:
    told = tuple(draft.commands), draft.case.timers, tuple(draft.steps)
    return Decision(draft.case, *told, changed, draft.follow_up)


def _hear_early(draft: Draft) -> None:
    while entry := early.ripe(draft.case):
        early.forget(draft, entry)
        answered(draft, None, early.read(entry))
        settle(draft)


def _refuse(draft: Draft) -> None:
    text = ("该车架号已有业务", "the VIN already has a case")
    draft.tell("C409", "order", ("NONE", "REFUSED"), text, source="rulebook §5 T1")
    draft.put("order", "REFUSED")
    draft.change(ended="REFUSED", code="C409", closed_at=draft.world.now)


def _hear(draft: Draft, told: Told) -> None:
    match told.data:
        case SaleConfirmedV3():
            draft.note("1", "order", "同一销售重复送达，已记录", "the same sale again, recorded")
        case SaleCorrectedV1() as correction:
            correct(draft, correction)
        case SaleCancelledV1():
            _cancel_by_maker(draft, "销售方撤销", "called off by the seller")
        case SaleReturnedV1() as returned:
            _take_return(draft, returned)
        case AgencyRefusedV1() as refusal:
            refused(draft, told.cause, refusal)
        case DeliveryChangedV1() as delivery:
            delivered(draft, told.cause, delivery)
        case answer:
            answered(draft, told.cause, answer, told.by)


def _take_return(draft: Draft, returned: SaleReturnedV1) -> None:
    """Before registration the sale is undone; a registered car's return is a case of its own (rulebook §5, T8)."""
    if draft.case.kind != "new-car" or draft.case.ended in {"CANCELLED", "REFUSED"} or draft.case.returned:
        draft.note("RETURN", "order", "退车通知已记录，无需办理", "the word of a return is recorded; nothing to do")
        return
    if returned.returned_on < draft.case.sale.sold_on:
        draft.note("V102", "order", "退车日期早于销售日期，未采用", "a return before the sale; not taken")
        return
    draft.change(returned=returned)
    if draft.past_pivot:
        text = ("车辆已退，本业务办结后另立退车业务", "the car went back; that becomes a case once this one is closed")
        draft.note("RETURN", "order", *text)
    else:
        _cancel_by_maker(draft, "登记前退车", "the car went back before it was registered")


def _cancel_by_maker(draft: Draft, zh: str, en: str) -> None:
    try:
        cancel(draft, zh, en)
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
        case Secure():
            secure(draft, act)
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
    if (facet, hold.reason) in LAPSES and not draft.past_pivot and not draft.case.cancelling:
        cancel(draft, "现金购车报价期满，撤销销售", "nobody took up the offer to pay in cash; the sale is undone")
        # What cannot be taken back keeps its facet held, and is its owner's: no timer may ring for it again.
        draft.hand_over(facet, hold.owner)
        return
    draft.hand_over(facet, hold.owner)
    text = (f"暂停到期，转 {hold.owner}", f"waited long enough; {hold.owner} must act")
    draft.tell("MANUAL", facet, ("HOLD", "MANUAL"), text)
