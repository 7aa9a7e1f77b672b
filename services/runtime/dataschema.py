"""What `ce_dataschema` names: the schema of a version of a contract, or of one subscriber's view of it.

A contract's is public: it tells what could be said, never what was. That of a view tells who subscribes to what, and
is for operators.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from contracts.envelope import SCHEMA_BASE
from contracts.published import published
from contracts.registry import UnknownType, resolve
from contracts.schemas import schema_of, urn
from contracts.versions import Versions
from contracts.views.plan import View
from contracts.views.schema import offered, view_schema
from contracts.views.subscriber import Subscribers

MEDIA_TYPE: Final = "application/schema+json"
_VIEW: Final = re.compile(r"to\.([a-z0-9][a-z0-9\-]{0,39})\.(tongche\..+)")


class UnknownSchema(LookupError):
    """No message has a schema of this name."""


def current(versions: Versions, version: int) -> dict[str, Any]:
    """The schema of a version of a contract as it was last published; of one that never was, as its class has it."""
    return _published().get(urn(versions, version)) or schema_of(versions, version)


@cache
def _published() -> dict[str, dict[str, Any]]:
    """By URN; of several revisions the last one stays."""
    return {revision.schema["$id"]: revision.schema for revision in published()}


def is_of_view(name: str) -> bool:
    """Whether a name, as `named` takes it, could only be that of somebody's view."""
    return name.removeprefix(SCHEMA_BASE).startswith("to.")


def named(name: str, subscribers: Subscribers) -> dict[str, Any]:
    """The schema by its URN, or by what follows `urn:tongche:schema:` in it. Raises `UnknownSchema`."""
    short = name.removeprefix(SCHEMA_BASE)
    view = _VIEW.fullmatch(short)
    try:
        versions, number = resolve(view[2] if view else short)
    except UnknownType:
        raise UnknownSchema(name[:200]) from None
    if view is None:
        return current(versions, number)
    for offer in _offered(subscribers, view[1]):
        if (offer.versions, offer.grant.version) == (versions, number):
            return view_schema(offer)
    raise UnknownSchema(name[:200])


def _offered(subscribers: Subscribers, name: str) -> Iterator[View]:
    return (offer for one in subscribers.subscribers if one.name == name for offer in offered(one))


def written(schema: dict[str, Any]) -> bytes:
    """As it is served and exported: the same schema gives the same bytes."""
    return json.dumps(schema, ensure_ascii=False, indent=2).encode() + b"\n"
