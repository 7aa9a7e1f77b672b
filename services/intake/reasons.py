"""The reasons of faults in words; the rows stand in `reasons.csv`."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

from contracts.numbers.errors import SENTENCES, Sentence


def sentence(reason: str) -> str:
    """What a reason means, in both languages; the reason itself where nobody has put it into words."""
    words = _sentences().get(reason)
    return f"{words.zh} / {words.en}" if words else reason


@cache
def _sentences() -> dict[str, Sentence]:
    text = (files(__package__) / "reasons.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    numbers = {str(reason): words for reason, words in SENTENCES.items()}
    return numbers | {row["reason"]: Sentence(row["zh"], row["en"]) for row in rows}
