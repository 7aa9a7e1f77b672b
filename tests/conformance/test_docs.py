"""The commands of docs/conformance.md do what it says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli import application
from services.conformance.case import KINDS

TEXT = (Path(__file__).parents[2] / "docs" / "conformance.md").read_text(encoding="utf-8")
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
