"""Writing our values as agencies write them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from .reading import CHINA
from .spec import Json


def yuan(fen: int) -> str:
    """Fen as a text of yuan with two decimals: 1000000 → "10000.00"."""
    return f"{fen // 100}.{fen % 100:02d}"


def day(when: date) -> str:
    """2026-03-01."""
    return when.isoformat()


def compact_day(when: date) -> str:
    """20260301."""
    return when.strftime("%Y%m%d")


def local_time(when: datetime) -> str:
    """2026-03-01 09:30:00, China time."""
    return when.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")


def present(values: Mapping[str, Json]) -> dict[str, Json]:
    """Without the fields that are not there: agencies take an absent field, not a null."""
    return {name: value for name, value in values.items() if value is not None}


def thousandths(whole: int) -> str:
    """Millilitres as litres, kilograms as tonnes: 1480 → "1.480"."""
    return f"{whole // 1000}.{whole % 1000:03d}"
