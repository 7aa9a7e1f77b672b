"""Whoever judges what a stack did. Runs are given one: the checker must share nothing with what it judges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from .running import Running


class Judgement(Protocol):
    """What a judge says."""

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""

    def as_json(self) -> dict[str, Any]:
        """For scripts; `checker` says it in a word."""


Judge = Callable[[Running], Judgement]
