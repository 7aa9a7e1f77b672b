"""Where what a mapping makes differs from what was recorded: place by place, for whoever writes the mapping."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Final

from .spec import Json

_MISSING: Final = object()
_LONGEST: Final = 60
"""Characters of a value; recordings are synthetic, so they may be shown."""


def differences(recorded: Json, made: Json, place: str = "") -> Iterator[str]:
    """`place: recorded → made`, deepest places only; of text the first line that differs."""
    if recorded == made:
        return
    if isinstance(recorded, dict) and isinstance(made, dict):
        for name in {**recorded, **made}:
            inner = f"{place}.{name}" if place else str(name)
            yield from differences(recorded.get(name, _MISSING), made.get(name, _MISSING), inner)
    elif isinstance(recorded, list) and isinstance(made, list):
        for index, (old, new) in enumerate(zip_longest(recorded, made, fillvalue=_MISSING)):
            yield from differences(old, new, f"{place}[{index}]")
    elif isinstance(recorded, str) and isinstance(made, str) and "\n" in recorded + made:
        lines = enumerate(zip_longest(recorded.splitlines(), made.splitlines(), fillvalue=""), 1)
        yield from (f"{place}:{number}: {_shown(old)} → {_shown(new)}" for number, (old, new) in lines if old != new)
    else:
        yield f"{place}: {_shown(recorded)} → {_shown(made)}"


def _shown(value: object) -> str:
    text = "—" if value is _MISSING else repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
