"""`tongche conformance`: what it prints, writes and returns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from adapters.registry import ADAPTERS
from contracts.registry import CONTRACTS
from services.cli import application
from services.conformance import agencies
from services.conformance.catalogue import cases
from services.conformance.result import NotProved, verified
from services.runtime.clock import Clock
from services.stack.trouble import TroubleError


def typed(*words: str) -> Result:
    return CliRunner().invoke(application(), ["conformance", *words])


def last(result: Result) -> dict[str, Any]:
    """The object that a script reads."""
    told: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return told


def test_a_run_against_our_own_simulator(tmp_path: Path) -> None:
    """Counts and cases on the last line, three files, exit 0; its result opens no door, for it is a simulator's."""
    result = typed("run", "--agency", "miit", "--simulator", "--json", "--data", str(tmp_path))
    told = last(result)
    assert result.exit_code == 0
    assert (told["passed"], told["failed"], told["skipped"]) == (len(told["cases"]), 0, 0)
    assert {name: Path(path).exists() for name, path in told["files"].items()} == {
        "report.html": True, "junit.xml": True, "result.jws": True,
    }  # fmt: skip
    key = json.loads((tmp_path / "secrets.json").read_bytes())["conformance_key"]
    text = Path(told["files"]["result.jws"]).read_text(encoding="utf-8")
    with pytest.raises(NotProved, match="simulated"):
        verified(text, key, agencies.agency(ADAPTERS["miit"]), Clock().now())


def test_a_run_against_nobody(tmp_path: Path) -> None:
    """Where nobody answers every case fails, and so does the verb."""
    words = ("--agency", "miit", "--url", "http://127.0.0.1:9", "--json", "--data", str(tmp_path))
    result = typed("run", *words)
    assert result.exit_code == 1
    assert last(result)["passed"] == 0
    assert {case["came"] for case in last(result)["cases"] if case["result"] == "failed"} == {"no connection"}


@pytest.mark.parametrize(
    ("where", "host"),
    [
        (("--url", "http://127.0.0.1:9", "--files", "sftp://tongche@127.0.0.1:8"), "127.0.0.1:8"),
        (("--url", "sftp://tongche@[::1]:9/in"), "[::1]:9"),
        (("--url", "http://127.0.0.1:9"), None),
    ],
)
def test_who_takes_files_is_judged_where_they_are_taken(
    tmp_path: Path, where: tuple[str, ...], host: str | None
) -> None:
    """That host stands in the result, for it is the one that goes live; and without it nobody is judged."""
    result = typed("run", "--agency", "customs", *where, "--only", "nothing", "--json", "--data", str(tmp_path))
    if host is None:
        assert isinstance(result.exception, TroubleError)
        assert "--files sftp://" in result.exception.fix
    else:
        assert last(result)["host"] == host


def test_a_part_of_a_run_signs_nothing(tmp_path: Path) -> None:
    """`--only` is for looking closer; what it finds is no result."""
    words = ("--agency", "miit", "--simulator", "--only", "miit.coc-query", "--json", "--data", str(tmp_path))
    told = last(typed("run", *words))
    assert [case["id"] for case in told["cases"]] == ["miit.coc-query"]
    assert "result.jws" not in told["files"]


@pytest.mark.parametrize("words", [(), ("--url", "http://127.0.0.1:9", "--simulator")], ids=["neither", "both"])
def test_it_must_be_said_who_is_judged(words: tuple[str, ...], tmp_path: Path) -> None:
    """One of an address and the simulator, not both, not none."""
    assert typed("run", "--agency", "miit", *words, "--data", str(tmp_path)).exit_code == 2


def test_cases_are_listed() -> None:
    """Every case of the agency, with its kind."""
    told = last(typed("cases", "--agency", "tax", "--json"))
    assert [case["id"] for case in told["cases"]] == [case.id for case in cases(ADAPTERS["tax"])]


@pytest.mark.parametrize("agency", sorted(ADAPTERS))
def test_reference_data_is_our_own_events(agency: str, tmp_path: Path) -> None:
    """What a partner loads beforehand are events of contracts, the same for the same round and day."""
    written = []
    for name in ("one.jsonl", "other.jsonl"):
        file = tmp_path / name
        words = ("--agency", agency, "--round", "3", "--day", "2026-11-22", "--to", str(file))
        assert typed("testbed", *words).exit_code == 0
        written.append(file.read_text(encoding="utf-8"))
    assert written[0] == written[1]
    for line in written[0].splitlines():
        record = json.loads(line)
        CONTRACTS[record["event"]].models[-1].model_validate_json(json.dumps(record["data"]))
