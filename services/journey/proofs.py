"""Whether an answer proves what its rule needs: an agency's word is compared with what we know before it counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, TypeVar

from contracts.certificate import CocConfirmedV1
from contracts.contract import Contract
from contracts.export import LicenceIssuedV1
from contracts.insurance import InsuranceBoundV3, InsuranceCancelledV1, InsuranceQuotedV1
from contracts.loan import LoanDecidedV1, LoanSettledV1, MortgageCosignedV1
from contracts.numbers import plate
from contracts.numbers.errors import InvalidNumber
from contracts.police import ElicenceIssuedV1, MortgageReleasedV1, PlateReservedV1, RegistrationRegisteredV1
from contracts.policy import PolicyGap
from contracts.policy.compulsory_insurance import is_one_year, premium
from contracts.policy.export_licensing import licence_required
from contracts.policy.insurance_cancellation import cancellation
from contracts.policy.purchase_tax import PurchaseTax, Refund, late_surcharge, purchase_tax, return_refund
from contracts.policy.vessel_tax import unused_refund, vessel_tax_fits
from contracts.tax import InvoiceIssuedV1, TaxAssessedV1, TaxPaidV1, TaxRefundedV1
from contracts.types import CHINA

from .case import Case
from .world import World

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Finding:
    """`objection` is a reason to hold, `pack` the one that decided, `after` another state than the rule's.

    `beside` are further packs that the decision rests on, `remark` what people should know though nothing is wrong.
    """

    objection: str | None = None
    pack: str | None = None
    after: str | None = None
    beside: tuple[str, ...] = ()
    remark: tuple[str, str] | None = None


_NOT_LISTED: Final = (
    "车型未列入减免目录，与销售信息不符：不享受减免",
    "the model is not in the reduction catalogue, though the sale said so: there will be no relief",
)
Proof = Callable[[Case, Any, World], Finding]


class Incomplete(LookupError):
    """A rule was applied before its guard held: our mistake, never an agency's."""


def present(paper: T | None) -> T:
    """A paper that the guards have promised."""
    if paper is None:
        raise Incomplete
    return paper


def enough(_case: Case, _answer: Contract, _world: World) -> Finding:
    """The answer is its own proof."""
    return Finding()


def certificate(case: Case, answer: CocConfirmedV1, _world: World) -> Finding:
    """T2: the certificate is of this car. A VIN's check digit is blind to some swaps, so engine and motor decide."""
    compared = ("coc_no", "engine_no", "motor_no", "model", "fuel_kind")
    same = all(getattr(answer, name) == getattr(case.sale, name) for name in compared)
    claimed = case.sale.nev_catalogue and not answer.nev_catalogue
    return Finding(None if same else "D422", remark=_NOT_LISTED if claimed else None)


def invoice(case: Case, answer: InvoiceIssuedV1, _world: World) -> Finding:
    """T3: the invoice is for the car of the certificate, and says the price of the sale."""
    if answer.invoiced_vin not in {None, present(case.papers.coc).vin}:
        return Finding("D422")
    amounts = ("amount_incl", "amount_excl", "vat")
    same = all(equal(getattr(answer, name), getattr(case.sale, name)) for name in amounts)
    return Finding(None if same else "amount")


def loan(case: Case, answer: LoanDecidedV1, _world: World) -> Finding:
    """T4: approved, by contract, for the amount that was asked."""
    if answer.decision == "REJECTED":
        return Finding("B451", after="REJECTED")
    asked = present(case.sale.loan).loan_amount
    return Finding(None if answer.loan_contract_no and answer.loan_amount == asked else "amount")


def settlement(case: Case, answer: LoanSettledV1, _world: World) -> Finding:
    """T4: the loan that was paid back is the one of this car."""
    same = answer.loan_contract_no == present(case.papers.loan).loan_contract_no
    return Finding(None if same else "D422")


def cosign(case: Case, answer: MortgageCosignedV1, _world: World) -> Finding:
    """T9: what the lender signed is for the loan of this car."""
    same = answer.loan_contract_no == present(case.papers.loan).loan_contract_no
    return Finding(None if same else "D422")


def release(case: Case, answer: MortgageReleasedV1, _world: World) -> Finding:
    """T9: what was taken off the record is the mortgage of this case."""
    same = answer.mortgage_no == present(case.papers.mortgage).mortgage_no
    return Finding(None if same else "D422")


def assessment(case: Case, answer: TaxAssessedV1, world: World) -> Finding:
    """T5: the office's amounts are those of the pack of the invoice's date. Raises `PolicyGap`."""
    bill, tax = present(case.papers.invoice), tax_of(case, world)
    terms = world.policies.pack_for("purchase-tax-terms", bill.invoice_date, kind="new-car")
    surcharge = late_surcharge(world.policies, tax.payable, bill.invoice_date, present(case.papers.declared_on))
    expected = (tax.full, tax.relief, tax.payable)
    told = (answer.tax_full, answer.relief, answer.tax_payable)
    if not all(equal(one, other) for one, other in zip(expected, told, strict=True)):
        return Finding("T422", tax.pack)
    if not equal(answer.surcharge, surcharge):
        return Finding("T422", terms.id)
    return Finding(None, tax.pack, beside=(terms.id,))


def tax_of(case: Case, world: World) -> PurchaseTax:
    """What the pack of the invoice's date makes of it. Raises `PolicyGap`.

    Whether the model is in the catalogue is told by the certificate; the sale merely claims it.
    """
    bill, coc = present(case.papers.invoice), present(case.papers.coc)
    return purchase_tax(
        world.policies,
        excl_fen=bill.amount_excl,
        invoice_date=bill.invoice_date,
        fuel_kind=coc.fuel_kind,
        in_catalogue=coc.nev_catalogue,
        battery_excl=case.sale.battery_excl or 0,
    )


def payment(case: Case, answer: TaxPaidV1, world: World) -> Finding:
    """T5: what was paid is what was found right, and came before more was owed. Raises `PolicyGap`.

    An office's clock may be ahead of ours; nothing was paid after the day on which we hear of it.
    """
    assessed = present(case.papers.assessed)
    same = answer.assessment_no == assessed.assessment_no and answer.amount_due == owed(assessed)
    late = lateness(case, world, min(answer.tax_paid_at.astimezone(CHINA).date(), world.today))
    return Finding(None if same and late.objection is None else "T422", late.pack)


def lateness(case: Case, world: World, paid_on: date) -> Finding:
    """Whether who pays on that day owes more than was assessed: a surcharge runs until payment (TCL 32).

    Raises `PolicyGap`.
    """
    bought_on, tax = present(case.papers.invoice).invoice_date, present(case.papers.assessed).tax_payable
    pack = world.policies.pack_for("purchase-tax-terms", bought_on, kind="new-car").id
    then, now = (
        late_surcharge(world.policies, tax, bought_on, day) for day in (case.papers.declared_on or paid_on, paid_on)
    )
    return Finding("T422" if now > then else None, pack)


def refund(case: Case, answer: TaxRefundedV1, world: World) -> Finding:
    """R6: what came back is what PTL 15 gives back. Raises `PolicyGap`."""
    expected = refund_of_return(case, world, case.papers.reclaimed_on or world.today)
    return Finding(None if equal(answer.refund, expected.fen) else "refund", expected.pack)


def quote(case: Case, answer: InsuranceQuotedV1, world: World) -> Finding:
    """T6: a new car pays the base premium; its vessel tax lies within the national bands. Raises `PolicyGap`."""
    coc = present(case.papers.coc)
    base = premium(world.policies, coc.seats, present(case.papers.start_date))
    if answer.premium != base.premium_fen:
        return Finding("premium", base.pack)
    tax = vessel_tax_fits(
        world.policies,
        answer.vvt,
        invoice_date=present(case.papers.invoice).invoice_date,
        fuel_kind=coc.fuel_kind,
        in_catalogue=coc.nev_catalogue,
        displacement=coc.displacement,
    )
    return Finding(None, base.pack, beside=(tax.pack,)) if tax.fits else Finding("vessel-tax", tax.pack)


def policy(case: Case, answer: InsuranceBoundV3, _world: World) -> Finding:
    """T6: the policy is the one that was quoted, of the insurer that was chosen, for a year from its day."""
    quoted = present(case.papers.quoted)
    expected = (quoted.premium, quoted.vvt, present(case.sale.buyer).insurer_uscc, case.papers.start_date)
    told = (answer.premium, answer.vvt, answer.insurer_uscc, answer.start_date)
    lasts = is_one_year(answer.start_date, answer.end_date)
    return Finding(None if expected == told and lasts else "policy-differs")


def plate_kind(case: Case, answer: PlateReservedV1, world: World) -> Finding:
    """T7: the plate fits the fuel kind of the certificate."""
    return Finding(None if _fits(case, answer.plate_no, world) else "plate-kind")


def registration(case: Case, answer: RegistrationRegisteredV1, world: World) -> Finding:
    """T8: with the plate that was reserved."""
    if not _fits(case, answer.plate_no, world):
        return Finding("plate-kind")
    return Finding(None if answer.plate_no == present(case.papers.plate).plate_no else "plate-differs")


def electronic_licence(case: Case, answer: ElicenceIssuedV1, world: World) -> Finding:
    """T10: by the pack of the day on which it was issued. Raises `PolicyGap`."""
    return Finding(pack=e_licence_pack(case, world, answer.issued_at.astimezone(CHINA).date()))


def e_licence_pack(case: Case, world: World, on: date) -> str:
    """Which pack lets an electronic licence be issued where the car is registered. Raises `PolicyGap`."""
    region = case.sale.buyer.region if case.sale.buyer else None
    return world.policies.pack_for("e-licence", on, region=region, kind=case.kind).id


def cover_ended(case: Case, answer: InsuranceCancelledV1, world: World) -> Finding:
    """R5: on a ground of the law. No more came back than was paid, and no less than the vessel tax of unused months.

    Those run from the one in which the car went back (VVTR 19). What of the premium is left the insurer reckons. Raises
    `PolicyGap`.
    """
    cover, since = present(case.papers.bound), bought_on(case)
    went_back = max(present(case.returned).returned_on, since)
    least, most = unused_refund(cover.vvt, since, went_back), cover.premium + cover.vvt
    within = least <= answer.refund <= most or equal(answer.refund, least)
    return Finding(None if within else "refund", end_of_cover_pack(case, world))


def end_of_cover_pack(case: Case, world: World) -> str:
    """Which pack lets the cover of a car that was struck off end. Raises `PolicyGap`, also where that is no ground."""
    begun_on = present(case.papers.bound).start_date
    found = cancellation(world.policies, "DEREGISTERED", begun_on, registered=True)
    if not found.allowed:
        raise PolicyGap("insurance-cancellation", begun_on, "to be struck off is no ground")
    return found.pack


def export_licence(case: Case, answer: LicenceIssuedV1, world: World) -> Finding:
    """E4: the licence the exporter named if it named one, alive, not used beyond its quantity."""
    wanted = present(case.sale.export)
    pack = licence_required(world.policies, wanted.hs_code, present(case.papers.applied_on)).pack
    if answer.licence_used > answer.licence_qty:
        return Finding("X409", pack)
    alive = answer.licence_expiry >= world.today
    return Finding(None if alive and wanted.licence_no in {None, answer.licence_no} else "licence-differs", pack)


def refund_of_return(case: Case, world: World, asked_on: date) -> Refund:
    """The tax that was paid, without any surcharge, less a share for each full year until the day of the request.

    Raises `PolicyGap`.
    """
    paid_on = present(case.papers.paid).tax_paid_at.astimezone(CHINA).date()
    tax = present(case.papers.assessed).tax_payable
    return return_refund(world.policies, tax, paid_on, asked_on, invoice_date=bought_on(case))


def bought_on(case: Case) -> date:
    """The day of the invoice; that of the sale where an older return did not take the invoice over."""
    return case.papers.invoice.invoice_date if case.papers.invoice else case.sale.sold_on


def owed(assessed: TaxAssessedV1) -> int:
    """Tax and surcharge together, in fen."""
    return assessed.tax_payable + assessed.surcharge


def _fits(case: Case, plate_no: str, world: World) -> bool:
    try:
        return plate.kind_fits(present(case.papers.coc).fuel_kind, plate_no, world.today)
    except InvalidNumber:
        return False


def equal(one: int, other: int) -> bool:
    """Equal but for a fen, since no law says how to round."""
    return abs(one - other) <= 1


def same_car(case: Case, answer: Contract) -> bool:
    """Whether an answer is about the car of the case."""
    return bool(getattr(answer, "vin", None) == case.vin)
