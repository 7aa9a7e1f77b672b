"""Commerce 商务: who may export, under which licence. Simulated: no interface is published.

It is not asked to know our keys: an application is found by the car, the exporter, the check that it rests on and its
day. Another journey abroad rests on another check. Two applications share all four only where one is made again on its
day: if the second is lost, the first may be found, and the journey judges it as before; nothing is done twice.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from adapters.bindings.rest import REST
from adapters.spec import Adapter, Endpoint, Errors, Features, Lookup, Operation, final, operations, retried, slows
from contracts.topics import COMMANDS

from . import mapping

ADAPTER: Final = Adapter(
    name="commerce",
    features=Features.QUERYABLE,
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
            question=True,
        ),
        Operation(
            command=COMMANDS["licence.apply"],
            endpoint=Endpoint("POST", "/vehicle-export/licences"),
            request=mapping.licence_request,
            response=mapping.licence,
            lookup=Lookup(
                endpoint=Endpoint("POST", "/vehicle-export/licences/query"),
                request=mapping.licence_query,
                response=mapping.licence,
                settles=timedelta(seconds=10),
            ),
        ),
    ),
)
