"""Banks: the loan decision, their part in the joint mortgage application, and the settlement."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from . import types as t
from .contract import Contract
from .versions import Versions


class LoanApplyV1(Contract):
    """Ask a bank to lend part of the price; the buyer consented with the order."""

    vin: t.Vin
    model: t.Text
    invoice_no: t.InvoiceNo
    invoice_date: t.Day
    amount_incl: t.Price
    loan_amount: t.Price
    seller_uscc: t.Uscc
    buyer_name: t.Text
    buyer_id_type: t.IdType
    buyer_id_no: t.IdNo
    phone: t.Phone


class LoanDecidedV1(Contract):
    """The bank's answer. A rejection is a decision, told with code B451, not a refusal of the question."""

    vin: t.Vin
    decision: Literal["APPROVED", "REJECTED"]
    loan_contract_no: t.Reference | None = None
    loan_amount: t.Fen = 0
    code: Literal["0", "B451"] = "0"


class LoanWithdrawV1(Contract):
    """Give an approval back."""

    vin: t.Vin
    loan_contract_no: t.Reference
    reason: t.Reason


class LoanWithdrawnV1(Contract):
    """The approval is void."""

    vin: t.Vin
    loan_contract_no: t.Reference


class MortgageCosignV1(Contract):
    """Have the lender sign the joint application for its mortgage: owner and mortgagee apply together."""

    vin: t.Vin
    loan_contract_no: t.Reference
    reg_cert_no: Annotated[str, Field(pattern=r"^[0-9]{12}$")]
    plate_no: t.PlateNo


class MortgageCosignedV1(Contract):
    """The lender's signature. `cosign_no` is the number of the joint application, which the police ask for."""

    vin: t.Vin
    loan_contract_no: t.Reference
    cosign_no: t.Reference


class LoanSettledV1(Contract):
    """A bank gives notice that the loan is paid back, so that its mortgage may be taken off the record."""

    vin: t.Vin
    loan_contract_no: t.Reference
    settled_on: t.Day


def _bank(name: str, kind: Literal["command", "event"], purpose: str, model: type[Contract]) -> Versions:
    return Versions(name, kind, "bank", purpose, (model,))


LOAN_APPLY: Final = _bank("loan.apply", "command", "ask for a loan", LoanApplyV1)
LOAN_DECIDED: Final = _bank("loan.decided", "event", "the bank's decision", LoanDecidedV1)
LOAN_WITHDRAW: Final = _bank("loan.withdraw", "command", "give an approval back", LoanWithdrawV1)
LOAN_WITHDRAWN: Final = _bank("loan.withdrawn", "event", "the approval is void", LoanWithdrawnV1)
MORTGAGE_COSIGN: Final = _bank("mortgage.cosign", "command", "sign the joint application", MortgageCosignV1)
MORTGAGE_COSIGNED: Final = _bank("mortgage.cosigned", "event", "the lender has signed", MortgageCosignedV1)
LOAN_SETTLED: Final = _bank("loan.settled", "event", "the loan is paid back", LoanSettledV1)
