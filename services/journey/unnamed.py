"""What an operator writes about a case, without that case's persons: a name has no pattern, but here it is known."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from contracts.fields import PERSONAL
from observability.redaction import REDACTED

from .case import Case
from .world import Act

_KINDS: Final = frozenset({"buyer_id_type", "plate_kind", "decision"})
"""Words of a closed list: thousands have the same."""
_SHORTEST: Final = 2


def unnamed(act: Act, case: Case) -> Act:
    """The same act, its reason without names, addresses and numbers of the case's own buyer."""
    told = {"sale": case.sale.model_dump(mode="json"), "papers": case.papers.model_dump(mode="json")}
    known = sorted({text for text in _personal(told) if len(text) >= _SHORTEST}, key=len, reverse=True)
    if not known:
        return act
    return replace(act, reason=re.sub("|".join(map(_pattern, known)), REDACTED, act.reason))


def _pattern(text: str) -> str:
    """Latin letters count as a word only: who is called Li is not named by every reliable."""
    return rf"\b{re.escape(text)}\b" if text.isascii() else re.escape(text)


def _personal(told: Mapping[str, Any]) -> Iterator[str]:
    for name, value in told.items():
        match value:
            case dict():
                yield from _personal(value)
            case str() if name in PERSONAL - _KINDS:
                yield value
