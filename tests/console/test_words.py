"""Whatever the journey says can be shown to people, in Chinese and English."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from contracts.case import CaseKind
from contracts.policy import read_packs
from contracts.topics import COMMANDS
from services.console import story, words
from services.console.words import Words
from services.journey.case import FACETS
from services.journey.reasons import REASONS
from services.journey.rules import CLOSING, RULES

HAN = re.compile(r"[\u4e00-\u9fff]")


def _states() -> Iterator[str]:
    for rule in (*(rule for rules in RULES.values() for rule in rules), *CLOSING.values()):
        yield from (rule.before, rule.after)
        if rule.also:
            yield rule.also[1]
        if rule.undo:
            yield rule.undo.after


@pytest.mark.parametrize(
    ("look_up", "said"),
    [
        (words.state, {*_states(), "SECURED"}),
        (words.facet, {name for names in FACETS.values() for name in names}),
        (words.hold, set(REASONS)),
        (words.command, set(COMMANDS)),
        (words.kind, set(get_args(CaseKind))),
    ],
)
def test_every_word_of_the_journey_is_known(look_up: Callable[[str], Words], said: set[str]) -> None:
    """An unknown one would be shown as it is: a word of ours that means nothing to a dealer."""
    for word in said:
        found = look_up(word)
        assert HAN.search(found.zh), word
        assert found.en != word, word


def test_a_reason_to_wait_is_told_as_the_journey_gives_it() -> None:
    """In the story and beside the facet it is the same sentence."""
    for key, reason in REASONS.items():
        assert words.hold(key) == Words(reason.zh, reason.en)


@pytest.mark.parametrize(
    ("reason", "zh"),
    [
        ("unavailable: no connection", "机构不可用：无法连接"),
        ("unavailable: status 429", "机构不可用：限流，HTTP 429"),
        ("unavailable: status 502", "机构不可用：HTTP 502"),
        ("ambiguous: no answer", "结果不明：没有答复"),
        ("broken-answer: field:dxx.hphm", "答复无法理解：答复缺少或错填字段 dxx.hphm"),
        ("look-up-refused:V102", "查询被拒绝 V102"),
        ("unplanned: KeyError", "程序错误 KeyError"),
        ("behind another of its vehicle", "同一车辆的上一项未完成"),
        ("维护至中午", "维护至中午"),
    ],
)
def test_what_dispatch_gives_as_a_reason_is_told_in_chinese(reason: str, zh: str) -> None:
    """A class of failure, and what exactly, which in English is as it is said."""
    assert words.reason(reason).zh == zh
    assert words.reason(reason).en.endswith(reason.rpartition(": ")[2])


def test_every_reason_of_ours_that_is_a_word_has_chinese_words() -> None:
    """Whatever mappings, carriers and dispatch raise by a word of their own."""
    root = Path(words.__file__).parents[2]
    texts = (file.read_text() for folder in ("adapters", "services/dispatch") for file in (root / folder).rglob("*.py"))
    raised = re.compile(r"""\breason = "([a-z][a-z, -]*)"\n\s+raise (?:BrokenAnswer|NeedsPerson)""")
    found = {reason for text in texts for reason in raised.findall(text)}
    assert {"not-sealed", "too-large", "not-an-object"} <= found
    assert [reason for reason in found if not HAN.search(words.reason(reason).zh)] == []


def test_why_a_call_back_is_not_taken_is_told_in_both_languages() -> None:
    """Whatever our door refuses it for, and how long it may be."""
    door = Path(words.__file__).parents[1] / "dispatch" / "callbacks.py"
    refused = re.findall(r"""NotTaken\(\w+, fault\("(\w+)", "(\w+)"\)\)""", door.read_text(encoding="utf-8"))
    assert ("about", "missing") in refused
    untold = [one for one in map(":".join, refused) if not HAN.search(words.reason(one).zh)]
    assert untold == []
    told = words.reason("body:over_262144_bytes")
    assert told == Words("报文超过 262144 字节", "the message is over 262144 bytes")


def _row(**fields: Any) -> dict[str, Any]:
    return {
        "rule": "T5",
        "facet": "tax",
        "zh": "一致",
        "en": "fits",
        "pack": None,
        "source": None,
        "inputs": None,
    } | fields


def _told(**fields: Any) -> Words:
    row = _row(**fields)
    return story.sentence(row, story.why(row))


def test_a_sentence_says_no_more_than_there_is() -> None:
    """Without source or pack it has no brackets; a pack that the text names is not named twice."""
    assert _told() == Words("T5 购置税：一致", "T5 Tax: fits")
    assert _told(source="PTL 9") == Words("T5 购置税：一致（依据 车辆购置税法 9）", "T5 Tax: fits (by PTL 9)")
    assert _told(pack="NEV-26", zh="与 NEV-26 一致").zh.count("NEV-26") == 1
    assert _told(pack="UNHEARD-OF") == Words(
        "T5 购置税：一致，政策包 UNHEARD-OF", "T5 Tax: fits, policy pack UNHEARD-OF"
    )


def test_every_pack_is_told_by_its_title_and_document() -> None:
    """As its file says; nobody has to look an id up."""
    for pack in read_packs():
        why = story.why(_row(pack=pack.id))
        assert why.title == Words(pack.title.zh, pack.title.en)
        assert why.document in {pack.source.number, pack.source.title}


@pytest.mark.parametrize("kind", RULES)
def test_every_law_that_a_rule_names_has_its_chinese_name(kind: Any) -> None:
    """A short name of a law is ours: people know the law by its title."""
    named = {word for rule in RULES[kind] for word in re.findall(r"\b[A-Z]{2,6}\b(?! ?/T)", rule.source)}
    standards = {"GB", "GA", "HS"}
    for law in named - standards:
        assert HAN.search(story.law(f"{law} 1").zh), law
