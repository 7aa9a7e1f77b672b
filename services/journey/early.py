"""What comes too early waits in the case, by version, and is heard in order once what it stands on is there.

An organisation's notice of a record's second change may overtake the answer that tells of its first: the answer comes
by a command that is retried, the notice does not.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from contracts.contract import Contract
from contracts.registry import contract_of, resolve

from .case import NONE, Case, Early
from .draft import Draft
from .rules import RULES, Rule


class Turn(Enum):
    """When something that was told is to be heard."""

    NOW = "now"
    LATER = "later"
    """What it stands on has not been told yet."""
    NEVER = "never"
    """It has gone past, or will never come: it is recorded, and changes nothing."""


_NEVER: Final = frozenset({"NOT_NEEDED", "SECURED", "REJECTED"})
"""States from which a facet's rows lead nowhere: what waited for them has nothing to wait for."""


def waits(case: Case, rule: Rule, data: Contract) -> bool:
    """Whether a notice tells of a change whose predecessor has not been told yet."""
    if rule.hears is None or case.ended in {"CANCELLED", "REFUSED"} or case.cancelling:
        return False
    return contract_of(data)[0].name == rule.hears and turn(case, rule, data) is Turn.LATER


def keep(draft: Draft, rule: Rule, data: Contract) -> None:
    """Let it wait; the same one twice waits once."""
    versions, number = contract_of(data)
    told = data.model_dump_json(exclude_none=True)
    entry = Early(type=versions.type_of(number), data=told, version=_version(data))
    if entry in draft.case.early:
        return
    draft.change(early=tuple(sorted((*draft.case.early, entry), key=lambda one: one.version)))
    text = ("先到的通知，待前一事项办结后处理", "came before its turn, and waits for what it stands on")
    draft.note("EARLY", rule.facet, *text)


def ripe(case: Case) -> Early | None:
    """The first whose turn has come, or will never come; None where all have to wait."""
    for entry in case.early:
        data = read(entry)
        rule = _rule(case, data)
        if rule is None or turn(case, rule, data) is not Turn.LATER:
            return entry
    return None


def read(entry: Early) -> Contract:
    """What waited, as it came."""
    versions, number = resolve(entry.type)
    return versions.read(number, entry.data.encode())


def forget(draft: Draft, entry: Early) -> None:
    """It is being heard."""
    draft.change(early=tuple(one for one in draft.case.early if one != entry))


def gap(case: Case) -> str | None:
    """The facet of a record of which a change was told, but not the one before it, though nothing else is awaited."""
    for entry in case.early:
        rule = _rule(case, read(entry))
        if rule and case.facets[rule.facet].state == rule.before and not _asked(case, rule.facet):
            return rule.facet
    return None


def believe(draft: Draft, facet: str) -> None:
    """Take the next change of a record for the one that follows: a person says that none is missing."""
    for entry in draft.case.early:
        rule = _rule(draft.case, read(entry))
        if rule and rule.follows and rule.facet == facet:
            paper = getattr(draft.case.papers, rule.follows).model_copy(update={"record_version": entry.version - 1})
            draft.change(papers=draft.case.papers.model_copy(update={rule.follows: paper}))
            return


def _asked(case: Case, facet: str) -> bool:
    return any(ask.facet == facet and not ask.ended for ask in case.asks.values())


def _rule(case: Case, data: Contract) -> Rule | None:
    name = contract_of(data)[0].name
    return next((rule for rule in RULES[case.kind] if rule.hears == name), None)


def _version(data: Contract) -> int:
    return getattr(data, "record_version", 1)


def turn(case: Case, rule: Rule, data: Contract) -> Turn:
    """Whether the facet stands where the row begins, at the version before the one that is told."""
    state = case.facets[rule.facet].state
    if state == rule.before:
        return _turn_of_record(case, rule, data)
    if state in _NEVER:
        return Turn.NEVER
    early = _order(case, rule.facet, state) < _order(case, rule.facet, rule.before)
    return Turn.LATER if early else Turn.NEVER


def _turn_of_record(case: Case, rule: Rule, data: Contract) -> Turn:
    if rule.follows is None:
        return Turn.NOW
    missing = _version(data) - _version(getattr(case.papers, rule.follows)) - 1
    if missing == 0:
        return Turn.NOW
    return Turn.LATER if missing > 0 else Turn.NEVER


def _order(case: Case, facet: str, state: str) -> int:
    """How far along its rows a facet's state is."""
    states = [NONE, *(rule.after for rule in RULES[case.kind] if rule.facet == facet)]
    return states.index(state) if state in states else len(states)
