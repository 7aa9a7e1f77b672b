"""Compulsory traffic insurance (交强险): the premium of a private passenger car.

A new car pays the base premium; later years float with accidents, by the scheme of the province.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from .anniversary import years_after
from .money import fen
from .params import CompulsoryInsuranceParams, FloatScheme, Limits
from .policies import Policies, PolicyGap


@dataclass(frozen=True, slots=True)
class Premium:
    """In fen, with the id of the pack that decided it."""

    premium_fen: int
    pack: str


def premium(  # noqa: PLR0913, the facts that the scheme asks for
    policies: Policies,
    seats: int,
    start_date: date,
    clean_years: int = 0,
    *,
    region: str | None = None,
    at_fault: int = 0,
    fatal: bool = False,
) -> Premium:
    """Return the premium of a year of cover from its start date; an accident at fault voids clean years.

    `region` is the division code of registration, needed only with clean years: without a scheme for it, PolicyGap.
    """
    if seats < 1 or clean_years < 0 or at_fault < 0:
        message = "seats, clean years and accidents are counts"
        raise ValueError(message)
    pack = policies.pack_for("compulsory-insurance", start_date, kind="new-car")
    rules = pack.params_as(CompulsoryInsuranceParams)
    base = next((row.premium_fen for row in rules.base if row.covers(seats)), None)
    if base is None:
        raise PolicyGap("compulsory-insurance", start_date, "no base premium for these seats")
    change = _accident_change(rules, at_fault, fatal=fatal)
    if change is None:
        change = _clean_change(rules, start_date, clean_years, region)
    return Premium(fen(base * (1 + change)), pack.id)


def is_one_year(start: date, end: date) -> bool:
    """Whether cover lasts the year that it must (CTPL 20); insurers name its last day, or the moment after it."""
    return end in {years_after(start, 1) - timedelta(days=1), years_after(start, 1)}


def limits(policies: Policies, accident_on: date, *, at_fault: bool) -> Limits:
    """Return what an accident pays at most. They go by its own day, not by that of the policy."""
    rules = policies.pack_for("compulsory-insurance", accident_on, kind="new-car").params_as(CompulsoryInsuranceParams)
    return rules.limits if at_fault else rules.limits_without_fault


def _accident_change(rules: CompulsoryInsuranceParams, at_fault: int, *, fatal: bool) -> Decimal | None:
    if fatal:
        return rules.accidents.fatal
    match at_fault:
        case 0:
            return None
        case 1:
            return rules.accidents.once
        case _:
            return rules.accidents.more


def _clean_change(rules: CompulsoryInsuranceParams, on: date, clean_years: int, region: str | None) -> Decimal:
    if clean_years == 0:
        return Decimal(0)
    floats = _scheme(rules, on, region).clean_years
    return floats[min(clean_years, len(floats)) - 1]


def _scheme(rules: CompulsoryInsuranceParams, on: date, region: str | None) -> FloatScheme:
    for scheme in rules.schemes:
        if region is not None and region[:2] in scheme.provinces:
            return scheme
    raise PolicyGap("compulsory-insurance", on, "no float scheme for this region")
