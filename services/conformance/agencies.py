"""Agencies as a result is held against: what would have been asked of one today, and what of it nobody can ask."""

from __future__ import annotations

from adapters.spec import Adapter

from .bed import Loaded
from .catalogue import cases
from .fixtures import digest
from .result import Agency


def agency(adapter: Adapter) -> Agency:
    """An agency as it is declared now."""
    asked = cases(adapter)
    # Of a system that was told beforehand: where more can be arranged, less is skipped.
    told = Loaded({}, adapter)
    untold = [case for case in asked if told.lacks(case.bed, case.steps) is not None]
    return Agency(adapter.name, digest(adapter), len(asked), len(untold))
