"""Evidence is gathered from files that others are writing."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from services.stack.evidence import copy_whole_lines, lines_in


@given(st.lists(st.binary(max_size=9).map(lambda line: line.replace(b"\n", b"")), max_size=6), st.binary(max_size=9))
def test_only_whole_lines_are_evidence(lines: list[bytes], torn: bytes) -> None:
    """A line that somebody is writing at this moment is left for the next time."""
    whole, target = b"".join(line + b"\n" for line in lines), BytesIO()
    copy_whole_lines(BytesIO(whole + torn.replace(b"\n", b"")), target)
    assert target.getvalue() == whole


def test_a_line_may_be_longer_than_what_is_read_at_once() -> None:
    """Blocks end where they like; lines do not."""
    whole, target = b"x" * 3_000_000 + b"\n\n", BytesIO()
    copy_whole_lines(BytesIO(whole + b"another one"), target)
    assert target.getvalue() == whole


def test_lines_are_counted_once_they_are_whole(tmp_path: Path) -> None:
    """A ledger that nobody has opened yet has none."""
    ledger = tmp_path / "ledger.jsonl"
    assert lines_in(ledger) == 0
    ledger.write_bytes(b"{}\n{}\n{")
    assert lines_in(ledger) == 2
