"""Insurers: premiums and the vessel tax by their own tables, policies bound to a VIN that MIIT can verify."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from contracts.numbers import vin as vin_number
from services.simulator.agency import (
    Answer,
    Body,
    Entry,
    Leaves,
    No,
    Request,
    Service,
    Tongue,
    demand,
    known,
    yuan,
)
from services.simulator.country import Country
from services.simulator.table import table

_TONGUE: Final = Tongue(
    "errCode",
    "errMsg",
    {
        "V101": No(400, "E1001", "车架号错误"),
        "V102": No(400, "E1002", "请求字段有误"),
        "D404": No(404, "E2004", "未查询到相关信息"),
        "P412": No(412, "E2012", "不符合解除条件"),
        "D422": No(422, "E2022", "信息无法核实"),
        "I503": No(503, "E9003", "系统繁忙"),
    },
)
_COVER: Final = table("cover.json")
_NEVER_REGISTERED, _STRUCK_OFF = "31", "16"
"""The grounds on which compulsory cover ends before its term: the company's own, and that of the regulations."""
_LITRES: Final = re.compile(r"[0-9]{1,2}\.[0-9]{3}")


@dataclass(frozen=True, slots=True)
class Quote:
    """What a year of cover was said to cost, in fen; the vessel tax from the month of `bought_on`, the invoice's."""

    vin: str
    premium: int
    vessel_tax: int
    bought_on: date = field(default=date.max, compare=False)

    def unused(self, day: date) -> int:
        """The vessel tax from the month of that day to December, if that is of the year for which it was paid."""
        if day.year != self.bought_on.year:
            return 0
        paid, left = _months_left(self.bought_on), min(_months_left(day), _months_left(self.bought_on))
        return (2 * self.vessel_tax * left + paid) // (2 * paid)


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy, live until it is cancelled."""

    number: str
    quote: Quote
    start: date
    end: date
    live: bool = True

    def rest(self, day: date) -> int:
        """The premium for the days after that day, in whole fen, halves up."""
        days = (self.end - self.start).days + 1
        left = min(max((self.end - day).days, 0), days)
        return (2 * self.quote.premium * left + days) // (2 * days)


@dataclass(slots=True)
class Insurer:
    """One insurer among several."""

    country: Country
    uscc: str
    services: Mapping[str, Service] = field(init=False)
    tongue: Tongue = _TONGUE
    _quotes: dict[str, Quote] = field(default_factory=dict)
    _policies: dict[str, Policy] = field(default_factory=dict)
    _policy_of: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """List what an insurer does."""
        vin = ("frameNo",)
        effect = Leaves.EFFECT
        self.services = {
            "/compulsory/quotations": Service("insurance.quote", vin, self._price, Leaves.RECORD, self._priced),
            "/compulsory/policies": Service("insurance.bind", vin, self._bind, effect, self._bound),
            "/compulsory/endorsements": Service("insurance.endorse", vin, self._endorse, effect),
            "/compulsory/cancellations": Service("insurance.cancel", vin, self._cancel, effect, self._cancelled),
        }

    def covers(self, vin: str) -> bool:
        """Whether a car has a live policy here."""
        policy = self._policies.get(self._policy_of.get(vin, ""))
        return policy is not None and policy.live

    def _price(self, request: Request) -> Answer:
        self._verify(request)
        vessel = 0 if self._untaxed(request) else _first_year(request.body)
        return _data(
            frameNo=request.vin,
            quotationNo=f"Q{request.today:%y}{self.uscc[-8:]}{len(self._quotes) + 1:07d}",
            compulsoryPremium=yuan(_premium(request.body.whole("seatCount")) + request.alter_fen),
            vesselTax=yuan(vessel),
        )

    def _verify(self, request: Request) -> None:
        demand(vin_number.is_valid(request.vin), "V101")
        certificate = known(self.country.miit.certificate(request.vin), "D404")
        units = request.body.text_or_none("engineNo"), request.body.text_or_none("motorNo")
        demand(certificate.has_power_unit(*units), "D422")

    def _untaxed(self, request: Request) -> bool:
        """Electric cars are outside the tax; plug-ins are exempt if the catalogue lists them."""
        if request.body.text("energyType") in _COVER["untaxed_energies"]:
            return True
        certificate = self.country.miit.certificate(request.vin)
        return certificate is not None and certificate.in_catalogue

    def _priced(self, entry: Entry) -> None:
        data = Body(entry.result).part("data")
        amounts = data.fen("compulsoryPremium"), data.fen("vesselTax")
        self._quotes[data.text("quotationNo")] = Quote(entry.vin, *amounts, Body(entry.body).day("invoiceDate"))

    def _bind(self, request: Request) -> Answer:
        body = request.body
        quote = known(self._quotes.get(body.text("quotationNo")), "D404")
        asked = Quote(request.vin, body.fen("compulsoryPremium"), body.fen("vesselTax"))
        demand(quote == asked and not self.covers(request.vin), "D422")
        start = body.day("startDate")
        return _data(
            frameNo=request.vin,
            policyNo=f"PDZA{request.today:%y}{self.uscc[-8:]}{len(self._policies) + 1:07d}",
            companyCode=self.uscc,
            compulsoryPremium=yuan(asked.premium + request.alter_fen),
            vesselTax=yuan(asked.vessel_tax),
            startDate=start.isoformat(),
            endDate=_last_day(start).isoformat(),
        )

    def _bound(self, entry: Entry) -> None:
        data = Body(entry.result).part("data")
        number = data.text("policyNo")
        self._policies[number] = Policy(
            number, self._quotes[entry.body["quotationNo"]], data.day("startDate"), data.day("endDate")
        )
        self._policy_of[entry.vin] = number

    def _live_policy(self, request: Request) -> Policy:
        policy = known(self._policies.get(request.body.text("policyNo")), "D404")
        demand(policy.live and policy.quote.vin == request.vin, "D422")
        return policy

    def _endorse(self, request: Request) -> Answer:
        policy = self._live_policy(request)
        plate = request.body.text("licensePlate")
        demand(self.country.police.plate_of(request.vin) == plate, "D422")
        return _data(frameNo=request.vin, policyNo=policy.number, licensePlate=plate)

    def _cancel(self, request: Request) -> Answer:
        policy = self._live_policy(request)
        refund = self._paid_back(policy, request)
        return _data(frameNo=request.vin, policyNo=policy.number, refundAmount=yuan(refund + request.alter_fen))

    def _paid_back(self, policy: Policy, request: Request) -> int:
        """All of it for a car that was never on the road; what is not used yet for one that went back."""
        police = self.country.police
        went_back = police.went_back_on(request.vin)
        ground = request.body.text("cancelType")
        demand(ground in {_NEVER_REGISTERED, _STRUCK_OFF}, "V102")
        if ground == _STRUCK_OFF:
            return policy.rest(request.today) + policy.quote.unused(known(went_back, "P412"))
        demand(police.plate_of(request.vin) is None and went_back is None, "P412")
        return policy.quote.premium + policy.quote.vessel_tax

    def _cancelled(self, entry: Entry) -> None:
        number = entry.result["data"]["policyNo"]
        self._policies[number] = replace(self._policies[number], live=False)


def _data(**values: str) -> Answer:
    return {"data": values}


def _premium(seats: int) -> int:
    demand(seats > 0, "V102")
    row = known(next((row for row in _COVER["premiums"] if seats <= row["seats_up_to"]), None), "V102")
    return int(row["yuan"]) * 100


def _first_year(body: Body) -> int:
    """A twelfth of the year's tax for every month from the invoice's on, in whole fen, halves up."""
    litres = body.text("exhaustLitres")
    demand(_LITRES.fullmatch(litres), "V102")
    rows = _COVER["vessel_tax_a_year"]
    row = known(next((row for row in rows if Decimal(litres) <= Decimal(row["litres_up_to"])), None), "V102")
    months = _months_left(body.day("invoiceDate"))
    return (int(row["yuan"]) * 100 * months * 2 + 12) // 24


def _months_left(day: date) -> int:
    return 13 - day.month


def _last_day(start: date) -> date:
    """The day before the same day of the next year."""
    leap_day = (start.month, start.day) == (2, 29)
    return start.replace(year=start.year + 1, day=28) if leap_day else start.replace(year=start.year + 1) - timedelta(1)
