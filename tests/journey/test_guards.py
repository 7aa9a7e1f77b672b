"""The guards of the rulebook (§5): what each transition stands on, and the cars that prove that it does."""

from __future__ import annotations

import pytest

from contracts.case import CaseKind
from services.journey.rules import CLOSING, RULES, Rule, pivot_of, rule_of_answer, rule_of_command, rule_with_effect
from tests.journey.road import LOAN, Road, sale

STANDS_ON: dict[str, set[str]] = {
    "T1": set(),
    "T2": {"order"},
    "T3": {"order", "coc"},
    "T4": {"order", "invoice"},
    "T5": {"coc", "invoice"},
    "T6": {"coc", "invoice"},
    "T7": {"order", "coc", "invoice", "loan"},
    "T8": {"order", "coc", "invoice", "tax", "ins", "plate", "loan"},
    "T9": {"reg", "loan"},
    "T10": {"reg"},
    "T11": {"reg"},
    "T12": {"order", "coc", "invoice", "tax", "loan", "plate", "reg", "mort", "elic", "delivery"},
    "E2": {"order"},
    "E3": {"order", "coc"},
    "E4": {"qualification"},
    "E5": {"order", "coc", "qualification", "licence"},
    "E7": {"order", "coc", "declaration"},
    "R3": {"order", "mort"},
    "R4": {"order", "mort", "elic"},
    "R5": {"reg"},
    "R6": {"reg"},
    "R7": {"order", "mort", "elic", "reg", "ins", "tax"},
}
"""By the rulebook's id, what the first row of that id needs. A plate is not reserved while a loan stands declined."""


@pytest.mark.parametrize("rule_id", STANDS_ON)
def test_a_transition_stands_on_what_the_rulebook_names(rule_id: str) -> None:
    """No less, and no more: what it does not need it does not wait for."""
    rows: list[Rule] = [*(rule for rules in RULES.values() for rule in rules), *CLOSING.values()]
    first = next(rule for rule in rows if rule.id == rule_id)
    assert {facet for facet, _states in first.guards} == STANDS_ON[rule_id]


@pytest.mark.parametrize("silent", ["tax.pay", "insurance.bind", "plate.reserve", "loan.apply"])
def test_nobody_is_registered_while_one_proof_is_missing(silent: str) -> None:
    """Everything else is done, and the police are not asked (T8)."""
    road = Road(sale("BEV", loan=LOAN))
    road.run(silent)
    assert (silent in road.names, "registration.register" in road.names) == (True, False)


@pytest.mark.parametrize("silent", ["elicence.issue", "plate.track", "mortgage.register"])
def test_no_case_is_closed_while_one_proof_is_missing(silent: str) -> None:
    """Licence, delivery, and the mortgage of a financed car (T12)."""
    road = Road(sale("BEV", loan=LOAN))
    road.run(silent)
    before = road.case.headline
    road.run()
    assert (before, road.case.headline) == ("OPEN", "CLOSED")


@pytest.mark.parametrize(
    ("kind", "command", "answer", "facet"),
    [
        ("new-car", "tax.pay", "tax.paid", "tax"),
        ("new-car", "mortgage.release", "mortgage.released", "mort"),
        ("export-new", "export.declare", "export.released", "declaration"),
        ("returned-car", "tax.reclaim", "tax.refunded", "tax"),
    ],
)
def test_a_command_and_its_answer_lead_to_one_row(kind: CaseKind, command: str, answer: str, facet: str) -> None:
    """Whichever of the two somebody holds."""
    row = rule_of_command(kind, command)
    assert rule_of_answer(kind, answer) == row
    assert row.facet == facet


def test_an_answer_of_another_kind_of_case_leads_to_no_row() -> None:
    """No mortgage of an exported car; a notice leads to the row that hears it."""
    assert rule_of_answer("export-new", "mortgage.released") is None
    heard = rule_of_answer("new-car", "loan.settled")
    assert heard is not None
    assert (heard.facet, heard.after) == ("loan", "SETTLED")


@pytest.mark.parametrize(
    ("rule_id", "command"),
    [
        ("T3", "invoice.reverse"),
        ("T4", "loan.withdraw"),
        ("T5", "tax.reclaim"),
        ("T6", "insurance.cancel"),
        ("T7", "plate.release"),
    ],
)
def test_each_effect_has_its_real_remedy(rule_id: str, command: str) -> None:
    """A red invoice, a withdrawn approval, TCL 51, the insurer's rule, a released plate."""
    row, undo = rule_with_effect("new-car", rule_id)
    assert (row.id, undo.command) == (rule_id, command)


@pytest.mark.parametrize(
    ("kind", "facet", "after"),
    [
        ("new-car", "reg", "REGISTERED"),
        ("export-new", "declaration", "DECLARED"),
        ("returned-car", "reg", "DEREGISTERED"),
    ],
)
def test_registration_release_and_striking_off_are_the_pivots(kind: CaseKind, facet: str, after: str) -> None:
    """After them nothing is taken back."""
    assert (pivot_of(kind).facet, pivot_of(kind).after) == (facet, after)
