"""The traffic police write initials of the Chinese terms (clsbdh 车辆识别代号) and codes for kinds."""

from __future__ import annotations

from typing import Final

from adapters.errors import BrokenAnswer
from adapters.reading import Fields, fields
from adapters.spec import Json, Reply
from adapters.writing import day, local_time, present
from contracts.police import (
    ElicenceGrantedV1,
    ElicenceGrantV1,
    ElicenceIssuedV1,
    ElicenceIssueV1,
    ElicenceRevokedV1,
    ElicenceRevokeV1,
    ElicenceVerifiedV1,
    ElicenceVerifyV1,
    MortgageRegisteredV1,
    MortgageRegisterV1,
    MortgageReleasedV1,
    MortgageReleaseV1,
    PlateDeliveredV1,
    PlateDispatchedV1,
    PlateDispatchV1,
    PlateReleasedV1,
    PlateReleaseV1,
    PlateReservedV1,
    PlateReserveV1,
    PlateTrackV1,
    RegistrationDeregisteredV1,
    RegistrationDeregisterV1,
    RegistrationRegisteredV1,
    RegistrationRegisterV1,
)
from contracts.types import FuelKind, IdType, PlateKind

PLATE_KINDS: Final[dict[PlateKind, str]] = {"FUEL": "02", "NEV_LARGE": "51", "NEV_SMALL": "52"}
FUELS: Final[dict[FuelKind, str]] = {"ICE": "A", "HEV": "O", "PHEV": "P", "EREV": "R", "BEV": "C", "FCEV": "L"}
DOCUMENTS: Final[dict[IdType, str]] = {
    "RESIDENT_ID": "A",
    "USCC": "B",
    "PASSPORT": "M",
    "FOREIGN_PERMANENT_RESIDENT": "Q",
    "HK_MACAO_TAIWAN_PERMIT": "T",
}
DEREGISTRATIONS: Final = {"RETURNED": "C"}
_KIND_OF: Final = {code: kind for kind, code in PLATE_KINDS.items()}
_YES_NO: Final = {True: "1", False: "0"}
_VALID: Final = {"1": True, "0": False}
_ON_RECORD: Final = "1"
_RELEASED: Final = "2"
_MADE, _ENDED = 1, 2
"""Which change of a mortgage's record enters it, and which takes it off."""


def reservation_request(command: PlateReserveV1) -> dict[str, Json]:
    """The kind of plate to hold, and for whom."""
    return {
        "clsbdh": command.vin,
        "rlzl": FUELS[command.fuel_kind],
        "hpzl": PLATE_KINDS[command.plate_kind],
        "xzqh": command.region,
        "syr": command.buyer_name,
        "sfzmmc": DOCUMENTS[command.buyer_id_type],
        "sfzmhm": command.buyer_id_no,
    }


def reservation(_: PlateReserveV1, reply: Reply) -> PlateReservedV1:
    """The plate that is held."""
    answer = fields(reply)
    return PlateReservedV1(
        vin=answer.text("clsbdh"),
        reservation_no=answer.text("yllsh"),
        plate_no=answer.text("hphm"),
        plate_kind=answer.one_of("hpzl", _KIND_OF),
        reserved_until=answer.local_time("yxqz"),
    )


def release_request(command: PlateReleaseV1) -> dict[str, Json]:
    """The plate to let go."""
    return {"clsbdh": command.vin, "yllsh": command.reservation_no, "yy": command.reason}


def release(_: PlateReleaseV1, reply: Reply) -> PlateReleasedV1:
    """The plate is free."""
    answer = fields(reply)
    return PlateReleasedV1(vin=answer.text("clsbdh"), reservation_no=answer.text("yllsh"))


def registration_request(command: RegistrationRegisterV1) -> dict[str, Json]:
    """The car, its owner, and references to every proof."""
    return present(
        {
            "clsbdh": command.vin,
            "fdjh": command.engine_no,
            "qddjh": command.motor_no,
            "clxh": command.model,
            "rlzl": FUELS[command.fuel_kind],
            "hdzk": command.seats,
            "hgzbh": command.coc_no,
            "hgzzy": command.coc_hash,
            "fphm": command.invoice_no,
            "wsbz": _YES_NO[command.tax_settled],
            "jqxbz": _YES_NO[command.insured],
            "yllsh": command.reservation_no,
            "xzqh": command.region,
            "syr": command.buyer_name,
            "sfzmmc": DOCUMENTS[command.buyer_id_type],
            "sfzmhm": command.buyer_id_no,
            "lxdh": command.phone,
            "lxdz": command.address,
        }
    )


def registration(_: RegistrationRegisterV1, reply: Reply) -> RegistrationRegisteredV1:
    """The registration."""
    answer = fields(reply)
    return RegistrationRegisteredV1(
        vin=answer.text("clsbdh"),
        reg_cert_no=answer.text("djzsbh"),
        reg_date=answer.day("djrq"),
        plate_no=answer.text("hphm"),
        plate_kind=answer.one_of("hpzl", _KIND_OF),
    )


def mortgage_request(command: MortgageRegisterV1) -> dict[str, Json]:
    """The mortgage to enter."""
    return present(
        {
            "clsbdh": command.vin,
            "djzsbh": command.reg_cert_no,
            "dyqr": command.lender_uscc,
            "jkhth": command.loan_contract_no,
            "gtsqbh": command.cosign_no,
            "syr": command.buyer_name,
            "sfzmmc": DOCUMENTS[command.buyer_id_type],
            "sfzmhm": command.buyer_id_no,
        }
    )


def mortgage(_: MortgageRegisterV1, reply: Reply) -> MortgageRegisteredV1:
    """The mortgage on record."""
    answer = fields(reply)
    _demand(answer, "dyzt", _ON_RECORD)
    return MortgageRegisteredV1(
        vin=answer.text("clsbdh"), mortgage_no=answer.text("dydjh"), record_version=_record_version(answer, _MADE)
    )


def mortgage_release_request(command: MortgageReleaseV1) -> dict[str, Json]:
    """The mortgage to take off."""
    return present(
        {
            "clsbdh": command.vin,
            "dydjh": command.mortgage_no,
            "dyqr": command.lender_uscc,
            "jqrq": None if command.settled_on is None else day(command.settled_on),
        }
    )


def mortgage_release(_: MortgageReleaseV1, reply: Reply) -> MortgageReleasedV1:
    """The mortgage is off the record."""
    answer = fields(reply)
    _demand(answer, "dyzt", _RELEASED)
    return MortgageReleasedV1(
        vin=answer.text("clsbdh"), mortgage_no=answer.text("dydjh"), record_version=_record_version(answer, _ENDED)
    )


def licence_request(command: ElicenceIssueV1) -> dict[str, Json]:
    """The registered car."""
    return {"clsbdh": command.vin, "hphm": command.plate_no, "djzsbh": command.reg_cert_no}


def licence(_: ElicenceIssueV1, reply: Reply) -> ElicenceIssuedV1:
    """The electronic licence."""
    answer = fields(reply)
    return ElicenceIssuedV1(
        vin=answer.text("clsbdh"), elicence_no=answer.text("dzxszbh"), issued_at=answer.local_time("qfsj")
    )


def grant_request(command: ElicenceGrantV1) -> dict[str, Json]:
    """Who may see it, what for, until when."""
    return {
        "clsbdh": command.vin,
        "dzxszbh": command.elicence_no,
        "bsqr": command.grantee_name,
        "bsqrzjhm": command.grantee_id_no,
        "sqyt": command.grant_purpose,
        "sqyxqz": local_time(command.grant_until),
    }


def grant(_: ElicenceGrantV1, reply: Reply) -> ElicenceGrantedV1:
    """The grant."""
    answer = fields(reply)
    return ElicenceGrantedV1(
        vin=answer.text("clsbdh"), grant_no=answer.text("sqbh"), grant_until=answer.local_time("sqyxqz")
    )


def verification_request(command: ElicenceVerifyV1) -> dict[str, Json]:
    """The grant to check."""
    return {"clsbdh": command.vin, "sqbh": command.grant_no, "sqyt": command.grant_purpose}


def verification(_: ElicenceVerifyV1, reply: Reply) -> ElicenceVerifiedV1:
    """Whether it is good."""
    answer = fields(reply)
    return ElicenceVerifiedV1(
        vin=answer.text("clsbdh"), grant_no=answer.text("sqbh"), valid=answer.one_of("yxbz", _VALID)
    )


def revocation_request(command: ElicenceRevokeV1) -> dict[str, Json]:
    """The licence to take back."""
    return {"clsbdh": command.vin, "dzxszbh": command.elicence_no, "yy": command.reason}


def revocation(_: ElicenceRevokeV1, reply: Reply) -> ElicenceRevokedV1:
    """The licence is void; an answer that calls it valid is none."""
    answer = fields(reply)
    if answer.one_of("yxbz", _VALID):
        reason = "field:yxbz"
        raise BrokenAnswer(reason)
    return ElicenceRevokedV1(vin=answer.text("clsbdh"), elicence_no=answer.text("dzxszbh"))


def deregistration_request(command: RegistrationDeregisterV1) -> dict[str, Json]:
    """The car to strike off, why, and what is handed in."""
    return {
        "clsbdh": command.vin,
        "djzsbh": command.reg_cert_no,
        "hphm": command.plate_no,
        "zxyy": DEREGISTRATIONS[command.dereg_ground],
        "tcrq": day(command.returned_on),
    }


def deregistration(_: RegistrationDeregisterV1, reply: Reply) -> RegistrationDeregisteredV1:
    """The certificate of deregistration 注销证明."""
    answer = fields(reply)
    return RegistrationDeregisteredV1(
        vin=answer.text("clsbdh"),
        reg_cert_no=answer.text("djzsbh"),
        dereg_no=answer.text("zxzmbh"),
        dereg_date=answer.day("zxrq"),
    )


def parcel_request(command: PlateDispatchV1) -> dict[str, Json]:
    """The parcel, and where it goes."""
    return present(
        {
            "clsbdh": command.vin,
            "hphm": command.plate_no,
            "xzqh": command.region,
            "sjr": command.buyer_name,
            "lxdh": command.phone,
            "lxdz": command.address,
        }
    )


def parcel(_: PlateDispatchV1, reply: Reply) -> PlateDispatchedV1:
    """The parcel's number."""
    answer = fields(reply)
    return PlateDispatchedV1(vin=answer.text("clsbdh"), tracking_no=answer.text("yjhm"))


def parcel_query(command: PlateTrackV1) -> dict[str, Json]:
    """The parcel to look for."""
    return {"clsbdh": command.vin, "yjhm": command.tracking_no}


def parcel_arrival(_: PlateTrackV1, reply: Reply) -> PlateDeliveredV1:
    """When it arrived."""
    answer = fields(reply)
    return PlateDeliveredV1(
        vin=answer.text("clsbdh"), tracking_no=answer.text("yjhm"), delivered_at=answer.local_time("qssj")
    )


def _record_version(answer: Fields, usual: int) -> int:
    """What they number the change; an answer from before they did, told again under its key, is the usual one."""
    told = answer.digits_or_none("bgcs")
    return usual if told is None else told


def _demand(answer: Fields, name: str, expected: str) -> None:
    if answer.text(name) != expected:
        raise BrokenAnswer(f"field:{name}")
