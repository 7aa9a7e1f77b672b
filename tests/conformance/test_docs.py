"""The commands of docs/conformance.md do what it says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adapters.registry import ADAPTERS
from services.cli import application
from services.conformance.case import KINDS
from services.conformance.catalogue import cases
from services.conformance.properties import PROPERTIES

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = [line.partition(" #")[0].strip() for block in BLOCKS for line in block.splitlines()]
ALONE = [command for command in COMMANDS if not {"--url", "verify", "serve"} & set(command.split())]


@pytest.mark.parametrize("command", ALONE)
def test_a_documented_command_works(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Typed as it stands, in a folder of its own, it ends well."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TONGCHE_DATA", str(tmp_path / "data"))
    program, *words = shlex.split(command)
    assert program == "tongche"
    assert CliRunner().invoke(application(), words).exit_code == 0


def test_every_kind_is_explained() -> None:
    """The table names all kinds of demands."""
    assert {kind for kind in KINDS if f"| `{kind}`" in TEXT} == set(KINDS)


def test_every_clause_is_written_down() -> None:
    """Its name, and what it demands in both languages, as reports say it; nothing else is called a clause."""
    table = TEXT.partition("## Clauses")[2]
    rows = [f"| `{one.id}` | {one.demands.zh} | {one.demands.en} |" for one in PROPERTIES]
    assert sorted(re.findall(r"^\| `.*$", table, re.MULTILINE)) == sorted(rows)


@pytest.mark.parametrize("agency", ADAPTERS)
def test_every_case_names_a_clause_that_there_is(agency: str) -> None:
    """A file of fixtures, or a row of that table."""
    for case in cases(ADAPTERS[agency]):
        file, _, clause = case.clause.partition(": ")
        assert (ROOT / file).is_file(), case.clause
        assert not clause or f"| `{clause}` |" in TEXT, case.clause
