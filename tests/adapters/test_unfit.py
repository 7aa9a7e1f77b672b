"""A folder that cannot be loaded takes nobody else down; its place and the reason are told."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from adapters.organisations import ORGANISATIONS
from adapters.registry import ADAPTERS

ROOT: Final = Path(__file__).parents[2]
TELLS: Final = """
import json
from adapters.organisations import ORGANISATIONS, UNFIT
from adapters.registry import ADAPTERS
spoken = sorted({one.adapter for one in ORGANISATIONS.values()})
print(json.dumps([sorted(ADAPTERS), spoken, list(map(str, UNFIT.values()))]))
"""
TWICE: Final = (ROOT / "adapters/commerce/organisations.toml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what adapters need, with one folder more."""
    place = tmp_path_factory.mktemp("house")
    for name in ("adapters", "contracts"):
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(place / "adapters/commerce", place / "adapters/newcomer")
    return place


def _told(house: Path) -> Any:
    code, where = [sys.executable, "-c", TELLS], {**os.environ, "PYTHONPATH": str(house)}
    return json.loads(subprocess.run(code, check=True, cwd=house, stdout=subprocess.PIPE, env=where).stdout)


@pytest.mark.parametrize(
    ("file", "text", "place"),
    [
        ("mapping.py", "x = (\n", "adapters/newcomer/mapping.py:1: SyntaxError: '(' was never closed"),
        ("mapping.py", "\nimport nobody_has_this\n", "adapters/newcomer/mapping.py:2: ModuleNotFoundError: "),
        ("__init__.py", "from . import mapping\n\nADAPTER = nobody\n", "adapters/newcomer/__init__.py:3: NameError: "),
        ("__init__.py", "x = 1\n", "adapters/newcomer/__init__.py: AttributeError: "),
        ("organisations.toml", "[[organisation\n", "adapters/newcomer/organisations.toml: "),
        ("organisations.toml", "", "adapters/newcomer/organisations.toml: KeyError: 'organisation'"),
        ("organisations.toml", '[[organisation]]\nid = "x"\n', "adapters/newcomer/organisations.toml: "),
        ("organisations.toml", TWICE, "adapters/newcomer/organisations.toml: commerce has a row in adapters/commerce"),
    ],
)
def test_its_place_and_reason_are_told_and_the_others_work(house: Path, file: str, text: str, place: str) -> None:
    """Whatever stands in it, every other adapter and organisation is there."""
    for one in ("__init__.py", "mapping.py", "organisations.toml"):
        usual = (house / "adapters/commerce" / one).read_text(encoding="utf-8")
        (house / "adapters/newcomer" / one).write_text(usual.replace('"commerce"', '"newcomer"', 1), encoding="utf-8")
    (house / "adapters/newcomer" / file).write_text(text, encoding="utf-8")
    adapters, organisations, unfit = _told(house)
    assert set(ADAPTERS) <= set(adapters) <= {*ADAPTERS, "newcomer"}
    assert {one.adapter for one in ORGANISATIONS.values()} == set(organisations)
    (said,) = unfit
    assert said.startswith(place)
