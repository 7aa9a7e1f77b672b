"""Commerce 商务: who may export, under which licence. Simulated: no interface is published."""

from __future__ import annotations

from typing import Final

from adapters.bindings.rest import REST
from adapters.spec import Adapter, Endpoint, Errors, Features, Operation, final, operations, retried, slows
from contracts.topics import COMMANDS

from . import mapping

ADAPTER: Final = Adapter(
    name="commerce",
    features=Features.IDEMPOTENT,
    binding=REST,
    errors=Errors(
        field="resultCode",
        codes={
            "SWB-400": final("V102"),
            "SWB-403": final("X403"),
            "SWB-404": retried("D404"),
            "SWB-409": final("X409"),
            "SWB-422": final("X422"),
            "SWB-503": slows("X503"),
        },
    ),
    operations=operations(
        Operation(
            command=COMMANDS["export.qualify"],
            endpoint=Endpoint("POST", "/vehicle-export/qualifications"),
            request=mapping.qualification_request,
            response=mapping.qualification,
        ),
        Operation(
            command=COMMANDS["licence.apply"],
            endpoint=Endpoint("POST", "/vehicle-export/licences"),
            request=mapping.licence_request,
            response=mapping.licence,
        ),
    ),
)
