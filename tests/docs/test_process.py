"""The drawing of the process is current, whole, and in the two languages of its readers."""

from __future__ import annotations

import re
from itertools import chain
from typing import Final

import pytest

from contracts.case import CaseKind
from contracts.topics import COMMANDS
from services.console import words
from services.journey import diagram
from services.journey.rules import CLOSING, RULES, Rule

TEXT: Final = diagram.DOCUMENT.read_text(encoding="utf-8")
ALL: Final = [(kind, rule) for kind in RULES for rule in (*RULES[kind], CLOSING[kind])]


def _chapter(kind: CaseKind) -> str:
    return next(part for part in TEXT.split("\n## ") if part.startswith(f"{diagram.KINDS[kind]} {kind}"))


def test_the_document_is_current() -> None:
    """Drawn anew it is the same: `poe process` puts that right."""
    assert diagram.renewed(TEXT) == TEXT


@pytest.mark.parametrize(("kind", "rule"), ALL, ids=lambda each: each.id if isinstance(each, Rule) else each)
def test_every_rule_stands_in_it(kind: CaseKind, rule: Rule) -> None:
    """With its move, guards, question, answer, remedy, source and meaning, in one line of its kind's table."""
    lines = [line for line in _chapter(kind).splitlines() if line.startswith(f"| **{rule.id}**")]
    said = [f"{rule.facet}: {rule.before} → {rule.after}", rule.zh, rule.en, rule.source, *chain(*rule.guards)]
    if rule.asks:
        said += [rule.asks, COMMANDS[rule.asks].answer.name]
    if rule.undo:
        said += [rule.undo.command, rule.undo.after]
    wanted = {word for each in said for word in ([each] if isinstance(each, str) else each)}
    assert any(all(word in line for word in wanted) for line in lines), wanted


@pytest.mark.parametrize(("kind", "rule"), ALL, ids=lambda each: each.id if isinstance(each, Rule) else each)
def test_every_rule_is_drawn(kind: CaseKind, rule: Rule) -> None:
    """As a node of the overview; and but for the closing as an arrow of its facet, whose guards stand beside it."""
    drawn = _chapter(kind)
    assert f'  {rule.id}_{rule.facet}_{rule.after}["{rule.id} ' in drawn
    if rule not in CLOSING.values():
        assert re.search(rf"^  {rule.before} --> {rule.after} : {rule.id}\b", drawn, re.MULTILINE)
        assert not rule.guards or f"  note right of {rule.after}\n    {rule.id} " in drawn


def test_the_overview_leaves_out_what_follows_and_nothing_else() -> None:
    """Whatever could be reached by the guards still can."""
    arrows = {("a", "b"): "-->", ("b", "c"): "-->", ("a", "c"): "-->", ("c", "d"): "-->", ("b", "d"): "-->"}
    assert set(diagram._without_detours(arrows)) == {("a", "b"), ("b", "c"), ("c", "d")}
    ring = {("a", "b"): "-->", ("b", "c"): "-->", ("c", "b"): "-->"}
    assert diagram._without_detours(ring) == ring


def test_it_speaks_as_the_console_does() -> None:
    """The journey may not read the console's words; so nobody may change one and forget the other."""
    assert all(words.facet(name).zh == zh for name, zh in diagram.FACET_NAMES.items())
    assert all(words.kind(name).zh == zh for name, zh in diagram.KINDS.items())
    assert all(words.agency(name).zh == zh for name, zh in diagram.AGENCY_NAMES.items() if name != "oem")


def test_a_document_without_a_place_for_it_is_not_guessed_at() -> None:
    """Nothing is overwritten."""
    with pytest.raises(ValueError, match="no generated part"):
        diagram.renewed("# The process\n")
