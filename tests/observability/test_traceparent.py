"""The W3C header is read strictly, and what we write we read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observability import traceparent
from observability.traceparent import TraceParent

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"00-{TRACE}-{SPAN}-00",
        f"00-{TRACE}-{SPAN}-ff",
        f"01-{TRACE}-{SPAN}-01",
        f"cc-{TRACE}-{SPAN}-01-more-of-it",
    ],
)
def test_good_headers_are_read(text: str) -> None:
    """Any flags, and any later version, with or without more behind it."""
    assert traceparent.read(text) == TraceParent(TRACE, SPAN, int(text[53:55], 16))


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "00",
        GOOD.upper(),
        GOOD + " ",
        " " + GOOD,
        GOOD + "\n",
        GOOD + "-",
        GOOD + "-more",
        GOOD.replace("-", "_"),
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}0-{SPAN}-01",
        f"00-{TRACE}-{SPAN[:-1]}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-001",
        f"0-{TRACE}-{SPAN}-01",
        f"00-{TRACE[:-1]}g-{SPAN}-01",
        f"00-{TRACE[:-1]}٣-{SPAN}-01",
        f"cc-{TRACE}-{SPAN}-01.more",
        f"cc-{TRACE}-{SPAN}-01-\x00",
        f"00-{TRACE}-{SPAN}-01,{GOOD}",
    ],
)
def test_anything_else_is_no_traceparent(text: str | None) -> None:
    """One character off, and a new trace begins instead of a wrong one."""
    assert traceparent.read(text) is None


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    """Reading never raises."""
    traceparent.read(text)


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.integers(0, 255))
def test_what_we_write_we_read(trace: int, span: int, flags: int) -> None:
    """Writing and reading are each other's inverse."""
    place = TraceParent(f"{trace:032x}", f"{span:016x}", flags)
    assert traceparent.read(str(place)) == place
