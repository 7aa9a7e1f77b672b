"""MIIT 工信部: certificates of conformity. Simulated: no interface is published."""

from __future__ import annotations

from typing import Final

from adapters.spec import Adapter, Endpoint, Errors, Features, Operation, operations
from contracts.topics import COMMANDS

from . import mapping

ADAPTER: Final = Adapter(
    name="miit",
    features=Features.IDEMPOTENT,
    errors=Errors(
        field="errorCode",
        codes={"GX4001": "V102", "GX4040": "D404", "GX4220": "D422", "GX5030": "M503"},
    ),
    operations=operations(
        Operation(
            command=COMMANDS["coc.query"],
            endpoint=Endpoint("POST", "/certificates/query"),
            request=mapping.certificate_query,
            response=mapping.certificate,
        ),
    ),
)
