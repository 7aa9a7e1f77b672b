"""The `traceparent` header of W3C Trace Context, read strictly.

What is not exactly a traceparent is no traceparent: the caller then starts a trace of its own, as the
recommendation asks, instead of joining a wrong one.

>>> read("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").span_id
'00f067aa0ba902b7'
>>> read("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01") is None
True
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_FORM: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[^\x00-\x1f\x7f]*)?", re.ASCII)
_NO_TRACE: Final = "0" * 32
_NO_SPAN: Final = "0" * 16


class TraceParent(NamedTuple):
    """A place in a trace: lower-case hex ids, never all zero."""

    trace_id: str
    span_id: str
    flags: int = 1

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"


def read(text: str | None) -> TraceParent | None:
    """The place that `text` names, or None where it is absent or breaks the rules.

    Versions after 00 may carry more behind a further dash; version ff does not exist.
    """
    form = _FORM.fullmatch(text) if text else None
    if form is None:
        return None
    version, trace_id, span_id, flags, more = form.groups()
    if version == "ff" or (version == "00" and more is not None) or trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    return TraceParent(trace_id, span_id, int(flags, 16))
