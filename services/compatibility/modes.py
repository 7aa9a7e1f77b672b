"""Who must still understand whom when a contract changes."""

from __future__ import annotations

from enum import Enum
from typing import Literal

Direction = Literal["backward", "forward"]


class Mode(Enum):
    """Who must still understand whom. The transitive modes ask it of every version that was ever published."""

    BACKWARD = "BACKWARD"
    FORWARD = "FORWARD"
    FULL = "FULL"
    BACKWARD_TRANSITIVE = "BACKWARD_TRANSITIVE"
    FORWARD_TRANSITIVE = "FORWARD_TRANSITIVE"
    FULL_TRANSITIVE = "FULL_TRANSITIVE"

    @property
    def transitive(self) -> bool:
        """Whether all earlier versions count, or only the last."""
        return self.value.endswith("_TRANSITIVE")

    @property
    def directions(self) -> tuple[Direction, ...]:
        """Backward: what fitted the old fits the new. Forward: what fits the new fitted the old."""
        match self.value.removesuffix("_TRANSITIVE"):
            case "BACKWARD":
                return ("backward",)
            case "FORWARD":
                return ("forward",)
            case _:
                return ("backward", "forward")
