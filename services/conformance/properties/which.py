"""To which operations a property applies."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from adapters.bindings.files import FILE
from adapters.spec import Adapter, Features, Letter, Operation, Sent
from services.conformance.car import command
from services.conformance.fixtures import plain

PERSONAL: Final = ("buyer_name", "buyer_id_no", "phone", "address", "grantee_name", "grantee_id_no")
"""Fields of commands that tell of a person."""


def every(adapter: Adapter, operation: Operation) -> bool:
    """All of them."""
    del adapter, operation
    return True


def keyed(adapter: Adapter, operation: Operation) -> bool:
    """Those that the agency must know again by our key."""
    return adapter.features is Features.IDEMPOTENT and not operation.question


def keyed_over_http(adapter: Adapter, operation: Operation) -> bool:
    """Those, where a request can be cut short on its way."""
    return keyed(adapter, operation) and over_http(adapter, operation)


def looked_up(adapter: Adapter, operation: Operation) -> bool:
    """Those about which it can be asked whether they were carried out."""
    del adapter
    return operation.lookup is not None


def over_http(adapter: Adapter, operation: Operation) -> bool:
    """Those that travel as requests of HTTP, and not as files."""
    return FILE not in _written(adapter, operation).headers


def done_by_files(adapter: Adapter, operation: Operation) -> bool:
    """Deeds that travel as files."""
    return not over_http(adapter, operation) and not operation.question


def in_json(adapter: Adapter, operation: Operation) -> bool:
    """Those that are written as JSON."""
    return "json" in _content_type(adapter, operation)


def in_xml(adapter: Adapter, operation: Operation) -> bool:
    """Those that are written as XML."""
    return "xml" in _content_type(adapter, operation)


def in_xml_over_http(adapter: Adapter, operation: Operation) -> bool:
    """Those that are requests of HTTP, too."""
    return in_xml(adapter, operation) and over_http(adapter, operation)


def in_soap(adapter: Adapter, operation: Operation) -> bool:
    """Those in envelopes of SOAP 1.1."""
    return "SOAPAction" in _written(adapter, operation).headers


def sealed(adapter: Adapter, operation: Operation) -> bool:
    """Those that we seal."""
    return adapter.seal != "none" and over_http(adapter, operation)


def later(adapter: Adapter, operation: Operation) -> bool:
    """Those whose answer may come later and can be asked for."""
    del adapter
    return operation.later is not None and operation.later.endpoint is not None


def not_at_once(adapter: Adapter, operation: Operation) -> bool:
    """Those whose answer may come later, however it comes."""
    del adapter
    return operation.later is not None


def called_back(adapter: Adapter, operation: Operation) -> bool:
    """Those whose answer is brought to our door."""
    del adapter
    return operation.called_back


def _content_type(adapter: Adapter, operation: Operation) -> str:
    """As its binding writes the command of its plain fixture."""
    return _written(adapter, operation).headers.get("Content-Type", "")


def _written(adapter: Adapter, operation: Operation) -> Letter:
    fixture = plain(adapter, operation.command.versions.name)
    told = command(operation.command.versions.models[-1], fixture.given, {})
    sent = Sent(adapter.name, datetime.now(UTC), "key")
    return adapter.binding.written(operation.endpoint, operation.request(told), sent)


def about_a_person(adapter: Adapter, operation: Operation) -> bool:
    """Those that tell of a person, over HTTP."""
    return over_http(adapter, operation) and bool(personal(operation))


def personal(operation: Operation) -> tuple[str, ...]:
    """The fields of a command that tell of a person."""
    model = operation.command.versions.models[-1]
    return tuple(name for name in PERSONAL if name in model.model_fields)
