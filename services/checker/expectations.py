"""What must happen for which case, written from the rulebook and not from the code that does it.

Operations carry the names of the commands. A question leaves nothing behind at an agency and may be asked again;
every other operation leaves an effect.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
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
        "mortgage.cosign",
        "mortgage.register",
        "elicence.issue",
        "elicence.revoke",
        "registration.deregister",
        "plate.dispatch",
        "licence.apply",
        "export.declare",
    }
)
"""May stand once for a vehicle; again only after it was undone or has expired."""

REPLACED: Final = {"tax.declare": "tax", "licence.apply": "licence"}
"""Done again, the new one takes the old one's place; there must have been a reason, so that facet was held once."""

IN_TIME: Final = timedelta(days=60)
"""From the invoice. A surcharge runs from then until payment, so a later declaration may be made anew each day that it
is not paid (TCL 32)."""

UNDOES: Final = {
    "invoice.reverse": frozenset({"invoice.request", "tax.declare"}),
    "tax.reclaim": frozenset({"tax.pay", "tax.declare"}),
    "insurance.cancel": frozenset({"insurance.bind", "insurance.endorse"}),
    "loan.withdraw": frozenset({"loan.apply"}),
    "plate.release": frozenset({"plate.reserve"}),
    "mortgage.release": frozenset({"mortgage.register", "mortgage.cosign"}),
    "elicence.revoke": frozenset({"elicence.issue"}),
    "registration.deregister": frozenset({"registration.register", "plate.reserve", "plate.dispatch"}),
}
"""What each compensation takes away. A car that is struck off hands in its plate."""

ENDS: Final = {"registration.register": frozenset({"registration.deregister", "elicence.revoke"})}
"""What is over when something is done anew, though nobody takes it back: a car may be registered a second time."""

UNDONE_BEFORE: Final = {
    "insurance.cancel": frozenset({"plate.reserve"}),
    "tax.reclaim": frozenset({"plate.reserve", "insurance.bind"}),
    "invoice.reverse": frozenset({"plate.reserve", "insurance.bind", "tax.pay", "loan.apply"}),
}
"""Reverse order before registration: plate, insurance, tax, invoice; a loan stands on the invoice."""

RETURNED_IN_ORDER: Final = {
    "registration.deregister": frozenset({"mortgage.register", "elicence.issue"}),
    "insurance.cancel": frozenset({"registration.register"}),
    "tax.reclaim": frozenset({"registration.register"}),
}
"""Order of a registered car that went back: no mortgage and no licence may stand when it is struck off (L423), and only
then do cover (CTPL 16) and tax (PTL 15) end."""

BEFORE_REGISTRATION_ONLY: Final = frozenset(
    {"invoice.reverse", "tax.reclaim", "insurance.cancel", "loan.withdraw", "plate.release"}
)
"""After registration there is only forward repair, until the car is struck off. A mortgage ends by settlement."""

SETTLED_FIRST: Final = frozenset({"mortgage.release"})
"""The bank must have told of the settlement before anybody asked for these."""

STRUCK_OFF: Final = {"DEREGISTERED": True, "PTL-15": True, "NOT_REGISTERED": False, "TCL-51": False}
"""Legal grounds, and whether the car must have been struck off the register, or must never have been on it."""

NEEDS: Final = {
    "tax.declare": ("invoice.request",),
    "tax.pay": ("tax.declare",),
    "insurance.bind": ("invoice.request",),
    "loan.apply": ("invoice.request",),
    "registration.register": ("invoice.request", "tax.pay", "insurance.bind", "plate.reserve", "loan.apply"),
    "mortgage.cosign": ("registration.register", "loan.apply"),
    "mortgage.register": ("registration.register", "loan.apply", "mortgage.cosign"),
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
_LOAN: Final = frozenset({"loan.apply"})
_MORTGAGE: Final = frozenset({"mortgage.cosign", "mortgage.register"})
_EXPORT: Final = frozenset({"export.declare"})
_RETURN: Final = frozenset({"elicence.revoke", "registration.deregister"})
_MAY: Final = {
    "new-car": frozenset({"insurance.endorse"}),
    "export-new": frozenset({"licence.apply"}),
    "returned-car": frozenset[str](),
}

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
"""Which agency takes the operations of a word; those of exports and mortgages are split."""
_OWN_AGENCY: Final = {
    "export.qualify": "commerce",
    "export.declare": "customs",
    "export.track": "customs",
    "mortgage.cosign": "bank",
}


@dataclass(frozen=True, slots=True)
class Terms:
    """What of a sale decides the plan. `unsecured`: financed, and for a reason on record without a mortgage at its end.

    `relieved`: no tax was paid, or of a returned car none is left.
    """

    kind: str
    financed: bool = False
    unsecured: bool = False
    relieved: bool = False
    hs_code: str = ""


def must_stand(terms: Terms) -> frozenset[str]:
    """The effects that stand, once each, when such a case is closed."""
    if terms.kind == "export-new":
        return _EXPORT | ({"licence.apply"} if terms.hs_code == LICENSED_LINE else frozenset())
    if terms.kind == "returned-car":
        return _RETURN
    home = _HOME - {"tax.pay"} if terms.relieved else _HOME
    if not terms.financed:
        return home
    return home | _LOAN if terms.unsecured else home | _LOAN | _MORTGAGE


def may_stand(terms: Terms) -> frozenset[str]:
    """All effects that such a case may have at its end."""
    return must_stand(terms) | _MAY[terms.kind] | (_MORTGAGE if terms.financed else frozenset())


def must_have_ended(terms: Terms) -> frozenset[str]:
    """What such a case must have taken back when it is closed."""
    if terms.kind != "returned-car":
        return frozenset()
    return frozenset({"insurance.cancel"}) if terms.relieved else frozenset({"insurance.cancel", "tax.reclaim"})


def guarded(terms: Terms) -> frozenset[str]:
    """The effects that can be guards for such a case; those that its plan does not have are none."""
    return must_stand(terms) | (_MORTGAGE if terms.financed else frozenset())


def organisation_of(operation: str, insurer_uscc: str | None, lender_uscc: str | None) -> str | None:
    """The one organisation that may be asked; None where the sale names nobody for it."""
    agency = _OWN_AGENCY.get(operation) or AGENCY_OF.get(operation.partition(".")[0])
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
    ("mort", "COSIGNED"): "mortgage.cosign",
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

CLAIMS_OF_RETURN: Final = {
    ("elic", "REVOKED"): "elicence.revoke",
    ("reg", "DEREGISTERED"): "registration.deregister",
    ("ins", "CANCELLED"): "insurance.cancel",
    ("tax", "REFUNDED"): "tax.reclaim",
}
"""The same for a returned car, whose other states are those of its sale."""


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
    "PTL-2019": Pack("tax-terms", date(2019, 7, 1)),
    "VVT": Pack("vessel-tax", date(2019, 4, 23)),
    "CTPL-2020": Pack("insurance", date(2020, 9, 19)),
    "CTPL-16": Pack("insurance-end", date(2019, 3, 2)),
    "RTSL-9": Pack("registration", date(2021, 4, 29)),
    "CAL-2024": Pack("calendar", date(2024, 1, 1), date(2024, 12, 31)),
    "CAL-2025": Pack("calendar", date(2025, 1, 1), date(2025, 12, 31)),
    "CAL-2026": Pack("calendar", date(2026, 1, 1), date(2026, 12, 31)),
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

SURCHARGED_BY: Final = "tax-terms"
"""Which packs may have set what lateness cost."""
