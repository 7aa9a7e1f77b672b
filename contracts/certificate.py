"""The certificate of conformity 合格证 that MIIT keeps and the makers upload."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from . import types as t
from .contract import Contract
from .versions import Versions


class CocQueryV1(Contract):
    """Ask MIIT for the certificate of one car."""

    vin: t.Vin
    coc_no: t.CertificateNo


class CocConfirmedV1(Contract):
    """What MIIT has on record for the certificate, as the maker uploaded it.

    MIIT alone says whether the model is in the reduction catalogue; the sale merely claims it.
    """

    vin: t.Vin
    coc_no: t.CertificateNo
    coc_hash: t.Sha256
    engine_no: t.PowerUnitNo | None = None
    motor_no: t.PowerUnitNo | None = None
    model: t.Text
    fuel_kind: t.FuelKind
    seats: Annotated[int, Field(ge=1, le=9)]
    curb_mass: Annotated[int, Field(ge=200, le=5000)]
    displacement: Annotated[int, Field(ge=100, le=10_000)] | None = None
    mfg_date: t.Day
    nev_catalogue: bool


COC_QUERY: Final = Versions("coc.query", "command", "miit", "prove the car's origin", (CocQueryV1,))
COC_CONFIRMED: Final = Versions("coc.confirmed", "event", "miit", "the certificate on record", (CocConfirmedV1,))
