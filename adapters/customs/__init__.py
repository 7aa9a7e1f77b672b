"""Customs 海关: the export declaration and the exit, by files. Simulated: no interface is published.

A declaration is known by its file's name, which is our key: whether it was taken, and what came of it, is asked by
that. So nothing needs to be looked up by car, exporter and licence, which a second journey abroad would share.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from adapters.bindings.files import CODE, Files
from adapters.spec import Adapter, Endpoint, Errors, Features, Later, Operation, final, operations, retried
from contracts.topics import COMMANDS

from . import mapping

_PATIENCE: Final = timedelta(seconds=15)
"""Of one exchange of some four or five messages with a distant disk."""


def _later(path: str, action: str) -> Later:
    return Later(
        endpoint=Endpoint("GET", path, timeout=_PATIENCE, action=action),
        request=mapping.receipt_of,
        every=timedelta(milliseconds=300),
        settles=timedelta(seconds=10),
    )


ADAPTER: Final = Adapter(
    name="customs",
    features=Features.QUERYABLE,
    binding=Files(
        document="DecMessage",
        receipt="DecReceipt",
        namespace="urn:sample:single-window:dec",
        sender="91440300MATCHE01X5",
        unknown="HG404",
    ),
    errors=Errors(
        field=CODE,
        codes={
            "HG400": final("V102"),
            "HG403": final("X403"),
            "HG404": retried("D404"),
            "HG409": final("X409"),
            "HG422": final("X422"),
            # A receipt stays as it is: only another document gets another one.
            "HG503": retried("X503"),
        },
        done=frozenset({"HG000"}),
    ),
    operations=operations(
        Operation(
            command=COMMANDS["export.declare"],
            endpoint=Endpoint("POST", "/export/declarations", timeout=_PATIENCE, action="DEC01"),
            request=mapping.declaration,
            response=mapping.release,
            later=_later("/export/declarations", "DEC01"),
        ),
        Operation(
            command=COMMANDS["export.track"],
            endpoint=Endpoint("POST", "/export/exits", timeout=_PATIENCE, action="DEC02"),
            request=mapping.exit_query,
            response=mapping.exit_record,
            echoes=("vin", "decl_no"),
            question=True,
            later=_later("/export/exits", "DEC02"),
        ),
    ),
)
