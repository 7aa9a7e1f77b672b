"""That a module of an adapter only describes: what its source imports, names and calls that could reach out of it.

`lint-imports` names the modules that do input and output one by one; this names the few that are needed instead, so
that one that nobody thought of is refused as well. It also sees what no import tells. What other modules have imported
for themselves (`json.codecs`, `adapters.quality.folders`) can be told only by looking there, so that is done.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from importlib import import_module
from inspect import isclass, isroutine
from types import ModuleType
from typing import Final, NamedTuple

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
_HANDS_OUT_FILES: Final = "adapters.folders"
"""The one module of ours that a description has no business with."""
_OURS: Final = frozenset({"adapters", "contracts"})
_BUILT_IN: Final = frozenset(
    {"__builtins__", "__import__", "breakpoint", "compile", "delattr", "eval", "exec", "getattr", "globals", "input"}
    | {"locals", "open", "print", "setattr", "vars"}
)
_WITHIN: Final = frozenset(
    {"__builtins__", "__closure__", "__code__", "__dict__", "__getattribute__", "__globals__", "__loader__"}
    | {"__spec__", "__subclasses__"}
)
"""Attributes by which anything can be reached from anything."""
_CLOCKS: Final = frozenset({"now", "today", "utcnow"})

Bound = Mapping[str, str]
"""What a module calls something, and what that is, dotted from its root."""


def impurities(source: str, package: str = "adapters.nobodys") -> Iterator[str]:
    """What a module of a package does that a description does not, each with its line: `3: imports socket`."""
    tree = ast.parse(source)
    imported = [one for node in ast.walk(tree) for one in _imported(node, package)]
    wrong = {one for one in imported if _is_out(one.name)}
    bound = {one.own: one.bound for one in imported if one not in wrong}
    owners = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    yield from (f"{one.line}: imports {one.name}" for one in imported if one in wrong)
    for node in ast.walk(tree):
        for told in (*_named(node), *_reached(node, bound, is_owner=id(node) in owners)):
            yield f"{getattr(node, 'lineno', 0)}: {told}"


class _Import(NamedTuple):
    """One name that an import brings."""

    name: str
    own: str
    """What it is called here."""
    bound: str
    """What that is: of `import a.b`, which is called a here, a."""
    line: int


def _imported(node: ast.AST, package: str) -> Iterator[_Import]:
    match node:
        case ast.Import(names=names):
            for each in names:
                root = each.name.partition(".")[0]
                yield _Import(each.name, each.asname or root, each.name if each.asname else root, node.lineno)
        case ast.ImportFrom(module=module, names=names, level=level):
            place = ".".join(filter(None, (_above(package, level), module)))
            for each in names:
                name = f"{place}.{each.name}"
                yield _Import(name, each.asname or each.name, name, node.lineno)


def _above(package: str, level: int) -> str | None:
    """From where so many dots count; from nowhere without any."""
    steps = package.split(".")
    return ".".join(steps[: len(steps) - level + 1]) if level else None


def _named(node: ast.AST) -> Iterator[str]:
    """What is called, or kept to be called elsewhere."""
    match node:
        case ast.Name(id=name) if name in _BUILT_IN:
            yield f"uses {name}"
        case ast.Attribute(attr=name) if name in _WITHIN:
            yield f"uses {name}"
        case ast.Attribute(attr=name) if name in _CLOCKS:
            yield f"asks what time it is by {name}"


def _reached(node: ast.AST, bound: Bound, *, is_owner: bool) -> Iterator[str]:
    """Which module is gone to through another, or taken as a value: nobody sees where that is gone to."""
    name = _dotted(node, bound)
    if name is None:
        return
    if isinstance(node, ast.Attribute):
        owner = _dotted(node.value, bound) if isinstance(node.value, ast.Attribute) else None
        if _is_out(name) and not (owner and _is_out(owner)):
            yield f"reaches {name}"
    elif not is_owner and isinstance(_found(name), ModuleType):
        yield f"hands on {name}"


def _dotted(node: ast.AST, bound: Bound) -> str | None:
    """What is meant by a name, or by an attribute of one, if an import bound it."""
    match node:
        case ast.Name(id=name):
            return bound.get(name)
        case ast.Attribute(value=owner, attr=name):
            of = _dotted(owner, bound)
            return of and f"{of}.{name}"
    return None


def _is_out(name: str) -> bool:
    """Whether a dotted name is of nothing that a description needs, or leads to such a thing."""
    if not _is_allowed(name) or name.endswith(".*"):
        return True
    there = _found(name)
    if isinstance(there, ModuleType):
        return there.__name__ != name and not _is_allowed(there.__name__)
    if name.partition(".")[0] not in _OURS or not (isroutine(there) or isclass(there)):
        return False
    home = there.__module__ or "builtins"
    return not (home.startswith(("_", "builtins")) or _is_allowed(home))


def _is_allowed(name: str) -> bool:
    """Whether it is one of the allowed, or in one."""
    steps = name.split(".")
    so_far = {".".join(steps[:count]) for count in range(1, len(steps) + 1)}
    return bool(so_far & ALLOWED) and _HANDS_OUT_FILES not in so_far


def _found(name: str) -> object | None:
    """What an allowed name names, as far as it is loaded; None if that is nothing."""
    first, *others = name.split(".")
    found: object | None = import_module(first)
    so_far = first
    for step in others:
        so_far = f"{so_far}.{step}"
        if so_far in ALLOWED and isinstance(found, ModuleType) and not hasattr(found, step):
            import_module(so_far)
        found = getattr(found, step, None)
    return found
