"""What an automaker or dealer tells us: a sale, its correction, its cancellation; and how we refuse one."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, StringConstraints

from . import types as t
from .concerns import Concerns
from .contract import Check, Contract, Part
from .numbers import resident_id
from .policy.purchase_tax import excl_vat as without_vat
from .versions import CannotDowncast, Loss, Versions

OrderNo = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z._/\-]{0,63}$")]


class _Vehicle(Contract):
    """The fields of the vehicle that every version of a sale tells."""

    order_no: OrderNo
    vin: t.Vin
    coc_no: t.CertificateNo
    engine_no: t.PowerUnitNo | None = None
    maker: t.Text
    model: t.Text
    fuel_kind: t.FuelKind
    seats: Annotated[int, Field(ge=1, le=9)]
    curb_mass: Annotated[int, Field(ge=200, le=5000)]
    displacement: Annotated[int, Field(ge=100, le=10_000)] | None = None
    mfg_date: t.Day
    nev_catalogue: bool
    sold_on: t.Day
    seller_uscc: t.Uscc
    maker_uscc: t.Uscc
    ccc_no: t.CccNo | None = None

    CHECKS: ClassVar[tuple[Check, ...]] = (
        Check("sold_before_made", ("sold_on", "mfg_date"), "sold_on", lambda sold, made: sold >= made),
    )


class _OneMotor(_Vehicle):
    """A vehicle with one motor at most."""

    motor_no: t.PowerUnitNo | None = None

    CHECKS: ClassVar[tuple[Check, ...]] = (
        *_Vehicle.CHECKS,
        Check("no_power_unit", ("engine_no", "motor_no"), "engine_no", lambda engine, motor: bool(engine or motor)),
    )


def _id_holds(kind: str, number: str) -> bool:
    return kind != "RESIDENT_ID" or resident_id.is_valid(number)


class _Buyer(Contract):
    """The buyer and where the car is to be registered."""

    buyer_name: t.Text
    buyer_id_type: t.IdType
    buyer_id_no: t.IdNo
    phone: t.Phone
    address: t.Text | None = None
    region: t.Division
    insurer_uscc: t.Uscc

    CHECKS: ClassVar[tuple[Check, ...]] = (
        Check("resident_id", ("buyer_id_type", "buyer_id_no"), "buyer_id_no", _id_holds),
    )


class Loan(Part):
    """The part of the price that a bank is asked to lend."""

    lender_uscc: t.Uscc
    loan_amount: t.Price


class Export(Part):
    """A sale that leaves the country instead of being registered."""

    hs_code: t.HsCode
    destination: t.Country
    exporter_uscc: t.Uscc
    licence_no: t.LicenceNo | None = None


class Buyer(_Buyer, Part):
    """Who buys, where the car will be registered, and who insures it."""


class SaleConfirmedV1(_OneMotor, _Buyer):
    """A car was sold: one price, cash only, for registration at home."""

    price: t.Price

    CHECKS: ClassVar[tuple[Check, ...]] = (*_OneMotor.CHECKS, *_Buyer.CHECKS)


class _Deal(Contract):
    """What is paid, by whom, with whose loan, or for which country."""

    amount_incl: t.Price
    amount_excl: t.Price
    vat: t.Fen
    battery_excl: t.Price | None = None
    buyer: Buyer | None = None
    loan: Loan | None = None
    export: Export | None = None

    CHECKS: ClassVar[tuple[Check, ...]] = (
        Check(
            "price_split",
            ("amount_incl", "amount_excl", "vat"),
            "amount_incl",
            lambda incl, excl, vat: excl + vat == incl,
        ),
        Check(
            "loan_above_price",
            ("loan.loan_amount", "amount_incl"),
            "loan.loan_amount",
            lambda loan, incl: loan is None or loan <= incl,
        ),
        Check(
            "home_or_export",
            ("buyer", "export"),
            "buyer",
            lambda buyer, export: (buyer is None) != (export is None),
        ),
        Check(
            "battery_of_none",
            ("battery_excl", "fuel_kind"),
            "battery_excl",
            lambda battery, fuel: battery is None or fuel in {"BEV", "PHEV", "EREV"},
        ),
        Check("loan_for_export", ("loan", "export"), "loan", lambda loan, export: loan is None or export is None),
    )


class SaleConfirmedV2(_OneMotor, _Deal):
    """Splits the price, because the tax office needs the part without VAT; adds loan and export.

    `battery_excl` is the price without VAT of a battery-swap car's battery that has an invoice of its own; the amounts
    are then of the car alone. At home `buyer` and `insurer_uscc` are required; for export neither is used (PIPL 38:
    an exporter's papers carry vehicle data, not the owner's).
    """

    CHECKS: ClassVar[tuple[Check, ...]] = (*_OneMotor.CHECKS, *_Deal.CHECKS)


class SaleConfirmedV3(_Vehicle, _Deal):
    """Tells every motor: a car with one on each axle has two numbers on its certificate, and v2 had room for one.

    The first is the one that forms with room for one are filled with.
    """

    motor_nos: Annotated[tuple[t.PowerUnitNo, ...], Field(max_length=4)] = ()

    CHECKS: ClassVar[tuple[Check, ...]] = (
        *_Vehicle.CHECKS,
        Check("no_power_unit", ("engine_no", "motor_nos"), "engine_no", lambda engine, motors: bool(engine or motors)),
        Check("same_motor_twice", ("motor_nos",), "motor_nos", lambda motors: len(set(motors)) == len(motors)),
        *_Deal.CHECKS,
    )

    @property
    def motor_no(self) -> str | None:
        """The number of the first motor, where there is one."""
        return self.motor_nos[0] if self.motor_nos else None

    @property
    def concerns(self) -> Concerns:
        """Whose business this sale is."""
        return Concerns(
            region=self.buyer.region if self.buyer else "",
            seller=self.seller_uscc,
            maker=self.maker_uscc,
            insurer=self.buyer.insurer_uscc if self.buyer else "",
            lender=self.loan.lender_uscc if self.loan else "",
            exporter=self.export.exporter_uscc if self.export else "",
        )


def upcast_v1_v2(old: SaleConfirmedV1) -> SaleConfirmedV2:
    """Split the price by the VAT rate; a v1 sale is always cash at home."""
    excl = without_vat(old.price)
    return SaleConfirmedV2.model_construct(
        **{name: getattr(old, name) for name in _OneMotor.model_fields},
        amount_incl=old.price,
        amount_excl=excl,
        vat=old.price - excl,
        buyer=Buyer.model_construct(**{name: getattr(old, name) for name in _Buyer.model_fields}),
    )


def downcast_v2_v1(new: SaleConfirmedV2) -> SaleConfirmedV1:
    """One price again. Loses the loan; raises `CannotDowncast` for an export, which v1 cannot say."""
    if new.buyer is None:
        message = "sale.confirmed v1 cannot carry a sale for export"
        raise CannotDowncast(message)
    return SaleConfirmedV1.model_construct(
        **{name: getattr(new, name) for name in _OneMotor.model_fields},
        **{name: getattr(new.buyer, name) for name in _Buyer.model_fields},
        price=new.amount_incl,
    )


_UNCHANGED_IN_V3: Final = (*_Vehicle.model_fields, *_Deal.model_fields)


def upcast_v2_v3(old: SaleConfirmedV2) -> SaleConfirmedV3:
    """The one motor, where there is one, is the first of them."""
    return SaleConfirmedV3.model_construct(
        **{name: getattr(old, name) for name in _UNCHANGED_IN_V3}, motor_nos=(old.motor_no,) if old.motor_no else ()
    )


def downcast_v3_v2(new: SaleConfirmedV3) -> SaleConfirmedV2:
    """The first motor only."""
    return SaleConfirmedV2.model_construct(
        **{name: getattr(new, name) for name in _UNCHANGED_IN_V3}, motor_no=new.motor_no
    )


class SaleCorrectedV1(Contract):
    """The maker or dealer corrects what it told us; only the fields that are there change.

    `pay_cash` drops the loan. `sale_version` is the version of the case that the correction was made against; a stale
    one gets C410.
    """

    vin: t.Vin
    sale_version: Annotated[int, Field(ge=1)] | None = None
    coc_no: t.CertificateNo | None = None
    engine_no: t.PowerUnitNo | None = None
    motor_no: t.PowerUnitNo | None = None
    model: t.Text | None = None
    amount_incl: t.Price | None = None
    amount_excl: t.Price | None = None
    vat: t.Fen | None = None
    buyer_name: t.Text | None = None
    phone: t.Phone | None = None
    address: t.Text | None = None
    pay_cash: Literal[True] | None = None
    reason: t.Reason


class SaleCancelledV1(Contract):
    """The sale is off."""

    vin: t.Vin
    reason: t.Reason


class SaleReturnedV1(Contract):
    """The car goes back to its maker or dealer: before registration the sale is undone, after it a new case begins."""

    vin: t.Vin
    returned_on: t.Day
    reason: t.Reason


class Fault(Part):
    """One thing that is wrong, where, and what would mend it. Never the value."""

    code: Literal["V101", "V102", "A403", "C409", "C410"]
    field: Annotated[str, StringConstraints(max_length=100)]
    reason: Annotated[str, StringConstraints(max_length=200)]
    suggestion: Annotated[str, StringConstraints(max_length=64)] | None = None


class SaleRefusedV1(Contract):
    """What a publisher sent on Kafka was not accepted; nothing was published."""

    source_id: Annotated[str, StringConstraints(max_length=200)]
    faults: tuple[Fault, ...]


class SaleContestedV1(Contract):
    """A second sale of a publisher's car was reported and refused (C409); nothing is told of who reported it."""

    vin: t.Vin
    order_no: OrderNo
    zh: t.Reason
    en: t.Reason


SALE_CONFIRMED: Final = Versions(
    name="sale.confirmed",
    kind="event",
    owner="oem",
    purpose="a car was sold; opens the case",
    models=(SaleConfirmedV1, SaleConfirmedV2, SaleConfirmedV3),
    upcasts=(upcast_v1_v2, upcast_v2_v3),
    downcasts=(downcast_v2_v1, downcast_v3_v2),
    losses=(
        Loss(
            "贷款；价款中的税额拆分（按现行税率还原）；单独开票的电池；出口销售无法表达",
            "the loan; the price's split, which the VAT rate restores; a battery invoiced apart; "
            "a sale for export cannot be said",
            ("loan", "amount_excl", "vat", "battery_excl"),
        ),
        Loss("第二台起的驱动电机号", "the numbers of further motors than the first", ("motor_nos",)),
    ),
)


def concerned(data: Contract) -> Concerns:
    """Whose business a sale of any version is; what is no sale does not tell."""
    for number, model in enumerate(SALE_CONFIRMED.models, start=1):
        if isinstance(data, model):
            data = SALE_CONFIRMED.up(number, data)
    return data.concerns if isinstance(data, SaleConfirmedV3) else Concerns()


SALE_CORRECTED: Final = Versions("sale.corrected", "event", "oem", "corrects a sale", (SaleCorrectedV1,))
SALE_CANCELLED: Final = Versions("sale.cancelled", "event", "oem", "calls a sale off", (SaleCancelledV1,))
SALE_RETURNED: Final = Versions("sale.returned", "event", "oem", "the car went back", (SaleReturnedV1,))
SALE_REFUSED: Final = Versions(
    "sale.refused", "event", "tongche", "tells a publisher on Kafka why nothing was published", (SaleRefusedV1,)
)
SALE_CONTESTED: Final = Versions(
    "sale.contested",
    "event",
    "tongche",
    "tells a publisher on Kafka that a second sale of its car was refused",
    (SaleContestedV1,),
)
