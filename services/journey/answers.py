"""What agencies and dispatch tell: answers, refusals, and the end of a delivery.

An answer belongs to the command it names as its cause. Any other answer is recorded; if it brought an effect that
we do not have, that effect is taken back, and if it tells a fact that cannot be taken back, the fact counts. A notice
that comes before what it stands on waits for it: see `early`.
"""

from __future__ import annotations

from contracts.contract import Contract
from contracts.delivery import DeliveryChangedV1
from contracts.policy import PolicyGap
from contracts.refusal import AgencyRefusedV1
from contracts.registry import contract_of
from contracts.topics import COMMANDS

from . import early
from .case import NONE, Ask, Effect
from .draft import Draft, organisation_of
from .evidence import inputs_of
from .proofs import Finding, equal, same_car
from .reasons import mender_of
from .repair import FADING, reopen
from .rules import BLAMED, FREED_BY, REISSUED, SPENT, Rule, rule_of_answer, rule_of_command, rule_with_effect
from .settle import firm


def answered(draft: Draft, cause: str | None, data: Contract, by: str | None = None) -> None:
    """An agency did what a command asked, or says so of one that we do not wait for; `by` is who says it."""
    name = contract_of(data)[0].name
    ask = draft.case.asks.get(cause or "")
    if ask is None or COMMANDS[ask.command].answer.name != name:
        _unasked(draft, name, data, by)
        return
    draft.drop(ask)
    _fade(draft, ask)
    if ask.undoes:
        _taken_back(draft, ask, ask.undoes, data)
    else:
        rule = rule_of_command(draft.case.kind, ask.command)
        if rule.hears == name and not rule.final:
            _forget_objection(draft, rule)
        _take(draft, rule, data)


def _forget_objection(draft: Draft, rule: Rule) -> None:
    """What was wrong with a notice falls with it when the answer that was still on its way says something else."""
    facet = draft.case.facets[rule.facet]
    if facet.state == rule.before and facet.hold and facet.hold.code:
        draft.release(rule.facet)


def refused(draft: Draft, cause: str | None, data: AgencyRefusedV1) -> None:
    """An agency said no for good."""
    ask = draft.case.asks.get(cause or "")
    if ask is None:
        name = data.command
        draft.note(data.code, "order", f"迟到的拒绝，已记录：{name}", f"a late refusal, recorded: {name}")
        return
    draft.drop(ask)
    _fade(draft, ask)
    if ask.undoes:
        _stick(draft, ask)
        draft.hold(ask.facet, data.code)
    elif draft.case.cancelling:
        draft.note(data.code, ask.facet, "机构拒绝，无需撤回", "refused, so there is nothing to take back")
    else:
        rule = rule_of_command(draft.case.kind, ask.command)
        _object(draft, BLAMED.get((ask.command, data.code), ask.facet), Finding(data.code), rule, data)


def delivered(draft: Draft, cause: str | None, data: DeliveryChangedV1) -> None:
    """Dispatch gave up on a command: a person must act; or a person let it try again. Other news is for the console."""
    ask = draft.case.asks.get(data.delivery_id) or draft.case.asks.get(cause or "")
    if ask is None:
        return
    if data.state in {"dead", "cancelled"}:
        draft.give_up(ask)
        _stick(draft, ask)
        draft.hold(ask.facet, "dead", owner=_mender(ask, data) or data.owner, inputs=inputs_of(draft.case, (), data))
    elif data.state == "parked" and ask.ended:
        draft.trust(ask)
        _stick(draft, ask, stuck=False)
        _fade(draft, ask)
        draft.note("RETRY", ask.facet, "投递已恢复，继续等待答复", "delivery goes on; its answer is awaited again")


def _mender(ask: Ask, data: DeliveryChangedV1) -> str | None:
    """Who can mend what the agency answered to the end, if its last word says so: the maker a missing certificate."""
    code = data.attempts[-1].code if data.attempts else None
    return mender_of(ask.facet, code) if code else None


def _fade(draft: Draft, ask: Ask) -> None:
    """What is heard of a command ends the hold that was only about silence, unless another one has ended so."""
    hold = draft.case.facets[ask.facet].hold
    if hold and hold.reason in FADING and not any(other.ended for other in draft.asks_of(ask.facet)):
        draft.release(ask.facet)


def _take(draft: Draft, rule: Rule, data: Contract) -> None:
    facet = draft.case.facets[rule.facet]
    if not same_car(draft.case, data):
        draft.hold(rule.facet, "wrong-car", manual=True)
        return
    if facet.state != rule.before:
        _unasked(draft, rule.answer or "", data)
        return
    finding = _finding(draft, rule, data)
    _keep(draft, rule, data)
    _own(draft, rule, data)
    if finding.objection is None or rule.final:
        draft.move(rule, finding, data)
        _spend(draft, rule)
        if finding.remark:
            draft.note("REMARK", rule.facet, *finding.remark)
    elif finding.after:
        draft.put(rule.facet, finding.after)
    if rule.pivot:
        _pass_pivot(draft)
    if finding.objection and not draft.case.cancelling:
        _object(draft, rule.facet, finding, rule, data)


def _finding(draft: Draft, rule: Rule, data: Contract) -> Finding:
    try:
        return rule.proof(draft.case, data, draft.world)
    except PolicyGap:
        return Finding("policy-gap")


def _keep(draft: Draft, rule: Rule, data: Contract) -> None:
    if rule.paper:
        draft.change(papers=draft.case.papers.model_copy(update={rule.paper: data}))


def _own(draft: Draft, rule: Rule, data: Contract) -> None:
    """Remember an effect, also one that we object to: it exists, and may have to be taken back."""
    reference = getattr(data, rule.undo.reference) if rule.undo else None
    if reference is None or _known(draft, rule, reference):
        return
    organisation = organisation_of(draft.case, COMMANDS[rule.asks or ""].agency)
    standing = "unwanted" if draft.case.cancelling else "held"
    effect = Effect(
        rule=rule.id,
        facet=rule.facet,
        reference=reference,
        organisation=organisation,
        standing=standing,
        fen=getattr(data, "amount_due", None),
    )
    draft.change(effects=(*draft.case.effects, effect))


def _known(draft: Draft, rule: Rule, reference: str) -> bool:
    return any((effect.rule, effect.reference) == (rule.id, reference) for effect in draft.case.effects)


def _pass_pivot(draft: Draft) -> None:
    """Registration makes final what was done for it, and a cancellation too late."""
    for effect in draft.case.effects:
        if effect.standing != "undone" and _is_used(draft, effect):
            draft.mark(effect, standing="kept")
    if draft.case.cancelling:
        draft.change(cancelling=False)
        draft.note("CANCEL", "order", "已登记或放行，不能再撤销", "registered or released; too late to cancel")


def _is_used(draft: Draft, effect: Effect) -> bool:
    """Whether the registration rests on this effect, and not on a stray one of its kind."""
    rule, undo = rule_with_effect(draft.case.kind, effect.rule)
    paper = getattr(draft.case.papers, rule.paper or "")
    return getattr(paper, undo.reference, None) == effect.reference


def _object(draft: Draft, facet: str, finding: Finding, rule: Rule, answer: Contract) -> None:
    """Hold what was objected to; what may be issued anew is, once, after the wrong one was taken back."""
    reason = finding.objection or ""
    inputs = inputs_of(draft.case, rule.weighs, answer)
    draft.hold(facet, reason, pack=finding.pack, source=rule.source, inputs=inputs)
    if (facet, reason) in REISSUED and _only_one(draft, facet):
        reopen(draft, facet)
        draft.note("REISSUE", facet, "撤回后重新办理", "taken back, to be issued anew")
        return
    if reason in {code for _command, code in BLAMED} and facet in BLAMED.values():
        _expire(draft, facet)
    freed = FREED_BY.get((facet, reason))
    if freed:
        reopen(draft, freed)


def _only_one(draft: Draft, facet: str) -> bool:
    """Whether there is one to take back, and there was none before: what is wrong again is a person's matter."""
    return [effect.standing for effect in draft.case.effects if effect.facet == facet] == ["held"]


def _expire(draft: Draft, facet: str) -> None:
    """What the agency itself let go is gone; there is nothing to take back."""
    for effect in draft.case.effects:
        if effect.facet == facet and effect.standing == "held":
            draft.mark(effect, standing="undone")
    draft.put(facet, NONE)


def _stick(draft: Draft, ask: Ask, *, stuck: bool = True) -> None:
    """The effect that a command was to take back, if it was, is a person's matter; or is so no more."""
    for effect in draft.case.effects:
        if (effect.facet, effect.reference) == (ask.facet, ask.undoes):
            draft.mark(effect, stuck=stuck)


def _taken_back(draft: Draft, ask: Ask, reference: str, data: Contract) -> None:
    for effect in draft.case.effects:
        if (effect.facet, effect.reference) == (ask.facet, reference):
            draft.mark(effect, standing="undone", stuck=False)
            _tell_undone(draft, effect, data)
            if effect.fen and not equal(effect.fen, getattr(data, "refund", effect.fen)):
                draft.hold(effect.facet, "refund", manual=True)


def _tell_undone(draft: Draft, effect: Effect, data: Contract) -> None:
    """A stray effect is undone without a change of its facet, which stands on another one or on none."""
    rule, undo = rule_with_effect(draft.case.kind, effect.rule)
    before = draft.case.facets[effect.facet].state
    stood = before == rule.after and _is_used(draft, effect)
    after = undo.after if draft.case.cancelling and stood else before
    draft.put(effect.facet, after)
    draft.tell(
        effect.rule.replace("T", "U"),
        effect.facet,
        (before, after),
        (undo.zh, undo.en),
        source=undo.source,
        inputs=inputs_of(draft.case, (), data),
    )


def _spend(draft: Draft, rule: Rule) -> None:
    """What has run its course is not taken back any more, whatever becomes of the case."""
    if (rule.facet, rule.after) not in SPENT:
        return
    for effect in draft.case.effects:
        if effect.facet == rule.facet and effect.standing in {"held", "unwanted"} and _is_used(draft, effect):
            withdrawn = [ask for ask in draft.asks_of(rule.facet) if ask.undoes == effect.reference]
            draft.drop(*withdrawn)
            draft.mark(effect, standing="kept", stuck=False)
            if any(not ask.ended for ask in withdrawn):
                text = (
                    "在途的撤回已不需要",
                    "what was asked to be taken back has run its course; its answer is not awaited",
                )
                draft.note("UNWANTED", rule.facet, *text)


def _unasked(draft: Draft, name: str, data: Contract, by: str | None = None) -> None:
    rule = rule_of_answer(draft.case.kind, name)
    if rule and rule.hears == name and by not in {None, organisation_of(draft.case, contract_of(data)[0].owner)}:
        text = (f"{by} 无权就本车作此通知，未采用", f"{by} has no say in this car's case; not believed")
        draft.note("A403", rule.facet, *text)
    elif rule is None or not same_car(draft.case, data):
        draft.note("UNASKED", "order", f"未经请求的答复，已记录：{name}", f"nobody waits for it, recorded: {name}")
    elif early.waits(draft.case, rule, data):
        early.keep(draft, rule, data)
    elif rule.hears == name and not rule.final:
        _foretold(draft, rule, data)
    elif rule.undo:
        _unwanted(draft, rule, data)
    elif rule.final and draft.case.facets[rule.facet].state == rule.before:
        _fact(draft, rule, data)
    else:
        draft.note("UNASKED", rule.facet, "重复或迟到的答复，已记录", "a repeated or late answer, recorded")


def _foretold(draft: Draft, rule: Rule, data: Contract) -> None:
    """What we ask for, or are about to, told without waiting for that: it is the answer, and is weighed as one.

    A paper that we have is no news: after a correction it would speak of the car as it was, and an answer is awaited.
    """
    is_open = draft.case.ended is None and not draft.case.cancelling and firm(draft.case, rule)
    is_news = rule.paper is None or getattr(draft.case.papers, rule.paper) != data
    if not is_open or not is_news or draft.case.facets[rule.facet].state != rule.before:
        draft.note("UNASKED", rule.facet, "重复或迟到的通知，已记录", "a repeated or late notice, recorded")
        return
    draft.release(rule.facet)
    _take(draft, rule, data)
    if draft.case.facets[rule.facet].state == rule.after:
        _wait_no_more(draft, rule)


def _unwanted(draft: Draft, rule: Rule, data: Contract) -> None:
    """An effect that we did not wait for: ours already, or to be taken back."""
    known = {effect.reference for effect in draft.case.effects}
    _own(draft, rule, data)
    strays = [effect for effect in draft.case.effects if effect.reference not in known]
    for effect in strays:
        draft.mark(effect, standing="unwanted")
    late, again = (
        ("迟到的办理结果，将撤回", "a late effect, to be taken back"),
        ("重复的答复，已记录", "a repeated answer"),
    )
    draft.note("UNASKED", rule.facet, *(late if strays else again))


def _fact(draft: Draft, rule: Rule, data: Contract) -> None:
    """What cannot be taken back has happened, whichever command brought it, or none."""
    if rule.hears:
        _notice(draft, rule, data)
    elif draft.case.ended is None and not draft.case.cancelling and firm(draft.case, rule):
        _happened(draft, rule, data)
    elif rule.pivot:
        draft.hold(rule.facet, "late-pivot")
    else:
        draft.note("UNASKED", rule.facet, "迟到的答复，已记录", "a late answer, recorded")


def _notice(draft: Draft, rule: Rule, data: Contract) -> None:
    """An organisation's own word about its record: a fact also while a sale is undone, if it is about our record."""
    if draft.case.ended in {"CANCELLED", "REFUSED"}:
        draft.note("UNASKED", rule.facet, "业务已结束，通知已记录", "the case is over; the notice is recorded")
    elif early.turn(draft.case, rule, data) is early.Turn.NEVER:
        draft.note("UNASKED", rule.facet, "重复或过期的通知，已记录", "an old notice again, recorded")
    elif _finding(draft, rule, data).objection:
        draft.note("D422", rule.facet, "通知所指记录不属本业务，未采用", "about another record than ours; not believed")
    else:
        _happened(draft, rule, data)


def _happened(draft: Draft, rule: Rule, data: Contract) -> None:
    _wait_no_more(draft, rule)
    draft.release(rule.facet)
    _take(draft, rule, data)


def _wait_no_more(draft: Draft, rule: Rule) -> None:
    """What was asked for it has come by another way."""
    draft.drop(*(ask for ask in draft.asks_of(rule.facet) if ask.command == rule.asks))
