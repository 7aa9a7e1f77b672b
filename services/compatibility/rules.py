"""Rules that no schema can say: those that a class has now, and that a published schema did not tell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from services.compatibility.changes import places

_RULES: Final = "x-tongche-rules"


def fresh(frozen: Any, current: Any) -> list[str]:
    """Each rule that is new, or not as it was, by its name and the field it is said of; the whole is `/`.

    Of a field that the published schema did not know, nobody wrote anything that its rules could refuse.
    """
    before, now = _rules(frozen), _rules(current)
    known = sorted(before.keys() & now.keys())
    return [f"{_name(rule)} ({place or '/'})" for place in known for rule in sorted(now[place] - before[place])]


def _rules(document: Any) -> dict[str, set[str]]:
    """The rules of every field, each as its text; classes may have other names than then."""
    found: dict[str, set[str]] = {}
    for place, _, schemas in places(document):
        found.setdefault(place, set()).update(rule for schema in schemas for rule in _told(schema.get(_RULES, ())))
    return found


def _told(rules: Any) -> Iterator[str]:
    return (json.dumps(rule, sort_keys=True) for rule in rules)


def _name(rule: str) -> str:
    return str(json.loads(rule)["name"])
