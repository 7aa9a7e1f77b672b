"""The careful publisher, as tests ask it."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final

from services.publisher import careful
from services.publisher.sales import Sale
from tests.road.installation import OwnInstallation

_ACKNOWLEDGED_WITHIN_S: Final = 60


def invented(installation: OwnInstallation, publisher: str, seed: int, number: int) -> list[Sale]:
    """So many sales of all kinds, some for export, some handed in five times, as this publisher may hand them in."""
    return list(careful.invented(installation.running, publisher, Random(seed), number))


async def hand_in(installation: OwnInstallation, planned: Sequence[Sale]) -> None:
    """One by one, each as often as it wants, until it is acknowledged."""
    await careful.hand_in(installation.running, "platform", planned, patience_s=_ACKNOWLEDGED_WITHIN_S)
