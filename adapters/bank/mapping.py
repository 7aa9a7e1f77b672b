"""Banks keep the borrower apart from the collateral, say of every amount its currency, and decide with a letter.

Names are ISO 20022's abbreviations where it has one. A document holds one element, which is called after the message.
"""

from __future__ import annotations

from typing import Final, Literal

from adapters.errors import BrokenAnswer
from adapters.reading import Fields, fields
from adapters.spec import Json, Reply
from adapters.writing import day, yuan
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
_DECISIONS: Final[dict[str, Decision]] = {"APPR": "APPROVED", "DECL": "REJECTED"}
_DECLINED: Final = "451"
_SIGNED: Final = "true"
_YUAN: Final = "CNY"


def application(command: LoanApplyV1) -> dict[str, Json]:
    """The loan that is asked for: CarLoanApplication."""
    return {
        "CarLnAppl": {
            "LnAmt": _amount(command.loan_amount),
            "Selr": {"Id": command.seller_uscc},
            "Coll": {
                "VIN": command.vin,
                "Mdl": command.model,
                "Invc": {
                    "Nb": command.invoice_no,
                    "Dt": day(command.invoice_date),
                    "Amt": _amount(command.amount_incl),
                },
            },
            "Brrwr": {
                "Nm": command.buyer_name,
                "IdDoc": {"Tp": DOCUMENTS[command.buyer_id_type], "Nb": command.buyer_id_no},
                "MobNb": command.phone,
            },
        }
    }


def decision(_: LoanApplyV1, reply: Reply) -> LoanDecidedV1:
    """Yes with a contract, or no with a reason code: CarLoanDecision."""
    answer = fields(reply).part("CarLnDcsn")
    made = answer.one_of("Dcsn", _DECISIONS)
    return _approved(answer) if made == "APPROVED" else _rejected(answer)


def _approved(answer: Fields) -> LoanDecidedV1:
    return LoanDecidedV1(
        vin=answer.text("VIN"),
        decision="APPROVED",
        loan_contract_no=answer.text("CtrctId"),
        loan_amount=_fen(answer, "ApprvdAmt"),
    )


def _rejected(answer: Fields) -> LoanDecidedV1:
    if answer.text("RsnCd") != _DECLINED:
        reason = "field:RsnCd"
        raise BrokenAnswer(reason)
    return LoanDecidedV1(vin=answer.text("VIN"), decision="REJECTED", code="B451")


def withdrawal(command: LoanWithdrawV1) -> dict[str, Json]:
    """The approval to give back: CarLoanWithdrawal."""
    return {"CarLnWdrwl": {"VIN": command.vin, "CtrctId": command.loan_contract_no, "Rsn": command.reason}}


def withdrawn(_: LoanWithdrawV1, reply: Reply) -> LoanWithdrawnV1:
    """The approval is void: CarLoanWithdrawalConfirmation."""
    answer = fields(reply).part("CarLnWdrwlConf")
    return LoanWithdrawnV1(vin=answer.text("VIN"), loan_contract_no=answer.text("CtrctId"))


def consent_request(command: MortgageCosignV1) -> dict[str, Json]:
    """The joint application to sign, with the registered car that secures the loan: MortgageConsentRequest."""
    return {
        "MrtgCnsntReq": {
            "VIN": command.vin,
            "CtrctId": command.loan_contract_no,
            "RegnPrf": {"CertNb": command.reg_cert_no, "PlateNb": command.plate_no},
        }
    }


def consent(_: MortgageCosignV1, reply: Reply) -> MortgageCosignedV1:
    """The signed application: MortgageConsent. A bank that does not sign rejects the message, with a code."""
    answer = fields(reply).part("MrtgCnsnt")
    if answer.text("Sgnd") != _SIGNED:
        reason = "field:Sgnd"
        raise BrokenAnswer(reason)
    return MortgageCosignedV1(
        vin=answer.text("VIN"), loan_contract_no=answer.text("CtrctId"), cosign_no=answer.text("CnsntId")
    )


def _amount(fen: int) -> Json:
    """Yuan as ISO 20022 writes amounts: <Amt Ccy="CNY">10000.00</Amt>."""
    return {"@Ccy": _YUAN, "#text": yuan(fen)}


def _fen(answer: Fields, name: str) -> int:
    amount = answer.part(name)
    if amount.text("@Ccy") != _YUAN:
        reason = f"field:{name}"
        raise BrokenAnswer(reason)
    return amount.yuan("#text")
