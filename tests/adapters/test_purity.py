"""An adapter describes: what could call, wait, store or look at the machine is refused, under whatever name."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import pytest

import adapters.quality
from adapters.purity import impurities

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = Path(str(files(adapters)))
MODULES: Final = sorted(FOLDER.rglob("*.py"))
HOUSE: Final = {
    "bindings/iso20022.py": {"reaches adapters.bindings.xml.Element"},
    "bindings/xml.py": {"imports lxml.etree"},
    "fixtures.py": {"imports adapters.folders", "imports importlib.resources.abc.Traversable"},
    "folders.py": {"imports importlib.resources.files", "imports importlib.resources.abc.Traversable"},
    "organisations.py": {"imports adapters.folders"},
    "purity.py": {
        "imports ast",
        "imports importlib.import_module",
        "imports inspect.isclass",
        "imports inspect.isroutine",
        "imports types.ModuleType",
        "uses getattr",
    },
    "quality.py": {"imports adapters.folders", "imports importlib.resources.abc.Traversable"},
    "registry.py": {"imports adapters.folders", "imports importlib.import_module"},
    "replies.py": {"uses getattr"},
    "unfit.py": {"imports importlib.resources.files"},
}
"""What finds, loads and judges the folders of agencies, or parses XML from bytes, does a little more than they may."""


DESCRIBES: Final = """
from __future__ import annotations
import json
from http import HTTPStatus
from adapters.reading import fields
from contracts.topics import COMMANDS
from . import mapping
from .words import WORDS
day.isoformat()
"""


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(FOLDER)))
def test_adapters_do_no_io(file: Path) -> None:
    """No module of the adapters imports or calls anything that could call, wait or store."""
    place = file.relative_to(FOLDER)
    package = ".".join(("adapters", *place.parent.parts))
    import_module(package if place.name == "__init__.py" else f"{package}.{place.stem}")
    wrong = {told.partition(": ")[2] for told in impurities(file.read_text(encoding="utf-8"), package)}
    assert wrong == HOUSE.get(place.as_posix(), set())


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import socket", "imports socket"),
        ("import os.path as p", "imports os.path"),
        ("from urllib.request import urlopen", "imports urllib.request.urlopen"),
        ("from http import HTTPStatus, client", "imports http.client"),
        ("from pathlib import Path", "imports pathlib.Path"),
        ("from importlib import import_module", "imports importlib.import_module"),
        ("import a_module_that_nobody_thought_of", "imports a_module_that_nobody_thought_of"),
        ("from services.runtime import store", "imports services.runtime.store"),
        ("def f():\n    import asyncio", "imports asyncio"),
        ("open('x').read()", "uses open"),
        ("__import__('socket')", "uses __import__"),
        ("exec('import socket')", "uses exec"),
        ("datetime.now()", "asks what time it is by now"),
        ("W = datetime.now", "asks what time it is by now"),
        ("made(default_factory=date.today)", "asks what time it is by today"),
        ("O = open", "uses open"),
        ("written.__globals__", "uses __globals__"),
        ("from importlib import resources", "imports importlib.resources"),
        ("from importlib.resources import files", "imports importlib.resources.files"),
        ("import json\njson.codecs.open('x')", "reaches json.codecs"),
        ("import json as j\nO = j.codecs.open", "reaches json.codecs"),
        ("from json import codecs", "imports json.codecs"),
        ("from json import *", "imports json.*"),
        ("import re\nre.enum.sys.modules", "reaches re.enum.sys"),
        ("from re import enum\nenum.sys.modules", "reaches re.enum.sys"),
        ("import email.utils\nemail.utils.socket", "reaches email.utils.socket"),
        ("import email.utils\nemail.charset", "reaches email.charset"),
        ("import json\nJ = json", "hands on json"),
        ("from ..folders import of", "imports adapters.folders.of"),
        ("from .. import folders", "imports adapters.folders"),
        ("from adapters import quality\nquality.folders.of('x')", "reaches adapters.quality.folders"),
        ("from adapters.quality import folders", "imports adapters.quality.folders"),
        ("from adapters.unfit import files", "imports adapters.unfit.files"),
    ],
)
def test_each_way_out_is_seen(source: str, told: str) -> None:
    """Also one that no list names, within a function, without an import, through another's, or kept for later."""
    assert [each.partition(": ")[2] for each in impurities(source)] == [told]


def test_what_a_mapping_needs_is_none() -> None:
    """Our own words, values, and data beside the module."""
    assert list(impurities(DESCRIBES)) == []


def test_the_import_contract_names_each_planted_import(tmp_path: Path) -> None:
    """A module in an agency's folder that imports all of them breaks `lint-imports`, once for each."""
    contract = _contract()
    forbidden = [name for name in contract["forbidden_modules"] if name != "services"]
    for package in ("adapters", "contracts"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "fixtures"))
    planted = tmp_path / "adapters" / "insurer" / "planted.py"
    planted.write_text("".join(f"import {name}\n" for name in forbidden), encoding="utf-8")
    (tmp_path / "importlinter.toml").write_text(_config(contract, forbidden), encoding="utf-8")
    told = _linted(tmp_path)
    assert told.returncode == 1, told.stdout
    missed = [name for name in forbidden if f"adapters.insurer.planted -> {name} " not in told.stdout]
    assert missed == []
    planted.unlink()
    assert _linted(tmp_path).returncode == 0


def _contract() -> dict[str, Any]:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    (found,) = (one for one in told if one["name"].startswith("An adapter is a description"))
    return dict(found)


def _config(contract: dict[str, Any], forbidden: list[str]) -> str:
    lines = (
        "[tool.importlinter]",
        'root_packages = ["adapters", "contracts"]',
        "include_external_packages = true",
        "[[tool.importlinter.contracts]]",
        'name = "the contract"',
        'type = "forbidden"',
        f"source_modules = {contract['source_modules']}",
        f"forbidden_modules = {forbidden}",
        f"ignore_imports = {contract['ignore_imports']}",
        'unmatched_ignore_imports_alerting = "none"',
        "allow_indirect_imports = true",
    )
    return "\n".join(lines)


def _linted(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as check; check()",
        "--config",
        "importlinter.toml",
        "--no-cache",
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
