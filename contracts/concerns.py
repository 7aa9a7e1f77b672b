"""Whom a message concerns: the organisations of its case, and where the vehicle is registered.

It travels as the CloudEvents attribute `concerns` on our own topics, so that who gets which message can be decided
without looking anything up; it is never told to anybody outside. USCCs and divisions only, nothing of a person.
"""

from __future__ import annotations

from typing import NamedTuple, Self


class Concerns(NamedTuple):
    """The parties of one case by their USCC, and the division (GB/T 2260) of registration; "" where there is none."""

    region: str = ""
    seller: str = ""
    maker: str = ""
    insurer: str = ""
    lender: str = ""
    exporter: str = ""

    def __str__(self) -> str:
        """As it is written into the envelope: `name=value` of what there is, in this order, with `;` between."""
        return ";".join(f"{name}={value}" for name, value in zip(self._fields, self, strict=True) if value)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` wrote; names of a later version are passed over. Raises ValueError for anything else."""
        told = dict(part.split("=", 1) for part in text.split(";") if part)
        return cls(**{name: told[name] for name in cls._fields if name in told})
