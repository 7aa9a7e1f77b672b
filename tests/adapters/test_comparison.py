"""What a mapping makes is compared with what was recorded place by place, and a slip in a fixture's file is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from adapters import folders, quality
from adapters.comparison import differences
from adapters.fixtures import Case, UnreadableFixtureError, cases
from adapters.insurer import ADAPTER as INSURER

QUOTED: Final = next(case for case in cases(INSURER) if case.file == "insurance-quote")


@pytest.mark.parametrize(
    ("recorded", "made", "told"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": {"b": 1}}, {"a": {"b": "1"}}, ["a.b: 1 → '1'"]),
        ({"a": 1}, {"b": 1}, ["a: 1 → —", "b: — → 1"]),
        ({"a": [1, 2]}, {"a": [1, 3, 4]}, ["a[1]: 2 → 3", "a[2]: — → 4"]),
        ({"text": "<a>\n<b/>\n</a>"}, {"text": "<a>\n<c/>\n</a>"}, ["text:2: '<b/>' → '<c/>'"]),
        ({"a": "x" * 99}, {"a": None}, ["a: '" + "x" * 59 + "… → None"]),
    ],
)
def test_only_the_places_that_differ_are_told(recorded: Any, made: Any, told: list[str]) -> None:
    """With what was recorded and what came instead."""
    assert list(differences(recorded, made)) == told


def test_a_mapping_that_fails_is_told_by_its_line() -> None:
    """The others are compared all the same."""

    def fails(_: object) -> dict[str, Any]:
        return {"frameNo": INSURER.nobody}  # type: ignore[attr-defined]

    operations = {**INSURER.operations, QUOTED.command: replace(QUOTED.operation, request=fails)}
    other = next(case for case in cases(INSURER) if case.command != QUOTED.command)
    adapter = replace(INSURER, operations=operations)
    (requests,) = (rule for rule in quality.RULES if rule.id == "requests")
    assert requests.broken is not None
    (said,) = requests.broken(adapter, [replace(case, adapter=adapter) for case in (QUOTED, other)])
    assert said.startswith("insurance-quote: adapters/insurer")
    assert "AttributeError" in said


def _renamed(case: Case, old: str, new: str) -> bytes:
    return json.dumps(case.fixture).replace(f'"{old}"', f'"{new}"', 1).encode()


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        (lambda raw: raw.replace(b":", b"", 1), "line 1 column"),
        (lambda raw: "样例".encode("gb18030") + raw, "codec can't decode"),
        (lambda _: _renamed(QUOTED, "given", "gvien"), "gvien: Extra inputs"),
        (lambda _: _renamed(QUOTED, "vin", "vinn"), "vinn: Extra inputs"),
        (lambda _: _renamed(QUOTED, "status", "state"), "response.status: Field required"),
        (lambda _: _renamed(QUOTED, "insurance.quote", "insurance.qoute"), "insurance.qoute"),
        (lambda raw: raw.replace(b'"then"', b'"text": "", "then"', 1), "text: Extra inputs"),
    ],
    ids=["no JSON", "no UTF-8", "a word", "a field of ours", "a part", "a command", "a part too many"],
)
def test_a_file_that_is_no_fixture_is_named_with_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoilt: Callable[[bytes], bytes], reason: str
) -> None:
    """Whoever wrote it finds it without a traceback."""
    raw = json.dumps(QUOTED.fixture).encode()
    (tmp_path / "fixtures").mkdir()
    monkeypatch.setattr(folders, "of", lambda _: tmp_path)
    (tmp_path / "fixtures/one.json").write_bytes(raw)
    assert len(cases(INSURER)) == 1
    (tmp_path / "fixtures/one.json").write_bytes(spoilt(raw))
    with pytest.raises(UnreadableFixtureError, match=r"^adapters/insurer/fixtures/one.json: ") as told:
        cases(INSURER)
    assert reason in str(told.value)


def test_an_adapter_without_a_folder_of_fixtures_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder is named."""
    monkeypatch.setattr(folders, "of", lambda _: tmp_path)
    with pytest.raises(UnreadableFixtureError, match="no such folder"):
        cases(INSURER)
