"""That a module of an adapter only describes: what its source imports and calls that could reach out of it.

`lint-imports` names the modules that do input and output one by one; this names the few that are needed instead, so
that one that nobody thought of is refused as well. It also sees what no import tells.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

ALLOWED: Final = frozenset(
    {
        "__future__",
        "adapters",
        "base64",
        "codecs.getincrementaldecoder",
        "collections",
        "contracts",
        "dataclasses",
        "datetime",
        "decimal",
        "email.utils",
        "enum",
        "functools",
        "hashlib",
        "http.HTTPStatus",
        "importlib.resources",
        "itertools",
        "json",
        "operator",
        "pydantic",
        "re",
        "string",
        "tomllib",
        "typing",
        "unicodedata",
        "urllib.parse.quote_plus",
        "urllib.parse.unquote_plus",
    }
)
"""What an adapter may import, with all that is in it; of packages that can do more, only the part that cannot."""
_CALLS: Final = frozenset({"__import__", "breakpoint", "compile", "eval", "exec", "input", "open", "print"})
_CLOCKS: Final = frozenset({"now", "today", "utcnow"})


def impurities(source: str) -> Iterator[str]:
    """What a module does that a description does not, each with its line: `3: imports socket`."""
    for node in ast.walk(ast.parse(source)):
        for wrong in _wrong(node):
            yield f"{getattr(node, 'lineno', 0)}: {wrong}"


def _wrong(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (f"imports {each.name}" for each in names if not _is_allowed(each.name))
        case ast.ImportFrom(module=str(module), names=names, level=0):
            full = (f"{module}.{each.name}" for each in names)
            yield from (f"imports {name}" for name in full if not _is_allowed(name))
        case ast.Call(func=ast.Name(id=name)) if name in _CALLS:
            yield f"calls {name}"
        case ast.Call(func=ast.Attribute(attr=name)) if name in _CLOCKS:
            yield f"asks what time it is by {name}"


def _is_allowed(name: str) -> bool:
    """Whether it is one of the allowed, or in one."""
    steps = name.split(".")
    return any(".".join(steps[:count]) in ALLOWED for count in range(1, len(steps) + 1))
