"""Personal values that the evidence itself shows, and whether a text holds one of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote

from contracts.contract import Contract

VIN: Final = "vin"
PERSONAL: Final = frozenset({"buyer_name", "buyer_id_no", "phone", "address", "loan_contract_no", "plate_no"})
"""The kinds of values that are searched for, by the dictionary's names."""

_CODES: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._:\-]{4,}[0-9A-Za-z]")
_WORDS: Final = re.compile(r"[0-9A-Za-z]{6,}")
_DIGITS: Final = re.compile(r"[0-9]{6,}[Xx]?")
_VINS: Final = re.compile(r"(?=([A-HJ-NPR-Z0-9]{17}))")
_GROUPED: Final = re.compile(r"\+?[0-9][0-9 \-]{8,}[0-9]")
_COUNTRY: Final = re.compile(r"^(?:00)?86(?=[0-9]{11}$)")
_SHORTEST_CODE: Final = 6
_LONGEST_WINDOW: Final = 8

_Value = tuple[str, str]
"""A kind and what was told."""
_Anchors = dict[str, tuple[_Value, ...]]
"""Values by the part of them that is looked up in a text."""


class PersonalValues:
    """Codes are found as words of a text; names, addresses and plates in Chinese anywhere in it.

    Names in other scripts count only when they have two words: a buyer may be called `null`, which stands everywhere.
    """

    def __init__(self) -> None:
        self._codes: dict[str, str] = {}
        self._windows: dict[int, _Anchors] = {}
        self._names: _Anchors = {}
        self.search: Callable[[str], frozenset[str]] = lru_cache(maxsize=65_536)(self._search)

    def learn(self, data: Contract) -> None:
        """Remember what a sale or an agency's answer tells about a person, and the VIN."""
        self._learn(data.model_dump(mode="json"))

    def _learn(self, told: dict[str, Any]) -> None:
        # A company's name and number are public, and may be the dealer's own.
        company = told.get("buyer_id_type") == "USCC"
        wanted = (PERSONAL | {VIN}) - ({"buyer_name", "buyer_id_no"} if company else set())
        for name, value in told.items():
            if isinstance(value, dict):
                self._learn(value)
            elif isinstance(value, str) and name in wanted:
                self._add(name, value)

    def _add(self, kind: str, value: str) -> None:
        if not value.isascii():
            anchor = value[-_LONGEST_WINDOW:]
            if len(anchor) > 1:
                _keep(self._windows.setdefault(len(anchor), {}), anchor, (kind, value))
        elif " " in value:
            _keep(self._names, value.split(maxsplit=1)[0], (kind, value))
        elif kind not in {"buyer_name", "address"} and len(value) >= _SHORTEST_CODE:
            self._codes[value.upper()] = kind
            if kind == "phone":
                self._codes[_national(value)] = kind

    def found_in(self, value: Any) -> frozenset[str]:
        """The kinds of personal values in a JSON value or a text."""
        return frozenset[str]().union(*(self.search(leaf) for leaf in leaves(value)))

    def _search(self, leaf: str) -> frozenset[str]:
        readable = unquote(leaf) if "%" in leaf else leaf
        found = {self._codes[word] for word in _codes_of(readable) if word in self._codes}
        if not readable.isascii():
            found.update(self._in_windows(readable))
        if self._names:
            found.update(self._in_words(readable))
        return frozenset(found)

    def _in_windows(self, text: str) -> Iterator[str]:
        for length, anchors in self._windows.items():
            for start in range(len(text) - length + 1):
                for kind, value in anchors.get(text[start : start + length], ()):
                    if value in text:
                        yield kind

    def _in_words(self, text: str) -> Iterator[str]:
        for word in set(re.findall(r"\S+", re.sub(r"[^\w\s]", " ", text))):
            for kind, value in self._names.get(word, ()):
                if value in text:
                    yield kind


def _keep(anchors: _Anchors, anchor: str, value: _Value) -> None:
    # Tuples: there are as many of them as buyers, and a set takes four times their memory.
    known = anchors.get(anchor, ())
    if value not in known:
        anchors[anchor] = (*known, value)


def leaves(value: Any) -> Iterator[str]:
    """Every text and number of a JSON value, the names of its members included."""
    match value:
        case str():
            yield value
        case dict():
            for name, member in value.items():
                yield name
                yield from leaves(member)
        case list():
            for member in value:
                yield from leaves(member)
        case int() if not isinstance(value, bool):
            yield str(value)


def parsed(text: str) -> Any:
    """The JSON value that a text is, so that its escapes hide nothing; else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
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
