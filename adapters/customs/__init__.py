"""Customs 海关: the export declaration and the exit. Simulated: no interface is published."""

from __future__ import annotations

from typing import Final

from adapters.spec import Adapter, Endpoint, Errors, Features, Operation, operations
from contracts.topics import COMMANDS

from . import mapping

ADAPTER: Final = Adapter(
    name="customs",
    features=Features.IDEMPOTENT,
    errors=Errors(
        field="returnCode",
        codes={
            "HG400": "V102",
            "HG403": "X403",
            "HG404": "D404",
            "HG409": "X409",
            "HG422": "X422",
            "HG503": "X503",
        },
    ),
    operations=operations(
        Operation(
            command=COMMANDS["export.declare"],
            endpoint=Endpoint("POST", "/export/declarations"),
            request=mapping.declaration,
            response=mapping.release,
        ),
        Operation(
            command=COMMANDS["export.track"],
            endpoint=Endpoint("POST", "/export/exits"),
            request=mapping.exit_query,
            response=mapping.exit_record,
            echoes=("vin", "decl_no"),
        ),
    ),
)
