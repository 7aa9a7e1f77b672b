"""Commerce: who may export, and the licences with what is left on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from contracts.numbers import uscc
from contracts.numbers import vin as vin_number
from services.simulator.agency import Answer, Body, Entry, Leaves, No, Refused, Request, Service, Tongue, demand, known
from services.simulator.country import Country
from services.simulator.records import Licence
from services.simulator.table import table

_TONGUE: Final = Tongue(
    "resultCode",
    "resultDesc",
    {
        "V102": No(400, "SWB-400", "请求字段有误"),
        "X403": No(403, "SWB-403", "不具备出口资质"),
        "D404": No(404, "SWB-404", "未查询到相关信息"),
        "X409": No(409, "SWB-409", "许可数量已用完"),
        "X422": No(422, "SWB-422", "缺少单证"),
        "X503": No(503, "SWB-503", "系统维护"),
    },
)
_Application = tuple[str, str, str, str]
"""Car, exporter, check and day: what an application is known by, whatever key it came with."""


def _older_licences() -> dict[str, Licence]:
    rows = table("licences.json")
    return {
        row["number"]: Licence(row["number"], row["exporter"], row["qty"], 0, date.fromisoformat(row["expiry"]))
        for row in rows
    }


@dataclass(slots=True)
class Commerce:
    """Checks of qualification, and licences; some exporters hold licences from before."""

    country: Country
    services: Mapping[str, Service] = field(init=False)
    tongue: Tongue = _TONGUE
    _checks: dict[str, tuple[str, str]] = field(default_factory=dict)
    _licences: dict[str, Licence] = field(default_factory=_older_licences)
    _granted: dict[_Application, Answer] = field(default_factory=dict)
    """What was answered; to an application that was made again, the last."""

    def __post_init__(self) -> None:
        """List what commerce does."""
        vin = ("vehicleId",)
        self.services = {
            "/vehicle-export/qualifications": Service(
                "export.qualify", vin, self._qualify, Leaves.RECORD, self._qualified
            ),
            "/vehicle-export/licences": Service("licence.apply", vin, self._license, Leaves.EFFECT, self._licensed),
            "/vehicle-export/licences/query": Service("licence.find", vin, self._find),
        }

    def licence(self, number: str) -> Licence | None:
        """A licence by its number."""
        return self._licences.get(number)

    def use(self, number: str) -> None:
        """Customs report that a car went on it."""
        self._licences[number] = replace(self._licences[number], used=self._licences[number].used + 1)

    def _qualify(self, request: Request) -> Answer:
        """Any real enterprise is on the list of this country; scripts take it off."""
        demand(vin_number.is_valid(request.vin), "V102")
        exporter = request.body.text("exporterCode")
        demand(uscc.is_valid(exporter) and uscc.is_valid(request.body.text("manufacturerCode")), "X403")
        return {"vehicleId": request.vin, "verificationNo": f"ZG{request.today:%Y}{len(self._checks) + 1:08d}"}

    def _qualified(self, entry: Entry) -> None:
        self._checks[entry.result["verificationNo"]] = (entry.vin, entry.body["exporterCode"])

    def _license(self, request: Request) -> Answer:
        body = request.body
        exporter = body.text("exporterCode")
        # What is entered in the books is found by its day.
        body.day("applyDate")
        demand(self._checks.get(body.text("verificationNo")) == (request.vin, exporter), "X422")
        held = body.text_or_none("heldLicenceNo")
        licence = self._held(held, exporter, request.today) if held else self._new(exporter, request.today)
        return {
            "vehicleId": request.vin,
            "licenceNo": licence.number,
            "licensedQty": licence.qty,
            "usedQty": licence.used,
            "validUntil": licence.expiry.isoformat(),
        }

    def _held(self, number: str, exporter: str, today: date) -> Licence:
        licence = self._licences.get(number)
        if licence is None or not licence.is_good_for(exporter, today):
            raise Refused("X403")
        demand(not licence.is_used_up, "X409")
        return licence

    def _new(self, exporter: str, today: date) -> Licence:
        number = f"{today:%y}-AA-{200_000 + len(self._licences):06d}"
        return Licence(number, exporter, 1, 0, date(today.year, 12, 31))

    def _licensed(self, entry: Entry) -> None:
        body = Body(entry.result)
        number = body.text("licenceNo")
        new = Licence(number, entry.body["exporterCode"], body.whole("licensedQty"), 0, body.day("validUntil"))
        self._licences.setdefault(number, new)
        self._granted[_application(entry.vin, Body(entry.body))] = dict(entry.result)

    def _find(self, request: Request) -> Answer:
        """What became of an application."""
        return known(self._granted.get(_application(request.vin, request.body)), "D404")


def _application(vin: str, body: Body) -> _Application:
    return vin, body.text("exporterCode"), body.text("verificationNo"), body.day("applyDate").isoformat()
