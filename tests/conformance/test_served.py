"""`conformance run` in one shell, `simulator serve` in another: the command that the one prints works in the other."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner

from services.cli import application
from services.cli.conformance import Simulated, typed_against
from services.stack.trouble import TroubleError
from tests.cli.serving import Served, served

CASES = {
    "tax": ("tax.tax.pay.unsealed", "tax.invoice.request.asked-twice"),
    "bank": ("bank.loan.apply.brought", "bank.loan.apply.brought-again"),
    "customs": ("customs.export.declare.whole-receipt", "customs.export-track"),
    "police": ("police.mortgage-register",),
}
"""Of each something that only comes out well if we are known there, called back, and able to fetch."""


@pytest.fixture(scope="module")
def bank() -> Iterator[Served]:
    """A bank, served by itself; its neighbours are there as well."""
    with served("bank") as one:
        yield one


@pytest.mark.parametrize("agency", CASES)
def test_the_command_that_is_printed_can_be_typed_as_it_stands(agency: str, bank: Served, tmp_path: Path) -> None:
    """Sealed, called back, by files, or over neighbours who call back: nothing is missing, and nothing fails."""
    words = shlex.split(_printed(agency, bank))
    only = [word for case in CASES[agency] for word in ("--only", case)]
    found = CliRunner().invoke(application(), [*words[1:], *only, "--to", str(tmp_path), "--json"])
    told = json.loads(found.stdout.splitlines()[-1])
    assert (told["passed"], told["failed"], told["skipped"]) == (len(CASES[agency]), 0, 0)
    assert found.exit_code == 0


def _printed(agency: str, bank: Served) -> str:
    told = bank.told
    where = Simulated(told["url"], Path(told["data"]), told["files"], urlsplit(told["callbacks"]).port or 0)
    printed = {name: typed_against(where, name, name) for name in CASES if name != "bank"}
    return {**printed, "bank": str(told["conformance"])}[agency]


def test_an_option_that_is_of_no_use_is_not_printed(bank: Served) -> None:
    """MIIT takes no files and nobody calls back before it can answer."""
    printed = typed_against(Simulated(bank.told["url"], Path("there"), "sftp://127.0.0.1:1", 2), "miit", "miit")
    assert printed == f"tongche conformance run --agency miit --url {bank.told['url']} --data there"


def test_another_folder_s_keys_are_told_at_once(bank: Served, tmp_path: Path) -> None:
    """Instead of a hundred cases that fail over the seal."""
    words = ["conformance", "run", "--agency", "tax", "--url", bank.told["url"], "--data", str(tmp_path)]
    with pytest.raises(TroubleError, match="do not know the keys"):
        CliRunner().invoke(application(), words, catch_exceptions=False)
