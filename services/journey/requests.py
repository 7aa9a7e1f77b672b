"""How each command is filled: from the sale, the certificate and the answers so far, and no more than its fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from pydantic import BaseModel

from contracts.certificate import CocQueryV1
from contracts.contract import Contract
from contracts.export import ExportDeclareV1, ExportQualifyV1, ExportTrackV1, LicenceApplyV1
from contracts.insurance import InsuranceBindV1, InsuranceCancelV1, InsuranceEndorseV1, InsuranceQuoteV1
from contracts.loan import LoanApplyV1, LoanWithdrawV1, MortgageCosignV1
from contracts.police import (
    ElicenceIssueV1,
    ElicenceRevokeV1,
    MortgageRegisterV1,
    MortgageReleaseV1,
    PlateDispatchV1,
    PlateReleaseV1,
    PlateReserveV1,
    PlateTrackV1,
    RegistrationDeregisterV1,
    RegistrationRegisterV1,
)
from contracts.tax import InvoiceRequestV1, InvoiceReverseV1, TaxDeclareV1, TaxPayV1, TaxReclaimV1
from contracts.types import PlateKind

from .case import Case, Effect
from .proofs import e_licence_pack, end_of_cover_pack, owed, present, refund_of_return, tax_of
from .world import World

Request = Callable[[Case, World], Contract]
UNDO_REASON: Final = "销售取消或更正 sale cancelled or corrected"
RETURN_REASON: Final = "退车 the car was returned"


def _fill(model: type[Contract], case: Case, **own: Any) -> Contract:
    """The command, each field from the first that knows it: `own`, our certificate, the sale and its parts, papers."""
    sources = [case.papers.coc, case.sale, case.sale.buyer, case.sale.loan, case.sale.export, case.papers.invoice]
    found = {name: _first(name, sources) for name in model.model_fields if name not in own}
    return model(**{name: value for name, value in found.items() if value is not None}, **own)


def _first(name: str, sources: Sequence[BaseModel | None]) -> Any:
    values = (getattr(source, name, None) for source in sources if source is not None)
    return next((value for value in values if value is not None), None)


def coc_query(case: Case, _world: World) -> Contract:
    """The certificate that the sale names."""
    return CocQueryV1(vin=case.vin, coc_no=case.sale.coc_no)


def invoice_request(case: Case, _world: World) -> Contract:
    """An invoice for the price of the sale."""
    return _fill(InvoiceRequestV1, case)


def tax_declare(case: Case, world: World) -> Contract:
    """The declaration, on the amount of the invoice. Raises `PolicyGap`: no relief is claimed where none is known."""
    tax_of(case, world)
    coc, bill = present(case.papers.coc), present(case.papers.invoice)
    relief = "NEV" if coc.nev_catalogue else "NONE"
    return _fill(TaxDeclareV1, case, relief_code=relief, declared_on=world.today, amount_excl=bill.amount_excl)


def tax_pay(case: Case, _world: World) -> Contract:
    """Tax and surcharge of the assessment that was found right."""
    assessed = present(case.papers.assessed)
    return TaxPayV1(vin=case.vin, assessment_no=assessed.assessment_no, amount_due=owed(assessed))


def insurance_quote(case: Case, world: World) -> Contract:
    """Cover from today: it must be there before registration (CTPL 4)."""
    return _fill(InsuranceQuoteV1, case, start_date=world.today)


def insurance_bind(case: Case, _world: World) -> Contract:
    """The cover as quoted."""
    quoted = present(case.papers.quoted)
    own = {"quote_no": quoted.quote_no, "premium": quoted.premium, "vvt": quoted.vvt}
    return _fill(InsuranceBindV1, case, start_date=present(case.papers.start_date), **own)


def insurance_endorse(case: Case, _world: World) -> Contract:
    """The plate, for the policy."""
    policy_no, plate_no = present(case.papers.bound).policy_no, present(case.papers.registered).plate_no
    return InsuranceEndorseV1(vin=case.vin, policy_no=policy_no, plate_no=plate_no)


def loan_apply(case: Case, _world: World) -> Contract:
    """The loan that the buyer asked for with the order."""
    return _fill(LoanApplyV1, case)


def plate_kind_of(fuel_kind: str) -> PlateKind:
    """Fuel plates for what burns and cannot be plugged in, small new-energy plates for the rest."""
    return "FUEL" if fuel_kind in {"ICE", "HEV"} else "NEV_SMALL"


def plate_reserve(case: Case, _world: World) -> Contract:
    """A plate of the kind that fits the certificate's fuel."""
    return _fill(PlateReserveV1, case, plate_kind=plate_kind_of(present(case.papers.coc).fuel_kind))


def register(case: Case, _world: World) -> Contract:
    """The registration, with references to all proofs."""
    reserved = present(case.papers.plate)
    return _fill(RegistrationRegisterV1, case, tax_settled=True, insured=True, reservation_no=reserved.reservation_no)


def mortgage_cosign(case: Case, _world: World) -> Contract:
    """The lender's part of the application that owner and mortgagee make together; the owner's came with the order."""
    registered = present(case.papers.registered)
    return MortgageCosignV1(
        vin=case.vin,
        loan_contract_no=_loan_contract_no(case),
        reg_cert_no=registered.reg_cert_no,
        plate_no=registered.plate_no,
    )


def mortgage_register(case: Case, _world: World) -> Contract:
    """The lender's mortgage on the registered car, by the joint application."""
    return _fill(
        MortgageRegisterV1,
        case,
        reg_cert_no=present(case.papers.registered).reg_cert_no,
        loan_contract_no=_loan_contract_no(case),
        cosign_no=present(case.papers.cosigned).cosign_no,
    )


def mortgage_release(case: Case, _world: World) -> Contract:
    """The mortgage that the settled loan no longer needs."""
    return MortgageReleaseV1(
        vin=case.vin,
        mortgage_no=present(case.papers.mortgage).mortgage_no,
        lender_uscc=present(case.sale.loan).lender_uscc,
        settled_on=present(case.papers.settled).settled_on,
    )


def _loan_contract_no(case: Case) -> str:
    return present(present(case.papers.loan).loan_contract_no)


def elicence_issue(case: Case, world: World) -> Contract:
    """The electronic licence of the registered car. Raises `PolicyGap`: none is asked for where none can be issued."""
    e_licence_pack(case, world, world.today)
    registered = present(case.papers.registered)
    return ElicenceIssueV1(vin=case.vin, plate_no=registered.plate_no, reg_cert_no=registered.reg_cert_no)


def plate_dispatch(case: Case, _world: World) -> Contract:
    """Plate and papers, to the buyer."""
    return _fill(PlateDispatchV1, case, plate_no=present(case.papers.registered).plate_no)


def plate_track(case: Case, _world: World) -> Contract:
    """Where the parcel is."""
    return PlateTrackV1(vin=case.vin, tracking_no=present(case.papers.dispatched).tracking_no)


def export_qualify(case: Case, _world: World) -> Contract:
    """Whether maker and exporter are entitled."""
    return _fill(ExportQualifyV1, case)


def licence_apply(case: Case, world: World) -> Contract:
    """The licence, or the one the exporter says it holds."""
    qualification_no = present(case.papers.qualified).qualification_no
    return _fill(LicenceApplyV1, case, qualification_no=qualification_no, applied_on=world.today)


def export_declare(case: Case, _world: World) -> Contract:
    """The car, before customs; with a licence only where one was needed."""
    licence = case.papers.licence
    return _fill(ExportDeclareV1, case, licence_no=licence.licence_no if licence else None)


def export_track(case: Case, _world: World) -> Contract:
    """Whether the car has left."""
    return ExportTrackV1(vin=case.vin, decl_no=present(case.papers.released).decl_no)


def elicence_revoke(case: Case, _world: World) -> Contract:
    """The electronic licence of a car that went back."""
    return ElicenceRevokeV1(vin=case.vin, elicence_no=present(case.papers.elicence).elicence_no, reason=RETURN_REASON)


def deregister(case: Case, _world: World) -> Contract:
    """A car that went back, off the register."""
    registered = present(case.papers.registered)
    return RegistrationDeregisterV1(
        vin=case.vin,
        reg_cert_no=registered.reg_cert_no,
        plate_no=registered.plate_no,
        dereg_ground="RETURNED",
        returned_on=present(case.returned).returned_on,
    )


def insurance_end(case: Case, world: World) -> Contract:
    """The policy of a car that was struck off the register, which CTPL 16 lets its holder end. Raises `PolicyGap`."""
    end_of_cover_pack(case, world)
    policy_no = present(case.papers.bound).policy_no
    return InsuranceCancelV1(vin=case.vin, policy_no=policy_no, cancel_ground="DEREGISTERED", reason=RETURN_REASON)


def tax_refund(case: Case, world: World) -> Contract:
    """What PTL 15 gives back, asked today, of the tax of a car that went back. Raises `PolicyGap`."""
    return TaxReclaimV1(
        vin=case.vin,
        assessment_no=present(case.papers.paid).assessment_no,
        reclaim_basis="PTL-15",
        returned_on=present(case.returned).returned_on,
        reclaimed_on=world.today,
        refund_asked=refund_of_return(case, world, world.today).fen,
        reason=RETURN_REASON,
    )


def plate_release(case: Case, plate: Effect) -> Contract:
    """Undo T7."""
    return PlateReleaseV1(vin=case.vin, reservation_no=plate.reference, reason=UNDO_REASON)


def insurance_cancel(case: Case, policy: Effect) -> Contract:
    """Undo T6: the car was never registered, so the insurer's own rule holds and not CTPL 16."""
    return InsuranceCancelV1(
        vin=case.vin, policy_no=policy.reference, cancel_ground="NOT_REGISTERED", reason=UNDO_REASON
    )


def tax_reclaim(case: Case, payment: Effect) -> Contract:
    """Undo T5: without a purchase nothing was owed, so all that was paid is asked back (TCL 51)."""
    paid = payment.fen or owed(present(case.papers.assessed))
    return TaxReclaimV1(
        vin=case.vin,
        assessment_no=payment.reference,
        reclaim_basis="TCL-51",
        refund_asked=paid,
        reason=UNDO_REASON,
    )


def loan_withdraw(case: Case, approval: Effect) -> Contract:
    """Undo T4."""
    return LoanWithdrawV1(vin=case.vin, loan_contract_no=approval.reference, reason=UNDO_REASON)


def invoice_reverse(case: Case, invoice: Effect) -> Contract:
    """Undo T3, by a red-letter invoice."""
    return InvoiceReverseV1(vin=case.vin, invoice_no=invoice.reference, reason=UNDO_REASON)
