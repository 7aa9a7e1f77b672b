"""Cases in flight when the process changes: each is lifted, one version after the other, when it is next decided.

A stored case says by which version of the process it was last decided. A change of the transition table that leaves
standing cases where no row leads on, or that would ask something twice, needs a row here; one that only adds rows
from states that exist does not: what is due is computed from where a case stands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .case import NONE
from .draft import Draft

PROCESS: Final = 2
"""The version of the process that `rules` describes."""


def lift(draft: Draft) -> None:
    """Bring a case to the process of today, and say so."""
    if draft.case.process == PROCESS:
        return
    before = draft.case.process
    for step in _STEPS[before - 1 :]:
        step(draft)
    draft.change(process=PROCESS)
    text = (f"按第{PROCESS}版流程继续办理", f"goes on by version {PROCESS} of the process")
    draft.note("MIGRATE", "order", *text)


def _joint_application(draft: Draft) -> None:
    """1 to 2: the lender signs before the police register its mortgage.

    A registration that was asked without that signature goes on as if it stood; the police decide.
    """
    mort = draft.case.facets.get("mort")
    if mort and mort.state == NONE and any(ask.command == "mortgage.register" for ask in draft.case.asks.values()):
        draft.put("mort", "COSIGNED")


_STEPS: Final[tuple[Callable[[Draft], None], ...]] = (_joint_application,)
