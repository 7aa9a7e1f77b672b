"""The strict reader: agrees with the standard library on JSON, and refuses what two readers could read differently."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime import strict_json
from services.runtime.strict_json import UnreadableJson

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES, st.booleans(), st.sampled_from(["", " ", "\n\t"]))
def test_what_is_json_is_read_as_everybody_reads_it(value: object, ascii_only: bool, around: str) -> None:  # noqa: FBT001
    """Any value written by the standard library comes back the same."""
    text = around + json.dumps(value, ensure_ascii=ascii_only) + around
    assert strict_json.loads(text.encode()) == json.loads(text)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """Nothing but its own error ever comes out."""
    try:
        strict_json.loads(body)
    except UnreadableJson:
        return


@given(st.text(alphabet='{}[]",:\\u0018dDeE+-.9nNaftrue \ud7ff', max_size=60))
def test_nearly_json_is_read_or_refused(text: str) -> None:
    """Text made of JSON's own characters reaches every corner of the reader."""
    try:
        read = strict_json.loads(text.encode())
    except UnreadableJson:
        return
    assert json.loads(text) == read


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b" \n", "empty"),
        (b'{"a":1,"a":1}', "duplicate_name"),
        (b'{"a":1,"\\u0061":2}', "duplicate_name"),
        (b"NaN", "not_a_number"),
        (b"[Infinity]", "not_a_number"),
        (b"[-Infinity]", "not_a_number"),
        (b"9223372036854775808", "number_out_of_range"),
        (b"-9223372036854775809", "number_out_of_range"),
        (b"9" * 100_000, "number_out_of_range"),
        (b"1e400", "number_out_of_range"),
        (b"-1E+99999", "number_out_of_range"),
        (b"0." + b"1" * 5_000, "number_out_of_range"),
        (b"[" * 33 + b"]" * 33, "too_deep"),
        (b"[" * 1_000_000, "too_deep"),
        (b'{"a":' * 200_000, "too_deep"),
        (b'"\xff"', "not_utf8"),
        (b'"\xc0\x80"', "not_utf8"),
        (b'"\xc1\xbf"', "not_utf8"),
        (b'"\xe0\x80\xaf"', "not_utf8"),
        (b'"\xed\xa0\x80"', "not_utf8"),
        (b'"\xf4\x90\x80\x80"', "not_utf8"),
        (b'"\xe4\xbd"', "not_utf8"),
        (b'"\\ud800"', "lone_surrogate"),
        (b'"\\uDC00"', "lone_surrogate"),
        (b'["\\udc00\\ud800"]', "lone_surrogate"),
        (b'{"\\ud800":1}', "lone_surrogate"),
        ('{"a":1}'.encode("utf-16"), "utf16_or_utf32"),
        ('{"a":1}'.encode("utf-16-le"), "utf16_or_utf32"),
        ('{"a":1}'.encode("utf-16-be"), "utf16_or_utf32"),
        ('{"a":1}'.encode("utf-32"), "utf16_or_utf32"),
        (b'{"a":1} x', "trailing_content"),
        (b"{}{}", "trailing_content"),
        (b"1 2", "trailing_content"),
        (b"\xef\xbb\xbf\xef\xbb\xbf{}", "syntax"),
        (b"{'a':1}", "syntax"),
        (b'{"a":1,}', "syntax"),
        (b"[1,]", "syntax"),
        (b"01", "trailing_content"),
        (b"+1", "syntax"),
        (b".5", "syntax"),
        (b'"\t"', "syntax"),
        (b'"a\x00"', "syntax"),
        (b'"\\x41"', "syntax"),
        (b'"open', "syntax"),
        (b"{} // comment", "trailing_content"),
        (b"\x0c{}", "syntax"),
        ("\u00a0{}".encode(), "syntax"),
    ],
    ids=lambda value: repr(value[:20]) if isinstance(value, bytes) else None,
)
def test_what_is_refused_says_why(body: bytes, reason: str) -> None:
    """One stable reason each."""
    with pytest.raises(UnreadableJson) as refused:
        strict_json.loads(body)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"\xef\xbb\xbf{}", {}),
        (b"[" * 32 + b"]" * 32, None),
        (b'"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["', "[" * 38),
        (b'"\\ud83d\\ude00"', "😀"),
        (b'"\\u0000"', "\0"),
        (b'"\\\\ud800"', "\\ud800"),
        (b"9223372036854775807", 2**63 - 1),
        (b"-0", 0),
    ],
)
def test_what_only_looks_odd_is_read(body: bytes, value: object) -> None:
    """A mark at the start, brackets in strings, surrogate pairs, the largest integer."""
    read = strict_json.loads(body)
    assert value is None or read == value
