"""The traffic police: plate, registration, mortgage, electronic licence, and delivery of the plate."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from . import types as t
from .contract import Contract
from .versions import Versions

RecordVersion = Annotated[int, Field(ge=1)]
"""The how-manieth change of one record: 1 made it. What comes before its predecessor waits for it."""


class PlateReserveV1(Contract):
    """Hold a plate number of the right kind for this buyer."""

    vin: t.Vin
    fuel_kind: t.FuelKind
    plate_kind: t.PlateKind
    region: t.Division
    buyer_name: t.Text
    buyer_id_type: t.IdType
    buyer_id_no: t.IdNo


class PlateReservedV1(Contract):
    """The plate that is held, and until when."""

    vin: t.Vin
    reservation_no: t.Reference
    plate_no: t.PlateNo
    plate_kind: t.PlateKind
    reserved_until: t.Instant


class PlateReleaseV1(Contract):
    """Let a held plate go."""

    vin: t.Vin
    reservation_no: t.Reference
    reason: t.Reason


class PlateReleasedV1(Contract):
    """The plate is free again."""

    vin: t.Vin
    reservation_no: t.Reference


class RegistrationRegisterV1(Contract):
    """Register the car: the pivot, after which nothing is undone automatically.

    The police see that tax and cover are there (yes or no), not their amounts.
    """

    vin: t.Vin
    engine_no: t.PowerUnitNo | None = None
    motor_no: t.PowerUnitNo | None = None
    model: t.Text
    fuel_kind: t.FuelKind
    seats: Annotated[int, Field(ge=1, le=9)]
    coc_no: t.CertificateNo
    coc_hash: t.Sha256
    invoice_no: t.InvoiceNo
    tax_settled: bool
    insured: bool
    reservation_no: t.Reference
    region: t.Division
    buyer_name: t.Text
    buyer_id_type: t.IdType
    buyer_id_no: t.IdNo
    phone: t.Phone
    address: t.Text | None = None


class RegistrationRegisteredV1(Contract):
    """The car is registered and its plate assigned."""

    vin: t.Vin
    reg_cert_no: Annotated[str, Field(pattern=r"^[0-9]{12}$")]
    reg_date: t.Day
    plate_no: t.PlateNo
    plate_kind: t.PlateKind


class MortgageRegisterV1(Contract):
    """Enter the lender's mortgage; the one message in which the police see the loan contract's number."""

    vin: t.Vin
    reg_cert_no: Annotated[str, Field(pattern=r"^[0-9]{12}$")]
    lender_uscc: t.Uscc
    loan_contract_no: t.Reference
    cosign_no: t.Reference | None = None
    buyer_name: t.Text
    buyer_id_type: t.IdType
    buyer_id_no: t.IdNo


class MortgageRegisteredV1(Contract):
    """The mortgage is on record."""

    vin: t.Vin
    mortgage_no: t.Reference
    mortgage_state: Literal["REGISTERED"] = "REGISTERED"
    record_version: RecordVersion = 1


class MortgageReleaseV1(Contract):
    """Take a mortgage off the record, after settlement."""

    vin: t.Vin
    mortgage_no: t.Reference
    lender_uscc: t.Uscc
    settled_on: t.Day | None = None


class MortgageReleasedV1(Contract):
    """The mortgage is off the record; told on request, or by the police of their own accord."""

    vin: t.Vin
    mortgage_no: t.Reference
    mortgage_state: Literal["RELEASED"] = "RELEASED"
    record_version: RecordVersion = 2


class ElicenceIssueV1(Contract):
    """Issue the electronic driving licence 电子行驶证 of a registered car."""

    vin: t.Vin
    plate_no: t.PlateNo
    reg_cert_no: Annotated[str, Field(pattern=r"^[0-9]{12}$")]


class ElicenceIssuedV1(Contract):
    """The electronic licence exists."""

    vin: t.Vin
    elicence_no: t.Reference
    issued_at: t.Instant


class ElicenceGrantV1(Contract):
    """The owner lets a named person see the licence, for a purpose, until a time."""

    vin: t.Vin
    elicence_no: t.Reference
    grantee_name: t.Text
    grantee_id_no: t.IdNo
    grant_purpose: t.Text
    grant_until: t.Instant


class ElicenceGrantedV1(Contract):
    """The grant exists."""

    vin: t.Vin
    grant_no: t.Reference
    grant_until: t.Instant


class ElicenceVerifyV1(Contract):
    """Check a grant before relying on it."""

    vin: t.Vin
    grant_no: t.Reference
    grant_purpose: t.Text


class ElicenceVerifiedV1(Contract):
    """Whether the licence is good for that purpose now."""

    vin: t.Vin
    grant_no: t.Reference
    valid: bool


class ElicenceRevokeV1(Contract):
    """Take the electronic licence back."""

    vin: t.Vin
    elicence_no: t.Reference
    reason: t.Reason


class ElicenceRevokedV1(Contract):
    """The electronic licence is void."""

    vin: t.Vin
    elicence_no: t.Reference


class RegistrationDeregisterV1(Contract):
    """Strike the car off the register, plate and certificate handed in; refused L423 while a mortgage stands."""

    vin: t.Vin
    reg_cert_no: Annotated[str, Field(pattern=r"^[0-9]{12}$")]
    plate_no: t.PlateNo
    dereg_ground: Literal["RETURNED"]
    returned_on: t.Day


class RegistrationDeregisteredV1(Contract):
    """The car is off the register."""

    vin: t.Vin
    reg_cert_no: Annotated[str, Field(pattern=r"^[0-9]{12}$")]
    dereg_no: t.Reference
    dereg_date: t.Day


class PlateDispatchV1(Contract):
    """Hand plate and papers to the courier."""

    vin: t.Vin
    plate_no: t.PlateNo
    region: t.Division
    buyer_name: t.Text
    phone: t.Phone
    address: t.Text | None = None


class PlateDispatchedV1(Contract):
    """The courier has them."""

    vin: t.Vin
    tracking_no: t.Reference


class PlateTrackV1(Contract):
    """Ask whether the parcel arrived; answered D404, and asked again, until it did."""

    vin: t.Vin
    tracking_no: t.Reference


class PlateDeliveredV1(Contract):
    """The parcel arrived."""

    vin: t.Vin
    tracking_no: t.Reference
    delivered_at: t.Instant


def _police(name: str, kind: Literal["command", "event"], purpose: str, model: type[Contract]) -> Versions:
    return Versions(name, kind, "police", purpose, (model,))


PLATE_RESERVE: Final = _police("plate.reserve", "command", "hold a plate", PlateReserveV1)
PLATE_RESERVED: Final = _police("plate.reserved", "event", "the plate is held", PlateReservedV1)
PLATE_RELEASE: Final = _police("plate.release", "command", "let a plate go", PlateReleaseV1)
PLATE_RELEASED: Final = _police("plate.released", "event", "the plate is free", PlateReleasedV1)
REGISTRATION_REGISTER: Final = _police("registration.register", "command", "register the car", RegistrationRegisterV1)
REGISTRATION_REGISTERED: Final = _police(
    "registration.registered", "event", "the car is registered", RegistrationRegisteredV1
)
MORTGAGE_REGISTER: Final = _police("mortgage.register", "command", "enter the mortgage", MortgageRegisterV1)
MORTGAGE_REGISTERED: Final = _police("mortgage.registered", "event", "the mortgage is on record", MortgageRegisteredV1)
MORTGAGE_RELEASE: Final = _police("mortgage.release", "command", "take the mortgage off", MortgageReleaseV1)
MORTGAGE_RELEASED: Final = _police("mortgage.released", "event", "the mortgage is off", MortgageReleasedV1)
ELICENCE_ISSUE: Final = _police("elicence.issue", "command", "issue the electronic licence", ElicenceIssueV1)
ELICENCE_ISSUED: Final = _police("elicence.issued", "event", "the electronic licence exists", ElicenceIssuedV1)
ELICENCE_GRANT: Final = _police("elicence.grant", "command", "let a person see the licence", ElicenceGrantV1)
ELICENCE_GRANTED: Final = _police("elicence.granted", "event", "the grant exists", ElicenceGrantedV1)
ELICENCE_VERIFY: Final = _police("elicence.verify", "command", "check a grant", ElicenceVerifyV1)
ELICENCE_VERIFIED: Final = _police("elicence.verified", "event", "what the grant is good for", ElicenceVerifiedV1)
PLATE_DISPATCH: Final = _police("plate.dispatch", "command", "send plate and papers", PlateDispatchV1)
PLATE_DISPATCHED: Final = _police("plate.dispatched", "event", "the courier has them", PlateDispatchedV1)
PLATE_TRACK: Final = _police("plate.track", "command", "ask whether they arrived", PlateTrackV1)
PLATE_DELIVERED: Final = _police("plate.delivered", "event", "they arrived", PlateDeliveredV1)
ELICENCE_REVOKE: Final = _police("elicence.revoke", "command", "take the licence back", ElicenceRevokeV1)
ELICENCE_REVOKED: Final = _police("elicence.revoked", "event", "the licence is void", ElicenceRevokedV1)
REGISTRATION_DEREGISTER: Final = _police(
    "registration.deregister", "command", "strike the car off the register", RegistrationDeregisterV1
)
REGISTRATION_DEREGISTERED: Final = _police(
    "registration.deregistered", "event", "the car is off the register", RegistrationDeregisteredV1
)
