"""Whatever a new folder is like, it keeps what it promises as it stands, and its simulator is spoken to as it says."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from adapters.registry import ADAPTERS

ROOT: Final = Path(__file__).parents[2]
CODE: Final = ("adapters", "contracts", "observability", "services")
LIKES: Final = tuple(name for name, adapter in ADAPTERS.items() if name == adapter.agency)
MADE: Final = """
import sys
from pathlib import Path
from services.cli import scaffold
for like in sys.argv[1:]:
    scaffold.write(scaffold.partner(f"a_new_{like}", like, None, None, None), Path("adapters"))
"""
TRIED: Final = """
import asyncio, json, sys
from pathlib import Path
from adapters import quality
from adapters.registry import ADAPTERS
from services.cli import conformance
from services.conformance.catalogue import cases
from services.stack import credentials
from services.stack.data import DataFolder

home = DataFolder(Path("data"))
home.create()
credentials.ensure(home)
found = {}
for like in sys.argv[1:]:
    adapter = ADAPTERS[f"a_new_{like}"]
    only = next(case.id for case in cases(adapter) if case.kind == "fixtures")
    who, today, token = conformance._first(adapter), conformance._today(), conformance._operator_token(home)
    ran = asyncio.run(conformance._run(conformance._Asked(adapter, who, None, 1, today, token, (only,)), home))
    found[like] = {"broken": quality.checked(adapter).broken, "passed": ran.passed, "of": len(ran.results)}
print(json.dumps(found))
"""
TESTED: Final = """
import sys
from importlib import import_module
for like in sys.argv[1:]:
    name = f"a_new_{like}"
    getattr(import_module(f"adapters.{name}.test_{name}"), f"test_{name}_keeps_its_promises")()
"""


def _python(here: Path, program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, *LIKES], cwd=here, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this one with a new folder like each that there is."""
    here = tmp_path_factory.mktemp("checkout")
    for folder in CODE:
        shutil.copytree(ROOT / folder, here / folder, ignore=shutil.ignore_patterns("__pycache__"))
    _python(here, MADE)
    return here


def test_every_new_folder_passes_as_it_stands(checkout: Path) -> None:
    """Its recorded exchanges and its list, and a case of the kit at its simulator, in its own style."""
    found: dict[str, Any] = json.loads(_python(checkout, TRIED).splitlines()[-1])
    assert found == {like: {"broken": [], "passed": 1, "of": 1} for like in LIKES}


def test_the_test_in_every_new_folder_passes(checkout: Path) -> None:
    """It asks of its adapter what `partner test` asks."""
    _python(checkout, TESTED)


def test_only_what_a_sale_can_name_has_a_sale(checkout: Path) -> None:
    """Sales go to the one tax office that there is, whatever else is tried beside it, also to whoever adds the next."""
    met = {like for like in LIKES if (checkout / "adapters" / f"a_new_{like}" / "sale.json").exists()}
    assert met == {"insurer", "bank"}
    known = "from services.cli.scaffold import SEVERAL\nprint(*sorted(SEVERAL))"
    assert _python(checkout, known).split() == ["bank", "insurer"]
