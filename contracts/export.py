"""Commerce and customs: who may export, under which licence, and whether the car has left."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from . import types as t
from .contract import Contract
from .versions import Versions


class ExportQualifyV1(Contract):
    """Ask commerce whether this exporter may export this maker's car."""

    vin: t.Vin
    model: t.Text
    fuel_kind: t.FuelKind
    maker_uscc: t.Uscc
    exporter_uscc: t.Uscc
    hs_code: t.HsCode
    destination: t.Country
    ccc_no: t.CccNo | None = None


class ExportQualifiedV1(Contract):
    """Maker and exporter are entitled."""

    vin: t.Vin
    qualification_no: t.Reference


class LicenceApplyV1(Contract):
    """Apply for the export licence; `licence_no` names one that the exporter says it already holds."""

    vin: t.Vin
    model: t.Text
    fuel_kind: t.FuelKind
    maker_uscc: t.Uscc
    exporter_uscc: t.Uscc
    hs_code: t.HsCode
    destination: t.Country
    qualification_no: t.Reference
    licence_no: t.LicenceNo | None = None
    applied_on: t.Day


class LicenceIssuedV1(Contract):
    """The licence, its quantity and how much of it is used up, in cars."""

    vin: t.Vin
    licence_no: t.LicenceNo
    licence_qty: Annotated[int, Field(ge=1)]
    licence_used: Annotated[int, Field(ge=0)]
    licence_expiry: t.Day


class ExportDeclareV1(Contract):
    """Declare the car to customs; `licence_no` is absent where the rule asks for none."""

    vin: t.Vin
    engine_no: t.PowerUnitNo | None = None
    motor_no: t.PowerUnitNo | None = None
    model: t.Text
    fuel_kind: t.FuelKind
    curb_mass: Annotated[int, Field(ge=200, le=5000)]
    exporter_uscc: t.Uscc
    hs_code: t.HsCode
    destination: t.Country
    licence_no: t.LicenceNo | None = None


class ExportReleasedV1(Contract):
    """Customs let the car go."""

    vin: t.Vin
    decl_no: t.DeclarationNo
    decl_date: t.Day


class ExportTrackV1(Contract):
    """Ask whether the car has left the country; answered D404, and asked again, until it has."""

    vin: t.Vin
    decl_no: t.DeclarationNo


class ExportExitedV1(Contract):
    """The car has left the country."""

    vin: t.Vin
    decl_no: t.DeclarationNo
    exited_on: t.Day


EXPORT_QUALIFY: Final = Versions(
    "export.qualify", "command", "commerce", "may this exporter export it", (ExportQualifyV1,)
)
EXPORT_QUALIFIED: Final = Versions("export.qualified", "event", "commerce", "the exporter may", (ExportQualifiedV1,))
LICENCE_APPLY: Final = Versions("licence.apply", "command", "commerce", "apply for the licence", (LicenceApplyV1,))
LICENCE_ISSUED: Final = Versions("licence.issued", "event", "commerce", "the export licence", (LicenceIssuedV1,))
EXPORT_DECLARE: Final = Versions("export.declare", "command", "customs", "declare to customs", (ExportDeclareV1,))
EXPORT_RELEASED: Final = Versions("export.released", "event", "customs", "customs let it go", (ExportReleasedV1,))
EXPORT_TRACK: Final = Versions("export.track", "command", "customs", "ask whether it left", (ExportTrackV1,))
EXPORT_EXITED: Final = Versions("export.exited", "event", "customs", "it has left the country", (ExportExitedV1,))
