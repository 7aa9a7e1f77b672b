"""XML that offices send: read as JSON would have it, in both encodings, and never further than it may go."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.bindings import xml
from adapters.bindings.xml import NotXml

BOMB = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbb"><!ENTITY c "&b;&b;">]><a>&c;</a>'
OUTSIDE = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><a>&b;</a>'
DTD = '<?xml version="1.0"?><!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd"><a/>'

_NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,8}", fullmatch=True)
_TEXTS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xD7FF), max_size=20)
_BODIES = st.recursive(_TEXTS, lambda inner: st.dictionaries(_NAMES, inner, min_size=1, max_size=4), max_leaves=12)


@given(name=_NAMES, body=_BODIES, encoding=st.sampled_from(["UTF-8", "GB18030"]))
def test_what_is_written_is_read_again(name: str, body: object, encoding: xml.Encoding) -> None:
    """Objects and texts, in either encoding."""
    assert xml.read(xml.written(xml.element(name, body), encoding)) == {name: body}


def test_names_are_local_and_repeated_ones_a_list() -> None:
    """Whatever prefix an office likes, and attributes stand beside."""
    raw = b'<p:a xmlns:p="urn:x" p:k="1"><p:b>1</p:b><b xmlns="urn:x">2</b><c z="3">4</c></p:a>'
    assert xml.read(raw) == {"a": {"@k": "1", "b": ["1", "2"], "c": {"@z": "3", "#text": "4"}}}


def test_characters_of_the_newest_standard_survive() -> None:
    """GB 18030-2022 moved 18 characters out of private use; Python's codec still has them there."""
    raw = b'<?xml version="1.0" encoding="GB18030"?><xm>\xfe\x59</xm>'
    assert xml.read(raw) == {"xm": "\u9fb4"}
    assert xml.written(xml.element("xm", "\u9fb4"), "GB18030") == raw


@pytest.mark.parametrize("name", ["GBK", "gb2312", "GB18030"])
def test_older_names_of_the_encoding_mean_it_too(name: str) -> None:
    """Systems declare what they began with and send what they have."""
    raw = f'<?xml version="1.0" encoding="{name}"?>'.encode() + "<xm>张㐀</xm>".encode("gb18030")
    assert xml.read(raw) == {"xm": "张㐀"}


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (BOMB.encode(), "dtd"),
        (OUTSIDE.encode(), "dtd"),
        (DTD.encode(), "dtd"),
        (BOMB.encode("gb18030").replace(b'"1.0"', b'"1.0" encoding="GBK"', 1), "dtd"),
        (BOMB.encode("utf-16"), "encoding"),
        (b'<?xml version="1.0" encoding="UTF-16"?><a/>', "encoding-unknown"),
        (b'<?xml version="1.0" encoding="UTF-7"?><a/>', "encoding-unknown"),
        (b"<a>\xff\xfe</a>", "encoding"),
        (b"<a>", "syntax"),
        (b"<a>&b;</a>", "syntax"),
        (b"", "syntax"),
        (b"{}", "syntax"),
        (b"<a>\x00</a>", "syntax"),
        (b"<a>" * 40 + b"</a>" * 40, "too-much"),
        (b"<a>" + b"<b/>" * 20_000 + b"</a>", "too-much"),
        (b"<a " + b" ".join(b'k%d="1"' % number for number in range(100)) + b"/>", "too-much"),
        (b"<a>" + b" " * xml.LARGEST + b"</a>", "too-large"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_could_do_harm_is_no_document(raw: bytes, why: str) -> None:
    """Entities, what lies outside, depth and masses: refused by name, and nothing of it is looked at."""
    with pytest.raises(NotXml, match=f"^{why}$"):
        xml.read(raw)


@given(raw=st.binary(max_size=200))
def test_any_bytes_are_a_document_or_none(raw: bytes) -> None:
    """And never anything else."""
    with suppress(NotXml):
        assert isinstance(xml.read(raw), dict)
