"""A case on its road in the pure core: honest fake agencies, a clock that a test moves, and all that was asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any, Final

from adapters.organisations import ORGANISATIONS
from contracts import certificate as c
from contracts import export as x
from contracts import insurance as i
from contracts import loan as b
from contracts import police as p
from contracts import tax as t
from contracts.case import Step
from contracts.contract import Contract
from contracts.delivery import DeliveryChangedV1, DeliveryState
from contracts.policy import load
from contracts.policy.purchase_tax import excl_vat
from contracts.refusal import AgencyRefusedV1
from contracts.registry import contract_of
from contracts.sale import Buyer, Export, Loan, SaleConfirmedV2, SaleConfirmedV3, upcast_v2_v3
from services.journey.case import Case, never_silent
from services.journey.decide import Decision, decide, open_case
from services.journey.draft import Command
from services.journey.snapshot import snapshot
from services.journey.world import Due, Event, Told, World

VIN: Final = "LZZTEST05TA000001"
CASE: Final = "0190a000-0000-7000-8000-000000000001"
INSURER: Final = "91110000MAY1GEUH59"
BANK: Final = "91110000MAT57WXL1C"
EXPORT: Final = Export(hs_code="8703801090", destination="DE", exporter_uscc=INSURER, licence_no=None)
LOAN: Final = Loan(lender_uscc=BANK, loan_amount=7_000_000)
BUYER: Final = Buyer(
    buyer_name="王样本",
    buyer_id_type="RESIDENT_ID",
    buyer_id_no="110105198301300007",
    phone="15487604561",
    region="610113",
    insurer_uscc=INSURER,
)
POLICIES: Final = load()


def sale(
    fuel: str = "ICE", incl: int = 11_300_000, *, loan: Loan | None = None, export: Export | None = None, **other: Any
) -> SaleConfirmedV3:
    """A sale in May 2026; at home and in cash unless told otherwise."""
    excl = excl_vat(incl)
    burns, plugs = fuel != "BEV", fuel not in {"ICE", "HEV"}
    fields: dict[str, Any] = {
        "order_no": "XS1",
        "vin": VIN,
        "coc_no": "LS5994237258178",
        "engine_no": "4G156270845" if burns else None,
        "motor_no": "TZ213XS6034014" if plugs else None,
        "maker": "样本汽车",
        "model": "样本一号",
        "fuel_kind": fuel,
        "seats": 5,
        "curb_mass": 1500,
        "displacement": 1500 if burns else None,
        "mfg_date": date(2026, 3, 1),
        "nev_catalogue": plugs,
        "sold_on": date(2026, 5, 4),
        "seller_uscc": "91610113MA5QN7M47X",
        "maker_uscc": "91500105MAJQYKXJ0U",
        "amount_incl": incl,
        "amount_excl": excl,
        "vat": incl - excl,
        "buyer": None if export else BUYER,
        "loan": loan,
        "export": export,
    }
    return upcast_v2_v3(SaleConfirmedV2(**fields | other))


def tariff(command: t.TaxDeclareV1) -> t.TaxAssessedV1:
    """The fake tax office's own reckoning, for 2026."""
    full = (command.amount_excl + 5) // 10
    relief = min(full // 2, 1_500_000) if command.relief_code == "NEV" else 0
    late = max((command.declared_on - command.invoice_date).days - 60, 0)
    surcharge = ((full - relief) * 5 * late + 5_000) // 10_000
    return t.TaxAssessedV1(
        vin=command.vin,
        assessment_no=f"TA-{command.invoice_no}",
        tax_full=full,
        relief=relief,
        tax_payable=full - relief,
        surcharge=surcharge,
        late_days=late,
    )


@dataclass
class Agencies:
    """Every agency, honest and at once. `twist` changes an answer before it is given."""

    of: SaleConfirmedV3
    twist: dict[str, dict[str, Any]] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def answer(self, command: Contract) -> Contract:
        """What an agency that knows its business says."""
        answer = self._honest(command)
        return answer.model_copy(update=self.twist.get(contract_of(command)[0].name, {}))

    def _honest(self, command: Any) -> Contract:  # noqa: C901, PLR0911, PLR0912 - one line a command
        n, v = next(self._numbers), command.vin
        match command:
            case c.CocQueryV1():
                names = ("engine_no", "motor_no", "model", "fuel_kind", "seats", "curb_mass", "displacement")
                told = {name: getattr(self.of, name) for name in (*names, "mfg_date", "nev_catalogue")}
                return c.CocConfirmedV1(vin=v, coc_no=command.coc_no, coc_hash="a" * 64, **told)
            case t.InvoiceRequestV1():
                money = {name: getattr(command, name) for name in ("amount_incl", "amount_excl", "vat")}
                return t.InvoiceIssuedV1(vin=v, invoice_no=f"26322{n:015}", invoice_date=command.sold_on, **money)
            case t.TaxDeclareV1():
                return tariff(command)
            case t.TaxPayV1(assessment_no=number, amount_due=due):
                paid_at = datetime(2026, 5, 5, tzinfo=UTC)
                return t.TaxPaidV1(
                    vin=v, assessment_no=number, tax_receipt_no=f"R-{n}", amount_due=due, tax_paid_at=paid_at
                )
            case i.InsuranceQuoteV1(fuel_kind=fuel, seats=seats):
                vvt = 0 if fuel not in {"ICE", "HEV"} else 28_000
                return i.InsuranceQuotedV1(vin=v, quote_no=f"Q-{n}", premium=95_000 if seats < 6 else 110_000, vvt=vvt)
            case i.InsuranceBindV1():
                by_days = i.InsuranceBoundV1(
                    vin=v,
                    policy_no=f"PDZA{n:010}",
                    insurer_uscc=INSURER,
                    premium=command.premium,
                    vvt=command.vvt,
                    start_date=command.start_date,
                    end_date=command.start_date + timedelta(days=365),
                )
                return i.by_hours(by_days)
            case i.InsuranceEndorseV1():
                return i.InsuranceEndorsedV1(vin=v, policy_no=command.policy_no, plate_no=command.plate_no)
            case b.LoanApplyV1():
                return b.LoanDecidedV1(
                    vin=v, decision="APPROVED", loan_contract_no=f"L-{n}", loan_amount=command.loan_amount
                )
            case p.PlateReserveV1(fuel_kind=fuel, plate_kind=kind):
                plate = {"ICE": "陕A12A34", "HEV": "陕A12A34", "BEV": "陕AD12345"}.get(fuel, "陕AF12345")
                until = datetime(2026, 6, 1, tzinfo=UTC)
                return p.PlateReservedV1(
                    vin=v, reservation_no=f"PR-{n}", plate_no=plate, plate_kind=kind, reserved_until=until
                )
            case p.RegistrationRegisterV1(fuel_kind=fuel):
                plate = {"ICE": "陕A12A34", "HEV": "陕A12A34", "BEV": "陕AD12345"}.get(fuel, "陕AF12345")
                return p.RegistrationRegisteredV1(
                    vin=v,
                    reg_cert_no=f"{n:012}",
                    reg_date=date(2026, 5, 6),
                    plate_no=plate,
                    plate_kind="FUEL" if fuel in {"ICE", "HEV"} else "NEV_SMALL",
                )
            case b.MortgageCosignV1(loan_contract_no=number):
                return b.MortgageCosignedV1(vin=v, loan_contract_no=number, cosign_no=f"JA-{n}")
            case p.MortgageReleaseV1(mortgage_no=number):
                return p.MortgageReleasedV1(vin=v, mortgage_no=number)
            case p.ElicenceRevokeV1(elicence_no=number):
                return p.ElicenceRevokedV1(vin=v, elicence_no=number)
            case p.RegistrationDeregisterV1(reg_cert_no=number):
                return p.RegistrationDeregisteredV1(
                    vin=v, reg_cert_no=number, dereg_no=f"D-{n}", dereg_date=command.returned_on
                )
            case p.MortgageRegisterV1():
                return p.MortgageRegisteredV1(vin=v, mortgage_no=f"M-{n}")
            case p.ElicenceIssueV1():
                return p.ElicenceIssuedV1(vin=v, elicence_no=f"E-{n}", issued_at=datetime(2026, 5, 6, tzinfo=UTC))
            case p.PlateDispatchV1():
                return p.PlateDispatchedV1(vin=v, tracking_no=f"K-{n}")
            case p.PlateTrackV1(tracking_no=number):
                return p.PlateDeliveredV1(vin=v, tracking_no=number, delivered_at=datetime(2026, 5, 8, tzinfo=UTC))
            case p.PlateReleaseV1(reservation_no=number):
                return p.PlateReleasedV1(vin=v, reservation_no=number)
            case i.InsuranceCancelV1(policy_no=number):
                return i.InsuranceCancelledV1(vin=v, policy_no=number, refund=95_000)
            case t.TaxReclaimV1(assessment_no=number, refund_asked=asked):
                return t.TaxRefundedV1(vin=v, assessment_no=number, refund=asked or 0)
            case b.LoanWithdrawV1(loan_contract_no=number):
                return b.LoanWithdrawnV1(vin=v, loan_contract_no=number)
            case t.InvoiceReverseV1(invoice_no=number):
                return t.InvoiceReversedV1(vin=v, invoice_no=number, red_invoice_no=f"26322{n:015}")
            case x.ExportQualifyV1():
                return x.ExportQualifiedV1(vin=v, qualification_no=f"XQ-{n}")
            case x.LicenceApplyV1():
                return x.LicenceIssuedV1(
                    vin=v,
                    licence_no=command.licence_no or "26-AA-100256",
                    licence_qty=20,
                    licence_used=1,
                    licence_expiry=date(2026, 12, 31),
                )
            case x.ExportDeclareV1():
                return x.ExportReleasedV1(vin=v, decl_no="223320260000012345", decl_date=date(2026, 5, 6))
            case x.ExportTrackV1(decl_no=number):
                return x.ExportExitedV1(vin=v, decl_no=number, exited_on=date(2026, 5, 9))
        raise AssertionError(type(command))


_WALKED: dict[tuple[type, str, tuple[str, ...]], Road] = {}


class Road:
    """One case, everything it asked and was told. Every decision is checked never to leave it in silence."""

    def __init__(
        self,
        of: SaleConfirmedV3 | None = None,
        *,
        on: date = date(2026, 5, 5),
        taken: bool = False,
        organisations: Iterable[str] = tuple(ORGANISATIONS),
        twist: dict[str, dict[str, Any]] | None = None,
    ) -> None:
        self.sale = of or sale()
        self.agencies = Agencies(self.sale, twist or {})
        self._ids = count(1)
        start = datetime(on.year, on.month, on.day, 2, tzinfo=UTC)
        self.world = World(start, on, POLICIES, frozenset(organisations), lambda: f"command-{next(self._ids)}")
        self.asked: list[Command] = []
        self.out: dict[str, Command] = {}
        self.steps: list[Step] = []
        self.case: Case
        self._take(open_case(CASE, Told(self.sale, "sale-1", taken=taken), self.world))

    def at(self, stage: tuple[str, ...]) -> Road:
        """This road once everything but `stage` is answered; many a test begins there, so it is walked once."""
        key = (type(self), self.sale.model_dump_json(), stage)
        if key not in _WALKED:
            self.run(*stage)
            _WALKED[key] = self
        return _WALKED[key].fork()

    def fork(self) -> Road:
        """The same road, to be gone on differently."""
        other = copy(self)
        other.asked, other.out, other.steps = [*self.asked], {**self.out}, [*self.steps]
        other.agencies, other._ids = copy(self.agencies), copy(self._ids)
        other.agencies._numbers = copy(self.agencies._numbers)
        other.world = replace(self.world, new_id=lambda: f"command-{next(other._ids)}")
        return other

    def follow(self, opened: Decision) -> Road:
        """The road of another case about the same car, as it was just opened, at the same agencies and clock."""
        other = copy(self)
        other.asked, other.out, other.steps = [], {}, []
        other._take(opened)
        return other

    def hear(self, event: Event) -> Decision:
        """Let an event be decided."""
        return self._take(decide(self.stored(), event, self.world))

    def stored(self) -> Case:
        """The case after a trip through JSON, as the store makes it."""
        stored = Case.model_validate_json(self.case.model_dump_json(exclude_defaults=True))
        assert stored == self.case
        return stored

    def told(self, data: Contract, cause: str | None = None) -> Decision:
        """A message comes."""
        return self.hear(Told(data, f"message-{next(self._ids)}", cause))

    def find(self, command: str) -> Command:
        """The outstanding command of that name."""
        return next(sent for sent in self.out.values() if name_of(sent) == command)

    def answer(self, command: str, **twist: Any) -> Decision:
        """Its agency answers the outstanding command of that name."""
        sent = self.find(command)
        del self.out[sent.id]
        return self.told(self.agencies.answer(sent.data).model_copy(update=twist), sent.id)

    def refuse(self, command: str, code: str) -> Decision:
        """Its agency refuses it."""
        sent = self.find(command)
        del self.out[sent.id]
        refusal = AgencyRefusedV1(vin=VIN, organisation=sent.organisation, command=command, code=code, reason="no")
        return self.told(refusal, sent.id)

    def die(self, command: str) -> Decision:
        """Dispatch gives up on it; it may be answered all the same, later."""
        return self.deliver(self.find(command), "dead")

    def deliver(self, sent: Command, state: DeliveryState) -> Decision:
        """Dispatch tells what has become of a delivery."""
        fate = DeliveryChangedV1(
            delivery_id=sent.id,
            vin=VIN,
            organisation=sent.organisation,
            command=name_of(sent),
            revision=9,
            state=state,
            owner="operator" if state == "dead" else None,
        )
        return self.told(fate, sent.id)

    def run(self, *but: str) -> None:
        """Everything that is out is answered, oldest first, until nothing but `but` is out."""
        while waiting := [sent for sent in self.out.values() if name_of(sent) not in but]:
            del self.out[waiting[0].id]
            self.told(self.agencies.answer(waiting[0].data), waiting[0].id)

    def sleep(self, time: timedelta) -> None:
        """Time goes by, and timers ring when they are due."""
        until = self.world.now + time
        while self.case.timers and self.case.timers[0].due <= until:
            timer = self.case.timers[0]
            self._move_clock(max(timer.due, self.world.now))
            self.hear(Due(timer.name))
            assert timer not in self.case.timers, "a timer that rang is spent"
        self._move_clock(until)

    def outwait(self, command: str, more: timedelta = timedelta()) -> Command:
        """Nobody answers the outstanding command of that name until the watchdog rings, and `more`."""
        sent = self.find(command)
        until = self.case.asks[sent.id].until
        assert until is not None
        self.sleep(until - self.world.now + more)
        return sent

    def state(self, facet: str) -> str:
        """Where a facet stands."""
        return self.case.facets[facet].state

    def held(self, facet: str) -> str | None:
        """Why a facet is held."""
        hold = self.case.facets[facet].hold
        return hold.reason if hold else None

    @property
    def names(self) -> list[str]:
        """What was asked, in order."""
        return [name_of(sent) for sent in self.asked]

    @property
    def rules(self) -> list[str]:
        """The rules of all steps, in order."""
        return [step.rule for step in self.steps]

    def _move_clock(self, now: datetime) -> None:
        day = self.world.today + (now.date() - self.world.now.date())
        self.world = replace(self.world, now=now, today=day)

    def _take(self, decision: Decision) -> Decision:
        self.case = decision.case
        self.asked += decision.commands
        self.out |= {sent.id: sent for sent in decision.commands}
        self.steps += decision.steps
        snapshot(decision.case, decision.steps)
        assert never_silent(self.case), self.case
        assert self.case.timers == decision.timers
        return decision


def name_of(sent: Command) -> str:
    """The contract name of a command."""
    return contract_of(sent.data)[0].name
