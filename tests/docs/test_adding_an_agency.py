"""docs/ADDING_AN_AGENCY.md as a stranger follows it: every command of it, in a checkout of its own."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.road.installation import environment, until

ROOT: Final = Path(__file__).parents[2]
GUIDE: Final = ROOT / "docs" / "ADDING_AN_AGENCY.md"
FOLDER: Final = "adapters/kangtai/"
THEIRS: Final = ("kangtai", "huaxing")
"""What is made here; whoever keeps the guide's folder has it already."""
CODE: Final = ("adapters", "contracts", "observability", "services")
WITHIN_S: Final = 240
_BLOCKS: Final = re.compile(r"```console\n(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Stranger:
    """Somebody at a shell, in a copy of this checkout, with a data folder that nobody else knows."""

    checkout: Path
    data: Path

    def type_in(self, commands: str) -> str:
        """Type commands one after another; what they showed. The first that fails ends it."""
        typed = f'set -e\ntongche() {{ "{sys.executable}" -m services.cli "$@"; }}\n{commands}'
        told = {"TONGCHE_DATA": str(self.data), "PYTHONPATH": str(self.checkout)}
        done = subprocess.run(
            ["bash", "-c", typed],
            cwd=self.checkout,
            env=environment() | told,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def asked(self, verb: str) -> Any:
        """What a verb tells a script."""
        return json.loads(self.type_in(f"{verb} --json").splitlines()[-1])

    def files(self) -> dict[str, str]:
        """Every file of the checkout with its digest; what Python keeps compiled beside them is nobody's."""
        return {
            str(file.relative_to(self.checkout)): hashlib.sha256(file.read_bytes()).hexdigest()
            for file in self.checkout.rglob("*")
            if file.is_file() and file.parent.name != "__pycache__"
        }


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[Stranger]:
    """One who has just cloned this checkout."""
    new = shutil.ignore_patterns("__pycache__", *THEIRS)
    for folder in CODE:
        shutil.copytree(ROOT / folder, tmp_path / "checkout" / folder, ignore=new)
    one = Stranger(tmp_path / "checkout", tmp_path / "data")
    try:
        yield one
    finally:
        one.type_in("tongche down")


@pytest.mark.timeout(600)
def test_a_stranger_adds_an_agency_by_following_the_guide(stranger: Stranger) -> None:
    """From nothing to a sale that the new insurer covers, live and back, and no file outside its folder is touched."""
    before = stranger.files()
    for commands in _BLOCKS.findall(GUIDE.read_text(encoding="utf-8")):
        if "case show" in commands:
            _closed(stranger)
        stranger.type_in(commands)
        if "case show" in commands:
            _covered_by_the_new_one(stranger)
        if "partner live" in commands:
            _switched_and_back(stranger)
    assert {name: told for name, told in stranger.files().items() if not name.startswith(FOLDER)} == before


def test_a_bank_is_added_in_the_same_way(stranger: Stranger) -> None:
    """Its folder passes as it stands: recordings, list, conformance at its simulator, and the test within."""
    stranger.type_in("tongche partner new huaxing --like bank --zh 样例华兴银行")
    told = stranger.asked("tongche partner test huaxing")
    assert (told["broken"], told["conformance"]["failed"]) == ([], 0)
    assert told["conformance"]["passed"] > 0
    run = f'"{sys.executable}" -m pytest -q --rootdir . --confcutdir . -p no:cacheprovider adapters/huaxing'
    assert "1 passed" in stranger.type_in(run)


def _covered_by_the_new_one(stranger: Stranger) -> None:
    """Its own words reached it: the case names it, and its book has the policy."""
    told = stranger.asked("tongche case show KANGTAI-1")
    assert told["headline"] == "CLOSED"
    (one,) = [row for row in stranger.asked("tongche partner list")["organisations"] if row["adapter"] == "kangtai"]
    ledger = (stranger.data / "simulator" / "ledger.jsonl").read_text(encoding="utf-8").splitlines()
    bound = [line for line in map(json.loads, ledger) if line["operation"] == "insurance.bind"]
    assert [line["organisation"] for line in bound] == [one["organisation"]]


def _switched_and_back(stranger: Stranger) -> None:
    """Both acts are on record, who did them, and that it was practice."""
    went, back = map(json.loads, (stranger.data / "live.jsonl").read_text(encoding="utf-8").splitlines())
    assert went["organisation"] == back["organisation"]
    assert (went["url"].startswith("http://127.0.0.1:"), back.get("url")) == (True, None)
    assert (went["by"], back["reason"]) == (back["by"], "the practice is over")
    assert (went["stand_in"], "stand_in" in back) == (True, False)


def _closed(stranger: Stranger) -> None:
    def counts() -> Any:
        return stranger.asked("tongche status")["cases"]

    until(lambda: counts()["closed"] == 1, WITHIN_S, counts)
