"""Vehicle purchase tax (车辆购置税): what is owed, what is relieved, what lateness costs.

Rate and relief come from the pack in force on the invoice date. The rate of VAT, the 60 days and the daily surcharge
are statute without an end date and stand here: VATL 10 (13 %, the same before it), PTL 12, TCL 32.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from ..types import FuelKind
from .money import fen, refuse_negative
from .params import PurchaseTaxParams
from .policies import Policies

VAT_RATE: Final = Decimal("0.13")
DECLARE_WITHIN: Final = timedelta(days=60)
SURCHARGE_A_DAY: Final = Decimal("0.0005")


@dataclass(frozen=True, slots=True)
class PurchaseTax:
    """Amounts in fen, and the id of the pack that decided them; `payable` is `full` less `relief`."""

    full: int
    relief: int
    payable: int
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
) -> PurchaseTax:
    """Return the tax on a price without VAT; PolicyGap where no pack covers the invoice date.

    Relief needs a new-energy kind and a model in the catalogue; only passenger cars have a cap.
    """
    refuse_negative(excl_fen)
    pack = policies.pack_for("purchase-tax", invoice_date)
    rules = pack.params_as(PurchaseTaxParams)
    full = fen(excl_fen * rules.rate)
    relieved = in_catalogue and fuel_kind in rules.relieved_fuel_kinds
    relief = _relief(rules, full, capped=passenger) if relieved else 0
    return PurchaseTax(full, relief, full - relief, pack.id)


def last_day(invoice_date: date) -> date:
    """Until when to declare and pay; whoever rolls over holidays does so on top of this."""
    return invoice_date + DECLARE_WITHIN


def late_surcharge(payable: int, invoice_date: date, paid_on: date) -> int:
    """Return what is added for each day after the last one, day 61 being the first that costs."""
    refuse_negative(payable)
    days_late = max((paid_on - last_day(invoice_date)).days, 0)
    return fen(payable * SURCHARGE_A_DAY * days_late)


def _relief(rules: PurchaseTaxParams, full: int, *, capped: bool) -> int:
    relief = fen(full * rules.relief_share)
    return min(relief, rules.relief_cap_fen) if capped else relief
