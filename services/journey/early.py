"""What comes too early waits in the case, by version, and is heard in order once what it stands on is there.

An organisation's notice of a record's second change may overtake the answer that tells of its first: the answer comes
by a command that is retried, the notice does not.
"""

from __future__ import annotations

from typing import Final

from contracts.contract import Contract
from contracts.registry import contract_of, resolve

from .case import NONE, Case, Early
from .draft import Draft
from .rules import RULES, Rule

_NEVER: Final = frozenset({"NOT_NEEDED", "SECURED", "REJECTED"})
"""States from which a facet's rows lead nowhere: what waited for them has nothing to wait for."""


def waits(case: Case, rule: Rule, data: Contract) -> bool:
    """Whether a notice tells of a change whose predecessor has not been told yet."""
    if rule.hears is None or case.ended in {"CANCELLED", "REFUSED"} or case.cancelling:
        return False
    return contract_of(data)[0].name == rule.hears and _reached(case, rule) is False


def keep(draft: Draft, rule: Rule, data: Contract) -> None:
    """Let it wait; the same one twice waits once."""
    versions, number = contract_of(data)
    version = getattr(data, "record_version", 1)
    entry = Early(type=versions.type_of(number), data=data.model_dump_json(exclude_none=True), version=version)
    if entry in draft.case.early:
        return
    draft.change(early=tuple(sorted((*draft.case.early, entry), key=lambda one: one.version)))
    text = ("先到的通知，待前一事项办结后处理", "came before its turn, and waits for what it stands on")
    draft.note("EARLY", rule.facet, *text)


def ripe(case: Case) -> Contract | None:
    """The first that waited long enough; None where none has."""
    for entry in case.early:
        data = read(entry)
        rule = _rule(case, data)
        if rule is None or _reached(case, rule) is not False:
            return data
    return None


def read(entry: Early) -> Contract:
    """What waited, as it came."""
    versions, number = resolve(entry.type)
    return versions.read(number, entry.data.encode())


def forget(draft: Draft, data: Contract) -> None:
    """It is being heard."""
    told = data.model_dump_json(exclude_none=True)
    draft.change(early=tuple(entry for entry in draft.case.early if entry.data != told))


def _rule(case: Case, data: Contract) -> Rule | None:
    name = contract_of(data)[0].name
    return next((rule for rule in RULES[case.kind] if rule.hears == name), None)


def _reached(case: Case, rule: Rule) -> bool | None:
    """Whether the facet stands where the row begins; None where it has gone past or will never come there."""
    state = case.facets[rule.facet].state
    if state == rule.before:
        return True
    if state in _NEVER:
        return None
    return False if _order(case, rule.facet, state) < _order(case, rule.facet, rule.before) else None


def _order(case: Case, facet: str, state: str) -> int:
    """How far along its rows a facet's state is."""
    states = [NONE, *(rule.after for rule in RULES[case.kind] if rule.facet == facet)]
    return states.index(state) if state in states else len(states)
