"""The tax office writes pinyin names, money as text in yuan, and documents by the codes of its own list."""

from __future__ import annotations

from typing import Final

from adapters.bindings.signed_rest import SERIAL
from adapters.reading import fields
from adapters.spec import Json, Reply
from adapters.writing import day, present, yuan
from contracts.contract import Contract
from contracts.tax import (
    InvoiceIssuedV1,
    InvoiceRequestV1,
    InvoiceReversedV1,
    InvoiceReverseV1,
    TaxAssessedV1,
    TaxDeclareV1,
    TaxPaidV1,
    TaxPayV1,
    TaxReclaimV1,
    TaxRefundedV1,
)
from contracts.types import IdType

DOCUMENTS: Final[dict[IdType, str]] = {
    "USCC": "101",
    "RESIDENT_ID": "201",
    "PASSPORT": "208",
    "FOREIGN_PERMANENT_RESIDENT": "233",
    "HK_MACAO_TAIWAN_PERMIT": "237",
}
RELIEFS: Final = {"NONE": "0000", "NEV": "0013061007"}
BASES: Final = {"TCL-51": "WT01", "PTL-15": "TC15"}
"""Grounds for paying back: paid without owing it, or the car went back."""


def query(_: Contract, key: str) -> dict[str, Json]:
    """What came of a request that was taken in, by the serial number that we gave it."""
    return {SERIAL: key}


def invoice_application(command: InvoiceRequestV1) -> dict[str, Json]:
    """The invoice to issue."""
    return present(
        {
            "cheJiaHao": command.vin,
            "heGeZhengHao": command.coc_no,
            "faDongJiHao": command.engine_no,
            "dianJiHao": command.motor_no,
            "changPaiXingHao": command.model,
            "xiaoShouRiQi": day(command.sold_on),
            "jiaShuiHeJi": yuan(command.amount_incl),
            "buHanShuiJia": yuan(command.amount_excl),
            "zengZhiShuiE": yuan(command.vat),
            "xiaoFangShuiHao": command.seller_uscc,
            "gouMaiFang": command.buyer_name,
            "zhengJianLeiXing": DOCUMENTS[command.buyer_id_type],
            "zhengJianHaoMa": command.buyer_id_no,
        }
    )


def invoice(_: InvoiceRequestV1, reply: Reply) -> InvoiceIssuedV1:
    """The invoice as issued."""
    answer = fields(reply)
    return InvoiceIssuedV1(
        vin=answer.text("cheJiaHao"),
        invoice_no=answer.text("faPiaoHaoMa"),
        invoice_date=answer.day("kaiPiaoRiQi"),
        amount_incl=answer.yuan("jiaShuiHeJi"),
        amount_excl=answer.yuan("buHanShuiJia"),
        vat=answer.yuan("zengZhiShuiE"),
        invoiced_vin=answer.text_or_none("faPiaoCheJiaHao"),
    )


def red_letter_application(command: InvoiceReverseV1) -> dict[str, Json]:
    """The invoice to cancel."""
    return {"cheJiaHao": command.vin, "faPiaoHaoMa": command.invoice_no, "yuanYin": command.reason}


def red_letter(_: InvoiceReverseV1, reply: Reply) -> InvoiceReversedV1:
    """The red-letter invoice."""
    answer = fields(reply)
    return InvoiceReversedV1(
        vin=answer.text("cheJiaHao"),
        invoice_no=answer.text("faPiaoHaoMa"),
        red_invoice_no=answer.text("hongZiFaPiaoHaoMa"),
    )


def declaration(command: TaxDeclareV1) -> dict[str, Json]:
    """The purchase-tax declaration."""
    return present(
        {
            "cheJiaHao": command.vin,
            "faPiaoHaoMa": command.invoice_no,
            "kaiPiaoRiQi": day(command.invoice_date),
            "heGeZhengHao": command.coc_no,
            "jiShuiJiaGe": yuan(command.amount_excl),
            "dianChiJiaGe": None if command.battery_excl is None else yuan(command.battery_excl),
            "jianMianXingZhi": RELIEFS[command.relief_code],
            "shenBaoRiQi": day(command.declared_on),
            "naShuiRen": command.buyer_name,
            "zhengJianLeiXing": DOCUMENTS[command.buyer_id_type],
            "zhengJianHaoMa": command.buyer_id_no,
        }
    )


def assessment(_: TaxDeclareV1, reply: Reply) -> TaxAssessedV1:
    """What the office says is owed."""
    answer = fields(reply)
    return TaxAssessedV1(
        vin=answer.text("cheJiaHao"),
        assessment_no=answer.text("heDingHao"),
        tax_full=answer.yuan("yingNaShuiE"),
        relief=answer.yuan("jianMianShuiE"),
        tax_payable=answer.yuan("shiNaShuiE"),
        surcharge=answer.yuan("zhiNaJin"),
        late_days=answer.whole("yuQiTianShu"),
    )


def payment(command: TaxPayV1) -> dict[str, Json]:
    """The payment of an assessment."""
    return {
        "cheJiaHao": command.vin,
        "heDingHao": command.assessment_no,
        "jiaoKuanJinE": yuan(command.amount_due),
    }


def receipt(_: TaxPayV1, reply: Reply) -> TaxPaidV1:
    """The receipt 完税证明."""
    answer = fields(reply)
    return TaxPaidV1(
        vin=answer.text("cheJiaHao"),
        assessment_no=answer.text("heDingHao"),
        tax_receipt_no=answer.text("wanShuiZhengMingHao"),
        amount_due=answer.yuan("jiaoKuanJinE"),
        tax_paid_at=answer.local_time("jiaoKuanShiJian"),
    )


def refund_application(command: TaxReclaimV1) -> dict[str, Json]:
    """The tax to pay back."""
    return present(
        {
            "cheJiaHao": command.vin,
            "heDingHao": command.assessment_no,
            "tuiShuiYiJu": BASES[command.reclaim_basis],
            "tuiCheRiQi": None if command.returned_on is None else day(command.returned_on),
            "shenQingRiQi": None if command.reclaimed_on is None else day(command.reclaimed_on),
            "shenQingTuiKuanJinE": None if command.refund_asked is None else yuan(command.refund_asked),
            "yuanYin": command.reason,
        }
    )


def refund(_: TaxReclaimV1, reply: Reply) -> TaxRefundedV1:
    """The tax paid back."""
    answer = fields(reply)
    return TaxRefundedV1(
        vin=answer.text("cheJiaHao"),
        assessment_no=answer.text("heDingHao"),
        refund=answer.yuan("tuiKuanJinE"),
    )
