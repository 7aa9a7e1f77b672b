"""How a case is mended or called off: by a person's act, by the maker's correction or cancellation."""

from __future__ import annotations

from typing import Any, Final

from pydantic import ValidationError

from contracts.sale import Buyer, SaleConfirmedV3, SaleCorrectedV1

from . import early
from .case import NONE, Case, Effect
from .draft import Draft
from .rules import HANDED_OVER, LAPSES, MATERIAL, RULES, dependents, fields_of, pivot_of, reads_of, rule_of_command
from .world import Assign, Resume, Secure

FADING: Final = frozenset({"timeout", "dead"})
"""Reasons that are only about an answer's absence."""

_UNNEEDED: Final = frozenset({"NOT_NEEDED"})


class NotPossible(ValueError):
    """An act that the case's state forbids; `code` is stable, the text for people."""

    def __init__(self, code: str, zh: str, en: str) -> None:
        super().__init__(en)
        self.code, self.zh, self.en = code, zh, en


def assign(draft: Draft, act: Assign) -> None:
    """Give the case, and all of it that is held, to a named owner."""
    if draft.case.ended and not any(facet.hold for facet in draft.case.facets.values()):
        raise NotPossible("ended", "业务已结束", "the case has ended")
    for name in draft.case.facets:
        draft.hand_over(name, act.owner)
    draft.change(assigned=act.owner)
    text = (f"转交 {act.owner}（{act.by}）：{act.reason}", f"given to {act.owner} by {act.by}: {act.reason}")
    draft.note("ASSIGN", "order", *text)


def resume(draft: Draft, act: Resume) -> None:
    """Let everything that is held go on: what is outstanding is awaited anew, what has ended is asked anew."""
    held = [name for name, facet in draft.case.facets.items() if facet.hold]
    if not held:
        raise NotPossible("nothing-held", "没有暂停或待人工的环节", "nothing is held")
    if draft.pivot_under_way and any(_must_reopen(draft, name) for name in held):
        raise NotPossible("pivot-under-way", "登记或报关正在进行，请待答复", "registration or declaration is under way")
    for name in held:
        before = draft.case.facets[name]
        resume_facet(draft, name)
        zh, en = ("，继续等待答复", ", its answer is awaited") if draft.asks_of(name) else ("", "")
        draft.tell(
            "RESUME", name, ("MANUAL" if before.hold and before.hold.manual else "HOLD", draft.case.facets[name].state),
            (f"恢复办理{zh}（{act.by}）：{act.reason}", f"resumed{en} by {act.by}: {act.reason}"),
        )  # fmt: skip
    draft.change(assigned=None)


def secure(draft: Draft, act: Secure) -> None:
    """Let other security stand for a mortgage that the lender or the police refused, after registration."""
    mort = draft.case.facets.get("mort")
    if mort is None or mort.hold is None or mort.state not in {NONE, "COSIGNED"} or not draft.past_pivot:
        raise NotPossible("no-mortgage-held", "没有暂停的抵押登记", "no mortgage registration is held")
    if any(not ask.ended for ask in draft.asks_of("mort")):
        raise NotPossible("mortgage-under-way", "抵押登记在办，请待答复", "the mortgage is being registered; await it")
    draft.drop(*draft.asks_of("mort"))
    draft.release("mort")
    text = (f"以其他担保代替抵押（{act.by}）：{act.reason}", f"other security instead, by {act.by}: {act.reason}")
    draft.tell("T9", "mort", (mort.state, "SECURED"), text, source="rulebook §7, scenario 8")
    draft.put("mort", "SECURED")
    draft.change(assigned=None)


def take_over(draft: Draft, back: Case) -> None:
    """A return was called off: loan and mortgage are this case's again, as they stand by now."""
    for facet in HANDED_OVER:
        draft.put(facet, back.facets[facet].state)
    papers = {name: getattr(back.papers, name) for name in ("settled", "mortgage", "released_mortgage")}
    draft.change(papers=draft.case.papers.model_copy(update=papers), early=back.early, returned=None, followed=False)
    draft.note("RETURN", "order", "退车已撤回，车辆仍属原销售", "the return was called off; the car stays sold")


def cancel(draft: Draft, zh: str, en: str) -> None:
    """Call a case off before the pivot. What is under way may still come in; then all is taken back."""
    case = draft.case
    if case.ended or case.cancelling:
        raise NotPossible("ended", "业务已结束或正在撤销", "the case has ended or is being cancelled")
    if draft.past_pivot:
        raise NotPossible("after-pivot", "已登记或已放行，只能向前补办", "registered or released: only forward repair")
    draft.change(cancelling=True)
    draft.tell("CANCEL", "case", ("OPEN", "CANCELLING"), (zh, en))
    draft.drop(*(ask for ask in case.asks.values() if not _may_have_effect(draft, ask.command) and not ask.undoes))
    for effect in draft.case.effects:
        if effect.standing == "held":
            draft.mark(effect, standing="unwanted")
    for name in draft.case.facets:
        if not any(ask.until is None for ask in draft.asks_of(name)) and not _stuck(draft, name):
            draft.release(name)


def correct(draft: Draft, data: SaleCorrectedV1) -> None:
    """Take the maker's correction: ask again what is held for it, hold what was already done with the old word."""
    case = draft.case
    if case.ended or case.cancelling:
        draft.note("CORRECT", "order", "业务已结束，更正已记录", "the case has ended; the correction is recorded")
        return
    if data.sale_version is not None and not case.sale_version <= data.sale_version <= case.version:
        draft.note("C410", "order", "更正所依据的版本已过期", "the correction was made against a stale version")
        return
    told = {name: value for name in data.model_fields_set if (value := getattr(data, name)) is not None}
    changes = {name: value for name, value in told.items() if name not in {"vin", "sale_version", "reason", "pay_cash"}}
    try:
        sale = _corrected(case.sale, changes)
    except ValidationError:
        draft.note("V102", "order", "更正后的信息不成立，未采用", "the corrected sale would not be valid; not taken")
        return
    draft.change(sale=sale, sale_version=case.version + 1)
    draft.note("CORRECT", "order", "销售信息已更正", "the sale was corrected")
    altered = frozenset(name for name in changes if _word(sale, name) != _word(case.sale, name))
    for name in draft.case.facets:
        _apply_correction(draft, name, frozenset(changes), altered)
    if draft.past_pivot and MATERIAL.intersection(altered):
        draft.hold("order", "corrected", manual=True)
    if data.pay_cash:
        _pay_cash(draft)


def _pay_cash(draft: Draft) -> None:
    """The buyer pays without the loan: an approval is given back, and no mortgage will be needed.

    The sale keeps naming the bank: an approval that comes after all must find its way back there.
    """
    loan = draft.case.facets.get("loan")
    if loan is None or loan.state in _UNNEEDED:
        draft.note("CASH", "order", "本就是全款，无需变更", "no loan was asked for; nothing changes")
        return
    if draft.past_pivot or draft.pivot_under_way or draft.case.kind != "new-car":
        draft.note("CASH", "loan", "登记在办或已登记，贷款不再变更", "registered, or being so: the loan stays as it is")
        return
    _forsake(draft, "loan")
    for effect in draft.case.effects:
        if effect.facet == "loan" and effect.standing == "held":
            draft.mark(effect, standing="unwanted")
    for facet in ("loan", "mort"):
        draft.release(facet)
        draft.put(facet, "NOT_NEEDED")
    text = ("购车人改为全款，无需贷款与抵押", "the buyer pays in cash; neither loan nor mortgage is needed")
    draft.tell("T4", "loan", (loan.state, "NOT_NEEDED"), text, source="rulebook §7, scenario 7")


def resume_facet(draft: Draft, facet: str) -> None:
    """Let one facet go on, after taking back what it doubts.

    Only what has ended is forgotten, and thereby asked anew: a command that is merely late is on its way still, and a
    second one would be carried out as well.
    """
    if _must_reopen(draft, facet):
        reopen(draft, facet)
    hold = draft.case.facets[facet].hold
    if hold and hold.reason == "gap":
        early.believe(draft, facet)
    _found(draft, facet)
    draft.drop(*(ask for ask in draft.asks_of(facet) if ask.ended))
    draft.release(facet)
    for effect in draft.case.effects:
        if effect.facet == facet and effect.stuck:
            draft.mark(effect, stuck=False)
    if draft.case.facets[facet].state == "REJECTED":
        draft.put(facet, NONE)


def _found(draft: Draft, facet: str) -> None:
    """Begin again what stands on a paper that nobody gave us: a case of an older process goes on by today's rows."""
    for rule in RULES[draft.case.kind]:
        stands = rule.facet == facet and draft.case.facets[facet].state == rule.after
        if stands and rule.paper and getattr(draft.case.papers, rule.paper) is None:
            draft.put(facet, rule.before)


def reopen(draft: Draft, facet: str) -> None:
    """Begin a facet anew, and before the pivot every facet that stands on it: what they did is to be taken back."""
    for name in (facet, *dependents(draft.case.kind, facet)):
        if draft.case.facets[name].state in _UNNEEDED:
            continue
        _forsake(draft, name)
        for effect in draft.case.effects:
            if effect.facet == name and effect.standing == "held":
                draft.mark(effect, standing="unwanted")
        draft.put(name, NONE)
        if not _stuck(draft, name):
            draft.release(name)


def _forsake(draft: Draft, facet: str) -> None:
    """Want the answers of a facet no more: an effect that comes all the same is taken back."""
    forsaken = [ask for ask in draft.asks_of(facet) if not ask.undoes]
    draft.drop(*forsaken)
    if any(not ask.ended for ask in forsaken):
        text = ("在途的办理已不需要，迟到的结果将撤回", "no longer wanted; a late effect is taken back")
        draft.note("UNWANTED", facet, *text)


def _corrected(sale: SaleConfirmedV3, changes: dict[str, Any]) -> SaleConfirmedV3:
    own = {name: value for name, value in changes.items() if name in SaleConfirmedV3.model_fields}
    buyers = {name: value for name, value in changes.items() if name in Buyer.model_fields}
    if motor := changes.get("motor_no"):
        own["motor_nos"] = (motor, *sale.motor_nos[1:])
    whole = sale.model_dump() | own
    if buyers:
        whole["buyer"] = (whole["buyer"] or {}) | buyers
    return SaleConfirmedV3.model_validate(whole)


def _word(sale: SaleConfirmedV3, name: str) -> Any:
    """What a sale says in a field of its own or of its buyer."""
    return getattr(sale.buyer, name, None) if name in Buyer.model_fields else getattr(sale, name)


def _apply_correction(draft: Draft, facet: str, told: frozenset[str], altered: frozenset[str]) -> None:
    """A word that is only said again lets go what waits for it, and undoes nothing."""
    hold = draft.case.facets[facet].hold
    if hold and (facet, hold.reason) in LAPSES:
        return  # an offer stands until it is taken up, resumed, or lapses: no other word applies for the loan anew
    reads = reads_of(draft.case.kind, facet)
    touched = reads & told
    if hold and hold.reason != "corrected":
        barred = draft.pivot_under_way and _must_reopen(draft, facet)
        if touched and not barred and not _irrevocable(draft, facet):
            _forsake(draft, facet)
            resume_facet(draft, facet)
    elif not draft.past_pivot and _used(draft, facet, reads & altered & MATERIAL):
        draft.hold(facet, "corrected")


def _used(draft: Draft, facet: str, fields: frozenset[str]) -> bool:
    """Whether an agency was already told, or has already confirmed, the old word."""
    rows = [rule for rule in RULES[draft.case.kind] if rule.facet == facet and not rule.final]
    settled = bool(rows) and draft.case.facets[facet].state not in {NONE, *_UNNEEDED}
    under_way = any(fields_of(ask.command) & fields for ask in draft.asks_of(facet) if not ask.undoes)
    return bool(fields) and (settled or under_way)


def _irrevocable(draft: Draft, facet: str) -> bool:
    """Whether something is outstanding that nobody can take back: asked again, it would happen twice."""
    own = (ask for ask in draft.asks_of(facet) if not ask.undoes and not ask.ended)
    return any(rule_of_command(draft.case.kind, ask.command).final for ask in own)


def _must_reopen(draft: Draft, facet: str) -> bool:
    """Whether going on means taking something back first."""
    held = draft.case.facets[facet]
    if draft.past_pivot or draft.case.cancelling or held.hold is None:
        return False
    doubted = any(_doubted(draft, effect) for effect in draft.case.effects if effect.facet == facet)
    return doubted or (held.hold.reason == "corrected" and facet != "order")


def _doubted(draft: Draft, effect: Effect) -> bool:
    """An effect that exists though its transition did not happen."""
    rule = next(rule for rule in RULES[draft.case.kind] if rule.id == effect.rule and rule.undo)
    return effect.standing == "held" and draft.case.facets[effect.facet].state != rule.after


def _stuck(draft: Draft, facet: str) -> bool:
    return any(effect.stuck for effect in draft.case.effects if effect.facet == facet)


def _may_have_effect(draft: Draft, command: str) -> bool:
    if command == pivot_of(draft.case.kind).asks:
        return True
    undone = {rule.undo.command for rule in RULES[draft.case.kind] if rule.undo}
    return command not in undone and bool(rule_of_command(draft.case.kind, command).undo)
