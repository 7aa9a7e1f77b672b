"""Every version is described in both languages."""

from __future__ import annotations

import re

from contracts.descriptions import CHINESE, description
from contracts.registry import CONTRACTS


def test_every_version_has_its_words_in_chinese_and_no_words_are_left_over() -> None:
    """A row for each, in the order of the registry; a new version without one fails here."""
    every = [(name, number) for name, versions in CONTRACTS.items() for number in range(1, versions.newest + 1)]
    assert list(CHINESE) == every
    for words in CHINESE.values():
        assert re.match(r"[^/]*[一-鿿][^/]*。$", words)


def test_both_languages_name_the_same_fields_and_codes() -> None:
    """What stands in backticks, and codes such as C410."""
    named = re.compile(r"`[^`]+`|\b[A-Z]\d{3}\b", re.ASCII)
    for name, number in CHINESE:
        said = description(CONTRACTS[name], number)
        assert set(named.findall(said.zh)) == set(named.findall(said.en)), (name, number)
