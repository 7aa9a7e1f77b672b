"""The policy questions that cases meet, as rows: when one arises, which day is its own, when it is answered, and how.

What a row says it reckons as the journey does, with the same functions, from what is known now: agencies' papers where
they have come, else the sale.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from contracts.case import CaseKind
from contracts.certificate import CocConfirmedV1
from contracts.policy import Pack, Policies, PolicyGap
from contracts.policy.calendar import WorkingCalendar
from contracts.policy.compulsory_insurance import premium
from contracts.policy.export_licensing import licence_required
from contracts.policy.insurance_cancellation import cancellation
from contracts.policy.params import (
    CertificateSharingParams,
    PurchaseTaxTermsParams,
    RegistrationTermsParams,
    Rule,
)
from contracts.policy.purchase_tax import last_day, late_surcharge, purchase_tax, return_refund
from contracts.policy.vessel_tax import vessel_tax
from contracts.sale import SaleConfirmedV3
from contracts.types import CHINA

from .case import NONE, Case, Papers
from .proofs import present


@dataclass(frozen=True, slots=True)
class Said:
    """What a rule comes to for a case, by which pack, None where nothing waits for one; `fen` are amounts by name."""

    pack: str | None
    zh: str
    en: str
    fen: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class View:
    """A case as these rows look at it, under some packs, on some day."""

    case: Case
    policies: Policies
    today: date

    @property
    def papers(self) -> Papers:
        """What agencies have told."""
        return self.case.papers

    @property
    def car(self) -> CocConfirmedV1 | SaleConfirmedV3:
        """The certificate, else what the sale claims."""
        return self.papers.coc or self.case.sale

    @property
    def region(self) -> str | None:
        """Where the car is to be registered."""
        return self.case.sale.buyer.region if self.case.sale.buyer else None

    def has_begun(self, facet: str) -> bool:
        """Whether a strand has moved from its beginning."""
        return facet in self.case.facets and self.case.facets[facet].state != NONE

    def asked_on(self, command: str) -> date | None:
        """The day on which a command went out that is not yet answered."""
        asked = (ask.asked_at.astimezone(CHINA).date() for ask in self.case.asks.values() if ask.command == command)
        return next(asked, None)

    def pack(self, rule: Rule, on: date) -> Pack:
        """The pack that decides for this car. Raises `PolicyGap`."""
        return self.policies.pack_for(rule, on, region=self.region, kind=self.case.kind)


def _always(_view: View) -> bool:
    return True


def _today(view: View) -> date:
    return view.today


@dataclass(frozen=True, slots=True)
class Row:
    """One question. `day` is None while the rule's own date is unknown; `expected` then stands in for it.

    `says` raises `PolicyGap` where no pack answers.
    """

    rule: Rule
    kinds: tuple[CaseKind, ...]
    date_field: str
    day: Callable[[View], date | None]
    says: Callable[[View, date], Said]
    decided: Callable[[View], bool]
    expected: Callable[[View], date] = _today
    arises: Callable[[View], bool] = _always


def yuan(fen: int) -> str:
    """An amount as people write it."""
    return f"{fen // 100:,}.{fen % 100:02d}"


def _certificate(view: View, on: date) -> Said:
    try:
        pack = view.pack("certificate-sharing", on)
    except PolicyGap:
        return Said(None, "合格证信息按轮询获取", "the certificate is asked for again and again, as ever")
    if pack.params_as(CertificateSharingParams).delivery == "polling":
        return Said(pack.id, "合格证信息按轮询获取", "the certificate is asked for again and again")
    return Said(pack.id, "合格证信息近实时共享至公安机关", "police learn of the certificate in near real time")


def _sold_on(view: View) -> date:
    return view.case.sale.sold_on


def _invoice_date(view: View) -> date | None:
    return view.papers.invoice.invoice_date if view.papers.invoice else None


def _tax(view: View, on: date) -> Said:
    car, sale, bill = view.car, view.case.sale, view.papers.invoice
    tax = purchase_tax(
        view.policies,
        excl_fen=bill.amount_excl if bill else sale.amount_excl,
        invoice_date=on,
        fuel_kind=car.fuel_kind,
        in_catalogue=car.nev_catalogue,
        battery_excl=sale.battery_excl or 0,
    )
    told = view.papers.assessed
    full, relief, payable = (
        (told.tax_full, told.relief, told.tax_payable) if told else (tax.full, tax.relief, tax.payable)
    )
    return Said(
        tax.pack,
        f"应纳税额 {yuan(full)} 元，减免 {yuan(relief)} 元，应缴 {yuan(payable)} 元",
        f"tax {yuan(full)}, relief {yuan(relief)}, payable {yuan(payable)} yuan",
        {"full": full, "relief": relief, "payable": payable},
    )


def _terms(view: View, on: date) -> Said:
    pack = view.policies.pack_for("purchase-tax-terms", on, kind="new-car")
    share = pack.params_as(PurchaseTaxTermsParams).late_share_a_day
    last, told = last_day(view.policies, on), view.papers.assessed
    surcharge = told.surcharge if told else _surcharge_today(view, on)
    zh, en = (
        f"申报截止 {last}，逾期每日加收 {share:%}",
        f"to be declared by {last}; {share:%} more for each day after it",
    )
    if surcharge:
        zh, en = f"{zh}；滞纳金 {yuan(surcharge)} 元", f"{en}; surcharge {yuan(surcharge)} yuan"
    return Said(pack.id, zh, en, {"surcharge": surcharge})


def _surcharge_today(view: View, on: date) -> int:
    payable = _tax(view, on).fen["payable"]
    return late_surcharge(view.policies, payable, on, view.papers.declared_on or view.today)


def _premium(view: View, on: date) -> Said:
    base, told = premium(view.policies, view.car.seats, on), view.papers.quoted
    amount = told.premium if told else base.premium_fen
    return Said(
        base.pack, f"新车保费 {yuan(amount)} 元", f"premium of a new car {yuan(amount)} yuan", {"premium": amount}
    )


def _vessel_tax(view: View, on: date) -> Said:
    car, told = view.car, view.papers.quoted
    band = vessel_tax(
        view.policies,
        invoice_date=on,
        fuel_kind=car.fuel_kind,
        in_catalogue=car.nev_catalogue,
        displacement=car.displacement,
    )
    if told:
        return Said(
            band.pack, f"首年车船税 {yuan(told.vvt)} 元", f"first year {yuan(told.vvt)} yuan", {"vvt": told.vvt}
        )
    if band.most == 0:
        return Said(band.pack, "不征或免征车船税", "no vessel tax is owed", {"least": 0, "most": 0})
    least, most = yuan(band.least), yuan(band.most)
    return Said(
        band.pack,
        f"首年车船税应在 {least} 至 {most} 元之间",
        f"the first year costs between {least} and {most} yuan",
        {"least": band.least, "most": band.most},
    )


def _registration(view: View, on: date) -> Said:
    pack, registered = view.policies.pack_for("registration-terms", on), view.papers.registered
    if registered:
        return Said(pack.id, f"已于 {registered.reg_date} 登记", f"registered on {registered.reg_date}")
    days = pack.params_as(RegistrationTermsParams).register_within_working_days
    calendar = WorkingCalendar.of(view.policies)
    last = calendar.add_working_days(on, days)
    zh, en = ("（暂定）", " (provisional)") if calendar.is_provisional(last) else ("", "")
    return Said(
        pack.id,
        f"受理后{days}个工作日内办结，至 {last}{zh}",
        f"within {days} working days of the application: by {last}{en}",
    )


def _applied_on(view: View) -> date | None:
    return view.asked_on("registration.register")


def _registered_on(view: View) -> date:
    return view.papers.registered.reg_date if view.papers.registered else view.today


def _electronic_licence(view: View, on: date) -> Said:
    pack = view.pack("e-licence", on)
    return Said(pack.id, "可签发电子行驶证", "an electronic licence can be issued")


def _licensed_on(view: View) -> date | None:
    issued = view.papers.elicence
    return issued.issued_at.astimezone(CHINA).date() if issued else view.asked_on("elicence.issue")


def _export_licence(view: View, on: date) -> Said:
    need = licence_required(view.policies, present(view.case.sale.export).hs_code, on)
    zh, en = ("需出口许可证", "an export licence is needed") if need.required else (
        "该税号无需出口许可证", "this line needs no export licence",
    )  # fmt: skip
    return Said(need.pack, zh, en)


def _refund(view: View, on: date) -> Said:
    told = view.papers.refunded
    tax = present(view.papers.assessed).tax_payable
    paid_on, asked_on = present(_paid_on(view)), view.papers.reclaimed_on or view.today
    due = return_refund(view.policies, tax, paid_on, asked_on, invoice_date=on)
    amount = told.refund if told else due.fen
    return Said(
        due.pack,
        f"已缴税款 {yuan(tax)} 元，退还 {yuan(amount)} 元",
        f"{yuan(tax)} yuan of tax paid, {yuan(amount)} of it back",
        {"paid": tax, "refund": amount},
    )


def _paid_on(view: View) -> date | None:
    return view.papers.paid.tax_paid_at.astimezone(CHINA).date() if view.papers.paid else None


def _end_of_cover(view: View, on: date) -> Said:
    ground = "DEREGISTERED" if view.case.kind == "returned-car" else "NOT_REGISTERED"
    end = cancellation(view.policies, ground, on, registered=view.case.kind == "returned-car")
    if end.insurers:
        return Said(end.pack, "登记前由保险公司按自身规则处理", "before registration the insurer's own rule holds")
    if end.allowed:
        return Said(end.pack, "注销登记后可解除合同", "the policy may end once the car is deregistered")
    return Said(end.pack, "无法定事由，合同不得解除", "the policy may not end on this ground")


def _cover_from(view: View) -> date | None:
    return view.papers.bound.start_date if view.papers.bound else view.papers.start_date


def _is_covered(view: View) -> bool:
    return view.papers.bound is not None and (view.case.kind == "returned-car" or view.case.cancelling)


def _tax_was_paid(view: View) -> bool:
    return view.papers.paid is not None and view.case.returned is not None


_CAR: Final[tuple[CaseKind, ...]] = ("new-car",)
_BACK: Final[tuple[CaseKind, ...]] = ("returned-car",)

ROWS: Final = (
    Row("certificate-sharing", _CAR, "sold_on", _sold_on, _certificate, lambda view: view.has_begun("coc")),
    Row(
        "purchase-tax", _CAR, "invoice_date", _invoice_date, _tax,
        decided=lambda view: view.papers.assessed is not None and view.has_begun("tax"), expected=_sold_on,
    ),
    Row(
        "purchase-tax-terms", _CAR, "invoice_date", _invoice_date, _terms,
        decided=lambda view: view.papers.assessed is not None and view.has_begun("tax"), expected=_sold_on,
    ),
    Row(
        "compulsory-insurance", _CAR, "start_date", _cover_from, _premium,
        decided=lambda view: view.papers.quoted is not None and view.has_begun("ins"),
    ),
    Row(
        "vessel-tax", _CAR, "invoice_date", _invoice_date, _vessel_tax,
        decided=lambda view: view.papers.quoted is not None and view.has_begun("ins"), expected=_sold_on,
    ),
    Row(
        "registration-terms", _CAR, "applied_on", _applied_on, _registration,
        decided=lambda view: view.has_begun("reg"), expected=_registered_on,
    ),
    Row("e-licence", _CAR, "applied_on", _licensed_on, _electronic_licence, lambda view: view.has_begun("elic")),
    Row(
        "insurance-cancellation", (*_CAR, *_BACK), "start_date", _cover_from, _end_of_cover,
        decided=lambda view: view.papers.cancelled is not None, arises=_is_covered,
    ),
    Row(
        "purchase-tax-terms", _BACK, "invoice_date", _invoice_date, _refund,
        decided=lambda view: view.papers.refunded is not None, expected=_sold_on, arises=_tax_was_paid,
    ),
    Row(
        "export-licence-new", ("export-new",), "applied_on", lambda view: view.papers.applied_on, _export_licence,
        decided=lambda view: view.has_begun("licence"),
    ),
)  # fmt: skip
"""In the order in which a case meets them."""
