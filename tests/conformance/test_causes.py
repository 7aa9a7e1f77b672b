"""What most of a run failed for is told once, before all cases repeat it; and how it goes, while it goes."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from adapters.registry import ADAPTERS
from services.cli import conformance
from services.conformance import page
from services.conformance.agencies import agency
from services.conformance.catalogue import cases
from services.conformance.causes import cause
from services.conformance.run import Result, Run, State
from tests.conformance import callers
from tests.conformance.town import Odd, Town, told

MIIT = ADAPTERS["miit"]
CASES = cases(MIIT)


def run(*came: tuple[State, str]) -> Run:
    """A run over so many cases."""
    results = [Result(case, *state_and_came(one)) for case, one in zip(CASES, came, strict=False)]
    now = datetime(2026, 11, 22, tzinfo=UTC)
    return Run(agency(MIIT), "miit", "there", "url", 1, now, results, "ab" * 32)


def state_and_came(one: tuple[State, str]) -> tuple[State, str, str]:
    return one[0], "an answer", one[1]


@pytest.mark.parametrize(
    ("came", "zh", "en"),
    [
        ("HTTP 401, broken-answer unknown-refusal", "不认我方", "does not know us"),
        ("HTTP 404, broken-answer unknown-refusal", "地址不对", "the address is another's"),
        ("HTTP 404, not-yet D404", "先装入", "load what conformance testbed writes"),
        ("no connection", "连接不上", "not reached"),
        ("none", "没有回调", "nothing is called back"),
        ("HTTP 202, not-yet taken in, not answered yet", "没有回调", "nothing is called back"),
        ("HTTP 500, ambiguous unreadable", "系统出错", "fails itself"),
    ],
)
def test_the_one_reason_is_named_with_what_to_do(came: str, zh: str, en: str) -> None:
    """Of cases that failed for it, and of those that a step failed for it."""
    said = cause(run(("failed", came), ("failed", came), ("blocked", f"coc.query: {came}"), ("passed", "")))
    assert said is not None
    assert said.zh.startswith("4 项中有 3 项原因相同")
    assert said.en.startswith("3 of 4 cases failed for one reason")
    assert zh in said.zh
    assert en in said.en


@pytest.mark.parametrize(
    "came",
    [
        [("failed", "none")] * 2,
        [("failed", "none")] * 3 + [("passed", "")] * 4,
        [("failed", "none"), ("failed", "HTTP 401"), ("failed", "HTTP 500"), ("passed", "")],
    ],
    ids=["too few", "most passed", "for many reasons"],
)
def test_where_there_is_no_one_reason_none_is_named(came: list[tuple[State, str]]) -> None:
    """Each case speaks for itself then."""
    assert cause(run(*came)) is None


def test_people_are_told_the_reason_first_and_blocked_apart(capsys: pytest.CaptureFixture[str]) -> None:
    """In the shell and on the page; the machine's count keeps both together."""
    unknown: tuple[State, str] = ("failed", "HTTP 401")
    found = run(unknown, unknown, unknown, ("blocked", "coc.query: HTTP 401"))
    conformance.show(found)
    said = capsys.readouterr()
    assert said.err.startswith("4 项中有 4 项原因相同")
    assert "failed 3 · 前一步未成 / blocked 1" in said.out
    assert found.as_json()["failed"] == 4
    assert re.search(r"blocked</span></dt><dd>1</dd>", page.page(found))
    assert "4 of 4 cases failed for one reason" in page.page(found)


class Listening:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, int]] = []
        self.complaints = 0

    def played(self, done: int, of: int) -> None:
        self.steps.append((done, of))

    def unheard(self) -> None:
        self.complaints += 1


def test_that_nobody_calls_back_is_said_once(town: Town) -> None:
    """Before all cases that wait for it have failed, and none of those waits as long again."""
    listening = Listening()
    names = ("brought", "brought-again", "one-answer")
    asked = [f"bank.{command}.{name}" for command in ADAPTERS["bank"].operations for name in names]
    found = town.judge(ADAPTERS["bank"], *asked, odd=Odd(caller=callers.Mute), patience_s=0.1, listener=listening)
    assert {said.partition(": ")[0] for said in told(found).values()} <= {"failed", "blocked"}
    assert len(told(found)) == len(asked)
    assert listening.complaints == 1
    assert listening.steps[-1] == (len(asked), len(asked))


def test_who_calls_back_is_not_complained_of(town: Town) -> None:
    """However long his first one takes, it is only said of who never comes."""
    listening = Listening()
    town.judge(ADAPTERS["bank"], "bank.loan-apply", listener=listening)
    assert listening.complaints == 0


def test_it_is_said_where_nothing_came(capsys: pytest.CaptureFixture[str]) -> None:
    """In both languages, with the whole address."""
    conformance._Talk("http://10.0.0.7:4711/v1/organisations/bank/callbacks").unheard()
    said = capsys.readouterr().err
    assert "尚无回调到达 http://10.0.0.7:4711/v1/organisations/bank/callbacks" in said
    assert "nothing was called back to http://10.0.0.7:4711/v1/organisations/bank/callbacks" in said


def test_progress_is_told_by_tenths(capsys: pytest.CaptureFixture[str]) -> None:
    """A line each, whether or not anybody looks at a terminal; of few cases, none."""
    for of in (40, 5):
        talk = conformance._Talk("")
        for done in range(1, of + 1):
            talk.played(done, of)
    assert capsys.readouterr().err.splitlines() == [f"… {done} / 40" for done in range(4, 41, 4)]
