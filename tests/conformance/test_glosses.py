"""What a case expects and what came are told in Chinese, too."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from services.conformance import glosses, properties

FOLDER = Path(properties.__file__).parent
SAYS = {"demand": (1, 2), "Unmet": (0, 1)}
NAMES = {"_NO": "HTTP 4xx", "_NAMED": "a refusal by a code that the adapter knows"}


def test_every_word_of_a_case_is_there_in_chinese() -> None:
    """Whatever a property demands, and says that came, is glossed."""
    said = set(_said())
    assert len(said) > 60
    assert sorted(text for text in said if glosses.gloss(text) is None) == []


def test_english_stands_behind_chinese() -> None:
    """And by itself where there is nothing to add: the name of an event."""
    assert glosses.bilingual("HTTP 4xx") == "以 4xx 拒绝 / HTTP 4xx"
    assert glosses.bilingual("tax.assessed") == "tax.assessed"


def _said() -> Iterator[str]:
    for file in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                for place in SAYS.get(node.func.id, ()):
                    if place < len(node.args) and (text := _text(node.args[place])):
                        yield text


def _text(node: ast.expr) -> str | None:
    """A text as it will be told, with a number or a name where something is put in; None for what comes of it."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if not isinstance(node, ast.JoinedStr):
        return None
    parts = []
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value))
        elif isinstance(part, ast.FormattedValue):
            parts.append(NAMES.get(ast.unparse(part.value), "7"))
    return "".join(parts)
