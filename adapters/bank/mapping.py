"""Banks keep the borrower apart from the asset, write money in yuan, and decide with a letter."""

from __future__ import annotations

from typing import Final, Literal

from adapters.errors import BrokenAnswer
from adapters.reading import Fields, fields
from adapters.spec import Json, Reply
from adapters.writing import compact_day, yuan
from contracts.loan import (
    LoanApplyV1,
    LoanDecidedV1,
    LoanWithdrawnV1,
    LoanWithdrawV1,
    MortgageCosignedV1,
    MortgageCosignV1,
)
from contracts.types import IdType

DOCUMENTS: Final[dict[IdType, str]] = {
    "RESIDENT_ID": "IC",
    "PASSPORT": "PP",
    "USCC": "BL",
    "FOREIGN_PERMANENT_RESIDENT": "FP",
    "HK_MACAO_TAIWAN_PERMIT": "HM",
}
Decision = Literal["APPROVED", "REJECTED"]
_DECISIONS: Final[dict[str, Decision]] = {"A": "APPROVED", "R": "REJECTED"}
_DECLINED: Final = "451"
_SIGNED: Final = "Y"


def application(command: LoanApplyV1) -> dict[str, Json]:
    """The loan that is asked for."""
    return {
        "applyAmount": yuan(command.loan_amount),
        "dealerCode": command.seller_uscc,
        "collateral": {
            "vin": command.vin,
            "model": command.model,
            "invoiceNumber": command.invoice_no,
            "invoiceDate": compact_day(command.invoice_date),
            "invoiceAmount": yuan(command.amount_incl),
        },
        "borrower": {
            "custName": command.buyer_name,
            "certType": DOCUMENTS[command.buyer_id_type],
            "certNo": command.buyer_id_no,
            "mobileNo": command.phone,
        },
    }


def decision(_: LoanApplyV1, reply: Reply) -> LoanDecidedV1:
    """Yes with a contract, or no with a reason code."""
    answer = fields(reply)
    made = answer.one_of("approvalResult", _DECISIONS)
    return _approved(answer) if made == "APPROVED" else _rejected(answer)


def _approved(answer: Fields) -> LoanDecidedV1:
    return LoanDecidedV1(
        vin=answer.text("vin"),
        decision="APPROVED",
        loan_contract_no=answer.text("contractNo"),
        loan_amount=answer.yuan("approvedAmount"),
    )


def _rejected(answer: Fields) -> LoanDecidedV1:
    if answer.text("rejectCode") != _DECLINED:
        reason = "field:rejectCode"
        raise BrokenAnswer(reason)
    return LoanDecidedV1(vin=answer.text("vin"), decision="REJECTED", code="B451")


def withdrawal(command: LoanWithdrawV1) -> dict[str, Json]:
    """The approval to give back."""
    return {"vin": command.vin, "contractNo": command.loan_contract_no, "withdrawReason": command.reason}


def withdrawn(_: LoanWithdrawV1, reply: Reply) -> LoanWithdrawnV1:
    """The approval is void."""
    answer = fields(reply)
    return LoanWithdrawnV1(vin=answer.text("vin"), loan_contract_no=answer.text("contractNo"))


def consent_request(command: MortgageCosignV1) -> dict[str, Json]:
    """The joint application to sign, with the registered car that secures the loan."""
    return {
        "vin": command.vin,
        "contractNo": command.loan_contract_no,
        "collateralProof": {"registrationCertNo": command.reg_cert_no, "plateNumber": command.plate_no},
    }


def consent(_: MortgageCosignV1, reply: Reply) -> MortgageCosignedV1:
    """The signed application. A bank that does not sign says so with a code, never with this answer."""
    answer = fields(reply)
    if answer.text("signResult") != _SIGNED:
        reason = "field:signResult"
        raise BrokenAnswer(reason)
    return MortgageCosignedV1(
        vin=answer.text("vin"), loan_contract_no=answer.text("contractNo"), cosign_no=answer.text("consentNo")
    )
