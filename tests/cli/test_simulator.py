"""`tongche simulator serve`: one agency by itself, with what goes wrong as it was wished."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, Final

import pytest
from typer.testing import CliRunner

from services.cli import application
from services.cli.simulator import named, serve, wished
from services.simulator import country
from services.simulator.country import Name
from services.simulator.faults import Faults, Playable
from services.stack.data import DataFolder
from services.stack.trouble import TroubleError
from tests.cli.serving import served

BANK: Final = "bank-91110000MAT57WXL1C"
THERE: Final = Playable(frozenset({"tax.pay", "tax.declare"}), frozenset({"tax-pay"}))


def test_one_agency_is_served_without_a_broker() -> None:
    """It answers with the faults that were wished, in a folder that is gone afterwards."""
    with served("tax", "--faults", "down=503,retry_after_s=3") as one:
        assert one.told["organisation"] == "tax"
        assert one.told["address"] == f"{one.told['url']}/tax"
        assert one.told["files"].startswith("sftp://127.0.0.1:")
        assert one.status("/tax/fapiao/kaiju", {}) == 503
        assert one.status("/miit/certificates/query", {"vin": "LZZTEST05TA000001", "certificateNo": "LZZ1"}) == 404
        assert one.faults()["tax"]["retry_after_s"] == 3
        assert Path(one.told["data"]).is_dir()
    assert not Path(one.told["data"]).exists()


def test_in_a_folder_of_its_own_it_goes_on_where_it_was(tmp_path: Path) -> None:
    """Knobs are turned as they are wished this time; tokens and books are kept. Nobody else may use it meanwhile."""
    folder = str(tmp_path / "one")
    with served("police", "--faults", "monsoon", "--seed", "7", "--data", folder) as first:
        assert first.faults()["police"]["monsoon"]["seed"] == 7
        assert first.told["seed"] == 7
        with pytest.raises(TroubleError, match="in use"):
            _typed("serve", "tax", "--data", folder)
    with served("police", "--data", folder) as second:
        assert second.told["token"] == first.told["token"]
        assert second.faults() == {}


@pytest.mark.parametrize(
    ("wish", "knobs"),
    [
        ("none", {}),
        ("monsoon", {"monsoon": {"seed": 5}}),
        ("down=503", {"down": "503"}),
        ("hang=0.25, tail_ms=2000,forgetful=true", {"hang": 0.25, "tail_ms": 2000, "forgetful": True}),
    ],
)
def test_faults_are_wished_in_words(wish: str, knobs: dict[str, Any]) -> None:
    """None, moods by the seed, or knobs by their names."""
    assert wished(wish, 5, THERE) == Faults.model_validate(knobs)


def test_faults_are_wished_in_a_file(tmp_path: Path) -> None:
    """As the knobs are written in JSON, scripts and all."""
    file = tmp_path / "faults.json"
    knobs = {"error_rate": 0.5, "scripts": [{"operation": "tax.pay", "code": "T422"}]}
    file.write_text(json.dumps(knobs), encoding="utf-8")
    assert wished(str(file), 5, THERE) == Faults.model_validate(knobs)


@pytest.mark.parametrize(
    ("script", "wrong"),
    [
        ({"operation": "nope"}, "scripts.0.operation: must be 'tax.declare' or 'tax.pay'"),
        ({"operation": "tax.pay", "fixture": "../../../etc/passwd"}, "scripts.0.fixture: must be 'tax-pay'"),
    ],
)
def test_a_script_in_a_file_names_what_is_there(tmp_path: Path, script: dict[str, str], wrong: str) -> None:
    """Before anything is served: else it would never be played, and nobody would know."""
    file = tmp_path / "faults.json"
    file.write_text(json.dumps({"scripts": [script]}), encoding="utf-8")
    with pytest.raises(TroubleError) as told:
        wished(str(file), 5, THERE)
    assert told.value.en == f"no such faults: {wrong}"


def test_what_is_there_is_asked_before_anything_is_served(tmp_path: Path) -> None:
    """Of the agency that is meant: another one's operation is none of its own."""
    file = tmp_path / "faults.json"
    file.write_text(json.dumps({"scripts": [{"operation": "tax.pay"}]}), encoding="utf-8")
    with pytest.raises(TroubleError, match="'plate.reserve'"):
        serve("police", str(file))


@pytest.mark.parametrize("wish", ["speed=9", "hang=2", "hang", "", "down=503,down=refuse", "no-such-file.json"])
def test_a_wish_that_means_nothing_is_told(wish: str) -> None:
    """With what could be wished."""
    with pytest.raises(TroubleError, match="no such faults") as told:
        wished(wish, 5, THERE)
    assert "monsoon" in told.value.fix


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ("speed=9", "speed：没有这一项 / speed: there is no such thing"),
        ("down=maybe", "down：须为 'refuse' 或 '503' / down: must be 'refuse' or '503'"),
        ("garbage=2", "garbage：不得大于 1.0 / garbage: must be at most 1.0"),
        ("delay_ms=-1", "delay_ms：不得小于 0 / delay_ms: must be at least 0"),
        ("delay_ms=soon", "delay_ms：须为整数 / delay_ms: must be a whole number"),
        ("hang=often", "hang：须为数 / hang: must be a number"),
        ("pushes=perhaps", "pushes：须为 true 或 false / pushes: must be true or false"),
        ("absent=x", "absent：须为列表 / absent: must be a list"),
        ("no-such-file.json", "no-such-file.json：不存在 / no-such-file.json: it is not there"),
    ],
)
def test_what_is_wrong_with_a_knob_is_said_in_both_languages(wish: str, said: str) -> None:
    """By its name, and with its limits; each language by itself."""
    with pytest.raises(TroubleError, match="no such faults") as told:
        wished(wish, 5, THERE)
    assert [told.value.zh, told.value.en] == [
        f"{opening}{half}"
        for opening, half in zip(("看不懂故障：", "no such faults: "), said.split(" / "), strict=True)
    ]


@pytest.mark.parametrize(("said", "meant"), [(BANK, BANK), ("bank", BANK), ("newcomer", "insurer-x"), ("tax", "tax")])
def test_an_organisation_is_meant_by_its_id_its_kind_or_its_words(
    monkeypatch: pytest.MonkeyPatch, said: str, meant: str
) -> None:
    """A folder that somebody has just made is one of its own."""
    new = Name("insurer-x", "insurer", "x", "样例新来", "Newcomer", "newcomer")
    listed = [*country.names(), new]
    monkeypatch.setattr(country, "names", lambda: iter(listed))
    assert named(said).id == meant


def test_an_organisation_that_is_not_there_is_told() -> None:
    """With those that are."""
    with pytest.raises(TroubleError, match="no such organisation") as told:
        _typed("serve", "nobody")
    assert "insurer-91110000MAY1GEUH59" in told.value.fix


def test_an_installation_lends_its_folder_to_nobody(tmp_path: Path) -> None:
    """Its ledger holds nothing that was not commanded."""
    folder = DataFolder(tmp_path / "installation")
    folder.create()
    folder.stack.write_text("{}", encoding="utf-8")
    with pytest.raises(TroubleError, match="belongs to an installation"):
        _typed("serve", "tax", "--data", str(folder.root))


def test_a_port_that_is_taken_is_told() -> None:
    """Before anything is begun."""

    async def scenario() -> None:
        async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as taken:
            port = taken.sockets[0].getsockname()[1]
            with pytest.raises(TroubleError, match="is taken"):
                _typed("serve", "tax", "--port", str(port))

    asyncio.run(scenario())


def _typed(*words: str) -> None:
    result = CliRunner().invoke(application(), ["simulator", *words])
    if result.exception is not None:
        raise result.exception
