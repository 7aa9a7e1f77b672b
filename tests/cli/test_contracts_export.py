"""`tongche contracts export` and `dictionary`, as people and scripts type them."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from typer.testing import CliRunner

from contracts.fields import FIELDS
from services.cli import application
from services.stack import credentials
from services.stack.data import DataFolder
from services.stack.trouble import TroubleError

ROOT: Final = Path(__file__).parents[2]


def _said(*words: str) -> str:
    """What a verb prints. Raises what it raises."""
    done = CliRunner().invoke(application(), ["contracts", *words])
    if done.exception is not None:
        raise done.exception
    return done.stdout


def _files(place: Path) -> dict[str, bytes]:
    return {file.relative_to(place).as_posix(): file.read_bytes() for file in place.rglob("*") if file.is_file()}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which nothing runs."""
    folder = tmp_path_factory.mktemp("data")
    credentials.ensure(DataFolder(folder))
    return folder


def test_an_export_is_the_same_for_the_same_installation(data: Path, tmp_path: Path) -> None:
    """Of a data folder and of none: every byte, in two processes, whatever its keys; and it tells none of them."""
    other = [sys.executable, "-m", "services.cli", "contracts", "export", "--to", str(tmp_path / "b")]
    nothing = tmp_path / "nothing"
    fresh = {**os.environ, "TONGCHE_DATA": str(nothing)}
    subprocess.run(other, cwd=ROOT, env=fresh, capture_output=True, check=True)
    shown = _said("export", "--to", str(tmp_path / "a"), "--data", str(data), "--json")
    told = json.loads(shown.splitlines()[-1])
    first, second = _files(tmp_path / "a"), _files(tmp_path / "b")
    assert first == second
    assert told["files"] == len(first) - 1
    assert told["usage"] is False
    assert not nothing.exists()
    secrets = json.loads((data / "secrets.json").read_bytes())
    everything = b"".join(first.values())
    for token in (*secrets["publisher_tokens"].values(), secrets["operator_token"], str(data)):
        assert token.encode() not in everything
    for line in ("网页", "表格", "AsyncAPI 3", "OpenAPI 3.1", "index.html"):
        assert line in shown


def test_a_subscribers_view_is_shown_by_its_urn(data: Path) -> None:
    """As its messages name it; and who has none is told."""
    urn = "urn:tongche:schema:to.tax-office.tongche.sale.returned.v1"
    told = json.loads(_said("show", urn, "--json", "--data", str(data)).splitlines()[-1])
    assert set(told["properties"]) == {"vin", "returned_on"}
    assert "returned_on" in _said("show", urn, "--data", str(data))
    sales = _said("show", "to.tax-office.tongche.sale.confirmed.v3", "--data", str(data))
    assert "buyer.region" in sales
    assert "sealed.buyer.buyer_id_no" in sales
    with pytest.raises(TroubleError, match="nobody has a view"):
        _said("show", urn.replace("tax-office", "nobody"), "--data", str(data))


def test_a_mistyped_data_folder_is_no_fresh_installation(tmp_path: Path) -> None:
    """Neither exported nor asked for a view; nothing is made, there or where it would have been written."""
    nothing = tmp_path / "typo"
    for words in (("export", "--to", str(tmp_path / "out")), ("show", "to.tax-office.tongche.sale.returned.v1")):
        with pytest.raises(TroubleError, match="typo is not a data folder"):
            _said(*words, "--data", str(nothing))
    assert list(tmp_path.iterdir()) == []


class Projection:
    """Answers what was used, as the projection of a running stack does."""

    def service(self, name: str) -> Projection:
        """There is but one that is asked."""
        assert name == "projection"
        return self

    def ask(self, method: str, path: str) -> Any:
        """By grant, contract and version."""
        assert (method, path) == ("GET", "/v1/usage")
        row = {"subscriber": "bank-one", "grant": "bank-one-tax", "contract": "tax.paid", "version": 1, "last_at": 0.0}
        return {"usage": [row | {"messages": 7, "withheld": 1, "fields": {"vin": 7, "tax_paid_at": 6}}]}


def test_a_running_stack_tells_what_was_really_used(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked of the projection; what it does not name was never disclosed."""
    monkeypatch.setattr("services.cli.catalogue.running", lambda _: Projection())
    told = json.loads(_said("export", "--to", str(tmp_path / "out"), "--data", str(data), "--json").splitlines()[-1])
    assert told["usage"] is True
    text = (tmp_path / "out" / "grants.csv").read_text(encoding="utf-8-sig")
    used = {(row["grant"], row["field"]): row["disclosed"] for row in csv.DictReader(io.StringIO(text))}
    assert used["bank-one-tax", "tax_paid_at"] == "6"
    assert used["tax-office-returns", "vin"] == "0"
    assert "and 1 withheld" in (tmp_path / "out" / "subscribers.html").read_text(encoding="utf-8")


def test_somebodys_folder_is_left_alone(data: Path, tmp_path: Path) -> None:
    """Told with the file that stands in the way and what to type."""
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(TroubleError, match=r"mine\.txt") as trouble:
        _said("export", "--to", str(tmp_path), "--data", str(data))
    assert "contracts export --to" in trouble.value.fix
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_the_dictionary_is_a_table_a_sheet_or_json() -> None:
    """Of all fields, or of those with a word in their name or meaning."""
    assert "证件号码" in _said("dictionary", "buyer_id")
    sheet = _said("dictionary", "--csv")
    assert sheet.startswith("\ufeff")
    rows: list[dict[str, Any]] = list(csv.DictReader(io.StringIO(sheet.removeprefix("\ufeff"))))
    told = json.loads(_said("dictionary", "--json").splitlines()[-1])
    assert [row["field"] for row in rows] == [field["name"] for field in told["fields"]] == list(FIELDS)
    with pytest.raises(TroubleError, match="no field"):
        _said("dictionary", "nothing-of-the-kind")
