"""Encodings, where Python and the standards differ."""

from __future__ import annotations

import csv
from importlib.resources import files
from pathlib import Path

import pytest

from contracts.numbers.errors import SENTENCES
from services.intake.files.columns import COLUMNS, recognise, table
from services.intake.files.decoding import text_of
from services.intake.reasons import sentence

CODES_OF_2022 = {
    "A6D9": "\ufe10", "A6DA": "\ufe12", "A6DB": "\ufe11", "A6DC": "\ufe13", "A6DD": "\ufe14", "A6DE": "\ufe15",
    "A6DF": "\ufe16", "A6EC": "\ufe17", "A6ED": "\ufe18", "A6F3": "\ufe19", "FE59": "\u9fb4", "FE61": "\u9fb5",
    "FE66": "\u9fb6", "FE67": "\u9fb7", "FE6D": "\u9fb8", "FE7E": "\u9fb9", "FE90": "\u9fba", "FEA0": "\u9fbb",
}  # fmt: skip


@pytest.mark.parametrize(("code", "character"), CODES_OF_2022.items())
def test_gb18030_is_read_as_its_edition_of_2022(code: str, character: str) -> None:
    """The 18 codes that moved out of the private use area."""
    body = "销售单号".encode("gb18030") + bytes.fromhex(code)
    assert text_of(body) == ("销售单号" + character, "gb18030")


def test_utf8_with_a_few_bad_bytes_is_still_utf8() -> None:
    """It is not read as GB18030, which nearly any bytes are."""
    body = ("一二三四五六七八九十" * 5).encode() + b"\xff" + b"end"
    text, encoding = text_of(body)
    assert encoding == "utf-8"
    assert text.startswith("一二三四")


def test_every_header_means_one_column() -> None:
    """In both languages and under each alias; nothing is named twice."""
    for column in COLUMNS:
        assert [recognise(name) for name in (column.name, column.zh, *column.aliases)] == [column] * (
            2 + len(column.aliases)
        )


def test_every_word_belongs_to_a_column_of_words() -> None:
    """A choice without its column would never be read."""
    words = {column.name for column in COLUMNS if column.reads == "word"}
    assert {row["name"] for row in table("words.csv")} == words


def test_every_reason_is_in_words() -> None:
    """All that the door itself gives, and all of the numbers."""
    package = Path(str(files("services.intake")))
    rows = csv.DictReader((package / "reasons.csv").read_text(encoding="utf-8").splitlines()[1:])
    for reason in [*(row["reason"] for row in rows), *SENTENCES]:
        assert " / " in sentence(reason)
    assert sentence("something_new") == "something_new"
