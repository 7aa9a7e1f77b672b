"""Which style each kind of agency speaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Final

from services.runtime.identities import Identities
from services.simulator.faces.face import Face, Premises, Working
from services.simulator.faces.files import Files
from services.simulator.faces.iso20022 import Iso20022
from services.simulator.faces.rest import Rest
from services.simulator.faces.signed import SignedRest
from services.simulator.faces.soap import SERIAL, Soap

Build = Callable[[Premises], Face | Working]


def _rest(premises: Premises) -> Rest:
    return Rest(premises.world)


def _signed(premises: Premises) -> SignedRest:
    return SignedRest(premises, "tax")


def _soap(premises: Premises) -> Soap:
    # Read when it is needed first: a simulator that serves others may have no such file.
    known = cache(partial(Identities, premises.settings))
    return Soap(premises.world, lambda: _granted(known()))


def _granted(known: Identities) -> str:
    """What the installation that asks says it was granted; the simulated police grant everything to it."""
    return known.granted("police") or SERIAL


FACES: Final[Mapping[str, Build]] = {
    "miit": _rest,
    "tax": _signed,
    "insurer": _rest,
    "bank": Iso20022,
    "police": _soap,
    "commerce": _rest,
    "customs": Files,
}
"""A new style is a module beside this one and a word here; all organisations of a kind share one face."""
