"""Dated rules as data: packs in `packs/`, and pure functions that compute by the pack in force on a rule's own date.

A policy change is one file in `packs/`. Only packs that were in force on the date may price or block; every result
names its pack; where no pack covers a date, `PolicyGap` is raised and nobody guesses.
"""

from .loader import load, read_packs
from .pack import Pack, Status
from .policies import Policies, PolicyConflict, PolicyGap

__all__ = ["Pack", "Policies", "PolicyConflict", "PolicyGap", "Status", "load", "read_packs"]
