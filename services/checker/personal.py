"""Personal values that the evidence itself shows, and whether a text holds one of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote

from contracts.contract import Contract

VIN: Final = "vin"
PERSONAL: Final = frozenset({"buyer_name", "buyer_id_no", "phone", "address", "loan_contract_no", "plate_no"})
"""The kinds of values that are searched for, by the dictionary's names."""

SEARCHED: Final = PERSONAL | {VIN}
_ALONE: Final = {kind: frozenset({kind}) for kind in SEARCHED}
"""One object a kind: most values are of one kind only."""

_CODES: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._:\-]{4,}[0-9A-Za-z]")
_WORDS: Final = re.compile(r"[0-9A-Za-z]{6,}")
_DIGITS: Final = re.compile(r"[0-9]{6,}[Xx]?")
_VINS: Final = re.compile(r"(?=([A-HJ-NPR-Z0-9]{17}))")
_GROUPED: Final = re.compile(r"\+?[0-9][0-9 \-]{8,}[0-9]")
_COUNTRY: Final = re.compile(r"^(?:00)?86(?=[0-9]{11}$)")
_SHORTEST_CODE: Final = 6
_LONGEST_WINDOW: Final = 8

Kinds = frozenset[str]
"""All fields in which one text stands, by the dictionary's names."""
_Anchors = dict[str, tuple[str, ...]]
"""Texts by the part of them that is looked up in another text."""
_FREE_TEXT: Final = "reason"


class PersonalValues:
    """Codes are found as words of a text; names, addresses and plates in Chinese anywhere in it.

    Names in other scripts count only when they have two words: a buyer may be called `null`, which stands everywhere.
    Learn everything, then `settle`, then search.
    """

    def __init__(self) -> None:
        self._codes: dict[str, Kinds] = {}
        self._texts: dict[str, Kinds] = {}
        self._windows: dict[int, _Anchors] = {}
        self._names: _Anchors = {}
        self._open: set[tuple[str, str]] = set()
        self.search: Callable[[str], frozenset[Kinds]] = lru_cache(maxsize=65_536)(self._search)

    def learn(self, data: Contract) -> None:
        """Remember what a sale or an agency's answer tells about a person, and the VIN."""
        self._learn(data.model_dump(mode="json"))

    def settle(self) -> None:
        """Note which personal values stand in other fields, too: a model may be called what a buyer is called.

        Who may see such a field may see that text, and nothing can tell from which field he has it.
        """
        for text, field in self._open:
            for known, place in self._found(text):
                place[known] |= {field}
        self._open.clear()

    def _learn(self, told: dict[str, Any]) -> None:
        # A company's name and number are public, and may be the dealer's own.
        company = told.get("buyer_id_type") == "USCC"
        wanted = SEARCHED - ({"buyer_name", "buyer_id_no"} if company else set())
        for name, value in told.items():
            if isinstance(value, dict):
                self._learn(value)
            elif isinstance(value, str) and name in wanted:
                self._add(name, value)
            elif isinstance(value, str) and name != _FREE_TEXT:
                self._open.add((value, name))

    def _add(self, kind: str, value: str) -> None:
        if not value.isascii():
            anchor = value[-_LONGEST_WINDOW:]
            if len(anchor) > 1:
                _anchor(self._windows.setdefault(len(anchor), {}), anchor, value)
                _note(self._texts, value, kind)
        elif " " in value:
            _anchor(self._names, value.split(maxsplit=1)[0], value)
            _note(self._texts, value, kind)
        elif kind not in {"buyer_name", "address"} and len(value) >= _SHORTEST_CODE:
            _note(self._codes, value.upper(), kind)
            if kind == "phone":
                _note(self._codes, _national(value), kind)

    def found_in(self, value: Any) -> frozenset[Kinds]:
        """The personal values in a JSON value or a text, each as the fields that it may come from."""
        return frozenset[Kinds]().union(*map(self.search, leaves(value)))

    def _search(self, leaf: str) -> frozenset[Kinds]:
        return frozenset(place[known] for known, place in self._found(leaf))

    def _found(self, leaf: str) -> Iterator[tuple[str, dict[str, Kinds]]]:
        readable = unquote(leaf) if "%" in leaf else leaf
        for word in _codes_of(readable):
            if word in self._codes:
                yield word, self._codes
        if not readable.isascii():
            yield from ((text, self._texts) for text in self._in_windows(readable))
        if self._names:
            yield from ((text, self._texts) for text in self._in_words(readable))

    def _in_windows(self, text: str) -> Iterator[str]:
        for length, anchors in self._windows.items():
            for start in range(len(text) - length + 1):
                yield from (known for known in anchors.get(text[start : start + length], ()) if known in text)

    def _in_words(self, text: str) -> Iterator[str]:
        for word in set(re.findall(r"\S+", re.sub(r"[^\w\s]", " ", text))):
            yield from (known for known in self._names.get(word, ()) if known in text)


def denied(found: frozenset[Kinds], permitted: AbstractSet[str]) -> frozenset[str]:
    """What of it may not be where it was found: kinds of values that stand in no permitted field."""
    return frozenset(min(kinds & SEARCHED) for kinds in found if kinds.isdisjoint(permitted))


def _note(known: dict[str, Kinds], text: str, kind: str) -> None:
    known[text] = known.get(text, frozenset()) | _ALONE[kind]


def _anchor(anchors: _Anchors, anchor: str, text: str) -> None:
    # Tuples: there are as many of them as buyers, and a set takes four times their memory.
    known = anchors.get(anchor, ())
    if text not in known:
        anchors[anchor] = (*known, text)


def leaves(value: Any) -> list[str]:
    """Every text and number of a JSON value, the names of its members included."""
    # Millions of them are looked at: exact types, most frequent first.
    found: list[str] = []
    left = [value]
    while left:
        one = left.pop()
        kind = type(one)
        if kind is str:
            found.append(one)
        elif kind is int:
            found.append(str(one))
        elif kind is dict:
            found.extend(one)
            left.extend(one.values())
        elif kind is list:
            left.extend(one)
    return found


def parsed(text: str) -> Any:
    """The JSON value that a text is, so that its escapes hide nothing; else the text itself."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        # Strangers' bytes may be nested without end; as a text they are searched all the same.
        return text


def _national(phone: str) -> str:
    # Only China's own prefix: cutting to the last digits would find phones in every long number.
    return _COUNTRY.sub("", re.sub(r"\D", "", phone))


def _codes_of(text: str) -> Iterator[str]:
    upper = text.upper()
    for pattern in (_CODES, _WORDS, _DIGITS):
        yield from pattern.findall(upper)
    yield from _VINS.findall(text)
    for grouped in _GROUPED.findall(text):
        yield _national(grouped)
