"""The traffic police: they register what they can verify themselves, whatever the request claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from contracts.numbers import vin as vin_number
from services.simulator.agency import (
    Answer,
    Body,
    Entry,
    Leaves,
    No,
    Refused,
    Request,
    Service,
    Tongue,
    clock_text,
    demand,
    known,
)
from services.simulator.country import Country
from services.simulator.plates import FUEL, PLATE_OF_FUEL, Plates

_TONGUE: Final = Tongue(
    "cwdm",
    "cwms",
    {
        "V102": No(400, "JG400", "请求字段有误"),
        "A403": No(403, "JG403", "用途不符"),
        "D404": No(404, "JG404", "未查询到相关信息"),
        "P409": No(409, "JG409", "号牌已被占用"),
        "P410": No(409, "JG410", "号牌预留已过期"),
        "A410": No(409, "JG411", "授权已过期"),
        "P412": No(412, "JG412", "前置条件未满足"),
        "D422": No(422, "JG422", "信息不一致"),
        "P423": No(423, "JG423", "车辆被查封"),
        "L423": No(423, "JG424", "存在未解除的抵押"),
        "B451": No(422, "JG451", "抵押权人不同意"),
        "P503": No(503, "JG503", "系统维护"),
    },
)
_HELD_FOR: Final = timedelta(days=3)
_ON_RECORD, _RELEASED = "1", "2"
_MADE, _ENDED = 1, 2
"""How often a mortgage's record was written: when it was made, and when it was taken off."""
_VOID: Final = "0"
_WENT_BACK: Final = "C"


@dataclass(frozen=True, slots=True)
class Reservation:
    """A plate held for a car."""

    number: str
    vin: str
    plate: str
    kind: str
    last_day: date


@dataclass(frozen=True, slots=True)
class Registration:
    """A registered car."""

    certificate_no: str
    plate: str


@dataclass(frozen=True, slots=True)
class Mortgage:
    """A mortgage on record."""

    number: str
    vin: str
    lender: str
    contract: str


@dataclass(frozen=True, slots=True)
class Licence:
    """An electronic licence."""

    number: str
    vin: str


@dataclass(frozen=True, slots=True)
class Grant:
    """What an owner allowed somebody to see of which licence, and until when."""

    vin: str
    licence: str
    purpose: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Parcel:
    """Plate and papers under way."""

    vin: str
    sent_at: datetime


@dataclass(slots=True)
class Police:
    """The office's records."""

    country: Country
    services: Mapping[str, Service] = field(init=False)
    tongue: Tongue = _TONGUE
    _plates: Plates = field(default_factory=Plates)
    _reservations: dict[str, Reservation] = field(default_factory=dict)
    _reserved: int = 0
    _registrations: dict[str, Registration] = field(default_factory=dict)
    _registered_ever: int = 0
    _struck_off: dict[str, date] = field(default_factory=dict)
    _struck_ever: int = 0
    _mortgages: dict[str, Mortgage] = field(default_factory=dict)
    _mortgaged: int = 0
    _licences: dict[str, Licence] = field(default_factory=dict)
    _licensed_ever: int = 0
    _grants: dict[str, Grant] = field(default_factory=dict)
    _parcels: dict[str, Parcel] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """List what the police do."""
        vin = ("clsbdh",)
        effect = Leaves.EFFECT
        self.services = {
            "/haopai/yuliu": Service("plate.reserve", vin, self._reserve, effect, self._reserved_now),
            "/haopai/shifang": Service("plate.release", vin, self._release, effect, self._released),
            "/dengji/zhuce": Service("registration.register", vin, self._register, effect, self._registered),
            "/diya/shelidengji": Service("mortgage.register", vin, self._mortgage, effect, self._mortgaged_now),
            "/diya/jiechu": Service("mortgage.release", vin, self._free, effect, self._freed),
            "/xingshizheng/qianfa": Service("elicence.issue", vin, self._license, effect, self._licensed),
            "/xingshizheng/shouquan": Service("elicence.grant", vin, self._grant, effect, self._granted),
            "/xingshizheng/heyan": Service("elicence.verify", vin, self._verify),
            "/xingshizheng/chexiao": Service("elicence.revoke", vin, self._revoke, effect, self._revoked),
            "/dengji/zhuxiao": Service("registration.deregister", vin, self._strike, effect, self._struck),
            "/youji/jisong": Service("plate.dispatch", vin, self._send, effect, self._sent),
            "/youji/chaxun": Service("plate.track", vin, self._track),
        }

    def plate_of(self, vin: str) -> str | None:
        """The plate of a registered car."""
        registration = self._registrations.get(vin)
        return registration.plate if registration else None

    def certificate_of(self, vin: str) -> str | None:
        """The number of a registered car's certificate."""
        registration = self._registrations.get(vin)
        return registration.certificate_no if registration else None

    def went_back_on(self, vin: str) -> date | None:
        """When a car that was struck off had gone back to its maker; None for any other car."""
        return self._struck_off.get(vin)

    # Plates

    def _reserve(self, request: Request) -> Answer:
        body = request.body
        demand(vin_number.is_valid(request.vin), "V102")
        kind, fuel = body.text("hpzl"), body.text("rlzl")
        demand(fuel in PLATE_OF_FUEL, "V102")
        demand((kind == FUEL) == (PLATE_OF_FUEL[fuel] is None), "D422")
        plate = self._plates.free(body.text("xzqh"), kind, fuel)
        until = request.today + _HELD_FOR
        return {
            "clsbdh": request.vin,
            "yllsh": f"YL{request.today:%Y%m%d}{self._reserved + 1:06d}",
            "hphm": plate,
            "hpzl": kind,
            "yxqz": f"{until.isoformat()} 23:59:59",
        }

    def _reserved_now(self, entry: Entry) -> None:
        body = Body(entry.result)
        self._reserved += 1
        self._plates.take(body.text("hphm"))
        last_day = body.local_time("yxqz").date()
        held = Reservation(body.text("yllsh"), entry.vin, body.text("hphm"), body.text("hpzl"), last_day)
        self._reservations[held.number] = held

    def _held(self, request: Request) -> Reservation:
        held = self._reservations.get(request.body.text("yllsh"))
        if held is None or held.last_day < request.today:
            raise Refused("P410")
        demand(held.vin == request.vin, "D422")
        return held

    def _release(self, request: Request) -> Answer:
        held = self._held(request)
        demand(self.plate_of(request.vin) is None, "P412")
        return {"clsbdh": request.vin, "yllsh": held.number}

    def _released(self, entry: Entry) -> None:
        self._reservations.pop(entry.result["yllsh"], None)

    # Registration

    def _register(self, request: Request) -> Answer:
        demand(request.vin not in request.faults.seized, "P423")
        demand(request.vin not in self._registrations, "P412")
        self._demand_proofs(request)
        held = self._held(request)
        return {
            "clsbdh": request.vin,
            "djzsbh": f"{request.body.text('xzqh')[:2]}{self._registered_ever + 1:010d}",
            "djrq": request.today.isoformat(),
            "hphm": held.plate,
            "hpzl": held.kind,
        }

    def _demand_proofs(self, request: Request) -> None:
        """Origin, invoice, tax and cover, each as its own agency tells the police."""
        body, country = request.body, self.country
        certificate, invoice = country.miit.certificate(request.vin), country.tax.invoice(request.vin)
        if certificate is None or invoice is None:
            raise Refused("P412")
        demand(certificate.number == body.text("hgzbh"), "P412")
        demand(certificate.digest == body.text("hgzzy"), "P412")
        demand(certificate.has_power_unit(body.text_or_none("fdjh"), body.text_or_none("qddjh")), "P412")
        demand(invoice.number == body.text("fphm"), "P412")
        demand(country.tax.is_settled(request.vin), "P412")
        demand(any(insurer.covers(request.vin) for insurer in country.insurers.values()), "P412")

    def _registered(self, entry: Entry) -> None:
        body = Body(entry.result)
        self._registered_ever += 1
        self._registrations[entry.vin] = Registration(body.text("djzsbh"), body.text("hphm"))
        self._reservations.pop(entry.body["yllsh"], None)
        self._struck_off.pop(entry.vin, None)

    def _strike(self, request: Request) -> Answer:
        """Strike a car off that went back; its plate, its certificate and its electronic licence end with it."""
        self._demand_registered(request, "djzsbh", "certificate_no")
        self._demand_registered(request, "hphm", "plate")
        demand(request.vin not in request.faults.seized, "P423")
        demand(all(mortgage.vin != request.vin for mortgage in self._mortgages.values()), "L423")
        demand(request.body.text("zxyy") == _WENT_BACK, "V102")
        demand(request.body.day("tcrq") <= request.today + timedelta(days=1), "V102")
        certificate = request.body.text("djzsbh")
        number = f"ZX{certificate[:2]}{self._struck_ever + 1:013d}"
        return {"clsbdh": request.vin, "djzsbh": certificate, "zxzmbh": number, "zxrq": request.today.isoformat()}

    def _struck(self, entry: Entry) -> None:
        self._struck_ever += 1
        self._struck_off[entry.vin] = Body(entry.body).day("tcrq")
        del self._registrations[entry.vin]
        self._licences = {number: one for number, one in self._licences.items() if one.vin != entry.vin}

    def _demand_registered(self, request: Request, name: str, of: str) -> None:
        """Whether the request names the car's own certificate or plate."""
        registration = self._registrations.get(request.vin)
        demand(registration is not None and getattr(registration, of) == request.body.text(name), "P412")

    # Mortgages

    def _mortgage(self, request: Request) -> Answer:
        self._demand_registered(request, "djzsbh", "certificate_no")
        demand(request.vin not in request.faults.seized, "P423")
        demand(all(mortgage.vin != request.vin for mortgage in self._mortgages.values()), "L423")
        bank, contract = self.country.banks.get(request.body.text("dyqr")), request.body.text("jkhth")
        if bank is None or not bank.lends_on(request.vin, contract):
            raise Refused("B451")
        demand(bank.signature(request.vin, contract) == request.body.text("gtsqbh"), "P412")
        number = f"DY{self._registrations[request.vin].certificate_no[:2]}{self._mortgaged + 1:013d}"
        return {"clsbdh": request.vin, "dydjh": number, "dyzt": _ON_RECORD, "bgcs": _MADE}

    def _mortgaged_now(self, entry: Entry) -> None:
        self._mortgaged += 1
        number = entry.result["dydjh"]
        self._mortgages[number] = Mortgage(number, entry.vin, entry.body["dyqr"], entry.body["jkhth"])

    def _free(self, request: Request) -> Answer:
        number, lender = request.body.text("dydjh"), request.body.text("dyqr")
        mortgage = known(self._mortgages.get(number), "D404")
        demand((mortgage.vin, mortgage.lender) == (request.vin, lender), "D422")
        settled_on = self.country.banks[lender].settled_on(request.vin, mortgage.contract)
        demand(known(settled_on, "D404") == request.body.day("jqrq"), "D422")
        return {"clsbdh": request.vin, "dydjh": number, "dyzt": _RELEASED, "bgcs": _ENDED}

    def _freed(self, entry: Entry) -> None:
        del self._mortgages[entry.result["dydjh"]]

    # Electronic licences

    def _license(self, request: Request) -> Answer:
        self._demand_registered(request, "hphm", "plate")
        self._demand_registered(request, "djzsbh", "certificate_no")
        number = f"DX{self._registrations[request.vin].certificate_no[:2]}{self._licensed_ever + 1:013d}"
        return {"clsbdh": request.vin, "dzxszbh": number, "qfsj": clock_text(request.at)}

    def _licensed(self, entry: Entry) -> None:
        number = entry.result["dzxszbh"]
        self._licensed_ever += 1
        self._licences[number] = Licence(number, entry.vin)

    def _revoke(self, request: Request) -> Answer:
        number = request.body.text("dzxszbh")
        licence = known(self._licences.get(number), "P412")
        demand(licence.vin == request.vin, "D422")
        return {"clsbdh": request.vin, "dzxszbh": number, "yxbz": _VOID}

    def _revoked(self, entry: Entry) -> None:
        del self._licences[entry.result["dzxszbh"]]

    def _grant(self, request: Request) -> Answer:
        body = request.body
        licence = self._licences.get(body.text("dzxszbh"))
        demand(licence and licence.vin == request.vin, "P412")
        until = body.local_time("sqyxqz")
        demand(until > request.at, "A410")
        for name in ("bsqr", "bsqrzjhm", "sqyt"):
            body.text(name)
        return {"clsbdh": request.vin, "sqbh": f"SQ11{len(self._grants) + 1:013d}", "sqyxqz": clock_text(until)}

    def _granted(self, entry: Entry) -> None:
        until = Body(entry.result).local_time("sqyxqz")
        self._grants[entry.result["sqbh"]] = Grant(entry.vin, entry.body["dzxszbh"], entry.body["sqyt"], until)

    def _verify(self, request: Request) -> Answer:
        number = request.body.text("sqbh")
        grant = self._grants.get(number)
        if grant is None or grant.vin != request.vin or grant.purpose != request.body.text("sqyt"):
            raise Refused("A403")
        demand(grant.until > request.at and grant.licence in self._licences, "A410")
        return {"clsbdh": request.vin, "sqbh": number, "yxbz": "1"}

    # The courier

    def _send(self, request: Request) -> Answer:
        self._demand_registered(request, "hphm", "plate")
        request.body.text("sjr"), request.body.text("lxdh")
        return {"clsbdh": request.vin, "yjhm": f"EMS{len(self._parcels) + 1:013d}CN"}

    def _sent(self, entry: Entry) -> None:
        self._parcels[entry.result["yjhm"]] = Parcel(entry.vin, entry.at)

    def _track(self, request: Request) -> Answer:
        number = request.body.text("yjhm")
        parcel = self._parcels.get(number)
        if parcel is None:
            raise Refused("D404")
        demand(parcel.vin == request.vin, "D422")
        arrived_at = parcel.sent_at + timedelta(seconds=request.faults.arrival_s)
        demand(arrived_at <= request.at, "D404")
        return {"clsbdh": request.vin, "yjhm": number, "qssj": clock_text(arrived_at)}
