"""YAML in blocks, of what JSON has: so little of it is needed here that no library is worth its place at run time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

_PLAIN_KEY: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_.$/\-]*")
_WORDS: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
"""Keys that some reader of YAML takes for something else than text."""

_UNPRINTABLE: Final = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""What YAML refuses or takes for the end of a line, and JSON leaves as it is."""


def yaml(value: Mapping[str, Any]) -> bytes:
    """The same value as YAML 1.2: keys in their order, texts in quotes as JSON has them."""
    return ("\n".join(_mapping(value, "")) + "\n").encode()


def _mapping(value: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, inner in value.items():
        yield from _entry(f"{indent}{_key(key)}:", inner, indent)


def _sequence(value: Sequence[Any], indent: str) -> Iterator[str]:
    for inner in value:
        yield from _entry(f"{indent}-", inner, indent)


def _entry(lead: str, inner: Any, indent: str) -> Iterator[str]:
    if isinstance(inner, dict) and inner:
        yield lead
        yield from _mapping(inner, indent + "  ")
    elif isinstance(inner, list | tuple) and inner:
        yield lead
        yield from _sequence(inner, indent + "  ")
    else:
        yield f"{lead} {_quoted(inner)}"


def _key(key: str) -> str:
    return key if _PLAIN_KEY.fullmatch(key) and key.lower() not in _WORDS else _quoted(key)


def _quoted(value: Any) -> str:
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))
