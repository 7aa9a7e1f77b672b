"""The quality lists: what an adapter says of itself is so, and what is not so is found."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters import folders, quality
from adapters.fixtures import Case, cases
from adapters.registry import ADAPTERS
from adapters.spec import Adapter, Endpoint, Operation, final
from contracts.topics import COMMANDS

INSURER = ADAPTERS["insurer"]
RECORDED = cases(INSURER)
CUSTOMS = ADAPTERS["customs"]
QUOTE = "insurance.quote"
MADE_EARLIER = """
def test_it() -> None:
    assert list(quality.broken(ADAPTER)) == []
"""


@pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=lambda adapter: adapter.name)
def test_what_an_adapter_says_is_done_is_done(adapter: Adapter) -> None:
    """Every rule has its claim, every claim that can be checked holds."""
    assert quality.broken(adapter) == []


@pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=lambda adapter: adapter.name)
def test_what_could_be_done_is_not_left_to_do(adapter: Adapter) -> None:
    """A rule that holds already is not said to be to do."""
    todo = {name for name, claim in quality.claims(adapter).items() if claim.status == "todo"}
    rules = [rule for rule in quality.RULES if rule.id in todo and rule.broken is not None]
    assert [rule.id for rule in rules if rule.broken and not list(rule.broken(adapter, cases(adapter)))] == []


def _with(name: str, change: Callable[[Operation], Operation]) -> Adapter:
    return replace(INSURER, operations={**INSURER.operations, name: change(INSURER.operations[name])})


def _told(case: Case, **changes: Any) -> Case:
    return replace(case, fixture={**case.fixture, **changes})


def _without(fits: Callable[[Mapping[str, Any]], bool]) -> tuple[Case, ...]:
    return tuple(case for case in RECORDED if not fits(case.then))


def _elsewhere(operation: Operation) -> Operation:
    return replace(operation, endpoint=replace(operation.endpoint, path="/elsewhere"))


def _fetched(operation: Operation) -> Operation:
    return replace(operation, endpoint=Endpoint("GET", operation.endpoint.path))


WRONGS: dict[str, tuple[Adapter, tuple[Case, ...], str]] = {
    "commands": (replace(INSURER, operations={QUOTE: INSURER.operations[QUOTE]}), RECORDED, "insurance.bind"),
    "requests": (
        INSURER,
        tuple(replace(case, adapter=_with(QUOTE, _elsewhere)) for case in RECORDED),
        "insurance-quote: path: '/compulsory/quotations' → '/elsewhere'",
    ),
    "answers": (
        INSURER,
        (_told(RECORDED[0], then={"error": "unavailable"}),),
        f"{RECORDED[0].file}: error: 'unavailable' → {RECORDED[0].then['error']!r}",
    ),
    "successes": (INSURER, _without(lambda then: then.get("event") == "insurance.quoted"), QUOTE),
    "refusals": (INSURER, _without(lambda then: then.get("error") == "refused"), "insurance.cancel"),
    "outage": (INSURER, _without(lambda then: then.get("error") == "unavailable"), "unavailable"),
    "oddities": (
        INSURER,
        tuple(case for case in RECORDED if case.file != "insurance-endorse-created"),
        "insurance.endorse",
    ),
    "nonsense": (INSURER, _without(lambda then: then.get("reason") == "echo:policy_no"), "insurance.endorse"),
    "codes": (
        replace(INSURER, errors=replace(INSURER.errors, codes={"E1": final("Z999")})),
        RECORDED,
        "E1",
    ),
    "codes-shown": (INSURER, _without(lambda then: then.get("code") == "I503"), "E9003"),
    "echoes": (_with(QUOTE, lambda operation: replace(operation, echoes=("quote_no",))), RECORDED, QUOTE),
    "features": (
        replace(
            CUSTOMS,
            operations={
                **CUSTOMS.operations,
                "export.declare": replace(CUSTOMS.operations["export.declare"], later=None),
            },
        ),
        cases(CUSTOMS),
        "export.declare",
    ),
    "posts": (_with("insurance.bind", _fetched), RECORDED, "insurance.bind"),
}


@pytest.mark.parametrize("rule", WRONGS)
def test_each_rule_names_what_breaks_it(rule: str) -> None:
    """An adapter or a recording that is wrong in one way is told by the rule for it."""
    adapter, recorded, told = WRONGS[rule]
    (found,) = (one for one in quality.RULES if one.id == rule)
    assert found.broken is not None
    assert told in list(found.broken(adapter, recorded))


def test_a_folder_that_does_io_breaks_its_rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file and the line are named, also of a folder in it."""
    (tmp_path / "within").mkdir()
    (tmp_path / "mapping.py").write_text("import json\nimport socket\n", encoding="utf-8")
    (tmp_path / "within" / "words.py").write_text("from ...folders import of\n", encoding="utf-8")
    monkeypatch.setattr(folders, "of", lambda _: tmp_path)
    (pure,) = (one for one in quality.RULES if one.id == "pure")
    assert pure.broken is not None
    found = ["mapping.py:2: imports socket", "within/words.py:1: imports adapters.folders.of"]
    assert list(pure.broken(INSURER, ())) == found


def test_every_rule_that_can_be_checked_was_seen_to_find_something() -> None:
    """No rule is there for show."""
    assert {rule.id for rule in quality.RULES if rule.broken is not None} == {*WRONGS, "pure"}


ALL_DONE = {rule.id: '"done"' if rule.broken else '{ status = "done", comment = "seen" }' for rule in quality.RULES}


def _listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **changes: str | None) -> Adapter:
    """The insurer with a list of its own."""
    told = {**ALL_DONE, **{name.replace("_", "-"): text for name, text in changes.items()}}
    lines = [f"{name} = {text}" for name, text in told.items() if text is not None]
    (tmp_path / quality.FILE).write_text("\n".join(("[rules]", *lines)), encoding="utf-8")
    place = folders.of
    monkeypatch.setattr(folders, "of", lambda name: tmp_path if name == "listed" else place("insurer"))
    return replace(INSURER, name="listed")


@pytest.mark.parametrize(
    "changes",
    [
        {"agreed": None},
        {"unheard_of": '"done"'},
        {"agreed": '"perhaps"'},
        {"agreed": '{ status = "exempt" }'},
        {"agreed": '{ status = "done", because = "so" }'},
    ],
    ids=["a rule left out", "a rule of its own", "no such status", "exempt for no reason", "a word of its own"],
)
def test_a_list_that_says_too_little_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str | None]
) -> None:
    """Each rule once, in one of three ways, an exemption with its reason."""
    adapter = _listed(tmp_path, monkeypatch, **changes)
    with pytest.raises(quality.UnreadableListError):
        quality.claims(adapter)


def test_what_only_people_can_tell_needs_their_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interface that is said to be agreed, and not where, is not."""
    monkeypatch.setattr(quality, "RULES", tuple(rule for rule in quality.RULES if rule.id == "agreed"))
    for claim, told in (("done", ["agreed: a comment must say on what this rests"]), ("todo", [])):
        said = {"agreed": quality.Claim.model_validate(claim)}
        monkeypatch.setattr(quality, "claims", lambda _, said=said: said)
        assert quality.broken(INSURER) == quality.checked(INSURER).broken == told


def test_the_tests_in_folders_made_earlier_still_run() -> None:
    """As they were written: they stand in partners' repositories, where nobody mends them with an upgrade."""
    made: dict[str, Callable[[], None]] = {}
    exec("from adapters import quality\nfrom adapters.insurer import ADAPTER\n" + MADE_EARLIER, made)  # noqa: S102
    made["test_it"]()


def test_the_lists_are_beside_the_adapters() -> None:
    """One in each folder, and every command of ours is under one of them."""
    for folder in folders.every():
        assert tomllib.loads((folder / quality.FILE).read_text(encoding="utf-8"))["rules"]
    assert {name for adapter in ADAPTERS.values() for name in adapter.operations} == set(COMMANDS)
