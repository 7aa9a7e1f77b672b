"""Customs as they would be over HTTP: asked and answered at once in JSON, and looked up by car, exporter and licence.

Whatever dispatch does about features, doubts and limits it does for any way of speaking; here it is tried with the
plainest one that can be looked up, and with an agency that any test can play.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from adapters.bindings.rest import REST
from adapters.customs import ADAPTER, mapping
from adapters.spec import Adapter, Endpoint, Errors, Json, Lookup, operations, slows
from contracts.export import ExportDeclareV1


def _query(command: ExportDeclareV1) -> dict[str, Json]:
    return {"vinNo": command.vin, "tradeCoScc": command.exporter_uscc, "licenseNo": command.licence_no}


_LOOKUP: Final = Lookup(
    endpoint=Endpoint("POST", "/export/declarations/query"),
    request=_query,
    response=mapping.release,
    settles=timedelta(seconds=10),
)
_DECLARE, _TRACK = ADAPTER.operations["export.declare"], ADAPTER.operations["export.track"]

CUSTOMS: Final[Adapter] = replace(
    ADAPTER,
    binding=REST,
    errors=Errors(field=ADAPTER.errors.field, codes={**ADAPTER.errors.codes, "HG503": slows("X503")}),
    operations=operations(
        replace(_DECLARE, endpoint=Endpoint("POST", "/export/declarations"), later=None, lookup=_LOOKUP),
        replace(_TRACK, endpoint=Endpoint("POST", "/export/exits"), later=None),
    ),
)
