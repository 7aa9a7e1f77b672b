"""The tax office: the electronic sales invoice 机动车销售统一发票 and the vehicle purchase tax 车辆购置税."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from . import types as t
from .contract import Contract
from .versions import Versions


class InvoiceRequestV1(Contract):
    """Have the invoice issued. One vehicle, one invoice (SAT Announcement 23/2020)."""

    vin: t.Vin
    coc_no: t.CertificateNo
    engine_no: t.PowerUnitNo | None = None
    motor_no: t.PowerUnitNo | None = None
    model: t.Text
    sold_on: t.Day
    amount_incl: t.Price
    amount_excl: t.Price
    vat: t.Fen
    seller_uscc: t.Uscc
    buyer_name: t.Text
    buyer_id_type: t.IdType
    buyer_id_no: t.IdNo


class InvoiceIssuedV1(Contract):
    """The invoice as the tax office recorded it; its date is the purchase date of PTL 12.

    `invoiced_vin` is the VIN printed on it, where the office tells it apart from the one that was asked about.
    """

    vin: t.Vin
    invoice_no: t.InvoiceNo
    invoice_date: t.Day
    amount_incl: t.Price
    amount_excl: t.Price
    vat: t.Fen
    invoiced_vin: t.Vin | None = None


class InvoiceReverseV1(Contract):
    """Cancel an invoice by a red-letter invoice 红字发票; it is never overwritten."""

    vin: t.Vin
    invoice_no: t.InvoiceNo
    reason: t.Reason


class InvoiceReversedV1(Contract):
    """The red-letter invoice that cancelled another."""

    vin: t.Vin
    invoice_no: t.InvoiceNo
    red_invoice_no: t.InvoiceNo


class TaxDeclareV1(Contract):
    """Declare the purchase tax, within 60 days of the invoice. We claim no amount: the office assesses."""

    vin: t.Vin
    invoice_no: t.InvoiceNo
    invoice_date: t.Day
    coc_no: t.CertificateNo
    amount_excl: t.Price
    battery_excl: t.Price | None = None
    relief_code: Literal["NONE", "NEV"]
    declared_on: t.Day
    buyer_name: t.Text
    buyer_id_type: t.IdType
    buyer_id_no: t.IdNo


class TaxAssessedV1(Contract):
    """What the office says is owed, in fen. `tax_payable` is without `surcharge`."""

    vin: t.Vin
    assessment_no: t.Reference
    tax_full: t.Fen
    relief: t.Fen
    tax_payable: t.Fen
    surcharge: t.Fen = 0
    late_days: Annotated[int, Field(ge=0)] = 0


class TaxPayV1(Contract):
    """Pay an assessment, once its amounts were found right."""

    vin: t.Vin
    assessment_no: t.Reference
    amount_due: t.Fen


class TaxPaidV1(Contract):
    """The tax, and the surcharge if one was owed, is settled. `tax_paid_at` is the office's time."""

    vin: t.Vin
    assessment_no: t.Reference
    tax_receipt_no: t.Reference
    amount_due: t.Fen
    tax_paid_at: t.Instant


class TaxReclaimV1(Contract):
    """Ask tax back: all of it where none was owed (TCL 51), a part of it for a car that went back (PTL 15).

    The years of PTL 15 count to `reclaimed_on`, the day of the request. Who names no ground wrote before there were
    two, and means TCL 51; who names no amount asks for all of it.
    """

    vin: t.Vin
    assessment_no: t.Reference
    reclaim_basis: Literal["TCL-51", "PTL-15"] = "TCL-51"
    returned_on: t.Day | None = None
    reclaimed_on: t.Day | None = None
    refund_asked: t.Price | None = None
    reason: t.Reason


class TaxRefundedV1(Contract):
    """The tax was paid back."""

    vin: t.Vin
    assessment_no: t.Reference
    refund: t.Fen


def _tax(name: str, kind: Literal["command", "event"], purpose: str, model: type[Contract]) -> Versions:
    return Versions(name, kind, "tax", purpose, (model,))


INVOICE_REQUEST: Final = _tax("invoice.request", "command", "have the invoice issued", InvoiceRequestV1)
INVOICE_ISSUED: Final = _tax("invoice.issued", "event", "the invoice on record", InvoiceIssuedV1)
INVOICE_REVERSE: Final = _tax("invoice.reverse", "command", "cancel by red-letter invoice", InvoiceReverseV1)
INVOICE_REVERSED: Final = _tax("invoice.reversed", "event", "the invoice was cancelled", InvoiceReversedV1)
TAX_DECLARE: Final = _tax("tax.declare", "command", "declare the purchase tax", TaxDeclareV1)
TAX_ASSESSED: Final = _tax("tax.assessed", "event", "what is owed", TaxAssessedV1)
TAX_PAY: Final = _tax("tax.pay", "command", "settle the assessment", TaxPayV1)
TAX_PAID: Final = _tax("tax.paid", "event", "the assessment is settled", TaxPaidV1)
TAX_RECLAIM: Final = _tax("tax.reclaim", "command", "ask the tax back", TaxReclaimV1)
TAX_REFUNDED: Final = _tax("tax.refunded", "event", "the tax was paid back", TaxRefundedV1)
