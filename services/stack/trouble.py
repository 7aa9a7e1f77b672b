"""A trouble a person can end: what is wrong, in both languages, and the exact fix."""

from __future__ import annotations


class TroubleError(Exception):
    """Shown as it stands, without a traceback. `fix` is what to type or do next; by `code` a script knows its kind."""

    def __init__(self, zh: str, en: str, *, fix: str, code: str = "trouble") -> None:
        super().__init__(en)
        self.zh = zh
        self.en = en
        self.fix = fix
        self.code = code

    def __str__(self) -> str:
        return f"{self.zh}\n{self.en}\n→ {self.fix}"
