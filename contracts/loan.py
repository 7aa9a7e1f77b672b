"""Banks: the loan decision."""

from __future__ import annotations

from typing import Final, Literal

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


def _bank(name: str, kind: Literal["command", "event"], purpose: str, model: type[Contract]) -> Versions:
    return Versions(name, kind, "bank", purpose, (model,))


LOAN_APPLY: Final = _bank("loan.apply", "command", "ask for a loan", LoanApplyV1)
LOAN_DECIDED: Final = _bank("loan.decided", "event", "the bank's decision", LoanDecidedV1)
LOAN_WITHDRAW: Final = _bank("loan.withdraw", "command", "give an approval back", LoanWithdrawV1)
LOAN_WITHDRAWN: Final = _bank("loan.withdrawn", "event", "the approval is void", LoanWithdrawnV1)
