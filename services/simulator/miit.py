"""MIIT: the register of certificates, filled by the makers' plants; it alone knows the reduction catalogue."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from contracts.numbers import vin as vin_number
from services.simulator.agency import Answer, Body, Entry, Leaves, No, Request, Service, Tongue, demand, known
from services.simulator.country import Country
from services.simulator.records import Certificate
from services.simulator.table import table

_TONGUE: Final = Tongue(
    "errorCode",
    "message",
    {
        "V102": No(400, "GX4001", "请求字段有误"),
        "D404": No(404, "GX4040", "未查询到合格证信息"),
        "D422": No(422, "GX4220", "合格证与车架号不符"),
        "M503": No(503, "GX5030", "系统维护"),
    },
)
_ELECTRIFIED: Final = frozenset({"插电式混合动力", "增程式混合动力", "纯电动", "燃料电池"})
_CATALOGUE: Final = table("catalogue.json")


@dataclass(slots=True)
class Miit:
    """The register. `UPLOAD` is the makers' door; ours is `/certificates/query`."""

    country: Country
    services: Mapping[str, Service] = field(init=False)
    tongue: Tongue = _TONGUE
    _certificates: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """List what MIIT does."""
        self.services = {
            "/certificates": Service("coc.upload", ("vin",), self._receive, Leaves.RECORD, self._keep),
            "/certificates/query": Service("coc.query", ("vin",), self._show),
        }

    def certificate(self, vin: str) -> Certificate | None:
        """The certificate of a car; None while it is not there."""
        record = self._record(vin)
        if record is None:
            return None
        return Certificate(
            vin=vin,
            number=record["certificateNo"],
            digest=record["digest"],
            engine_no=record.get("engineNo") or "",
            motor_no=record.get("driveMotorNo") or "",
            model=record["brandModel"],
            fuel=record["fuelType"],
            seats=record["ratedSeats"],
            in_catalogue=record["nevTaxCatalogue"] == "Y",
        )

    def uploaded(self, vin: str) -> Mapping[str, Any] | None:
        """What the maker uploaded last, as it wrote it."""
        return self._certificates.get(vin)

    def _record(self, vin: str) -> Mapping[str, Any] | None:
        if vin in self.country.faults("miit").absent:
            return None
        return self._certificates.get(vin)

    def _show(self, request: Request) -> Answer:
        record = known(self._record(request.vin), "D404")
        demand(record["certificateNo"] == request.body.text("certificateNo"), "D422")
        return dict(record)

    def _receive(self, request: Request) -> Answer:
        demand(vin_number.is_valid(request.vin), "V102")
        record = _as_uploaded(request.body)
        return record | {
            "digest": hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest(),
            "nevTaxCatalogue": "Y" if _in_catalogue(record["brandModel"], record["fuelType"]) else "N",
        }

    def _keep(self, entry: Entry) -> None:
        self._certificates[entry.vin] = entry.result


def _as_uploaded(body: Body) -> Answer:
    displacement = body.values.get("displacementMl")
    return {
        "vin": body.text("vin"),
        "certificateNo": body.text("certificateNo"),
        "engineNo": body.text_or_none("engineNo") or "",
        "driveMotorNo": body.text_or_none("driveMotorNo") or "",
        "brandModel": body.text("brandModel"),
        "fuelType": body.text("fuelType"),
        "ratedSeats": body.whole("ratedSeats"),
        "curbWeightKg": body.whole("curbWeightKg"),
        "displacementMl": None if displacement is None else body.whole("displacementMl"),
        "manufactureDate": body.day("manufactureDate").strftime("%Y%m%d"),
    }


def _in_catalogue(model: str, fuel: str) -> bool:
    """The catalogue lists models; electric ones that nobody listed are in, plug-ins that nobody listed are out."""
    if fuel not in _ELECTRIFIED or model in _CATALOGUE["excluded"]:
        return False
    return model in _CATALOGUE["listed"] or fuel in _CATALOGUE["unlisted_fuels"]
