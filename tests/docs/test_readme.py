"""What the documents tell people to type, to open and to set exists."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, get_args

import pytest
import typer

from observability import metrics
from services.cli import application
from services.runtime.settings import Settings

ROOT: Final = Path(__file__).parents[2]
DOCUMENTS: Final = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "compose" / "README.md"]
TOP: Final = {path.name for path in ROOT.iterdir()}
CLI: Final[Any] = typer.main.get_command(application())
WHEEL: Final = "tongche_contracts"
"""Is named like a metric, and is none."""
BY_RUN_PY: Final = {"test"}
"""Verbs that run.py does itself: they need the development environment."""

_FENCE: Final = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_COMMAND: Final = re.compile(r"(?:python3 run\.py|tongche) [^#\n]+")


def _text(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def _code(text: str) -> Iterator[str]:
    for block in _FENCE.findall(text):
        yield from block.splitlines()[1:-1]
    yield from re.findall(r"`([^`\n]+)`", _FENCE.sub("", text))


def _commands() -> Iterator[Any]:
    for document in DOCUMENTS:
        for line in _code(_text(document)):
            if (found := _COMMAND.match(line.removeprefix("$ ").strip())) and "VERB" not in found[0]:
                yield pytest.param(found[0].strip(), id=f"{document.name}: {found[0].strip()}")


def _words(document: Path) -> list[str]:
    return re.findall(r"`([^`\n]+)`", _text(document))


@pytest.mark.parametrize("command", list(_commands()))
def test_every_command_is_a_verb_with_the_options_shown(command: str) -> None:
    """The command line itself parses it; nothing runs."""
    words = shlex.split(command.removeprefix("python3 run.py").removeprefix("tongche"))
    if words[0] in BY_RUN_PY:
        assert f'"{words[0]}"' in _text(ROOT / "run.py")
        return
    verb: Any = CLI
    while hasattr(verb, "commands") and words:
        verb = verb.commands[words.pop(0)]
    if not hasattr(verb, "commands"):
        verb.make_context("tongche", words)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    """Files and folders; what stands elsewhere is not asked."""
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", _FENCE.sub("", _text(document)))
    local = [link for link in links if not re.match(r"[a-z]+:", link)]
    assert [link for link in local if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def test_every_path_named_exists(document: Path) -> None:
    """Whatever looks like a place in this repository is one; `*` stands for something."""
    named = {word for word in _words(document) if "/" in word and word.split("/")[0] in TOP and " " not in word}
    named |= {word for word in _words(document) if word in {"pyproject.toml", "run.py", "compose.yaml"} & TOP}
    assert sorted(word for word in named if not any(ROOT.glob(word.rstrip("/")))) == []


def test_the_readme_says_where_to_add_things() -> None:
    """Every row of the table names at least one place that exists."""
    (table,) = re.findall(r"^## Where do I add.*?(?=^## )", _text(ROOT / "README.md"), re.MULTILINE | re.DOTALL)
    rows = [row for row in table.splitlines() if row.startswith("| ") and "---" not in row][1:]
    assert rows
    for row in rows:
        places = re.findall(r"`([^`]+)`", row.split("|")[2])
        assert any((ROOT / place).exists() or place == "publishers.toml" for place in places), row


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def test_every_variable_named_is_read_somewhere(document: Path) -> None:
    """A variable that nobody reads would be believed and do nothing."""
    known = {f"TONGCHE_{name.upper()}" for name in Settings.model_fields}
    sources = [ROOT / "run.py", *(ROOT / "services").rglob("*.py")]
    known |= {name for source in sources for name in re.findall(r"TONGCHE_[A-Z]+(?:_[A-Z]+)*", _text(source))}
    assert set(re.findall(r"TONGCHE_[A-Z]+(?:_[A-Z]+)*", _text(document))) <= known


def test_every_metric_named_is_measured() -> None:
    """A metric that operators are told to watch is declared, and something of ours writes it."""
    code = "\n".join(
        _text(source) for folder in ("services", "observability") for source in (ROOT / folder).rglob("*.py")
    )
    named = {name for document in DOCUMENTS for name in re.findall(r"`(tongche_[a-z_]+)", _text(document))}
    declared = {*get_args(metrics.CounterName), *get_args(metrics.GaugeName), *get_args(metrics.HistogramName)}
    named.discard(WHEEL)
    assert named <= declared
    assert {name for name in named if not re.search(rf'(?:count|gauge|observe)\(\s*"{name}"', code)} == set()
