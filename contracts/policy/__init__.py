"""Dated rules as data: packs in `packs/`, and pure functions that compute by the pack in force on a rule's own date.

A policy change is one file in `packs/`. Only packs that were in force on the date may price or block; every result
names its pack; where no pack covers a date, `PolicyGap` is raised and nobody guesses.
"""

from .faults import Fault, MalformedPack, PolicyConflict, PolicyFaults
from .loader import load, parse, read_packs
from .pack import Pack, Status
from .policies import Policies, PolicyGap
from .trial import on_trial

__all__ = [
    "Fault",
    "MalformedPack",
    "Pack",
    "Policies",
    "PolicyConflict",
    "PolicyFaults",
    "PolicyGap",
    "Status",
    "load",
    "on_trial",
    "parse",
    "read_packs",
]
