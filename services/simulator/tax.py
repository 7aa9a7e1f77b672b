"""The tax office: invoices on the sale's date, the purchase tax by its own tariff, and what it pays back of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Final

from services.simulator.agency import (
    Answer,
    Body,
    Entry,
    Leaves,
    No,
    Request,
    Service,
    Tongue,
    clock_text,
    demand,
    known,
    yuan,
)
from services.simulator.country import Country
from services.simulator.records import Certificate, Invoice
from services.simulator.table import table

_TONGUE: Final = Tongue(
    "cuoWuMa",
    "cuoWuXinXi",
    {
        "V102": No(400, "SW4000", "报送数据有误"),
        "D404": No(404, "SW4040", "未查询到相关信息"),
        "D422": No(422, "SW4220", "信息不一致"),
        "C410": No(409, "SW4100", "业务状态已变更"),
        "P412": No(412, "SW4120", "不具备办理条件"),
        "T422": No(422, "SW4221", "金额不符"),
        "T408": No(409, "SW4080", "逾期申报"),
        "T503": No(503, "SW5030", "系统维护"),
    },
)
_TARIFF: Final = table("tariff.json")
_RELIEF_ASKED: Final = "0013061007"
_NOT_OWED, _WENT_BACK = "WT01", "TC15"


@dataclass(frozen=True, slots=True)
class Assessment:
    """What is owed for one car, in fen, and how far it is settled; `bought_on` is the day of its invoice."""

    number: str
    vin: str
    tax: int
    surcharge: int
    state: str = "OPEN"
    paid_on: date = date.max
    bought_on: date = date.max

    @property
    def due(self) -> int:
        """Both together."""
        return self.tax + self.surcharge

    def due_on(self, day: date) -> int:
        """The tax, and what is added to it for each late day until that one."""
        return max(self.due, self.tax + _surcharge(self.tax, _days_late(self.bought_on, day)))

    def left(self, day: date) -> int:
        """The tax less a tenth for every full year from its payment to that day; a surcharge is no tax."""
        years = day.year - self.paid_on.year - (day < _same_day(self.paid_on, day.year))
        return _part(self.tax, 10 - min(max(years, 0), 10), 10)


@dataclass(slots=True)
class TaxOffice:
    """Invoices and assessments by number, and the last of each by car."""

    country: Country
    services: Mapping[str, Service] = field(init=False)
    tongue: Tongue = _TONGUE
    _invoices: dict[str, Invoice] = field(default_factory=dict)
    _invoice_of: dict[str, str] = field(default_factory=dict)
    _assessments: dict[str, Assessment] = field(default_factory=dict)
    _assessment_of: dict[str, str] = field(default_factory=dict)
    _red: int = 0
    _receipts: int = 0

    def __post_init__(self) -> None:
        """List what the office does."""
        vin = ("cheJiaHao",)
        effect = Leaves.EFFECT
        self.services = {
            "/fapiao/kaiju": Service("invoice.request", vin, self._invoice, effect, self._invoiced),
            "/fapiao/hongchong": Service("invoice.reverse", vin, self._reverse, effect, self._reversed),
            "/gouzhishui/shenbao": Service("tax.declare", vin, self._assess, effect, self._assessed),
            "/gouzhishui/jiaokuan": Service("tax.pay", vin, self._collect, effect, self._collected),
            "/gouzhishui/tuishui": Service("tax.reclaim", vin, self._refund, effect, self._refunded),
        }

    def invoice(self, vin: str) -> Invoice | None:
        """The live invoice of a car."""
        found = self._invoices.get(self._invoice_of.get(vin, ""))
        return found if found and found.live else None

    def is_paid(self, vin: str) -> bool:
        """Whether purchase tax was paid for a car."""
        assessment = self._assessments.get(self._assessment_of.get(vin, ""))
        return assessment is not None and assessment.state == "PAID"

    def is_settled(self, vin: str) -> bool:
        """Whether nothing is owed for a car any more: what is wholly relieved is never paid."""
        assessment = self._assessments.get(self._assessment_of.get(vin, ""))
        return assessment is not None and (assessment.state == "PAID" or assessment.due == 0)

    def _certificate(self, request: Request) -> Certificate:
        found = known(self.country.miit.certificate(request.vin), "D404")
        demand(found.number == request.body.text("heGeZhengHao"), "D422")
        return found

    def _invoice(self, request: Request) -> Answer:
        body = request.body
        certificate = self._certificate(request)
        units = body.text_or_none("faDongJiHao"), body.text_or_none("dianJiHao")
        demand(certificate.has_power_unit(*units), "D422")
        demand(self.invoice(request.vin) is None, "C410")
        incl, excl = _price(body)
        day = body.day("xiaoShouRiQi")
        return {
            "cheJiaHao": request.vin,
            "faPiaoHaoMa": self._number(day, body.text("xiaoFangShuiHao")[2:4]),
            "kaiPiaoRiQi": day.isoformat(),
            "jiaShuiHeJi": yuan(incl + request.alter_fen),
            "buHanShuiJia": yuan(excl + request.alter_fen),
            "zengZhiShuiE": yuan(incl - excl),
            "faPiaoCheJiaHao": request.alter_vin or request.vin,
        }

    def _number(self, day: date, region: str) -> str:
        """Two digits of the year, two of the seller's region, one of the channel, fifteen of serial."""
        serial = len(self._invoices) + self._red + 1
        return f"{day:%y}{region if region.isdigit() else '00'}2{serial:015d}"

    def _invoiced(self, entry: Entry) -> None:
        body = Body(entry.result)
        invoice = Invoice(
            body.text("faPiaoHaoMa"),
            entry.vin,
            body.day("kaiPiaoRiQi"),
            body.fen("jiaShuiHeJi"),
            body.fen("buHanShuiJia"),
        )
        self._invoices[invoice.number] = invoice
        self._invoice_of[entry.vin] = invoice.number

    def _reverse(self, request: Request) -> Answer:
        invoice = self._known_invoice(request)
        demand(invoice.live, "C410")
        demand(not self.is_paid(request.vin), "D422")
        return {
            "cheJiaHao": request.vin,
            "faPiaoHaoMa": invoice.number,
            "hongZiFaPiaoHaoMa": self._number(request.today, invoice.number[2:4]),
        }

    def _reversed(self, entry: Entry) -> None:
        number = entry.result["faPiaoHaoMa"]
        self._red += 1
        self._invoices[number] = replace(self._invoices[number], live=False)
        self._assessment_of.pop(entry.vin, None)

    def _known_invoice(self, request: Request) -> Invoice:
        invoice = known(self._invoices.get(request.body.text("faPiaoHaoMa")), "D404")
        demand(invoice.vin == request.vin, "D422")
        return invoice

    def _assess(self, request: Request) -> Answer:
        body = request.body
        invoice = self._known_invoice(request)
        certificate = self._certificate(request)
        demand(invoice.live and not self.is_paid(request.vin), "C410")
        declared = (body.day("kaiPiaoRiQi"), body.fen("jiShuiJiaGe"))
        demand(declared == (invoice.day, invoice.excl), "D422")
        if body.text_or_none("dianChiJiaGe"):
            # Its price stands on another invoice, so it is in no sum of this one.
            demand(certificate.fuel in _TARIFF["swappable_fuels"] and body.fen("dianChiJiaGe") > 0, "D422")
        filed = body.day("shenBaoRiQi")
        demand(filed <= request.today + timedelta(days=1), "V102")
        return self._bill(request, invoice, certificate, _days_late(invoice.day, filed))

    def _bill(self, request: Request, invoice: Invoice, certificate: Certificate, late: int) -> Answer:
        tariff = _tariff(invoice.day)
        full = _part(invoice.excl, tariff["percent"], 100)
        relief = _relief(full, tariff, certificate) if request.body.text("jianMianXingZhi") == _RELIEF_ASKED else 0
        payable = full - relief + request.alter_fen
        return {
            "cheJiaHao": request.vin,
            "heDingHao": f"HD{request.today:%Y%m%d}{len(self._assessments) + 1:08d}",
            "yingNaShuiE": yuan(full),
            "jianMianShuiE": yuan(relief),
            "shiNaShuiE": yuan(payable),
            "zhiNaJin": yuan(_surcharge(payable, late)),
            "yuQiTianShu": late,
        }

    def _assessed(self, entry: Entry) -> None:
        body = Body(entry.result)
        tax, surcharge = body.fen("shiNaShuiE"), body.fen("zhiNaJin")
        bought_on = Body(entry.body).day("kaiPiaoRiQi")
        assessment = Assessment(body.text("heDingHao"), entry.vin, tax, surcharge, bought_on=bought_on)
        self._assessments[assessment.number] = assessment
        self._assessment_of[entry.vin] = assessment.number

    def _known_assessment(self, request: Request) -> Assessment:
        assessment = known(self._assessments.get(request.body.text("heDingHao")), "D404")
        demand(assessment.vin == request.vin, "D422")
        return assessment

    def _collect(self, request: Request) -> Answer:
        assessment = self._known_assessment(request)
        current = self._assessment_of.get(request.vin) == assessment.number
        demand(current and assessment.state == "OPEN", "C410")
        demand(request.body.fen("jiaoKuanJinE") == assessment.due_on(request.today), "T422")
        return {
            "cheJiaHao": request.vin,
            "heDingHao": assessment.number,
            "wanShuiZhengMingHao": f"WS{request.today:%Y%m%d}{self._receipts + 1:08d}",
            "jiaoKuanJinE": yuan(request.body.fen("jiaoKuanJinE")),
            "jiaoKuanShiJian": clock_text(request.at),
        }

    def _collected(self, entry: Entry) -> None:
        self._receipts += 1
        body = Body(entry.result)
        paid_on = body.local_time("jiaoKuanShiJian").date()
        surcharge = body.fen("jiaoKuanJinE") - self._assessments[body.text("heDingHao")].tax
        self._settle(entry.result, state="PAID", surcharge=surcharge, paid_on=paid_on)

    def _refund(self, request: Request) -> Answer:
        assessment = self._known_assessment(request)
        demand(assessment.state == "PAID", "C410")
        refund = self._paid_back(assessment, request)
        demand(abs(request.body.fen("shenQingTuiKuanJinE") - refund) <= 1, "T422")
        told = yuan(refund + request.alter_fen)
        return {"cheJiaHao": request.vin, "heDingHao": assessment.number, "tuiKuanJinE": told}

    def _paid_back(self, assessment: Assessment, request: Request) -> int:
        """All of it for a car that never was on the road; of one that went back, what the years have left."""
        police = self.country.police
        went_back_on = police.went_back_on(request.vin)
        ground = request.body.text("tuiShuiYiJu")
        demand(ground in {_NOT_OWED, _WENT_BACK}, "V102")
        if ground == _WENT_BACK:
            demand(went_back_on is not None, "P412")
            demand(went_back_on == request.body.day("tuiCheRiQi"), "D422")
            asked_on = request.body.day("shenQingRiQi")
            demand(asked_on <= request.today + timedelta(days=1), "V102")
            return assessment.left(asked_on)
        demand(police.plate_of(request.vin) is None and went_back_on is None, "P412")
        return assessment.due

    def _refunded(self, entry: Entry) -> None:
        self._settle(entry.result, state="REFUNDED")

    def _settle(self, result: Mapping[str, Any], **change: Any) -> None:
        number = result["heDingHao"]
        self._assessments[number] = replace(self._assessments[number], **change)


def _days_late(bought_on: date, day: date) -> int:
    return max((day - bought_on).days - int(_TARIFF["free_days"]), 0)


def _surcharge(tax: int, days_late: int) -> int:
    return _part(tax * days_late, _TARIFF["surcharge_per_ten_thousand_a_day"], 10_000)


def _price(body: Body) -> tuple[int, int]:
    """The price with and without VAT, which must fit each other to the fen either way."""
    incl, excl, vat = body.fen("jiaShuiHeJi"), body.fen("buHanShuiJia"), body.fen("zengZhiShuiE")
    expected = _part(incl, 100, 100 + _TARIFF["vat_percent"])
    demand(excl + vat == incl and abs(excl - expected) <= 1, "V102")
    return incl, excl


def _tariff(day: date) -> Mapping[str, Any]:
    """What holds for invoices of a day; where nothing was announced for it, the office assesses nobody."""
    rows: list[dict[str, Any]] = _TARIFF["years"]
    return known(next((row for row in rows if row["from"] <= day.isoformat() <= row["to"]), None), "P412")


def _relief(full: int, tariff: Mapping[str, Any], certificate: Certificate) -> int:
    """What the catalogue's cars are spared."""
    if not certificate.in_catalogue or certificate.fuel not in _TARIFF["relieved_fuels"]:
        return 0
    return min(_part(full, tariff["relief_percent"], 100), int(tariff["relief_cap_yuan"]) * 100)


def _same_day(day: date, year: int) -> date:
    """The day of another year on which a term of whole years ends."""
    leap_day = (day.month, day.day) == (2, 29)
    return day.replace(year=year, day=28) if leap_day else day.replace(year=year)


def _part(amount: int, numerator: int, denominator: int) -> int:
    """A share of an amount, halves rounded up, in whole fen."""
    return (2 * amount * numerator + denominator) // (2 * denominator)
