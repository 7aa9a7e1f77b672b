"""XML answers with one thing wrong: they mean what they meant, or nothing; a wrong fact is never read in silence."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from typing import Any, Final
from urllib.parse import quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from adapters import replies
from adapters.bindings.soap import Soap
from adapters.errors import AgencyError
from adapters.fixtures import KEY, Case, cases
from adapters.registry import ADAPTERS

CASES: Final = [
    case for adapter in ADAPTERS.values() for case in cases(adapter) if not case.is_json and "event" in case.then
]
Spoil = Callable[[etree._Element], None]


def _gone(one: etree._Element) -> None:
    above = one.getparent()
    assert above is not None
    above.remove(one)


def _twice(one: etree._Element) -> None:
    one.addnext(copy.deepcopy(one))


def _other(one: etree._Element) -> etree._Element:
    """The same, saying something else at every place."""
    other = copy.deepcopy(one)
    for leaf in other.iter():
        leaf.text = "9" if len(leaf) == 0 else leaf.text
    return other


def _after_another(one: etree._Element) -> None:
    one.addprevious(_other(one))


def _before_another(one: etree._Element) -> None:
    one.addnext(_other(one))


def _says_otherwise(one: etree._Element) -> None:
    one.text = "~"


def _renamed(one: etree._Element) -> None:
    one.tag = f"{one.tag}X"


def _emptied(one: etree._Element) -> None:
    for child in list(one):
        one.remove(child)
    one.text = ""


def _nested(one: etree._Element) -> None:
    inner = copy.deepcopy(one)
    _emptied(one)
    one.append(inner)


def _of_another_namespace(one: etree._Element) -> None:
    one.tag = f"{{urn:somebody-else}}{etree.QName(one).localname}"


def _last(one: etree._Element) -> None:
    above = one.getparent()
    assert above is not None
    above.append(one)


def _without_attributes(one: etree._Element) -> None:
    one.attrib.clear()


def _with_other_attributes(one: etree._Element) -> None:
    for name in one.attrib:
        one.set(name, "XXX")
    one.set("nil", "true")


SHAPES: Final[dict[str, Spoil]] = {
    "gone": _gone,
    "renamed": _renamed,
    "emptied": _emptied,
    "nested": _nested,
    "of another namespace": _of_another_namespace,
    "last": _last,
}
TWICE: Final[dict[str, Spoil]] = {"twice": _twice, "after": _after_another, "before": _before_another}
ATTRIBUTES: Final[dict[str, Spoil]] = {"gone": _without_attributes, "other": _with_other_attributes}
UNREAD: Final = frozenset(
    {
        *("Fr", "To", "BizMsgIdr", "CreDt", "Rltd"),
        *("MessageId", "MessageType", "SendTime", "returnInfo"),
        *("message", "rownum", "thyy", "bz"),
    }
)
"""What stands in answers for people, or for who carries them: nothing is made of it, nor of what it holds."""
UNREAD_ATTRIBUTES: Final = frozenset({"id", "type", "encodingStyle"})


@dataclass(frozen=True)
class Document:
    """A document of an answer, and how the whole answer is written with another in its place."""

    root: etree._Element
    written: Callable[[bytes], bytes]

    def numbered(self) -> list[tuple[int, etree._Element]]:
        """Every element below its root, with its place."""
        return list(enumerate(self.root.iter()))[1:]

    def spoilt(self, place: int, spoil: Spoil) -> bytes:
        """The answer with the element at a place spoilt."""
        root = copy.deepcopy(self.root)
        spoil(list(root.iter())[place])
        return self.written(_plain(root))


def _plain(root: etree._Element) -> bytes:
    """In UTF-8, and saying so, whatever HTTP says of it."""
    return etree.tostring(root, encoding="utf-8", xml_declaration=True)


def documents(case: Case) -> Iterator[Document]:
    """The answer itself; of the police also the document that stands in it as a text."""
    raw = case.answer()
    yield Document(etree.fromstring(raw), lambda whole: whole)
    if isinstance(case.adapter.binding, Soap):
        envelope = etree.fromstring(raw)
        (text,) = [one.text for one in envelope.iter() if one.text and len(one) == 0]
        if text.lstrip().startswith("<?xml"):
            inner = etree.fromstring(text.encode("gb18030" if "GB" in text[:60].upper() else "utf-8"))
            yield Document(inner, lambda document: _enveloped(document.decode()))


def _enveloped(document: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body><writeObjectOutResponse>'
        f"<writeObjectOutReturn>{escape(document)}</writeObjectOutReturn></writeObjectOutResponse>"
        "</soapenv:Body></soapenv:Envelope>"
    ).encode()


def _is_unread(one: etree._Element) -> bool:
    return any(etree.QName(each).localname in UNREAD for each in (one, *one.iterancestors()))


def _tells(one: etree._Element) -> bool:
    """Whether an attribute of it means something."""
    return not {etree.QName(name).localname for name in one.attrib} <= UNREAD_ATTRIBUTES


def meaning(case: Case, raw: bytes) -> dict[str, Any] | None:
    """What the answer says, or None where it is none that anybody may act upon; never another exception."""
    response = case.fixture["response"]
    try:
        got = case.adapter.binding.read(response["status"], response["headers"], raw)
        if got.about not in {None, KEY}:
            return None
        event = replies.answer(case.adapter, case.operation, case.told(), got)
    except AgencyError:
        return None
    return event.model_dump(mode="json", exclude_none=True)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_answer_of_another_shape_means_the_same_or_nothing(case: Case) -> None:
    """Each element of each answer spoilt in each way."""
    good = case.then["data"]
    for document in documents(case):
        assert meaning(case, document.written(_plain(document.root))) == good
        for place, one in document.numbered():
            for name, spoil in SHAPES.items():
                came = meaning(case, document.spoilt(place, spoil))
                assert came is None or came == good, (name, one.tag, came)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_answer_that_says_something_twice_says_nothing(case: Case) -> None:
    """Whichever of the two comes first, and even where they agree."""
    for document in documents(case):
        for place, one in document.numbered():
            for name, spoil in () if _is_unread(one) else TWICE.items():
                assert meaning(case, document.spoilt(place, spoil)) is None, (name, one.tag)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_there_is_nothing_in_an_answer_that_nobody_looks_at(case: Case) -> None:
    """Whatever says otherwise makes another answer of it, or none; what nobody looks at has a name."""
    for document in documents(case):
        for place, one in document.numbered():
            if len(one) == 0 and not _is_unread(one):
                assert meaning(case, document.spoilt(place, _says_otherwise)) != case.then["data"], one.tag
            for name, spoil in ATTRIBUTES.items() if _tells(one) else ():
                assert meaning(case, document.spoilt(place, spoil)) is None, (name, one.tag)


_TEXTS: Final = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xD7FF), max_size=30)


@pytest.mark.parametrize("case", CASES, ids=str)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_a_text_of_an_answer_is_read_as_it_stands_or_not_at_all(case: Case, data: st.DataObject) -> None:
    """Changed, it changes the one field that it is, to what it says; more often it is no answer at all."""
    document = data.draw(st.sampled_from(list(documents(case))))
    place, _ = data.draw(st.sampled_from(document.numbered()))
    beside = [one.text for one in document.root.iter() if one.text and one.text.strip()]
    text = data.draw(_TEXTS | st.sampled_from(beside))

    def say(one: etree._Element) -> None:
        _emptied(one)
        one.text = text

    came, good = meaning(case, document.spoilt(place, say)), case.then["data"]
    if came is None or came == good:
        return
    (changed,) = [name for name in {*came, *good} if came.get(name) != good.get(name)]
    assert str(came[changed]) in {text, quote_plus(text)} or _is_of(text, came[changed])


def _is_of(text: str, value: Any) -> bool:
    """Whether a value is a text in our way of writing: an amount in fen, a day with dashes, a moment, a kind."""
    digits = "".join(one for one in text if one.isdigit())
    told = "".join(one for one in str(value) if one.isdigit())
    return bool(digits) and (told.startswith(digits) or digits.startswith(told))
