"""How any agency says no."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import StringConstraints

from . import types as t
from .contract import Contract
from .versions import Versions


class AgencyRefusedV1(Contract):
    """A command was refused for good; the code says why (`contracts.codes`), the journey decides what follows.

    `reason` is our own sentence for the code, never the agency's text, which could carry personal data.
    """

    vin: t.Vin
    organisation: t.Identifier
    command: Annotated[str, StringConstraints(max_length=60)]
    code: Annotated[str, StringConstraints(pattern=r"^(?:[0-9]|[A-Z][0-9]{3})$")]
    reason: t.Reason


AGENCY_REFUSED: Final = Versions("agency.refused", "event", "agency", "a command was refused", (AgencyRefusedV1,))
