"""Keys are exchanged while everything runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from services.runtime.identities import COMING, GONE, US, Identities, ours
from services.runtime.settings import Identity, Settings

REST = {"key_secret": "00" * 32, "operator_user": "op", "operator_password": "pw", "operator_token": "token"}


def _written(file: Path, text: str) -> None:
    """As every file of an installation is: whole, in place of the one before."""
    fresh = file.with_suffix(".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(file)


def _one(name: str) -> dict[str, Any]:
    return {"key": f"key of {name}", "certificate": f"certificate of {name}"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An installation's secrets."""
    made = tmp_path / "secrets.json"
    _written(made, json.dumps(REST | {"identities": {US: _one("first")}}))
    return made


@pytest.fixture
def known(file: Path) -> Identities:
    """Who seals messages there."""
    return Identities(Settings(data=file.parent))


def test_what_has_changed_holds_at_once(file: Path, known: Identities) -> None:
    """Whoever asks again gets the new one."""
    assert known[US] == Identity(**_one("first"))
    _written(file, json.dumps(REST | {"identities": {US: _one("second"), "customs": _one("customs")}}))
    assert known[US] == Identity(**_one("second"))
    assert (set(known), len(known)) == ({US, "customs"}, 2)


def test_so_does_what_was_granted(file: Path, known: Identities) -> None:
    """A number that they gave us, or another one; and none once it is taken out."""
    told = REST | {"identities": {US: _one("first")}}
    assert known.granted("police") is None
    for number in ("4A1", "4A2"):
        _written(file, json.dumps(told | {"granted": {"police": number}}))
        assert (known.granted("police"), known.granted("customs")) == (number, None)
    _written(file, "{")
    assert known.granted("police") == "4A2"
    _written(file, json.dumps(told))
    assert known.granted("police") is None


@pytest.mark.parametrize("wrong", ["", "{", json.dumps(REST), json.dumps({"identities": {US: _one("second")}})])
def test_what_cannot_be_read_changes_nothing(file: Path, known: Identities, wrong: str) -> None:
    """Broken, without us, or not there: what was known goes on until it can be read again."""
    _written(file, wrong)
    assert known[US] == Identity(**_one("first"))
    file.unlink()
    assert known[US] == Identity(**_one("first"))
    _written(file, json.dumps(REST | {"identities": {US: _one("third")}}))
    assert known[US] == Identity(**_one("third"))


def test_a_file_that_never_could_be_read_is_an_error(tmp_path: Path) -> None:
    """There is nothing that could go on."""
    with pytest.raises(OSError, match=r"secrets\.json"):
        Identities(Settings(data=tmp_path))


def test_all_that_may_be_taken_for_us() -> None:
    """What we use, what will be used and what was; nobody else's."""
    made = {name: Identity(**_one(name)) for name in (GONE, "customs", COMING, US)}
    assert ours(made) == (made[US], made[COMING], made[GONE])
    assert ours({US: made[US]}) == (made[US],)
