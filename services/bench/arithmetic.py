"""The few statistics that benches report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import median


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all does not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def growth(pairs: Sequence[tuple[float, float]]) -> float:
    """By what share the second of a pair is larger than the first; the median of all pairs."""
    return median(after / before - 1 for before, after in pairs)


def noise(alike: Sequence[float]) -> float:
    """By what share one of several measurements of the same differs from the one before it; the median of all."""
    return median(abs(after / before - 1) for before, after in pairwise(alike))
