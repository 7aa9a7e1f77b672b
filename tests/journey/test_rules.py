"""The table of transitions, walked: complete, reachable, spoken in both languages, true to the contracts."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from contracts.case import CaseKind
from contracts.codes import CODES
from contracts.topics import COMMANDS, NOTICES
from services.journey.case import FACETS, NONE, Papers
from services.journey.reasons import REASONS, owner_of
from services.journey.rules import BLAMED, CLOSING, FREED_BY, MATERIAL, RULES, UNDO_ORDER, Rule, dependents, reads_of

KINDS: tuple[CaseKind, ...] = get_args(CaseKind)
EVERY_RULE = [*(rule for kind in KINDS for rule in RULES[kind]), *CLOSING.values()]
HAN = re.compile("[一-鿿]")
BEGINS: dict[CaseKind, dict[str, str]] = {
    "new-car": {},
    "export-new": {},
    "returned-car": {
        "loan": "APPROVED",
        "mort": "REGISTERED",
        "elic": "ISSUED",
        "reg": "REGISTERED",
        "ins": "BOUND",
        "tax": "PAID",
    },
}
"""Where facets stand when a case is opened. A return begins where the sale ended; what was relieved stays so."""


def named(rule: Rule) -> str:
    return f"{rule.id}-{rule.facet}-{rule.after}"


@pytest.mark.parametrize("rule", EVERY_RULE, ids=named)
def test_every_rule_speaks_both_languages(rule: Rule) -> None:
    """A Chinese sentence and an English one; so do its undoing and every reason to hold."""
    pairs = [(rule.zh, rule.en), *([(rule.undo.zh, rule.undo.en)] if rule.undo else [])]
    for zh, en in [*pairs, *((reason.zh, reason.en) for reason in REASONS.values())]:
        assert HAN.search(zh)
        assert en
        assert en.isascii()


@pytest.mark.parametrize("rule", EVERY_RULE, ids=named)
def test_every_guard_names_a_state_that_some_rule_reaches(rule: Rule) -> None:
    """No guard waits for what can never be."""
    reached = {(row.facet, row.after) for row in RULES[rule.kind]} | {row.also for row in RULES[rule.kind] if row.also}
    reached |= {(facet, state) for facet in FACETS[rule.kind] for state in (NONE, "NOT_NEEDED")}
    reached |= {("mort", "SECURED"), ("tax", "RELIEVED"), *BEGINS[rule.kind].items()}
    for facet, states in rule.guards:
        assert all((facet, state) in reached for state in states), (facet, states)


@pytest.mark.parametrize("kind", KINDS)
def test_every_facet_is_moved_by_rules_that_follow_one_another(kind: CaseKind) -> None:
    """From where it begins, each facet's rows reach every state that they start from."""
    assert {rule.facet for rule in RULES[kind]} == {*FACETS[kind]}
    for facet in FACETS[kind]:
        reached = {BEGINS[kind].get(facet, NONE)}
        for rule in (row for row in RULES[kind] if row.facet == facet):
            assert rule.before in reached, named(rule)
            reached.add(rule.after)


@pytest.mark.parametrize("kind", KINDS)
def test_the_rulebooks_rows_are_all_there(kind: CaseKind) -> None:
    """T1 to T12 at home, E1 to E7 for export, R1 to R7 for a return, one pivot each."""
    letter, last = {"new-car": ("T", 12), "export-new": ("E", 7), "returned-car": ("R", 7)}[kind]
    ids = {rule.id for rule in (*RULES[kind], CLOSING[kind])}
    assert ids == {f"{letter}{number}" for number in range(1, last + 1)}
    assert sum(rule.pivot for rule in RULES[kind]) == 1


@pytest.mark.parametrize("rule", [rule for rule in EVERY_RULE if rule.asks], ids=named)
def test_a_row_that_asks_knows_its_command_its_answer_and_where_to_keep_it(rule: Rule) -> None:
    """Command, answer, paper, remembered and undone fields exist."""
    row = COMMANDS[rule.asks or ""]
    assert rule.paper in Papers.model_fields
    assert {*rule.remembers} <= {*row.versions.models[-1].model_fields} & {*Papers.model_fields}
    if rule.undo:
        assert rule.undo.reference in row.answer.models[-1].model_fields
        assert rule.undo.command in COMMANDS
    assert (rule.undo is None) or not rule.final


def test_each_command_and_each_answer_belongs_to_one_row_of_a_kind() -> None:
    """An answer finds its row without a doubt."""
    for kind in KINDS:
        asked = [rule.asks for rule in RULES[kind] if rule.asks]
        assert len(asked) == len({*asked}) == len({rule.answer for rule in RULES[kind] if rule.asks})


@pytest.mark.parametrize("rule", EVERY_RULE, ids=named)
def test_every_rule_says_what_it_rests_on_and_what_it_weighs(rule: Rule) -> None:
    """A source for people to look up, also for what takes it back; papers that exist."""
    assert rule.source
    assert {*rule.weighs} <= {"sale", "returned", *Papers.model_fields}
    assert rule.weighs or rule.answer
    assert rule.undo is None or rule.undo.source


def test_whatever_an_organisation_may_tell_of_its_own_accord_is_heard() -> None:
    """Each notice has its row, in each kind of case that has the facet."""
    heard = {rule.hears for rule in EVERY_RULE if rule.hears}
    assert heard == {*NOTICES}


def test_what_can_be_undone_has_its_place_in_the_reverse_order() -> None:
    """The order of compensation names each effect once."""
    assert sorted(UNDO_ORDER) == sorted(rule.id for rule in EVERY_RULE if rule.undo)


def test_registration_waits_for_all_that_the_rulebook_names() -> None:
    """T2 ∧ T3 ∧ T5 ∧ T6 ∧ T7, and the loan where there is one."""
    register = next(rule for rule in RULES["new-car"] if rule.pivot)
    assert dict(register.guards) == {
        "order": {"CONFIRMED"},
        "coc": {"AVAILABLE"},
        "invoice": {"ISSUED"},
        "tax": {"PAID", "RELIEVED"},
        "ins": {"BOUND"},
        "plate": {"RESERVED"},
        "loan": {"APPROVED", "SETTLED", "NOT_NEEDED"},
    }


def test_what_stands_on_the_invoice_is_redone_with_it() -> None:
    """Dependents are derived from the guards."""
    assert dependents("new-car", "invoice") == ("loan", "tax", "ins", "plate")
    assert dependents("new-car", "loan") == ()
    assert dependents("export-new", "coc") == ("qualification", "licence")


def test_a_correction_finds_the_facets_that_read_it() -> None:
    """By the fields of their commands, and by what their proofs compare."""
    assert {facet for facet in FACETS["new-car"] if "engine_no" in reads_of("new-car", facet)} == {
        "coc",
        "invoice",
        "ins",
        "reg",
    }
    assert all(any(field in reads_of("new-car", facet) for facet in FACETS["new-car"]) for field in MATERIAL)


def test_every_code_and_reason_has_an_owner_at_every_facet() -> None:
    """MANUAL never lacks a name, and every reason fits into a word of the contract."""
    for reason in (*REASONS, *CODES, "Z999"):
        assert len(reason) <= 60
        assert all(owner_of(facet, reason) for facets in FACETS.values() for facet in facets)


def test_the_small_tables_name_facets_and_codes_that_exist() -> None:
    """What is blamed, and what is let go."""
    facets = {*FACETS["new-car"]}
    assert {*BLAMED.values(), *FREED_BY.values(), *(facet for facet, _ in FREED_BY)} <= facets
    assert {code for _, code in (*BLAMED, *FREED_BY)} <= {*CODES}
