"""The state of a case: frozen values, written as JSON. Timers and headline are derived from it, never kept beside it.

Because every outstanding command and every hold carries its own moment, no case can wait without a timer or an owner
unless somebody forgot to ask: `never_silent` is that question.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict

from contracts.case import CaseKind, Headline
from contracts.certificate import CocConfirmedV1
from contracts.export import ExportExitedV1, ExportQualifiedV1, ExportReleasedV1, LicenceIssuedV1
from contracts.insurance import (
    INSURANCE_BOUND,
    InsuranceBoundV3,
    InsuranceCancelledV1,
    InsuranceEndorsedV1,
    InsuranceQuotedV1,
)
from contracts.loan import LoanDecidedV1, LoanSettledV1, MortgageCosignedV1
from contracts.police import (
    ElicenceIssuedV1,
    ElicenceRevokedV1,
    MortgageRegisteredV1,
    MortgageReleasedV1,
    PlateDeliveredV1,
    PlateDispatchedV1,
    PlateReservedV1,
    RegistrationDeregisteredV1,
    RegistrationRegisteredV1,
)
from contracts.sale import SALE_CONFIRMED, SaleConfirmedV3, SaleReturnedV1
from contracts.tax import InvoiceIssuedV1, TaxAssessedV1, TaxPaidV1, TaxRefundedV1

from .stored import newest

NONE: Final = "NONE"
FACETS: Final[dict[CaseKind, tuple[str, ...]]] = {
    "new-car": ("order", "coc", "invoice", "tax", "ins", "loan", "plate", "reg", "mort", "elic", "delivery"),
    "export-new": ("order", "coc", "qualification", "licence", "declaration"),
    "returned-car": ("order", "loan", "mort", "elic", "reg", "ins", "tax"),
}
Ended = Literal["CLOSED", "CANCELLED", "REFUSED"]
Standing = Literal["held", "unwanted", "undone", "kept"]


class _State(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Hold(_State):
    """Why a facet waits, and who answers for it. Without `until` nobody but the owner moves it: MANUAL."""

    reason: str
    code: str | None = None
    owner: str
    until: datetime | None = None

    @property
    def manual(self) -> bool:
        """Whether a person has it."""
        return self.until is None


class FacetState(_State):
    """Where one strand of a case stands."""

    state: str = NONE
    hold: Hold | None = None


class Ask(_State):
    """A command that was sent and not yet answered.

    `until` is when the journey stops trusting dispatch; None once that has passed or dispatch gave up: then the
    facet is held, and a late answer still counts. `ended` says that dispatch gave up, so nobody is on the way with it
    any more; else it is outstanding, however late. `undoes` is the reference of the effect that it takes back.
    """

    id: str
    command: str
    facet: str
    organisation: str
    asked_at: datetime
    until: datetime | None
    ended: bool = False
    undoes: str | None = None


class Early(_State):
    """A notice that came before what it stands on; kept as it came, and heard once its time has come."""

    type: str
    data: str
    version: int


class Effect(_State):
    """What an agency did for this case and can take back; `fen` is what was paid for it, where something was.

    held: ours. unwanted: to be undone. undone: gone. kept: registration has made it final.
    `stuck` means that the undoing failed and a person decides.
    """

    rule: str
    facet: str
    reference: str
    organisation: str
    standing: Standing = "held"
    fen: int | None = None
    stuck: bool = False


class Timer(_State):
    """A moment at which the case must be looked at again."""

    name: str
    due: datetime


class TaxClock(_State):
    """When the declaration of an invoice's tax becomes late; without `due` that has been told."""

    invoice_no: str
    due: datetime | None


class Papers(_State):
    """What the agencies have told, and the days that we told them."""

    coc: CocConfirmedV1 | None = None
    invoice: InvoiceIssuedV1 | None = None
    loan: LoanDecidedV1 | None = None
    settled: LoanSettledV1 | None = None
    declared_on: date | None = None
    assessed: TaxAssessedV1 | None = None
    paid: TaxPaidV1 | None = None
    start_date: date | None = None
    quoted: InsuranceQuotedV1 | None = None
    bound: Annotated[InsuranceBoundV3, newest(INSURANCE_BOUND)] | None = None
    endorsed: InsuranceEndorsedV1 | None = None
    plate: PlateReservedV1 | None = None
    registered: RegistrationRegisteredV1 | None = None
    cosigned: MortgageCosignedV1 | None = None
    mortgage: MortgageRegisteredV1 | None = None
    released_mortgage: MortgageReleasedV1 | None = None
    elicence: ElicenceIssuedV1 | None = None
    dispatched: PlateDispatchedV1 | None = None
    delivered: PlateDeliveredV1 | None = None
    revoked: ElicenceRevokedV1 | None = None
    deregistered: RegistrationDeregisteredV1 | None = None
    cancelled: InsuranceCancelledV1 | None = None
    reclaimed_on: date | None = None
    refunded: TaxRefundedV1 | None = None
    qualified: ExportQualifiedV1 | None = None
    applied_on: date | None = None
    licence: LicenceIssuedV1 | None = None
    released: ExportReleasedV1 | None = None
    exited: ExportExitedV1 | None = None


class Case(_State):
    """One vehicle's journey of one kind.

    `process` is the version of the process that the case was last decided by: see `migration`. `sale_version` is the
    version of the case at which the maker last told us about the sale. `returned` is the word that the car went back;
    once `followed`, a case of its own has taken that over. `early` are notices that wait for what they stand on.
    """

    id: str
    kind: CaseKind
    process: int = 1
    sale: Annotated[SaleConfirmedV3, newest(SALE_CONFIRMED)]
    version: int = 1
    sale_version: int = 1
    opened_at: datetime
    changed_at: datetime
    closed_at: datetime | None = None
    ended: Ended | None = None
    code: str | None = None
    assigned: str | None = None
    cancelling: bool = False
    tax_clock: TaxClock | None = None
    facets: dict[str, FacetState]
    asks: dict[str, Ask] = {}
    effects: tuple[Effect, ...] = ()
    papers: Papers = Papers()
    packs: tuple[str, ...] = ()
    early: tuple[Early, ...] = ()
    returned: SaleReturnedV1 | None = None
    followed: bool = False

    @property
    def vin(self) -> str:
        """The vehicle."""
        return self.sale.vin

    @property
    def headline(self) -> Headline:
        """The case in one word."""
        if self.ended:
            return self.ended
        if self.cancelling:
            return "CANCELLING"
        holds = [facet.hold for facet in self.facets.values() if facet.hold]
        if any(hold.manual for hold in holds):
            return "MANUAL"
        return "HOLD" if holds else "OPEN"

    @property
    def owner(self) -> str | None:
        """Who must act: the person it was given to, else the owner of its first facet that needs one."""
        manual = (facet.hold.owner for facet in self.facets.values() if facet.hold and facet.hold.manual)
        return self.assigned or next(manual, None)

    @property
    def timers(self) -> tuple[Timer, ...]:
        """Every moment that anything in the case waits for, in order."""
        return tuple(sorted(_timers(self), key=lambda timer: (timer.due, timer.name)))


def _timers(case: Case) -> Iterator[Timer]:
    for ask in case.asks.values():
        if ask.until:
            yield Timer(name=f"watch:{ask.id}", due=ask.until)
    for name, facet in case.facets.items():
        if facet.hold and facet.hold.until:
            yield Timer(name=f"hold:{name}", due=facet.hold.until)
    if case.tax_clock and case.tax_clock.due and tax_is_open(case):
        yield Timer(name="tax-clock", due=case.tax_clock.due)


def tax_is_open(case: Case) -> bool:
    """Whether the sixty days of PTL 12 count: an invoice, and no settled tax."""
    tax, invoice = case.facets.get("tax"), case.facets.get("invoice")
    live = case.ended is None and not case.cancelling
    return bool(live and tax and invoice and invoice.state == "ISSUED" and tax.state in {NONE, "ASSESSED"})


def never_silent(case: Case) -> bool:
    """Nothing waits without a live timer or an owner; what has not ended waits for something."""
    watched = all(ask.until or case.facets[ask.facet].hold for ask in case.asks.values())
    stuck = all(case.facets[effect.facet].hold for effect in case.effects if effect.stuck)
    holds = [facet.hold for facet in case.facets.values() if facet.hold]
    owned = all(hold.owner for hold in holds)
    return watched and stuck and owned and bool(case.ended or case.asks or holds)
