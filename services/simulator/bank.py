"""Banks: they lend on any invoice that the tax office knows, unless a script says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from services.simulator.agency import Answer, Body, Entry, Leaves, No, Refused, Request, Service, Tongue, demand, yuan
from services.simulator.country import Country

_TONGUE: Final = Tongue(
    "respCode",
    "respMsg",
    {
        "V102": No(400, "B0400", "请求字段有误"),
        "D404": No(404, "B0404", "合同不存在"),
        "D422": No(422, "B0422", "信息不符"),
        "B451": No(422, "B0451", "不同意"),
        "B503": No(503, "B0503", "系统维护"),
    },
)
_DECLINES: Final = "B451"


@dataclass(slots=True)
class Bank:
    """One bank among several; its live contracts by number."""

    country: Country
    uscc: str
    services: Mapping[str, Service] = field(init=False)
    tongue: Tongue = _TONGUE
    _contracts: dict[str, str] = field(default_factory=dict)
    _withdrawn: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """List what a bank does."""
        effect = Leaves.EFFECT
        self.services = {
            "/auto-loans/applications": Service(
                "loan.apply", ("collateral", "vin"), self._decide, effect, self._decided
            ),
            "/auto-loans/withdrawals": Service("loan.withdraw", ("vin",), self._withdraw, effect, self._withdrew),
        }

    def lends_on(self, vin: str, contract: str) -> bool:
        """Whether that contract stands, for that car."""
        return self._contracts.get(contract) == vin and contract not in self._withdrawn

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
