"""The documents of loans on cars: what each asks of a bank, in its book's words, and how the book's answers look."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lxml import etree

from services.simulator.agency import Answer
from services.simulator.faces.business import Content

RECEIPT: Final = "tcal.090.001.01"
REJECTION: Final = "tcal.091.001.01"
_YUAN: Final = "CNY"


@dataclass(frozen=True, slots=True)
class Definition:
    """One message that banks take: which service it asks for, and the definition of its answer.

    `fields` are the book's names, nested by dots, and where each stands in the document.
    """

    path: str
    answer: str
    fields: Mapping[str, str]
    said: Callable[[Answer], Content]

    def heard(self, document: etree._Element) -> dict[str, Any]:
        """A document in the book's words; what it lacks is not there, and the bank refuses it."""
        body: dict[str, Any] = {}
        for name, place in self.fields.items():
            found = document.find("/".join(f"{{*}}{step}" for step in place.split("/")))
            if found is not None and found.get("Ccy", _YUAN) == _YUAN:
                _put(body, name, _compact(name, found.text or ""))
        return body


def _compact(name: str, text: str) -> str:
    """The book writes days without dashes."""
    return text.replace("-", "") if name.endswith("Date") else text


def _put(body: dict[str, Any], name: str, text: str) -> None:
    *parts, last = name.split(".")
    for part in parts:
        body = body.setdefault(part, {})
    body[last] = text


def _decision(answer: Answer) -> Content:
    made = {"VIN": answer["vin"], "Dcsn": {"A": "APPR", "R": "DECL"}[answer["approvalResult"]]}
    if made["Dcsn"] == "DECL":
        return {"CarLnDcsn": made | {"RsnCd": answer["rejectCode"]}}
    amount = {"Ccy": _YUAN, "": answer["approvedAmount"]}
    return {"CarLnDcsn": made | {"CtrctId": answer["contractNo"], "ApprvdAmt": amount}}


def _withdrawn(answer: Answer) -> Content:
    return {"CarLnWdrwlConf": {"VIN": answer["vin"], "CtrctId": answer["contractNo"]}}


def _consent(answer: Answer) -> Content:
    signed = "true" if answer["signResult"] == "Y" else "false"
    told = {"VIN": answer["vin"], "CtrctId": answer["contractNo"], "CnsntId": answer["consentNo"], "Sgnd": signed}
    return {"MrtgCnsnt": told}


DEFINITIONS: Final[Mapping[str, Definition]] = {
    "tcal.001.001.01": Definition(
        "/auto-loans/applications",
        "tcal.002.001.01",
        {
            "applyAmount": "CarLnAppl/LnAmt",
            "dealerCode": "CarLnAppl/Selr/Id",
            "collateral.vin": "CarLnAppl/Coll/VIN",
            "collateral.model": "CarLnAppl/Coll/Mdl",
            "collateral.invoiceNumber": "CarLnAppl/Coll/Invc/Nb",
            "collateral.invoiceDate": "CarLnAppl/Coll/Invc/Dt",
            "collateral.invoiceAmount": "CarLnAppl/Coll/Invc/Amt",
            "borrower.custName": "CarLnAppl/Brrwr/Nm",
            "borrower.certType": "CarLnAppl/Brrwr/IdDoc/Tp",
            "borrower.certNo": "CarLnAppl/Brrwr/IdDoc/Nb",
            "borrower.mobileNo": "CarLnAppl/Brrwr/MobNb",
        },
        _decision,
    ),
    "tcal.003.001.01": Definition(
        "/auto-loans/withdrawals",
        "tcal.004.001.01",
        {
            "vin": "CarLnWdrwl/VIN",
            "contractNo": "CarLnWdrwl/CtrctId",
            "withdrawReason": "CarLnWdrwl/Rsn",
        },
        _withdrawn,
    ),
    "tcal.005.001.01": Definition(
        "/auto-loans/mortgage-consents",
        "tcal.006.001.01",
        {
            "vin": "MrtgCnsntReq/VIN",
            "contractNo": "MrtgCnsntReq/CtrctId",
            "collateralProof.registrationCertNo": "MrtgCnsntReq/RegnPrf/CertNb",
            "collateralProof.plateNumber": "MrtgCnsntReq/RegnPrf/PlateNb",
        },
        _consent,
    ),
}
"""By the definition that the header names."""
BY_PATH: Final[Mapping[str, Definition]] = {one.path: one for one in DEFINITIONS.values()}


def receipt(status: str) -> Content:
    """That a message was taken in (RCVD), or is still being worked on (PDNG)."""
    return {"RctAck": {"ReqHdlg": {"StsCd": status}}}


def rejection(answer: Answer) -> Content:
    """The bank's no: its code and its words."""
    code, text = str(answer.get("respCode", "")), str(answer.get("respMsg", ""))
    return {"MsgRjct": {"Rsn": {"RjctgPtyRsn": code, "RsnDesc": text}}}


def oddity(answer: Answer) -> Content:
    """An answer that is none of a bank's."""
    return {"Tx": json.dumps(answer, ensure_ascii=False)}
