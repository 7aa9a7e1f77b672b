"""The results as continuous integration reads them: JUnit's XML, in the dialect that all servers know."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from .case import KINDS
from .glosses import bilingual, gloss
from .run import Result, Run


def document(run: Run) -> bytes:
    """One suite a kind of demand; blocked cases are failures, skipped ones say why."""
    root = ET.Element("testsuites", name=f"tongche conformance {run.agency.name}")
    for kind in KINDS:
        results = [result for result in run.results if result.case.kind == kind]
        if results:
            _suite(root, run, kind, results)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _suite(root: ET.Element, run: Run, kind: str, results: list[Result]) -> None:
    failed = sum(result.state in {"failed", "blocked"} for result in results)
    skipped = sum(result.state == "skipped" for result in results)
    suite = ET.SubElement(
        root,
        "testsuite",
        name=f"{run.agency.name}.{kind}",
        tests=str(len(results)),
        failures=str(failed),
        errors="0",
        skipped=str(skipped),
        time=f"{sum(result.seconds for result in results):.3f}",
        timestamp=run.at.strftime("%Y-%m-%dT%H:%M:%S"),
    )
    for result in results:
        _case(suite, result)


def _case(suite: ET.Element, result: Result) -> None:
    case = ET.SubElement(
        suite, "testcase", classname=suite.get("name", ""), name=result.case.id, time=f"{result.seconds:.3f}"
    )
    if result.state == "skipped":
        ET.SubElement(case, "skipped", message=result.came)
    elif result.state != "passed":
        failure = ET.SubElement(case, "failure", message=result.came, type=result.state)
        lines = (
            str(result.case.title),
            f"条款 / clause: {result.case.clause}",
            f"要求 / demands: {result.case.demands}",
            f"预期 / expected: {bilingual(result.expected)}",
            f"实际 / came: {result.came}",
            *([f"含义 / that is: {meaning}"] if (meaning := gloss(result.came)) else []),
            f"可能的修正 / likely fix: {result.fix}",
            *(f"{line.at:%H:%M:%S.%f} {line.way}: {line.text}" for line in result.exchanged),
        )
        failure.text = "\n".join(lines)
