"""To which operations a property applies."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from adapters.spec import Adapter, Features, Operation, Sent

PERSONAL: Final = ("buyer_name", "buyer_id_no", "phone", "address", "grantee_name", "grantee_id_no")
"""Fields of commands that tell of a person."""


def every(adapter: Adapter, operation: Operation) -> bool:
    """All of them."""
    del adapter, operation
    return True


def keyed(adapter: Adapter, operation: Operation) -> bool:
    """Those that the agency must know again by our key."""
    return adapter.features is Features.IDEMPOTENT and not operation.question


def looked_up(adapter: Adapter, operation: Operation) -> bool:
    """Those about which it can be asked whether they were carried out."""
    del adapter
    return operation.lookup is not None


def in_json(adapter: Adapter, operation: Operation) -> bool:
    """Those that are written as JSON."""
    written = adapter.binding.written(operation.endpoint, {}, Sent(adapter.name, datetime.now(UTC), None))
    return "json" in written.headers.get("Content-Type", "")


def about_a_person(adapter: Adapter, operation: Operation) -> bool:
    """Those that tell of a person, in JSON."""
    return in_json(adapter, operation) and bool(personal(operation))


def personal(operation: Operation) -> tuple[str, ...]:
    """The fields of a command that tell of a person."""
    model = operation.command.versions.models[-1]
    return tuple(name for name in PERSONAL if name in model.model_fields)
