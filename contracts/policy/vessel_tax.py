"""Vehicle and vessel tax (车船税), which the insurer collects.

The yearly amount is the province's and comes from the insurer, within national bands by displacement that are a pack;
which months it is owed for is statute (VVTR 19, 21).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from ..types import FuelKind
from .money import fen, refuse_negative
from .params import VesselTaxBand, VesselTaxParams
from .policies import Policies, PolicyGap

_MONTHS = 12
_ROUNDING = 1


@dataclass(frozen=True, slots=True)
class VesselTax:
    """Between what and what a year's first tax lies, in fen, with the id of the pack that decided it."""

    least: int
    most: int
    pack: str

    def fits(self, amount: int) -> bool:
        """Whether an amount lies there, but for a fen, since no law says how to round."""
        return self.least - _ROUNDING <= amount <= self.most + _ROUNDING if self.most else amount == 0


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether an amount is one that the law allows, by which pack."""

    fits: bool
    pack: str


def first_year(annual_fen: int, invoice_date: date) -> int:
    """Return a twelfth of the year for each month from the invoice's own to December."""
    refuse_negative(annual_fen)
    return fen(Decimal(annual_fen) * _months_left(invoice_date) / _MONTHS)


def vessel_tax(
    policies: Policies, *, invoice_date: date, fuel_kind: FuelKind, in_catalogue: bool, displacement: int | None
) -> VesselTax:
    """Return what the first year may cost a passenger car; `displacement` in millilitres.

    Raises PolicyGap where no pack covers the invoice date, and for a taxed car whose displacement nobody told.
    """
    pack = policies.pack_for("vessel-tax", invoice_date, kind="new-car")
    rules = pack.params_as(VesselTaxParams)
    if fuel_kind in rules.outside_fuel_kinds or (in_catalogue and fuel_kind in rules.exempt_in_catalogue):
        return VesselTax(0, 0, pack.id)
    if displacement is None:
        raise PolicyGap("vessel-tax", invoice_date, "no band without a displacement")
    band = _band(rules, displacement)
    least = fen(band.least_fen * rules.saving_share) if displacement <= rules.saving_up_to_ml else band.least_fen
    return VesselTax(first_year(least, invoice_date), first_year(band.most_fen, invoice_date), pack.id)


def vessel_tax_fits(  # noqa: PLR0913, the facts that the law asks for
    policies: Policies,
    first_year_fen: int,
    *,
    invoice_date: date,
    fuel_kind: FuelKind,
    in_catalogue: bool,
    displacement: int | None,
) -> Fit:
    """Whether what an insurer quoted for the first year is an amount that some province may ask. Raises PolicyGap."""
    may_cost = vessel_tax(
        policies,
        invoice_date=invoice_date,
        fuel_kind=fuel_kind,
        in_catalogue=in_catalogue,
        displacement=displacement,
    )
    return Fit(may_cost.fits(first_year_fen), may_cost.pack)


def unused_refund(paid_fen: int, owed_from: date, ended_on: date) -> int:
    """Return what is paid back of a year's tax for a car that was stolen, scrapped, lost, or went back to its maker.

    From the month of the event to December (VVTR 19); `owed_from` is the first day for which this year's tax was paid.
    """
    refuse_negative(paid_fen)
    if ended_on < owed_from:
        message = "a car cannot be gone before its tax begins"
        raise ValueError(message)
    if ended_on.year > owed_from.year:
        return 0
    return fen(Decimal(paid_fen) * _months_left(ended_on) / _months_left(owed_from))


def _months_left(day: date) -> int:
    return _MONTHS + 1 - day.month


def _band(rules: VesselTaxParams, displacement: int) -> VesselTaxBand:
    return next(band for band in rules.bands if band.up_to_ml is None or displacement <= band.up_to_ml)
