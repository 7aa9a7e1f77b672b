"""What the page's forms do to an organisation's knobs. Each raises pydantic's `ValidationError` and changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from services.simulator import monsoon
from services.simulator.faults import Faults, Script
from services.simulator.page import fields

Form = Mapping[str, str]

_OF_THE_WORLD: Final = frozenset({"scripts", "absent", "altered", "seized", "arrival_s"})
"""What a mood leaves as it is."""


def knobs(kind: str, faults: Faults, form: Form) -> Faults:
    """Turn all knobs of the form."""
    return faults.merged(fields.change(kind, form))


def mood(_: str, faults: Faults, form: Form) -> Faults:
    """One mood for as long as nobody heals it, instead of everything that goes wrong by itself."""
    kept = {name: value for name, value in faults.model_dump(mode="json").items() if name in _OF_THE_WORLD}
    name = form.get("mood", "")
    return Faults.model_validate(kept | (monsoon.mood(name) if name in monsoon.MOODS else {"mood": name}))


def let_loose(_: str, faults: Faults, form: Form) -> Faults:
    """Let a personality loose from now on, or end it where no seed is told."""
    seed = form.get("seed", "").strip()
    return faults.merged({"monsoon": {"seed": seed} if seed else None})


def heal(_: str, faults: Faults, form: Form) -> Faults:
    """All knobs back."""
    del faults, form
    return Faults()


def add_script(_: str, faults: Faults, form: Form) -> Faults:
    """Add a script; what it does is said as `code=D404`, `fixture=…`, `echo=…`, `silent=yes` or `alter_fen=…`."""
    what, _, value = form.get("does", "").partition("=")
    told = {"operation": form.get("operation", ""), what: form.get(what, "").strip() if what == "alter_fen" else value}
    for name in ("vin", "times"):
        if typed := form.get(name, "").strip():
            told[name] = typed
    return faults.model_copy(update={"scripts": (*faults.scripts, Script.model_validate(told))})


def remove_script(_: str, faults: Faults, form: Form) -> Faults:
    """Take the first script away that is this one."""
    gone = Script.model_validate_json(form.get("script", ""))
    left = list(faults.scripts)
    if gone in left:
        left.remove(gone)
    return faults.model_copy(update={"scripts": tuple(left)})


ACTS: Final = {
    "knobs": knobs,
    "mood": mood,
    "monsoon": let_loose,
    "heal": heal,
    "add-script": add_script,
    "remove-script": remove_script,
}
