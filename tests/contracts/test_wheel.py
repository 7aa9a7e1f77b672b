"""The partner's wheel: built twice the same, and enough by itself, without this checkout, to read every version."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest

from contracts.contract import Contract
from contracts.examples import examples
from contracts.policy import load
from contracts.registry import CONTRACTS, resolve
from contracts.versions import CannotDowncast, Versions
from tests import wheel as wheels
from tests.wheel import ROOT, WITHIN_S

SAID: Final = ROOT / "tests" / "contracts" / "said_before.jsonl"

_PARTNER: Final = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
for ours in ("contracts", "services", "adapters", "observability"):
    try:
        importlib.import_module(ours)
    except ModuleNotFoundError:
        continue
    sys.exit(f"{ours} is on the path")
from tongche_contracts.envelope import decode
from tongche_contracts.numbers import vin
from tongche_contracts.policy import load
from tongche_contracts.registry import CONTRACTS
def read(line):
    told = json.loads(line)
    headers = [(name, text.encode()) for name, text in told["headers"].items()]
    return decode(headers, json.dumps(told["data"]).encode()).data
print(json.dumps({
    "read": [type(read(line)).__name__ for line in sys.stdin],
    "schemas": {
        versions.type_of(number): versions.model(number).model_json_schema()
        for versions in CONTRACTS.values()
        for number in range(1, versions.newest + 1)
    },
    "packs": len(load().packs),
    "check_digit": vin.check_digit("LZZTEST0XTA000009"),
}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It, built as the documents say, without a network."""
    return wheels.built(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds what pip installed from it, and nothing else."""
    return wheels.installed(wheel, tmp_path_factory.mktemp("partner"))


def _partner(installed: Path, script: str, told: str = "") -> Any:
    """What a program of a partner prints, started where nothing of this checkout can be imported."""
    command = [sys.executable, "-I", "-c", script, str(installed)]
    done = subprocess.run(
        command, input=told, cwd=installed, capture_output=True, text=True, timeout=WITHIN_S, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _lowered(versions: Versions, newest: Contract) -> Iterator[tuple[str, Contract]]:
    for number in range(1, versions.newest + 1):
        with suppress(CannotDowncast):
            yield versions.type_of(number), versions.down(number, newest)


def _said() -> list[tuple[str, dict[str, Any]]]:
    """What was ever said, in every version of its contract, and the examples of them all."""
    found = []
    for line in map(json.loads, SAID.read_text(encoding="utf-8").splitlines()):
        versions, number = resolve(line["type"])
        found.append((line["type"], line["data"]))
        newest = versions.read(number, json.dumps(line["data"]).encode())
        if versions.newest > 1:
            found += [
                (type_, data.model_dump(mode="json", exclude_none=True)) for type_, data in _lowered(versions, newest)
            ]
    return found + [(type_, data) for type_, told in examples().items() for data in told]


def _headers(type_: str) -> dict[str, str]:
    return {
        "ce_specversion": "1.0",
        "ce_id": "0190a000-0000-7000-8000-000000000000",
        "ce_source": "urn:tongche:test",
        "ce_type": type_,
        "ce_subject": "case-1",
        "ce_time": "2026-11-21T01:00:00.000Z",
        "ce_dataschema": f"urn:tongche:schema:{type_}",
    }


def test_a_partner_reads_every_version_with_the_wheel_alone(installed: Path) -> None:
    """The same classes with the same schemas as here, the packs and number tables too; our checkout is not there."""
    said = _said()
    lines = "\n".join(json.dumps({"headers": _headers(type_), "data": data}) for type_, data in said)
    told = _partner(installed, _PARTNER, lines)
    assert {type_ for type_, _ in said} == set(told["schemas"])
    newest = [resolve(type_)[0].models[-1].__name__ for type_, _ in said]
    assert told["read"] == newest
    assert told["schemas"] == {
        versions.type_of(number): versions.model(number).model_json_schema()
        for versions in CONTRACTS.values()
        for number in range(1, versions.newest + 1)
    }
    assert told["packs"] == len(load().packs)
    assert told["check_digit"] == "X"


def test_the_same_sources_are_the_same_bytes(wheel: Path, tmp_path: Path) -> None:
    """Built again, it is the file that a partner has already."""
    assert wheels.built(tmp_path).read_bytes() == wheel.read_bytes()


def test_the_wheel_holds_the_words_and_nothing_else(wheel: Path) -> None:
    """Every module and table of `contracts/`, the mark of its types, no service, no test, no place on our machine."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        texts = b"".join(archive.read(name) for name in archive.namelist())
        (metadata,) = (archive.read(name).decode() for name in archive.namelist() if name.endswith("/METADATA"))
    ours = {
        f"tongche_contracts/{path.relative_to(ROOT / 'contracts')}"
        for path in (ROOT / "contracts").rglob("*")
        if path.is_file() and path.suffix not in {".md", ".pyc"} and path.name != "pyproject.toml"
    }
    assert names == ours
    assert "tongche_contracts/py.typed" in names
    assert str(ROOT).encode() not in texts
    assert str(Path.home()).encode() + b"/" not in texts
    assert "Classifier: Private :: Do Not Upload" in metadata.splitlines()


def test_building_it_leaves_nothing_behind(wheel: Path) -> None:
    """No build folder, no egg-info beside the sources."""
    assert wheel.exists()
    assert {path.name for path in (ROOT / "contracts").iterdir()} & {"build", "dist"} == set()
    assert list((ROOT / "contracts").glob("*.egg-info")) == []


def test_what_its_readme_shows_runs(installed: Path) -> None:
    """A view read, and a sale with every fault at once, by the words that a partner would copy."""
    reading, checking = re.findall(
        r"```python\n(.*?)```", (ROOT / "contracts" / "README.md").read_text("utf-8"), re.DOTALL
    )
    data = {"vin": "LZZTEST05TA000001", "buyer": {"phone": "138****5678"}}
    script = f"""
import json, sys
sys.path.insert(0, sys.argv[1])
class record:
    headers = [(name, text.encode()) for name, text in {_headers("tongche.sale.confirmed.v2")!r}.items()]
    value = json.dumps({data!r}).encode()
my_private_jwk = None
{reading}
{checking}
print(json.dumps([view.data.vin, view.data.buyer.phone, sale, len(faults)]))
"""
    vin, phone, sale, faults = _partner(installed, script)
    assert (vin, phone, sale) == (data["vin"], "138****5678", None)
    assert faults > 10
