"""Moments and lengths of time, as people here read them: on the clock of China."""

from __future__ import annotations

from datetime import datetime

from contracts.types import CHINA


def whole(instant: str) -> str:
    """With its year, to the second."""
    return f"{datetime.fromisoformat(instant).astimezone(CHINA):%Y-%m-%d %H:%M:%S}"


def precise(instant: str) -> str:
    """Of one day, to the millisecond."""
    moment = datetime.fromisoformat(instant).astimezone(CHINA)
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"


def short(when: float | str | None) -> str:
    """Of one year; as seconds since 1970 or as the console writes it."""
    if when is None:
        return "–"
    at = datetime.fromisoformat(when) if isinstance(when, str) else datetime.fromtimestamp(when, CHINA)
    return at.astimezone(CHINA).strftime("%m-%d %H:%M:%S")


def length(milliseconds: float) -> str:
    """Of a call, a step or a whole case."""
    seconds = milliseconds / 1000
    return f"{milliseconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
