"""What a pack of each rule must say: one closed model a rule, so that an unknown parameter is refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from ..types import FuelKind


def _no_float(value: object) -> object:
    if isinstance(value, float):
        # Not a TypeError, which pydantic would let through as a crash.
        reason = "binary_fraction"
        raise PydanticCustomError(reason, "write it as text: a binary fraction is not the decimal it looks like")
    return value


Share = Annotated[Decimal, BeforeValidator(_no_float), Field(ge=0, le=1)]
Change = Annotated[Decimal, BeforeValidator(_no_float), Field(ge=-1, le=1)]
Fen = Annotated[int, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
FuelKinds = Annotated[frozenset[FuelKind], PlainSerializer(sorted, when_used="json")]
HsCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{10}$")]
Province = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]$")]


WEEKEND: Final = frozenset({5, 6})


class Params(BaseModel):
    """Closed and unchangeable. A `NATIONAL` rule is one law for the whole country and is asked without a region."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    NATIONAL: ClassVar[bool] = False


class PurchaseTaxParams(Params):
    """The whole purchase tax for its dates, so that nobody assumes a rate where no pack is.

    The two technical bars inform people: what decides is whether the model is in the reduction catalogue.
    `separate_battery_excluded`: a battery with an invoice of its own is not taxed with its car.
    """

    NATIONAL: ClassVar[bool] = True

    rule: Literal["purchase-tax"]
    rate: Share
    relief_share: Share
    relief_cap_fen: Fen
    relieved_fuel_kinds: FuelKinds
    separate_battery_excluded: bool
    plug_in_range_km: Count | None = None
    electric_consumption_standard: str | None = None


class PurchaseTaxTermsParams(Params):
    """When the purchase tax is due, what lateness adds, and what of it is paid back."""

    NATIONAL: ClassVar[bool] = True

    rule: Literal["purchase-tax-terms"]
    declare_within_days: Count
    roll_over_holidays: bool
    late_share_a_day: Share
    reclaim_within_years: Count
    return_less_share_a_year: Share


class BasePremium(Params):
    """A row of base premiums; seats count inclusively."""

    seats_from: Count
    seats_to: Count | None = None
    premium_fen: Fen

    def covers(self, seats: int) -> bool:
        """Whether a vehicle with so many seats is in this row."""
        return self.seats_from <= seats and (self.seats_to is None or seats <= self.seats_to)


class Limits(Params):
    """What one accident pays at most."""

    death_fen: Fen
    medical_fen: Fen
    property_fen: Fen


class FloatScheme(Params):
    """How the premium changes after one, two, three and more years without an accident, in these provinces."""

    name: str
    provinces: Annotated[frozenset[Province], PlainSerializer(sorted, when_used="json")]
    clean_years: tuple[Change, Change, Change]


class AccidentFloats(Params):
    """How the premium changes after accidents that were the insured's fault."""

    once: Change
    more: Change
    fatal: Change


class CompulsoryInsuranceParams(Params):
    """Base premiums and their float for private passenger cars."""

    NATIONAL: ClassVar[bool] = True

    rule: Literal["compulsory-insurance"]
    base: tuple[BasePremium, ...]
    limits: Limits
    limits_without_fault: Limits
    schemes: tuple[FloatScheme, ...]
    accidents: AccidentFloats

    @model_validator(mode="after")
    def _one_scheme_a_province(self) -> Self:
        _refuse_repeats(province for scheme in self.schemes for province in scheme.provinces)
        return self


Ground = Literal["DEREGISTERED", "SUSPENDED", "STOLEN"]


class InsuranceCancellationParams(Params):
    """When a policy may be ended: after registration on these grounds only, before it by whose rule."""

    NATIONAL: ClassVar[bool] = True

    rule: Literal["insurance-cancellation"]
    before_registration: Literal["insurer"]
    after_registration: Annotated[frozenset[Ground], PlainSerializer(sorted, when_used="json")]


class VesselTaxBand(Params):
    """What a province may ask a year for a displacement; the last row has no upper end."""

    up_to_ml: Count | None = None
    least_fen: Fen
    most_fen: Fen

    @model_validator(mode="after")
    def _least_first(self) -> Self:
        if self.most_fen < self.least_fen:
            message = "the most is below the least"
            raise ValueError(message)
        return self


class VesselTaxParams(Params):
    """National bands of passenger cars, who is outside the tax, and which share energy-saving cars may owe."""

    NATIONAL: ClassVar[bool] = True

    rule: Literal["vessel-tax"]
    outside_fuel_kinds: FuelKinds
    exempt_in_catalogue: FuelKinds
    saving_up_to_ml: Count
    saving_share: Share
    bands: Annotated[tuple[VesselTaxBand, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _bands_rise_to_no_end(self) -> Self:
        ends = [band.up_to_ml for band in self.bands[:-1]]
        if self.bands[-1].up_to_ml is not None or None in ends or ends != sorted({end for end in ends if end}):
            message = "bands rise, and the last has no upper end"
            raise ValueError(message)
        return self


class RegistrationTermsParams(Params):
    """How soon the police register a car once its application is complete."""

    NATIONAL: ClassVar[bool] = True

    rule: Literal["registration-terms"]
    register_within_working_days: Count


class NewBevLicenceParams(Params):
    """Which lines of new battery-electric cars need an export licence, and which of their neighbours do not."""

    NATIONAL: ClassVar[bool] = True

    rule: Literal["export-licence-new"]
    heading: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
    licensed: tuple[HsCode, ...]
    free: tuple[HsCode, ...]

    @model_validator(mode="after")
    def _either_licensed_or_free(self) -> Self:
        _refuse_repeats((*self.licensed, *self.free))
        return self


class UsedExportParams(Params):
    """Licences for used cars: one batch, one licence, cleared once."""

    NATIONAL: ClassVar[bool] = True

    rule: Literal["export-licence-used"]
    cars_a_line: Count
    issue_working_days: Count
    temporary_plate_days: Count
    deregister_within_months: Count


class AfterSalesLetterParams(Params):
    """Up to this many days after registration, inclusive, a used car needs the maker's letter to be exported."""

    NATIONAL: ClassVar[bool] = True

    rule: Literal["after-sales-letter"]
    within_days: Count


class ELicenceParams(Params):
    """Where electronic vehicle licences are given; how many cities, while it was a pilot."""

    rule: Literal["e-licence"]
    pilot_cities: Count | None = None


class CertificateSharingParams(Params):
    """How police learn of a certificate of conformity."""

    rule: Literal["certificate-sharing"]
    delivery: Literal["near-real-time", "polling"]


class ReverseInvoiceParams(Params):
    """Who may write the invoice in the seller's place."""

    rule: Literal["reverse-invoice"]
    sellers: Literal["natural-persons"]
    issuers: Literal["filed-dealers"]


class ResaleCountParams(Params):
    """From which sale in a calendar year of a car held so briefly a natural person gets no invoice."""

    rule: Literal["resale-count"]
    refused_from_sale: Count
    held_under_months: Count


class ResaleBanParams(Params):
    """How long a registered car may not be sold again."""

    rule: Literal["resale-ban"]
    months: Count


class PilotCityParams(Params):
    """What pilot cities are to try; themes, not rules. The scope names only the cities that are confirmed."""

    rule: Literal["pilot-city"]
    cities_announced: Count
    themes: tuple[str, ...]


class Holiday(Params):
    """Days off in a row, weekends among them, both ends included."""

    zh: str
    en: str
    first: date
    last: date

    @property
    def days(self) -> Iterator[date]:
        """Each of them."""
        return (self.first + timedelta(days=more) for more in range((self.last - self.first).days + 1))

    @model_validator(mode="after")
    def _some_days(self) -> Self:
        if self.last < self.first:
            message = "the last day off is before the first"
            raise ValueError(message)
        return self


class WorkingCalendarParams(Params):
    """What the State Council's notice changes of ordinary weeks: days off, and weekend days that are worked instead."""

    NATIONAL: ClassVar[bool] = True

    rule: Literal["working-calendar"]
    holidays: Annotated[tuple[Holiday, ...], Field(min_length=1)]
    make_up_days: tuple[date, ...]

    @property
    def days_off(self) -> frozenset[date]:
        """All days of all holidays."""
        return frozenset(day for holiday in self.holidays for day in holiday.days)

    @model_validator(mode="after")
    def _each_day_once(self) -> Self:
        days = [day for holiday in self.holidays for day in holiday.days]
        _refuse_repeats(day.isoformat() for day in (*days, *self.make_up_days))
        return self

    @model_validator(mode="after")
    def _make_up_days_are_weekend_days(self) -> Self:
        if any(day.weekday() not in WEEKEND for day in self.make_up_days):
            message = "a make-up day is a Saturday or a Sunday"
            raise ValueError(message)
        return self


AnyParams = Annotated[
    PurchaseTaxParams
    | PurchaseTaxTermsParams
    | CompulsoryInsuranceParams
    | InsuranceCancellationParams
    | VesselTaxParams
    | RegistrationTermsParams
    | NewBevLicenceParams
    | UsedExportParams
    | AfterSalesLetterParams
    | ELicenceParams
    | CertificateSharingParams
    | ReverseInvoiceParams
    | ResaleCountParams
    | ResaleBanParams
    | PilotCityParams
    | WorkingCalendarParams,
    Field(discriminator="rule"),
]

Rule = Literal[
    "purchase-tax",
    "purchase-tax-terms",
    "compulsory-insurance",
    "insurance-cancellation",
    "vessel-tax",
    "registration-terms",
    "export-licence-new",
    "export-licence-used",
    "after-sales-letter",
    "e-licence",
    "certificate-sharing",
    "reverse-invoice",
    "resale-count",
    "resale-ban",
    "pilot-city",
    "working-calendar",
]


def _refuse_repeats(values: Iterable[str]) -> None:
    listed = list(values)
    if len(listed) != len(set(listed)):
        message = "the same value stands in two rows"
        raise ValueError(message)
