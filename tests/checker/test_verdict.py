"""The verdict as a whole: what it does not depend on, how it is told, and when there is none."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.topics import COMMANDS
from services.checker import BrokenEvidence, Verdict, check
from services.checker.expectations import (
    AGENCY_OF,
    QUESTIONS,
    RETURNED_IN_ORDER,
    UNDOES,
    Terms,
    may_stand,
    must_have_ended,
    must_stand,
)
from services.checker.expectations import organisation_of as organisation
from services.checker.findings import KEPT, KINDS, LEDGERS
from services.checker.report import report
from tests.checker.synthetic import NOW, Line, Scene, scene
from tests.checker.test_planted_bugs import PLANTED


def _summary(verdict: Verdict) -> tuple[dict[str, int], Counter[tuple[str, str, str]]]:
    counts = {str(ledger): count for ledger, count in verdict.counts.items()}
    return counts, Counter((finding.what, finding.about, finding.case) for finding in verdict.findings)


def _judge(made: Scene) -> Verdict:
    with TemporaryDirectory() as folder:
        return check(made.write(Path(folder)), NOW)


def _mixed(lines: list[Line], of: str, chance: random.Random) -> list[Line]:
    """The same lines, with those of different vehicles interleaved in another way."""
    rows: dict[str, list[Line]] = {}
    for line in lines:
        rows.setdefault(line[of], []).append(line)
    order = [line[of] for line in lines]
    chance.shuffle(order)
    return [rows[vehicle].pop(0) for vehicle in order]


def _shuffled(made: Scene, chance: random.Random) -> Scene:
    made.ledger = _mixed(made.ledger, "vin", chance)
    made.history = _mixed(made.history, "vin", chance)
    for lines in (made.requests, made.cases, *made.topics.values()):
        chance.shuffle(lines)
    chance.shuffle(made.logs)
    return made


@settings(max_examples=12, deadline=None)
@given(name=st.sampled_from([None, *PLANTED]), chance=st.randoms(use_true_random=False))
def test_only_the_order_that_means_something_matters(name: str | None, chance: random.Random) -> None:
    """However files interleave vehicles, the verdict is the same: offsets and one vehicle's ledger lines decide."""
    spoil = PLANTED[name][0] if name else lambda _made: None
    straight, crooked = scene(), scene()
    spoil(straight)
    spoil(crooked)
    assert _summary(_judge(straight)) == _summary(_judge(_shuffled(crooked, chance)))


@pytest.mark.parametrize(
    "part", ["publishers", "simulator/ledger.jsonl", "cases.jsonl", "topics", "topics/sale.events.jsonl", "logs"]
)
def test_missing_evidence_is_never_clean(part: str, tmp_path: Path) -> None:
    """Without a part of the evidence there is no verdict at all."""
    folder = scene().write(tmp_path)
    path = folder / part
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(BrokenEvidence, match="missing"):
        check(folder, NOW)


def test_a_torn_line_is_no_evidence(tmp_path: Path) -> None:
    """A half-written line is named by its place, and nothing is judged."""
    folder = scene(("cash",)).write(tmp_path)
    with (folder / "simulator" / "ledger.jsonl").open("a", encoding="utf-8") as ledger:
        ledger.write('{"at": "2026-')
    with pytest.raises(BrokenEvidence, match=r"ledger\.jsonl:\d+: not JSON"):
        check(folder, NOW)


def test_the_json_has_the_keys_that_scripts_rely_on(tmp_path: Path) -> None:
    """`checker` and the counters stand at the top, the findings beneath."""
    told = check(scene(("cash",)).write(tmp_path), NOW).as_json()
    assert told["checker"] == "clean"
    assert [told[name] for name in ("lost", "duplicate_effects", "out_of_order", "stuck", "leaks")] == [0] * 5
    assert told["findings"] == []


def test_many_findings_are_counted_and_some_are_told(tmp_path: Path) -> None:
    """The counters count all, the list stays short."""
    made = scene(("cash",))
    made.logs += [f"phone {made.cars[0].phone}"] * (KEPT + 7)
    verdict = check(made.write(tmp_path), NOW)
    assert verdict.counts["leaks"] == KEPT + 7
    assert len(verdict.findings) == KEPT
    assert "另有 7 项未列出 / 7 more not listed" in report(verdict)


@pytest.mark.parametrize(("spoilt", "code"), [(False, 0), (True, 1)])
def test_the_program_says_it_by_its_exit_code(spoilt: bool, code: int, tmp_path: Path) -> None:  # noqa: FBT001
    """0 is clean, 1 is findings, in words or as one JSON object."""
    made = scene(("cash",))
    if spoilt:
        made.logs.append(made.cars[0].vin)
    made.write(tmp_path)
    command = [sys.executable, "-m", "services.checker", str(tmp_path), "--now", NOW.isoformat()]
    words = subprocess.run(command, capture_output=True, text=True, check=False)
    told = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
    assert (words.returncode, told.returncode) == (code, code), words.stderr
    assert words.stdout.startswith("核查发现问题 / findings" if spoilt else "核查通过 / clean")
    assert json.loads(told.stdout)["leaks"] == int(spoilt)


def test_the_program_refuses_an_empty_folder(tmp_path: Path) -> None:
    """2 means that there was nothing to judge from."""
    command = [sys.executable, "-m", "services.checker", str(tmp_path)]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "证据不完整 / the evidence is broken" in refused.stderr


def test_every_kind_of_finding_is_planted_somewhere() -> None:
    """A rule that no planted bug sets off might as well not be there."""
    planted = "".join(file.read_text(encoding="utf-8") for file in Path(__file__).parent.glob("test_*.py"))
    assert not [kind for kind in KINDS if f'"{kind}"' not in planted]
    assert {kind.ledger for kind in KINDS.values()} == set(LEDGERS)


def test_expectations_speak_of_commands_that_exist() -> None:
    """The table is written apart, in the same words; each operation goes to the agency that takes it."""
    operations = may_stand(Terms("new-car", financed=True)) | may_stand(Terms("export-new")) | QUESTIONS | set(UNDOES)
    operations |= must_stand(Terms("returned-car")) | must_have_ended(Terms("returned-car")) | set(RETURNED_IN_ORDER)
    assert operations <= set(COMMANDS)
    for operation in operations:
        at = organisation(operation, "I", "B")
        assert at is not None
        assert at.partition("-")[0] == COMMANDS[operation].agency
    assert set(AGENCY_OF.values()) | {"customs"} == {command.agency for command in COMMANDS.values()}


@pytest.mark.parametrize(
    ("terms", "there", "absent"),
    [
        (Terms("new-car"), {"tax.pay", "registration.register"}, {"loan.apply", "mortgage.register"}),
        (Terms("new-car", financed=True), {"loan.apply", "mortgage.cosign", "mortgage.register"}, {"export.declare"}),
        (Terms("new-car", financed=True, unsecured=True), {"loan.apply"}, {"mortgage.cosign", "mortgage.register"}),
        (Terms("returned-car"), {"registration.deregister", "elicence.revoke"}, {"invoice.request", "tax.pay"}),
        (Terms("new-car", relieved=True), {"tax.declare"}, {"tax.pay"}),
        (Terms("export-new", hs_code="8703801090"), {"licence.apply", "export.declare"}, {"invoice.request"}),
        (Terms("export-new", hs_code="8703809090"), {"export.declare"}, {"licence.apply"}),
    ],
)
def test_each_kind_of_sale_has_its_plan(terms: Terms, there: set[str], absent: set[str]) -> None:
    """Cash, loan, relief and both export lines differ in what must stand at the end."""
    assert there <= must_stand(terms)
    assert not absent & must_stand(terms)
