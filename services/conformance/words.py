"""What is told to people, in both languages."""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """One thing said in Chinese and in English."""

    zh: str
    en: str

    def __str__(self) -> str:
        return f"{self.zh} / {self.en}" if self.en else self.zh
