"""How long we wait on each link before we give up: weather must last longer to show what happens then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from adapters.registry import ADAPTERS
from services.dispatch.carriers.ssh import LOST_S
from services.publisher.careful import ANSWER_S
from services.runtime.broker import REQUEST_S
from services.runtime.database import SILENT_S
from services.runtime.producer import ACK_S
from services.runtime.settings import Settings
from services.stack.plan import FILES

_SESSION_S: Final[float] = Settings.model_fields["session_s"].default
_CALL_S: Final = max(
    operation.endpoint.timeout.total_seconds()
    for adapter in ADAPTERS.values()
    for operation in adapter.operations.values()
)

PATIENCE_S: Final[Mapping[str, float]] = {
    "kafka": max(REQUEST_S, ACK_S, _SESSION_S),
    "simulator": _CALL_S,
    FILES: max(_CALL_S, LOST_S),
    "intake": ANSWER_S,
    "postgresql": SILENT_S,
}
"""By link, the longest time-out of ours on it, in seconds."""
