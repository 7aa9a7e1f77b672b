"""Plates, each given out once, in the legal form of its place and kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from services.simulator.agency import Refused, demand
from services.simulator.table import table

FUEL, LARGE, SMALL = "02", "51", "52"
PLATE_OF_FUEL: Final = {"A": None, "O": None, "C": "D", "P": "F", "R": "F", "L": "F"}
"""By the police's fuel codes: the class letter of a new-energy plate; None for an ordinary one."""

_PROVINCES: Final[dict[str, str]] = table("provinces.json")
_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_SIGNS: Final = "0123456789" + _LETTERS


@dataclass(slots=True)
class Plates:
    """Which plates are taken. A plate that was held and let go is not given out again."""

    _taken: set[str] = field(default_factory=set)
    _next: dict[str, int] = field(default_factory=dict)

    def free(self, region: str, kind: str, fuel: str) -> str:
        """A plate that nobody has, for a place, a kind of plate and a fuel."""
        letter = PLATE_OF_FUEL[fuel] or ""
        place = _place(region)
        shape = {FUEL: _ordinary, SMALL: _small, LARGE: _large}.get(kind)
        if shape is None:
            raise Refused("V102")
        return next(plate for plate in self._from(place, kind + letter, shape, letter) if plate not in self._taken)

    def take(self, plate: str) -> None:
        """Give it out."""
        self._taken.add(plate)

    def _from(self, place: str, series: str, shape: Callable[[int, str], str], letter: str) -> Iterator[str]:
        start = self._next.get(place + series, 0)
        while True:
            self._next[place + series] = start
            yield place + shape(start, letter)
            start += 1


def _place(region: str) -> str:
    """The character of the province, and a letter for the city."""
    demand(region[:2] in _PROVINCES and region[2:4].isdecimal(), "V102")
    return _PROVINCES[region[:2]] + _LETTERS[(int(region[2:4]) - 1) % len(_LETTERS)]


def _ordinary(serial: int, _: str) -> str:
    """Two letters or digits, then three digits."""
    signs, digits = divmod(serial + 10_000, 1000)
    first, second = divmod(signs % len(_SIGNS) ** 2, len(_SIGNS))
    return f"{_SIGNS[first]}{_SIGNS[second]}{digits:03d}"


def _small(serial: int, letter: str) -> str:
    """The class letter, a letter or digit, four digits."""
    sign, digits = divmod(serial + 1, 10_000)
    return f"{letter}{_SIGNS[sign % len(_SIGNS)]}{digits:04d}"


def _large(serial: int, letter: str) -> str:
    """Five digits, the class letter."""
    return f"{(serial + 1) % 100_000:05d}{letter}"
