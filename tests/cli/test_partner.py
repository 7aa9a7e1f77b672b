"""`tongche partner`: a folder for a new agency, what is handed over to it, and the day it answers itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from adapters.organisations import ORGANISATIONS
from adapters.registry import ADAPTERS
from contracts.numbers import uscc
from services.cli import application, conformance, scaffold
from services.conformance import fixtures, result
from services.runtime import live
from services.stack import credentials
from services.stack.data import DataFolder
from services.stack.trouble import TroubleError

INSURER = "insurer-91110000MAY1GEUH59"
ADDRESS = "https://insurer.example:8443/tongche"


def typed(*words: str) -> Result:
    """What comes of a verb."""
    return CliRunner().invoke(application(), ["partner", *words], env={"LOGNAME": "li"})


def told(of: Result) -> Any:
    """The JSON of its last line."""
    assert of.exit_code == 0, (of.output, of.exception)
    return json.loads(of.stdout.splitlines()[-1])


def refused(*words: str) -> str:
    """Why a verb did nothing."""
    wrong = typed(*words).exception
    assert isinstance(wrong, TroubleError), wrong
    return wrong.en


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    """A fresh installation that does not run."""
    made = DataFolder(tmp_path / "data")
    made.create()
    credentials.ensure(made)
    return made


@pytest.mark.parametrize("like", ["insurer", "bank"])
def test_a_new_folder_is_whole(tmp_path: Path, like: str) -> None:
    """Everything of the one it is like, in its own name, and what an agency has of its own."""
    made = told(typed("new", "kangtai", "--like", like, "--to", str(tmp_path), "--json"))
    here = tmp_path / "kangtai"
    assert made["organisation"] == f"{like}-{scaffold.invented_uscc('kangtai')}"
    assert sorted(made["files"]) == sorted(str(file.relative_to(here)) for file in here.rglob("*") if file.is_file())
    assert {path.name for path in tmp_path.iterdir()} == {"kangtai"}
    source = (here / "__init__.py").read_text(encoding="utf-8")
    assert 'name="kangtai"' in source
    text = "".join(file.read_text(encoding="utf-8") for file in here.rglob("*") if file.is_file())
    assert not [one.uscc for one in ORGANISATIONS.values() if one.adapter == like and str(one.uscc) in text]


def test_an_invented_code_is_well_formed_and_always_the_same() -> None:
    """And nobody's of ours."""
    names = [f"partner_{number}" for number in range(500)]
    codes = [scaffold.invented_uscc(name) for name in names]
    assert all(map(uscc.is_valid, codes))
    assert len(set(codes)) == len(codes)
    assert [scaffold.invented_uscc(name) for name in names] == codes
    assert not {one.uscc for one in ORGANISATIONS.values()} & set(codes)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("Kang-Tai", "--like", "insurer"), "cannot name a folder"),
        (("insurer", "--like", "insurer"), "is there already"),
        (("spec", "--like", "insurer"), "is there already"),
        (("kangtai", "--like", "nobody"), "there is no adapter nobody"),
        (("kangtai", "--like", "tax"), "there is one tax only"),
        (("kangtai", "--like", "insurer", "--uscc", "91110000MAY1GEUH58"), "is no valid USCC"),
        (("kangtai", "--like", "insurer", "--uscc", "91110000MAY1GEUH59"), "is there already"),
        (("kangtai", "--like", "insurer", "--to", "/nowhere/at/all"), "there is no folder"),
    ],
)
def test_what_cannot_be_made_is_told(tmp_path: Path, words: tuple[str, ...], why: str) -> None:
    """And nothing is written."""
    (tmp_path / "insurer").mkdir()
    (tmp_path / "spec.py").touch()
    where = () if "--to" in words else ("--to", str(tmp_path))
    assert why in refused("new", *words, *where)
    assert {path.name for path in tmp_path.iterdir()} == {"insurer", "spec.py"}


def test_a_folder_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    """Somebody may have worked in it."""
    (tmp_path / "kangtai").mkdir()
    assert "is there already" in refused("new", "kangtai", "--like", "insurer", "--to", str(tmp_path))
    assert list((tmp_path / "kangtai").iterdir()) == []


def test_its_list_and_its_recordings_are_played() -> None:
    """By the adapter's name or an organisation's; what is exempt says why."""
    for name in ("insurer", INSURER):
        said = told(typed("test", name, "--json"))
        assert (said["adapter"], said["broken"]) == ("insurer", [])
        assert said["conformance"]["passed"] > said["conformance"]["failed"] == 0
        assert said["fixtures"] == len(fixtures.fixtures(ADAPTERS["insurer"]))
    assert "no interface is published" in typed("test", "insurer").output


def test_tokens_are_exchanged_without_a_gap(folder: DataFolder) -> None:
    """The first is shown again and again; a second counts beside it until the first is retired."""
    at = ("--data", str(folder.root), "--json")
    first = told(typed("keys", INSURER, *at))
    assert first["token"] == credentials.organisation_tokens(folder)[INSURER]
    assert told(typed("keys", INSURER, *at)) == first
    second = told(typed("keys", INSURER, "--rotate", *at))
    assert (second["counting"], second["token"] == first["token"]) == (2, False)
    assert "two tokens count already" in refused("keys", INSURER, "--rotate", *at)
    last = told(typed("keys", INSURER, "--retire", *at))
    assert (last["counting"], last["retired"], last["token"]) == (1, 1, second["token"])


def test_who_is_meant_must_be_clear(folder: DataFolder) -> None:
    """Four insurers speak the same words; one of them is named."""
    at = ("--data", str(folder.root))
    assert "speaks to 4 organisations" in refused("keys", "insurer", *at)
    assert "no organisation nobody" in refused("keys", "nobody", *at)
    assert "no installation" in refused("keys", INSURER, "--data", str(folder.root / "elsewhere"))


Proved = Callable[..., str]


@pytest.fixture
def proved(folder: DataFolder, tmp_path: Path) -> Proved:
    """A signed result of the insurer's, with whatever a test wants otherwise; the file's name."""

    def made(**changes: Any) -> str:
        known = fixtures.agency(ADAPTERS["insurer"])
        proof = result.Proof(
            **{
                "agency": known.name,
                "organisation": INSURER,
                "host": "insurer.example:8443",
                "against": "url",
                "kit": result.KIT,
                "fixtures": known.fixtures,
                "passed": 40,
                "failed": 0,
                "skipped": 0,
                "at": datetime.now(UTC) - timedelta(hours=1),
                **changes,
            }
        )
        file = tmp_path / "insurer.result"
        file.write_text(result.signed(proof, conformance.key(folder)), encoding="utf-8")
        return str(file)

    return made


def test_it_goes_live_on_proof_and_back_with_a_reason(folder: DataFolder, proved: Proved) -> None:
    """Who, when and on what stays on record; the last act holds."""
    at = ("--data", str(folder.root), "--json")
    gone = told(typed("live", INSURER, "--url", ADDRESS, "--result", proved(), *at))
    assert (gone["organisation"], gone["url"]) == (INSURER, ADDRESS)
    assert gone["by"]
    assert live.addresses(live.acts(folder.live)) == {INSURER: ADDRESS}
    (row,) = [one for one in told(typed("list", *at))["organisations"] if one["organisation"] == INSURER]
    assert (row["url"], row["by"]) == (ADDRESS, gone["by"])
    assert "--reason is needed" in refused("live", INSURER, "--back", *at)
    told(typed("live", INSURER, "--back", "--reason", "the trial is over", *at))
    assert live.addresses(live.acts(folder.live)) == {}
    assert [act.reason for act in live.acts(folder.live)] == [None, "the trial is over"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"failed": 1}, "1 cases failed"),
        ({"against": "simulator"}, "simulated"),
        ({"fixtures": "0" * 64}, "fixtures have changed"),
        ({"host": "other.example"}, "at other.example"),
        ({"organisation": "insurer-91110000MAPYQ79X1X"}, "what was tested is insurer-91110000MAPYQ79X1X"),
        ({"at": datetime(2020, 1, 1, tzinfo=UTC)}, "older than 30 days"),
    ],
)
def test_a_proof_of_something_else_opens_no_door(
    folder: DataFolder, proved: Proved, changes: dict[str, Any], why: str
) -> None:
    """And nothing is recorded."""
    words = ("live", INSURER, "--url", ADDRESS, "--result", proved(**changes), "--data", str(folder.root))
    assert why in refused(*words)
    assert not folder.live.exists()


def test_a_file_that_nobody_signed_opens_no_door(folder: DataFolder, proved: Proved) -> None:
    """Altered, or none at all."""
    file = Path(proved())
    text = file.read_text(encoding="utf-8")
    at = ("--url", ADDRESS, "--result", str(file), "--data", str(folder.root))
    head, payload, signature = text.split(".")
    for wrong in ("", "{}", f"{head}.{payload}.{signature[::-1]}"):
        file.write_text(wrong, encoding="utf-8")
        assert "signature does not fit" in refused("live", INSURER, *at)
    file.unlink()
    assert "cannot read" in refused("live", INSURER, *at)
    assert not folder.live.exists()


def test_an_address_is_needed(folder: DataFolder, proved: Proved) -> None:
    """From its row, or by hand; and one that we can speak to."""
    at = ("--result", proved(), "--data", str(folder.root))
    assert "--url is needed" in refused("live", INSURER, *at)
    assert "address or the reason will not do" in refused("live", INSURER, "--url", "//insurer.example:8443", *at)
    assert not folder.live.exists()


def test_the_last_result_in_the_data_folder_is_taken(folder: DataFolder, proved: Proved) -> None:
    """Where the kit leaves it."""
    place = folder.root / "conformance" / INSURER
    place.mkdir(parents=True)
    at = ("--url", ADDRESS, "--data", str(folder.root), "--json")
    assert "cannot read" in refused("live", INSURER, *at)
    (place / "result.jws").write_bytes(Path(proved()).read_bytes())
    assert told(typed("live", INSURER, *at))["url"] == ADDRESS
