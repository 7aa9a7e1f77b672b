"""What must happen for which case, written from the rulebook and not from the code that does it.

Operations carry the names of the commands. A question leaves nothing behind at an agency and may be asked again;
every other operation leaves an effect.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

_REVISED: Final = re.compile(r"(.+)\.r([2-9]|[1-9][0-9]+)")


def delivery_of(key: str) -> tuple[str, int]:
    """The delivery and revision of an idempotency key.

    A delivery keeps its command's id for ever; an edit by a person sends revision n under `<id>.r<n>`.
    """
    revised = _REVISED.fullmatch(key)
    return (revised[1], int(revised[2])) if revised else (key, 1)


QUESTIONS: Final = frozenset(
    {
        "coc.query",
        "insurance.quote",
        "plate.track",
        "export.qualify",
        "export.track",
        "elicence.verify",
    }
)

ONCE: Final = frozenset(
    {
        "invoice.request",
        "tax.declare",
        "tax.pay",
        "insurance.bind",
        "insurance.endorse",
        "loan.apply",
        "plate.reserve",
        "registration.register",
        "mortgage.register",
        "elicence.issue",
        "plate.dispatch",
        "licence.apply",
        "export.declare",
    }
)
"""May stand once for a vehicle; again only after it was undone or has expired."""

REPLACED: Final = {"tax.declare": "tax", "licence.apply": "licence"}
"""Done again, the new one takes the old one's place; there must have been a reason, so that facet was held once."""

UNDOES: Final = {
    "invoice.reverse": frozenset({"invoice.request", "tax.declare"}),
    "tax.reclaim": frozenset({"tax.pay", "tax.declare"}),
    "insurance.cancel": frozenset({"insurance.bind"}),
    "loan.withdraw": frozenset({"loan.apply"}),
    "plate.release": frozenset({"plate.reserve"}),
    "mortgage.release": frozenset({"mortgage.register"}),
}
"""What each compensation takes away."""

UNDONE_BEFORE: Final = {
    "insurance.cancel": frozenset({"plate.reserve"}),
    "tax.reclaim": frozenset({"plate.reserve", "insurance.bind"}),
    "invoice.reverse": frozenset({"plate.reserve", "insurance.bind", "tax.pay", "loan.apply"}),
}
"""Reverse order before registration: plate, insurance, tax, invoice; a loan stands on the invoice."""

BEFORE_REGISTRATION_ONLY: Final = frozenset(
    {"invoice.reverse", "tax.reclaim", "insurance.cancel", "loan.withdraw", "plate.release"}
)
"""After registration there is only forward repair. A mortgage is released by settlement, at any time."""

NEEDS: Final = {
    "tax.declare": ("invoice.request",),
    "tax.pay": ("tax.declare",),
    "insurance.bind": ("invoice.request",),
    "loan.apply": ("invoice.request",),
    "registration.register": ("invoice.request", "tax.pay", "insurance.bind", "plate.reserve", "loan.apply"),
    "mortgage.register": ("registration.register", "loan.apply"),
    "elicence.issue": ("registration.register",),
    "plate.dispatch": ("registration.register",),
    "insurance.endorse": ("registration.register",),
    "export.declare": ("licence.apply",),
}
"""The guards, in the agencies' own ledgers; those that the case's plan does not have are no guards."""

CERTIFIED_FIRST: Final = frozenset({"invoice.request", "registration.register"})
"""These wait for MIIT's answer, which is a question and so not in the ledger but among the answered requests."""

_HOME: Final = frozenset(
    {
        "invoice.request",
        "tax.declare",
        "tax.pay",
        "insurance.bind",
        "plate.reserve",
        "registration.register",
        "elicence.issue",
        "plate.dispatch",
    }
)
_LOAN: Final = frozenset({"loan.apply", "mortgage.register"})
_EXPORT: Final = frozenset({"export.declare"})
_MAY: Final = {"new-car": frozenset({"insurance.endorse"}), "export-new": frozenset({"licence.apply"})}

LICENSED_LINE: Final = "8703801090"
"""New battery-electric cars with a VIN, licensed from 2026-01-01."""

AGENCY_OF: Final = {
    "coc": "miit",
    "invoice": "tax",
    "tax": "tax",
    "insurance": "insurer",
    "loan": "bank",
    "plate": "police",
    "registration": "police",
    "mortgage": "police",
    "elicence": "police",
    "licence": "commerce",
}
"""Which agency takes the operations of a word; exports are split by operation."""
_EXPORT_AGENCY: Final = {"export.qualify": "commerce", "export.declare": "customs", "export.track": "customs"}


@dataclass(frozen=True, slots=True)
class Terms:
    """What of a sale decides the plan."""

    kind: str
    financed: bool = False
    relieved: bool = False
    hs_code: str = ""


def must_stand(terms: Terms) -> frozenset[str]:
    """The effects that stand, once each, when such a case is closed."""
    if terms.kind == "export-new":
        return _EXPORT | ({"licence.apply"} if terms.hs_code == LICENSED_LINE else frozenset())
    home = _HOME - {"tax.pay"} if terms.relieved else _HOME
    return home | _LOAN if terms.financed else home


def may_stand(terms: Terms) -> frozenset[str]:
    """All effects that such a case may have at its end."""
    return must_stand(terms) | _MAY[terms.kind]


def organisation_of(operation: str, insurer_uscc: str | None, lender_uscc: str | None) -> str | None:
    """The one organisation that may be asked; None where the sale names nobody for it."""
    agency = _EXPORT_AGENCY.get(operation) or AGENCY_OF.get(operation.partition(".")[0])
    match agency:
        case "insurer":
            return f"insurer-{insurer_uscc}" if insurer_uscc else None
        case "bank":
            return f"bank-{lender_uscc}" if lender_uscc else None
        case _:
            return agency


CLAIMS: Final = {
    ("invoice", "ISSUED"): "invoice.request",
    ("tax", "ASSESSED"): "tax.declare",
    ("tax", "PAID"): "tax.pay",
    ("ins", "BOUND"): "insurance.bind",
    ("loan", "APPROVED"): "loan.apply",
    ("plate", "RESERVED"): "plate.reserve",
    ("plate", "ASSIGNED"): "registration.register",
    ("reg", "REGISTERED"): "registration.register",
    ("mort", "REGISTERED"): "mortgage.register",
    ("elic", "ISSUED"): "elicence.issue",
    ("delivery", "SENT"): "plate.dispatch",
    ("delivery", "DONE"): "plate.dispatch",
    ("ins", "ENDORSED"): "insurance.endorse",
    ("licence", "LICENSED"): "licence.apply",
    ("declaration", "DECLARED"): "export.declare",
    ("declaration", "EXITED"): "export.declare",
}
"""What a facet's state says an agency has done."""


@dataclass(frozen=True, slots=True)
class Pack:
    """A policy pack that may decide, for dates of its own rule."""

    decides: str
    first: date
    last: date = date.max

    def holds(self, day: date) -> bool:
        return self.first <= day <= self.last


PACKS: Final = {
    "NEV-24": Pack("tax", date(2024, 1, 1), date(2025, 12, 31)),
    "NEV-26": Pack("tax", date(2026, 1, 1), date(2027, 12, 31)),
    "CTPL-2020": Pack("insurance", date(2020, 9, 19)),
    "EXP-USED-6/2024": Pack("export", date(2024, 3, 1)),
    "EXP-180D": Pack("export", date(2026, 1, 1)),
    "EXP-BEV-54/2025": Pack("export", date(2026, 1, 1)),
    "ELIC-60": Pack("elicence", date(2024, 7, 1), date(2024, 12, 1)),
    "ELIC-NATIONAL": Pack("elicence", date(2024, 12, 2)),
    "COC-REALTIME": Pack("certificate", date(2026, 6, 23)),
    "USED-REVERSE-INV": Pack("used", date(2022, 10, 1)),
    "USED-3IN1Y": Pack("used", date(2023, 1, 1)),
}
"""Those that bind. Signals and retracted packs are missing here on purpose: they may not decide anything."""

PRICED_BY: Final = {"tax.pay": "tax", "insurance.bind": "insurance"}
"""Effects that follow from a price, and which packs may have set it."""
