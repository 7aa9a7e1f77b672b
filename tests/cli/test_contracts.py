"""`tongche contracts …`, for a person and for a script: verdicts, exit codes, and files that cannot be judged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from contracts import published, registry
from contracts.fields import FIELDS
from contracts.registry import CONTRACTS
from services.cli.comparing import INCOMPATIBLE, UNDECIDED, UNFROZEN
from services.cli.contracts import app
from services.cli.terminal import FAILED
from services.compatibility.judge import validator
from services.stack.trouble import TroubleError


def _run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments])


def _last(result: Result) -> Any:
    return json.loads(result.stdout.splitlines()[-1])


@pytest.fixture
def files(tmp_path: Path) -> Any:
    """Writes schemas, or any text, to files."""

    def write(**contents: Any) -> list[Path]:
        paths = []
        for name, content in contents.items():
            text = content if isinstance(content, str) else json.dumps(content)
            (tmp_path / f"{name}.json").write_text(text, encoding="utf-8")
            paths.append(tmp_path / f"{name}.json")
        return paths

    return write


@pytest.mark.parametrize("verb", ["check", "diff"])
def test_two_files_are_judged_for_a_script(verb: str, files: Any) -> None:
    """One JSON object at the end, with a witness that holds, and an exit code."""
    schemas = {"old": {"type": "integer", "maximum": 9}, "new": {"type": "integer", "maximum": 8}}
    old, new = files(**schemas)
    result = _run(verb, "--old", old, "--new", new, "--json")
    verdict = _last(result)
    assert result.exit_code == INCOMPATIBLE
    assert (verdict["compatible"], verdict["mode"], verdict["direction"]) == (False, "BACKWARD", "backward")
    assert validator(schemas["old"]).is_valid(verdict["witness"])
    assert not validator(schemas["new"]).is_valid(verdict["witness"])
    assert verdict["place"] == "/maximum"
    assert ("changes" in verdict) == (verb == "diff")
    forward = _run(verb, "--old", old, "--new", new, "--mode", "forward", "--json")
    assert (forward.exit_code, _last(forward)["compatible"]) == (0, True)


def test_two_files_are_judged_for_a_person(files: Any) -> None:
    """The verdict in both languages, the counter-example, and field by field what changed."""
    old, new = files(old={"properties": {"a": {"type": "string"}}}, new={"properties": {"b": {"type": "string"}}})
    result = _run("diff", "--old", old, "--new", new, "--mode", "FULL")
    assert result.exit_code == INCOMPATIBLE
    for words in ("✗ 不兼容 incompatible", "反例 witness:", "- a  删除 removed", "+ b  新增 added"):
        assert words in result.stdout


def test_what_stays_open_has_a_code_of_its_own(files: Any) -> None:
    """Null, with the reason; never a guess."""
    old, new = files(old={"type": "string", "pattern": "^(?=a)b"}, new={"type": "integer"})
    result = _run("check", "--old", old, "--new", new, "--json")
    assert result.exit_code == UNDECIDED
    verdict = _last(result)
    assert (verdict["compatible"], verdict["witness"]) == (None, None)
    assert "looks around" in verdict["reason"]


def _unreadable(folder: Path) -> dict[str, Path]:
    """Files that hold no schema, by what is wrong with them."""
    contents = {
        "broken": b"{",
        "empty": b"",
        "UTF-16": '{"type": "string"}'.encode("utf-16"),
        "Latin-1": b'{"title": "\xe9"}',
        "YAML": b"type: string\n",
        "array": b"[1]",
        "number": b"3",
        "null": b"null",
        "doubled": b'{"a": 1, "a": 2}',
        "NaN": b'{"minimum": NaN}',
        "half a character": rb'{"const": "\ud800"}',
        "deep": b'{"items": ' * 400 + b"{}" + b"}" * 400,
        "deeper": b"[" * 100_000,
    }
    files = {name: folder / f"{name}.json" for name in contents}
    for name, content in contents.items():
        files[name].write_bytes(content)
    return files | {"missing": folder / "none.json", "folder": folder}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("broken", "no JSON"),
        ("empty", "no JSON"),
        ("UTF-16", "no UTF-8"),
        ("Latin-1", "no UTF-8"),
        ("YAML", "no JSON"),
        ("array", "an object or a boolean"),
        ("number", "an object or a boolean"),
        ("null", "an object or a boolean"),
        ("doubled", "stands twice"),
        ("NaN", "no JSON"),
        ("half a character", "half a character"),
        ("deep", "nested too deep"),
        ("deeper", "nested too deep"),
        ("missing", "cannot be read"),
        ("folder", "cannot be read"),
    ],
)
@pytest.mark.parametrize("verb", ["check", "diff"])
def test_a_file_that_is_no_schema_is_refused_with_what_to_do(
    verb: str, wrong: str, says: str, tmp_path: Path, files: Any
) -> None:
    """Clear words in both languages instead of a traceback; the keys that a script relies on are there all the same."""
    (good,) = files(good={"type": "string"})
    bad = _unreadable(tmp_path)[wrong]
    for pair in ((good, bad), (bad, good)):
        result = _run(verb, "--old", pair[0], "--new", pair[1], "--json")
        told = _last(result)
        assert result.exit_code == FAILED
        assert (told["compatible"], told["witness"], told["found"]) == (None, None, False)
        assert says in told["reason"]
        assert says in result.stderr
        assert str(bad) in told["fix"]
        assert "无法判定" in result.stderr


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ({"properties": {"a": {"requird": []}}}, "/properties/a/requird"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "/$schema"),
        ({"$ref": "other.json"}, "/$ref"),
    ],
)
def test_what_is_outside_the_profile_fails_by_name_and_place(schema: Any, place: str, files: Any) -> None:
    """For a script too: no verdict, the place, the keyword and the fix."""
    old, new = files(old={}, new=schema)
    result = _run("check", "--old", old, "--new", new, "--json")
    told = _last(result)
    assert result.exit_code == FAILED
    assert (told["compatible"], told["place"]) == (None, place)
    assert place in told["fix"]
    assert "无法判定" in result.stderr
    # The reason speaks both languages.
    assert not told["reason"].isascii()


def test_numbers_are_as_exact_as_they_are_written(files: Any) -> None:
    """A bound with more digits than a float has; what is told of the witness is the nearest float."""
    old, new = files(
        old='{"minimum": 0.10000000000000000000001}', new='{"exclusiveMinimum": 0.10000000000000000000001}'
    )
    assert _last(_run("check", "--old", old, "--new", new, "--json"))["witness"] == 0.1
    assert _run("check", "--old", new, "--new", old).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [
        (("check", "--old", "x"), "--new"),
        (("check", "--new", "x"), "--old"),
        (("diff",), "--old --new"),
        (("diff", "--new", "x"), "--old"),
    ],
)
def test_half_a_comparison_is_refused(arguments: tuple[str, ...], missing: str) -> None:
    """One file alone can be compared with nothing; what is advised is the verb that was typed."""
    with pytest.raises(TroubleError, match=f"(?m)^{missing} is missing") as trouble:
        CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert f"tongche contracts {arguments[0]} --old FILE --new FILE" in trouble.value.fix


def test_the_only_version_of_a_contract_is_compared_with_nothing() -> None:
    """And what there is, can be shown."""
    with pytest.raises(TroubleError, match="one version only") as trouble:
        CliRunner().invoke(app, ["diff", "tax.paid"], catch_exceptions=False)
    assert trouble.value.fix == "tongche contracts show tax.paid"


def test_our_contracts_pass_the_gate() -> None:
    """Every version, against all that was published of it."""
    result = _run("check", "--json")
    told = _last(result)
    assert result.exit_code == 0, told
    assert told["same"] == len(told["contracts"]) == sum(one.newest for one in CONTRACTS.values())
    assert "sale.confirmed" in _run("check", "--all").stdout
    shown = _run("check").stdout
    assert "sale.confirmed" not in shown, "what is as published is a number, not news"
    assert f"一致 as published {told['same']}" in shown


def test_what_changed_must_be_frozen_or_made_a_new_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has its exit code and says what to do."""
    (one,) = (it for it in published.published() if it.file == "plate.released/v1.1.json")
    for edit, code, advice in (
        ({"title": "another"}, UNFROZEN, "contracts freeze"),
        ({"required": []}, INCOMPATIBLE, "docs/contracts.md"),
    ):
        others = tuple(it for it in published.published() if it is not one)
        changed = (*others, one._replace(schema=one.schema | edit))
        monkeypatch.setattr(published, "published", lambda changed=changed: changed)
        result = _run("check")
        monkeypatch.undo()
        assert result.exit_code == code
        assert advice in result.stdout


def test_a_version_that_vanished_is_told_with_the_same_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no witness of it: nobody can read any of its messages."""
    gone = tuple(one for one in published.published() if one.contract == "export.exited")
    monkeypatch.setattr(published, "published", lambda: gone)
    monkeypatch.setattr(registry, "CONTRACTS", {})
    result = _run("check", "--json")
    (told,) = _last(result)["contracts"]
    assert result.exit_code == INCOMPATIBLE
    assert (told["state"], told["compatible"], told["found"]) == ("broken", False, False)
    assert told["reason"] in _run("check").stdout


def test_a_field_that_nobody_described_is_named_and_not_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is published explains every field: the check says which has no row, and freezing refuses."""
    # A copy: a row that is put back stands last, and every page of the dictionary would have another order.
    described = {name: row for name, row in FIELDS.items() if name != "exited_on"}
    monkeypatch.setattr("contracts.schemas.FIELDS", described)
    monkeypatch.setattr("services.compatibility.gate.FIELDS", described)
    contracts = {name: CONTRACTS[name] for name in ("export.track", "export.exited")}
    monkeypatch.setattr(registry, "CONTRACTS", contracts)
    before = published.read(Path(published.__file__).parent)
    monkeypatch.setattr(published, "published", lambda: tuple(one for one in before if one.contract in contracts))
    monkeypatch.setattr(published, "read", lambda _: published.published())
    told = _last(_run("check", "--json"))
    assert (told["undescribed"], {tuple(one["undescribed"]) for one in told["contracts"]}) == (1, {(), ("exited_on",)})
    assert "fields that nobody described: exited_on" in _run("check").stdout
    frozen = _run("freeze", "--json")
    assert (frozen.exit_code, _last(frozen)["written"]) == (UNFROZEN, [])
    assert [one["undescribed"] for one in _last(frozen)["contracts"]] == [["exited_on"]]
    assert "contracts/fields.csv" in _run("freeze").stdout


def test_freezing_what_is_as_published_writes_nothing() -> None:
    """Safe to repeat."""
    before = published.read(Path(published.__file__).parent)
    result = _run("freeze", "--json")
    assert (result.exit_code, _last(result)["written"]) == (0, [])
    assert published.read(Path(published.__file__).parent) == before


def test_versions_are_told_apart_field_by_field_with_what_a_downcast_loses() -> None:
    """From v1 to v3 all steps are told; for a script as JSON."""
    told = _last(_run("diff", "sale.confirmed", "v1", "v3", "--json"))
    assert [loss["from"] for loss in told["losses"]] == ["v2", "v3"]
    assert ("price", "removed") in {(one["field"], one["kind"]) for one in told["changes"]}
    shown = _run("diff", "sale.confirmed", "1", "2").stdout
    assert "降版丢失 a downcast v2 → v1 loses" in shown
    assert "- price  删除 removed" in shown
    with pytest.raises(TroubleError) as trouble:
        CliRunner().invoke(app, ["diff", "sale.confirmed", "v1", "v9"], catch_exceptions=False)
    assert trouble.value.fix == "sale.confirmed: v1, v2, v3"
    with pytest.raises(TroubleError, match="has no version ''"):
        CliRunner().invoke(app, ["diff", "sale.confirmed", ""], catch_exceptions=False)


@pytest.mark.parametrize(
    "which", ["sale.confirmed", "tongche.sale.confirmed.v3", "urn:tongche:schema:tongche.sale.confirmed.v3"]
)
def test_a_contract_is_shown_by_name_type_or_address(which: str) -> None:
    """With its fields for a person, as its JSON Schema for a script."""
    assert "buyer.buyer_id_no" in _run("show", which).stdout
    assert _last(_run("show", which, "--json"))["$id"] == "urn:tongche:schema:tongche.sale.confirmed.v3"


def test_a_contract_that_is_none_is_not_shown() -> None:
    """And what there is, is one command away."""
    with pytest.raises(TroubleError) as trouble:
        CliRunner().invoke(app, ["show", "sale.imagined"], catch_exceptions=False)
    assert trouble.value.fix == "tongche contracts list"


def test_all_contracts_are_listed() -> None:
    """With what a change of each owes to others."""
    told = {one["contract"]: one for one in _last(_run("list", "--json"))["contracts"]}
    assert set(told) == set(CONTRACTS)
    assert told["tax.declare"]["mode"] == "BACKWARD_TRANSITIVE"
    assert told["sale.confirmed"]["versions"] == 3
    assert "sale.confirmed" in _run("list").stdout
