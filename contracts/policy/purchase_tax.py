"""Vehicle purchase tax (车辆购置税): what is owed, what is relieved, what lateness costs, what is paid back.

Rate and relief come from one pack, terms and shares from that of `purchase-tax-terms`, both by the invoice date: what
is owed for a purchase, and what comes back of it, is the law of that day. The rate of VAT stands here (VATL 10, the
same before it): a cast between versions of a message needs it and knows no day.

Whether a price is unreasonably low, and what is assessed instead, is the tax authority's to say (PTL 7): nothing here
computes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from ..types import FuelKind
from .anniversary import full_years, years_after
from .calendar import WorkingCalendar
from .money import fen, refuse_negative
from .params import PurchaseTaxParams, PurchaseTaxTermsParams
from .policies import Policies

VAT_RATE: Final = Decimal("0.13")


@dataclass(frozen=True, slots=True)
class PurchaseTax:
    """Amounts in fen, and the id of the pack that decided them; `payable` is `full` less `relief`."""

    full: int
    relief: int
    payable: int
    pack: str


@dataclass(frozen=True, slots=True)
class Refund:
    """What is paid back, in fen, with the id of the pack that decided it."""

    fen: int
    pack: str


def excl_vat(incl_fen: int) -> int:
    """Return the part of a price that is not VAT."""
    refuse_negative(incl_fen)
    return fen(incl_fen / (1 + VAT_RATE))


def purchase_tax(  # noqa: PLR0913, the facts that the law asks for
    policies: Policies,
    *,
    excl_fen: int,
    invoice_date: date,
    fuel_kind: FuelKind,
    in_catalogue: bool,
    passenger: bool = True,
    battery_excl: int = 0,
) -> PurchaseTax:
    """Return the tax on a price without VAT; PolicyGap where no pack covers the invoice date.

    Relief needs a new-energy kind and a model in the catalogue; only passenger cars have a cap. `battery_excl` is the
    price of a battery-swap car's battery with an invoice of its own; the pack says whether it is taxed with the car.
    """
    refuse_negative(excl_fen)
    refuse_negative(battery_excl)
    pack = policies.pack_for("purchase-tax", invoice_date, kind="new-car")
    rules = pack.params_as(PurchaseTaxParams)
    base = excl_fen if rules.separate_battery_excluded else excl_fen + battery_excl
    full = fen(base * rules.rate)
    relieved = in_catalogue and fuel_kind in rules.relieved_fuel_kinds
    relief = _relief(rules, full, capped=passenger) if relieved else 0
    return PurchaseTax(full, relief, full - relief, pack.id)


def last_day(policies: Policies, invoice_date: date) -> date:
    """Until when to declare and pay, the next working day where the pack lets a holiday move it."""
    terms = _terms(policies, invoice_date)
    last = invoice_date + timedelta(days=terms.declare_within_days)
    return WorkingCalendar.of(policies).add_working_days(last, 0) if terms.roll_over_holidays else last


def late_surcharge(policies: Policies, payable: int, invoice_date: date, paid_on: date) -> int:
    """Return what is added for each day after the last one (TCL 32)."""
    refuse_negative(payable)
    days_late = max((paid_on - last_day(policies, invoice_date)).days, 0)
    return fen(payable * _terms(policies, invoice_date).late_share_a_day * days_late)


def overpaid(paid: int, owed: int) -> int:
    """Return what was paid beyond what was owed, which the taxpayer may ask back (TCL 51)."""
    refuse_negative(paid)
    refuse_negative(owed)
    return max(paid - owed, 0)


def reclaim_until(policies: Policies, paid_on: date, *, invoice_date: date) -> date:
    """The last day to ask an overpayment back (TCL 51)."""
    return years_after(paid_on, _terms(policies, invoice_date).reclaim_within_years)


def return_refund(policies: Policies, paid: int, paid_on: date, asked_on: date, *, invoice_date: date) -> Refund:
    """Return what is paid back for a car that went back to maker or dealer: less for each full year (PTL 15).

    Years count from payment to the request. A surcharge is no tax: it is no part of `paid`.
    """
    refuse_negative(paid)
    pack = policies.pack_for("purchase-tax-terms", invoice_date, kind="returned-car")
    less_a_year = pack.params_as(PurchaseTaxTermsParams).return_less_share_a_year
    kept = max(1 - less_a_year * full_years(paid_on, asked_on), Decimal(0))
    return Refund(fen(paid * kept), pack.id)


def _terms(policies: Policies, on: date) -> PurchaseTaxTermsParams:
    return policies.pack_for("purchase-tax-terms", on, kind="new-car").params_as(PurchaseTaxTermsParams)


def _relief(rules: PurchaseTaxParams, full: int, *, capped: bool) -> int:
    relief = fen(full * rules.relief_share)
    return min(relief, rules.relief_cap_fen) if capped else relief
