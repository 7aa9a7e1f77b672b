"""Banks: they lend on any invoice that the tax office knows, unless a script says otherwise.

Once the police have registered the car, they sign for its mortgage; whether a loan is paid back is theirs to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from services.simulator.agency import Answer, Body, Entry, Leaves, No, Refused, Request, Service, Tongue, demand, yuan
from services.simulator.country import Country

_TONGUE: Final = Tongue(
    "respCode",
    "respMsg",
    {
        "V102": No(400, "B0400", "请求字段有误"),
        "D404": No(404, "B0404", "合同不存在"),
        "P412": No(412, "B0412", "车辆未注册登记"),
        "D422": No(422, "B0422", "信息不符"),
        "B451": No(422, "B0451", "不同意"),
        "B503": No(503, "B0503", "系统维护"),
    },
)
_DECLINES: Final = "B451"


@dataclass(slots=True)
class Bank:
    """One bank among several; its contracts by number. `/settlements` is its counter, where borrowers pay back."""

    country: Country
    uscc: str
    services: Mapping[str, Service] = field(init=False)
    tongue: Tongue = _TONGUE
    _contracts: dict[str, str] = field(default_factory=dict)
    _withdrawn: set[str] = field(default_factory=set)
    _signed: dict[str, str] = field(default_factory=dict)
    _settled: dict[str, date] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """List what a bank does."""
        effect = Leaves.EFFECT
        self.services = {
            "/auto-loans/applications": Service(
                "loan.apply", ("collateral", "vin"), self._decide, effect, self._decided
            ),
            "/auto-loans/withdrawals": Service("loan.withdraw", ("vin",), self._withdraw, effect, self._withdrew),
            "/auto-loans/mortgage-consents": Service("mortgage.cosign", ("vin",), self._sign, effect, self._signed_now),
            "/auto-loans/settlements": Service("loan.settle", ("vin",), self._settle, Leaves.RECORD, self._settled_now),
        }

    def lends_on(self, vin: str, contract: str) -> bool:
        """Whether that contract stands, for that car."""
        gone = contract in self._withdrawn or contract in self._settled
        return self._contracts.get(contract) == vin and not gone

    def signature(self, vin: str, contract: str) -> str | None:
        """The number of the joint application that the bank signed for that contract and car."""
        return self._signed.get(contract) if self._contracts.get(contract) == vin else None

    def settled_on(self, vin: str, contract: str) -> date | None:
        """The day on which that contract for that car was paid back; None while it is not."""
        return self._settled.get(contract) if self._contracts.get(contract) == vin else None

    def _decide(self, request: Request) -> Answer:
        amount = self._amount_asked(request)
        if request.decision == _DECLINES:
            return {"vin": request.vin, "approvalResult": "R", "rejectCode": "451"}
        return {
            "vin": request.vin,
            "approvalResult": "A",
            "contractNo": f"AL{request.today:%Y}{self.uscc[-6:]}{len(self._contracts) + 1:08d}",
            "approvedAmount": yuan(amount + request.alter_fen),
        }

    def _amount_asked(self, request: Request) -> int:
        car = request.body.part("collateral")
        invoice = self.country.tax.invoice(request.vin)
        told = (car.text("invoiceNumber"), car.day("invoiceDate"), car.fen("invoiceAmount"))
        if invoice is None or told != (invoice.number, invoice.day, invoice.incl):
            raise Refused("D422")
        amount = request.body.fen("applyAmount")
        demand(0 < amount <= invoice.incl, "V102")
        return amount

    def _decided(self, entry: Entry) -> None:
        contract = Body(entry.result).text_or_none("contractNo")
        if contract:
            self._contracts[contract] = entry.vin

    def _withdraw(self, request: Request) -> Answer:
        contract = request.body.text("contractNo")
        demand(contract in self._contracts, "D404")
        demand(self.lends_on(request.vin, contract), "D422")
        return {"vin": request.vin, "contractNo": contract}

    def _withdrew(self, entry: Entry) -> None:
        self._withdrawn.add(entry.result["contractNo"])

    def _sign(self, request: Request) -> Answer:
        contract, proof = request.body.text("contractNo"), request.body.part("collateralProof")
        demand(self.lends_on(request.vin, contract) and contract not in self._signed, "D422")
        told = proof.text("registrationCertNo"), proof.text("plateNumber")
        police = self.country.police
        registered = police.certificate_of(request.vin), police.plate_of(request.vin)
        demand(None not in registered, "P412")
        demand(told == registered, "D422")
        number = f"GT{request.today:%Y}{self.uscc[-6:]}{len(self._signed) + 1:08d}"
        return {"vin": request.vin, "contractNo": contract, "consentNo": number, "signResult": "Y"}

    def _signed_now(self, entry: Entry) -> None:
        self._signed[entry.result["contractNo"]] = entry.result["consentNo"]

    def _settle(self, request: Request) -> Answer:
        contract = request.body.text("contractNo")
        demand(contract in self._contracts, "D404")
        demand(self.lends_on(request.vin, contract), "D422")
        day = request.body.day("settleDate")
        return {"vin": request.vin, "contractNo": contract, "settleDate": f"{day:%Y%m%d}"}

    def _settled_now(self, entry: Entry) -> None:
        body = Body(entry.result)
        self._settled[body.text("contractNo")] = body.day("settleDate")
