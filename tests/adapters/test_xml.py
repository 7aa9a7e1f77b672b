"""XML that offices send: read as JSON would have it, in both encodings, and never further than it may go."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.bindings import xml
from adapters.bindings.xml import NotXml

BOMB = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbb"><!ENTITY c "&b;&b;">]><a>&c;</a>'
OUTSIDE = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><a>&b;</a>'
DTD = '<?xml version="1.0"?><!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd"><a/>'
HIDDEN = '<!DOCTYPE a [<!ENTITY b "boom">]><a c="&b;">d</a>'
"""Where no angle bracket and no exclamation mark is seen by whoever reads it in another encoding."""
UTF_7 = HIDDEN.replace("!", "+ACE-").replace("<", "+ADw-").replace(">", "+AD4-").encode()
FAR = b'<?xml version="1.0"' + b" " * 300 + b'encoding="UTF-7"?>'

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
        (f"<?xml version='1.0'?>{HIDDEN}".encode("utf-16-le"), "syntax"),
        (f"<?xml version='1.0'?>{HIDDEN}".encode("utf-16-be"), "syntax"),
        (HIDDEN.encode("utf-32-le"), "syntax"),
        (HIDDEN.encode("utf-32-be"), "syntax"),
        (FAR + UTF_7, "syntax"),
        (b'<?xml version="1.0"?><?xml version="1.0" encoding="UTF-7"?>' + UTF_7, "syntax"),
        (b'<?xml version="1.0"?>\xef\xbb\xbf<?xml version="1.0" encoding="UTF-7"?>' + UTF_7, "syntax"),
        (FAR + b"<a/>", "syntax"),
        (b'<?xml version="1.0"?> <?xml version="1.0"?><a/>', "syntax"),
        (b'\xef\xbb\xbf<?xml version="1.0"?>\xef\xbb\xbf<?xml version="1.0"?><a/>', "syntax"),
        (b"<a>", "syntax"),
        (b"<a>&b;</a>", "syntax"),
        (b"", "syntax"),
        (b"{}", "syntax"),
        (b"<a>\x00</a>", "syntax"),
        (b"<a>" * 40 + b"</a>" * 40, "too-much"),
        (b"<a>" + b"<b/>" * 20_000 + b"</a>", "too-much"),
        (b"<a " + b" ".join(b'k%d="1"' % number for number in range(100)) + b"/>", "too-much"),
        (b"<a>" + b"<b/>" * 20_000 + b"cut off before its e", "too-much"),
        (b"<a " + b" ".join(b'k%d=""' % number for number in range(50_000)) + b" cut off", "too-much"),
        (b"<a " + b" ".join(b'xmlns:k%d="u"' % number for number in range(2_000)) + b"/>", "too-much"),
        (b"<a>" + b" " * xml.LARGEST + b"</a>", "too-large"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_could_do_harm_is_no_document(raw: bytes, why: str) -> None:
    """Entities, what lies outside, depth and masses: refused by name, and nothing of it is looked at."""
    with pytest.raises(NotXml, match=f"^{why}$"):
        xml.read(raw)


_ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "utf-7", "gb18030", "big5", "cp037")


@given(
    codec=st.sampled_from(_ENCODINGS),
    declared=st.sampled_from((None, *_ENCODINGS, "UTF-16", "UCS-4", "ISO-8859-1", "EBCDIC-CP-US")),
    before=st.sampled_from(("", " ", "\ufeff", '<?xml version="1.0"?>', "<!---->", "<?pi?>")),
    spaces=st.sampled_from((1, 300)),
)
def test_no_encoding_brings_a_dtd(codec: str, declared: str | None, before: str, spaces: int) -> None:
    """However it is written down, declared and introduced: it is refused, or no entity of it means anything."""
    told = f'<?xml version="1.0"{" " * spaces}encoding="{declared}"?>' if declared else ""
    for raw in ((before + told + HIDDEN).encode(codec, "replace"), (before + told).encode() + HIDDEN.encode(codec)):
        with pytest.raises(NotXml):
            xml.read(raw)


def test_a_document_within_a_document_keeps_its_declaration() -> None:
    """The police write one as a text of another: only at the start a second declaration is none."""
    inner = '<?xml version="1.0" encoding="GB18030"?><root/>'
    assert xml.read(f'<?xml version="1.0"?><a><![CDATA[{inner}]]></a>'.encode()) == {"a": inner}


@settings(max_examples=40, deadline=None)
@given(data=st.data(), name=_NAMES, body=_BODIES, encoding=st.sampled_from(["UTF-8", "GB18030"]))
def test_a_document_is_begun_until_it_is_whole(
    data: st.DataObject, name: str, body: object, encoding: xml.Encoding
) -> None:
    """Cut anywhere, within a character, a tag, a comment or the declaration, only the rest is missing."""
    around = st.sampled_from((b"", b"<!-- <b> --><?c d?>", b"\n"))
    declaration, _, root = xml.written(xml.element(name, body), encoding).partition(b"?>")
    raw = declaration + b"?>" + data.draw(around) + root
    cut = data.draw(st.integers(0, len(raw) - 1))
    with pytest.raises(NotXml):
        xml.read(raw[:cut])
    assert xml.is_begun(raw[:cut])


@pytest.mark.parametrize(
    "raw",
    [
        b"busy",
        b"{}",
        b"<a>&b;</a>",
        b"<a>\x00</a>",
        b"<a>\xff",
        b"<b:a/>",
        b"<a/><b/>",
        b"<a></b>",
        b"<html><body><br>gone</body>",
        b"<a>" * 300,
        b"<a>" + b"<b/>" * 20_000,
        b'<?xml version="1.0" encoding="UTF-7"?><a>',
        FAR + b"<a>",
        BOMB.encode()[:-1],
        b"<a>" + b" " * xml.LARGEST,
    ],
    ids=lambda raw: raw[:20].decode(errors="replace"),
)
def test_what_can_never_become_a_document_is_not_begun(raw: bytes) -> None:
    """Whatever follows: nobody needs to wait for the rest."""
    with pytest.raises(NotXml):
        xml.read(raw)
    assert not xml.is_begun(raw)


@given(raw=st.binary(max_size=200))
def test_any_bytes_are_a_document_or_none(raw: bytes) -> None:
    """And never anything else."""
    with suppress(NotXml):
        assert isinstance(xml.read(raw), dict)
    assert xml.is_begun(raw) in {True, False}
