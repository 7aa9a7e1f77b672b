"""MIIT 工信部: certificates of conformity. Simulated: no interface is published."""

from __future__ import annotations

from typing import Final

from adapters.bindings.rest import REST
from adapters.spec import Adapter, Endpoint, Errors, Features, Operation, final, operations, retried, slows
from contracts.topics import COMMANDS

from . import mapping

ADAPTER: Final = Adapter(
    name="miit",
    features=Features.IDEMPOTENT,
    binding=REST,
    errors=Errors(
        field="errorCode",
        codes={"GX4001": final("V102"), "GX4040": retried("D404"), "GX4220": final("D422"), "GX5030": slows("M503")},
    ),
    operations=operations(
        Operation(
            command=COMMANDS["coc.query"],
            endpoint=Endpoint("POST", "/certificates/query"),
            request=mapping.certificate_query,
            response=mapping.certificate,
            question=True,
        ),
    ),
)
