"""Customs 海关: the export declaration and the exit. Simulated: no interface is published.

A declaration is known by car, exporter and licence, as at a single window, and not by a key of ours.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from adapters.bindings.rest import REST
from adapters.spec import Adapter, Endpoint, Errors, Features, Lookup, Operation, final, operations, retried, slows
from contracts.topics import COMMANDS

from . import mapping

ADAPTER: Final = Adapter(
    name="customs",
    features=Features.QUERYABLE,
    binding=REST,
    errors=Errors(
        field="returnCode",
        codes={
            "HG400": final("V102"),
            "HG403": final("X403"),
            "HG404": retried("D404"),
            "HG409": final("X409"),
            "HG422": final("X422"),
            "HG503": slows("X503"),
        },
    ),
    operations=operations(
        Operation(
            command=COMMANDS["export.declare"],
            endpoint=Endpoint("POST", "/export/declarations"),
            request=mapping.declaration,
            response=mapping.release,
            lookup=Lookup(
                endpoint=Endpoint("POST", "/export/declarations/query"),
                request=mapping.declaration_query,
                response=mapping.release,
                settles=timedelta(seconds=10),
            ),
        ),
        Operation(
            command=COMMANDS["export.track"],
            endpoint=Endpoint("POST", "/export/exits"),
            request=mapping.exit_query,
            response=mapping.exit_record,
            echoes=("vin", "decl_no"),
            question=True,
        ),
    ),
)
