"""A draft put in force on trial: the packs as they would be, without writing a file."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from .faults import Fault, MalformedPack
from .loader import faults_in
from .pack import Pack, Status
from .policies import Policies

_DAY = timedelta(days=1)
_NEVER = {Status.RETRACTED, Status.SUPERSEDED}


def on_trial(policies: Policies, draft: Pack) -> Policies:
    """These policies with the draft in force; the pack that it supersedes ends the day before.

    A pack of the same id that does not bind gives way to it. Raises `MalformedPack` where the draft cannot be in force
    at all, `PolicyConflict` where it cannot be beside the others, each with every fault.
    """
    if draft.status in _NEVER:
        raise MalformedPack([Fault(f"{draft.status} 的政策包不能试行", f"a {draft.status} pack cannot be tried")])
    tried = _changed(draft, status=Status.IN_FORCE, approved_by=draft.approved_by or "trial")
    others = (pack for pack in policies.packs if pack.id != draft.id or pack.status.binds)
    return Policies([*(_ended(pack, tried) for pack in others), tried])


def _ended(pack: Pack, successor: Pack) -> Pack:
    """A pack as its successor leaves it; one that had ended before keeps its end, which the loader will judge."""
    start = successor.effective_from
    if pack.id != successor.supersedes or not pack.status.binds or start is None:
        return pack
    last = start - _DAY
    ends = last if pack.effective_to is None else min(pack.effective_to, last)
    return _changed(pack, status=Status.SUPERSEDED, effective_to=ends)


def _changed(pack: Pack, **fields: Any) -> Pack:
    try:
        return Pack.model_validate(pack.model_dump() | fields)
    except ValidationError as wrong:
        raise MalformedPack(faults_in(wrong, pack.id)) from wrong
