"""Customs: they ask commerce about the licence, and see the car leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from contracts.numbers import vin as vin_number
from services.simulator.agency import (
    CHINA,
    Answer,
    Body,
    Entry,
    Leaves,
    No,
    Refused,
    Request,
    Service,
    Tongue,
    demand,
)
from services.simulator.country import Country

_TONGUE: Final = Tongue(
    "returnCode",
    "returnInfo",
    {
        "V102": No(400, "HG400", "申报字段有误"),
        "X403": No(403, "HG403", "缺少出口许可证"),
        "D404": No(404, "HG404", "尚未结关"),
        "X409": No(409, "HG409", "许可证数量不符"),
        "X422": No(422, "HG422", "与报关单不符"),
        "X503": No(503, "HG503", "系统维护"),
    },
)
_LICENSED: Final = "8703801090"
_OFFICE: Final = "2233"
_EXPORT: Final = "0"


@dataclass(frozen=True, slots=True)
class Declaration:
    """A car on its way out."""

    vin: str
    exporter: str
    licence: str | None
    released_at: datetime


@dataclass(slots=True)
class Customs:
    """Declarations by number."""

    country: Country
    services: Mapping[str, Service] = field(init=False)
    tongue: Tongue = _TONGUE
    _declarations: dict[str, Declaration] = field(default_factory=dict)
    _declared: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """List what customs do."""
        vin = ("vinNo",)
        self.services = {
            "/export/declarations": Service("export.declare", vin, self._release, Leaves.EFFECT, self._released),
            "/export/declarations/query": Service("export.find", vin, self._find),
            "/export/exits": Service("export.track", vin, self._track),
        }

    def _release(self, request: Request) -> Answer:
        demand(vin_number.is_valid(request.vin), "V102")
        demand(request.vin not in self._declared, "X409")
        if request.body.text("codeTs") == _LICENSED:
            self._demand_licence(request)
        number = f"{_OFFICE}{request.today:%Y}{_EXPORT}{len(self._declarations) + 1:09d}"
        return {"vinNo": request.vin, "entryId": number, "declareDate": f"{request.today:%Y%m%d}"}

    def _demand_licence(self, request: Request) -> None:
        licence = self.country.commerce.licence(request.body.text_or_none("licenseNo") or "")
        if licence is None or not licence.is_good_for(request.body.text("tradeCoScc"), request.today):
            raise Refused("X403")
        demand(not licence.is_used_up, "X409")

    def _released(self, entry: Entry) -> None:
        body = Body(entry.body)
        self._declarations[entry.result["entryId"]] = Declaration(
            entry.vin, body.text("tradeCoScc"), body.text_or_none("licenseNo"), entry.at
        )
        self._declared.add(entry.vin)
        if body.text("codeTs") == _LICENSED:
            self.country.commerce.use(body.text("licenseNo"))

    def _find(self, request: Request) -> Answer:
        """The declaration of a car by its exporter under a licence, whatever key it came with."""
        asked = (request.vin, request.body.text("tradeCoScc"), request.body.text_or_none("licenseNo"))
        for number, one in self._declarations.items():
            if (one.vin, one.exporter, one.licence) == asked:
                return {
                    "vinNo": one.vin,
                    "entryId": number,
                    "declareDate": f"{one.released_at.astimezone(CHINA):%Y%m%d}",
                }
        raise Refused("D404")

    def _track(self, request: Request) -> Answer:
        number = request.body.text("entryId")
        declaration = self._declarations.get(number)
        if declaration is None:
            raise Refused("D404")
        demand(declaration.vin == request.vin, "X422")
        left_at = declaration.released_at + timedelta(seconds=request.faults.arrival_s)
        demand(left_at <= request.at, "D404")
        return {"vinNo": request.vin, "entryId": number, "exitDate": f"{request.today:%Y%m%d}"}
