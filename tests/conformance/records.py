"""A test system that was told beforehand what other agencies have done: it knows of them what our events say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from services.simulator.country import Country
from services.simulator.records import Certificate, Invoice, Licence

Data = Mapping[str, Any]


class AnyExporter(Licence):
    """An event does not say whose licence it is, so whoever was told of it takes it for everybody's."""

    def is_good_for(self, exporter: str, day: date) -> bool:
        del exporter
        return day <= self.expiry


@dataclass
class Records:
    """What stands on record: by car, and there by the event's name. It plays all other agencies to a simulated one."""

    told: dict[str, dict[str, Data]] = field(default_factory=lambda: defaultdict(dict))
    licences: dict[str, Licence] = field(default_factory=dict)

    def load(self, events: Iterable[Mapping[str, Any]]) -> None:
        """What the partner's own people do with the file of `conformance testbed`."""
        for one in events:
            data = one["data"]
            self.told[data["vin"]][one["event"]] = data
            if one["event"] == "licence.issued":
                expiry = date.fromisoformat(data["licence_expiry"])
                number, qty, used = data["licence_no"], data["licence_qty"], data["licence_used"]
                self.licences[number] = AnyExporter(number, "", qty, used, expiry)

    def around(self, kind: str, country: Country) -> None:
        """Put all other agencies' places in a country under these records."""
        for name in {"miit", "tax", "police", "commerce"} - {kind}:
            setattr(country, name, self)
        if kind != "insurer":
            country.insurers = dict.fromkeys(country.insurers, self)
        if kind != "bank":
            country.banks = dict.fromkeys(country.banks, self)

    # -- MIIT

    def certificate(self, vin: str) -> Certificate | None:
        one = self._of(vin, "coc.confirmed")
        if one is None:
            return None
        return Certificate(
            vin,
            one["coc_no"],
            one["coc_hash"],
            one.get("engine_no", ""),
            one.get("motor_no", ""),
            one["model"],
            "纯电动",
            one["seats"],
            one["nev_catalogue"],
        )

    def uploaded(self, vin: str) -> Mapping[str, Any] | None:
        return self._of(vin, "coc.confirmed")

    # -- the tax office

    def invoice(self, vin: str) -> Invoice | None:
        one = self._of(vin, "invoice.issued")
        if one is None:
            return None
        day = date.fromisoformat(one["invoice_date"])
        return Invoice(one["invoice_no"], vin, day, one["amount_incl"], one["amount_excl"])

    def is_settled(self, vin: str) -> bool:
        return self._of(vin, "tax.paid") is not None

    # -- insurers

    def covers(self, vin: str) -> bool:
        return self._of(vin, "insurance.bound") is not None

    # -- banks

    def lends_on(self, vin: str, contract: str) -> bool:
        gone = self._of(vin, "loan.withdrawn") or self._of(vin, "loan.settled")
        return self._contract(vin) == contract and gone is None

    def signature(self, vin: str, contract: str) -> str | None:
        one = self._of(vin, "mortgage.cosigned")
        return one["cosign_no"] if one is not None and one["loan_contract_no"] == contract else None

    def settled_on(self, vin: str, contract: str) -> date | None:
        one = self._of(vin, "loan.settled")
        if one is None or one["loan_contract_no"] != contract:
            return None
        return date.fromisoformat(one["settled_on"])

    def _contract(self, vin: str) -> str | None:
        one = self._of(vin, "loan.decided")
        return one["loan_contract_no"] if one is not None else None

    # -- the police

    def plate_of(self, vin: str) -> str | None:
        one = self._registered(vin)
        return one["plate_no"] if one is not None else None

    def certificate_of(self, vin: str) -> str | None:
        one = self._registered(vin)
        return one["reg_cert_no"] if one is not None else None

    def went_back_on(self, vin: str) -> date | None:
        one = self._of(vin, "registration.deregistered")
        return date.fromisoformat(one["dereg_date"]) if one is not None else None

    def _registered(self, vin: str) -> Data | None:
        return self._of(vin, "registration.registered") if self.went_back_on(vin) is None else None

    # -- commerce

    def licence(self, number: str) -> Licence | None:
        return self.licences.get(number)

    def use(self, number: str) -> None:
        self.licences[number] = replace(self.licences[number], used=self.licences[number].used + 1)

    def _of(self, vin: str, event: str) -> Data | None:
        return self.told[vin].get(event)
