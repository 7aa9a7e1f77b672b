"""What a run found, for people, for machines, and for CI: never a word of what an agency answered."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from playwright.sync_api import Browser

from adapters.registry import ADAPTERS
from services.conformance import junit, page
from services.conformance.fixtures import fixtures
from services.conformance.glosses import gloss
from services.conformance.properties.which import PERSONAL
from services.conformance.run import Run
from tests.conformance import broken, callers
from tests.conformance.town import Odd, Town

PHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def run(town: Town) -> Run:
    """A run over an agency whose refusals repeat what was asked, person and all."""
    return town.judge(ADAPTERS["insurer"], "security", "fixtures", odd=Odd(broken.Gossip))


def test_json_counts_what_it_lists(run: Run) -> None:
    """Passed, failed and skipped are the numbers of the cases that say so; who failed says what came, and the fix."""
    told = run.as_json()
    assert told["failed"] > 0
    assert told["passed"] + told["failed"] + told["skipped"] == len(told["cases"])
    for case in told["cases"]:
        assert case["result"] == "passed" or (case["expected"] and case["came"] and case["fix"]["zh"]), case["id"]


def test_junit_tells_the_same(run: Run) -> None:
    """As many failures as cases failed, each with its expectation."""
    root = ET.fromstring(junit.document(run))  # noqa: S314 - we wrote it ourselves
    assert len(root.findall(".//testcase")) == len(run.results)
    assert len(root.findall(".//failure")) == run.failed
    assert sum(int(suite.get("tests", "")) for suite in root) == len(run.results)
    assert all("预期 / expected" in (failure.text or "") for failure in root.iter("failure"))


def test_what_was_not_met_tells_what_went_over_the_wire(run: Run) -> None:
    """Message and answer by kind, size, car and key, with how the answer was read: what the agency's log has, too."""
    for one in run.results:
        ways = [line.way for line in one.exchanged]
        assert (not ways) if one.state == "passed" else {"sent", "received"} <= set(ways), one.case.id
    last = next(one for one in run.results if one.case.id == "insurer.insurance.bind.tells-nobody").exchanged
    sent, received = (next(line.text for line in last if line.way == way) for way in ("sent", "received"))
    assert re.fullmatch(
        r"POST /insurer-\w+/compulsory/\w+ · application/json · \d+ bytes · VIN LZZ\w{14} · key conformance-\w+", sent
    )
    assert re.fullmatch(r"HTTP \d+, [\w -]+ · application/json[^·]* · \d+ bytes · \d+ ms", received)


def test_a_call_back_is_told_without_a_word_of_it(town: Town) -> None:
    """Not even the key that an agency made up: anything may stand there."""
    run = town.judge(ADAPTERS["bank"], "bank.our-key", odd=Odd(caller=callers.Selfish))
    (brought,) = [line.text for line in run.results[0].exchanged if line.way == "called back"]
    assert re.fullmatch(r"a message · \d+ bytes · sealed · a key that is not this one's", brought)


@pytest.mark.parametrize(
    ("came", "zh", "en"),
    [
        ("HTTP 200, broken-answer echo:vin", "答复的 vin 与请求不同", "vin of the answer is not that of the request"),
        ("HTTP 412, refused P412", "以约定的代码拒绝；P412", "refused, by a code that was agreed; P412"),
        ("HTTP 202, not-yet taken in, not answered yet", "只受理，尚无结果", "it was taken in, and no result came"),
        ("the beginning of one", "读到写了一半的回执", ""),
    ],
)
def test_short_words_are_explained(came: str, zh: str, en: str) -> None:
    """In both languages; plain English only in Chinese."""
    said = gloss(came)
    assert said is not None
    assert said.zh.startswith(zh)
    assert said.en.startswith(en)


def test_no_report_tells_of_a_person(run: Run) -> None:
    """Whatever an agency blurts out, names, numbers and addresses stay out of all three reports."""
    reports = page.page(run) + junit.document(run).decode() + json.dumps(run.as_json(), ensure_ascii=False)
    persons = set(_persons())
    assert persons
    assert not {person for person in persons if person in reports}


def _persons() -> Iterator[str]:
    for fixture in fixtures(ADAPTERS["insurer"]):
        for name in PERSONAL:
            if name in fixture.given:
                yield fixture.given[name]


def test_the_page_reads_well_on_a_phone(run: Run, browser: Browser, tmp_path: Path) -> None:
    """Nothing is wider than a phone; failures are open at the top, in both languages; no other file is asked for."""
    file = tmp_path / "report.html"
    file.write_text(page.page(run), encoding="utf-8")
    context = browser.new_context(viewport=PHONE)  # type: ignore[arg-type]
    try:
        sheet = context.new_page()
        asked: list[Any] = []
        sheet.on("request", lambda request: asked.append(request.url))
        sheet.goto(file.as_uri())
        assert sheet.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert sheet.locator("details[open]").count() == run.failed
        assert "尚不可上线" in sheet.inner_text(".verdict")
        assert "not ready to go live" in sheet.inner_text(".verdict")
        assert asked == [file.as_uri()]
    finally:
        context.close()
