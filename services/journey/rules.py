"""The rulebook's transitions (§5) as rows: facet, from, to, what must stand first, what is asked, what undoes it.

A row with a command fires when its answer comes and the proof finds nothing wrong. A row that `hears` a notice fires
when an organisation tells it of its own accord. A row with `when` fires by itself.
Nothing here says "then send": a command is due whenever its row's facet stands at `before`, what it `needs` stands
firm, and it has not been asked (see `decide`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

from contracts.case import CaseKind
from contracts.contract import Contract
from contracts.policy.export_licensing import licence_required
from contracts.topics import COMMANDS

from . import proofs, requests
from .case import NONE, Case, Effect
from .proofs import Finding, Proof, enough, owed, present
from .requests import Request
from .world import World


@dataclass(frozen=True, slots=True)
class Undo:
    """How an effect is taken back: the command, the answer's field that names the effect, and where the facet ends."""

    command: str
    reference: str
    after: str
    request: Callable[[Case, Effect], Contract]
    zh: str
    en: str
    source: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One transition. `source` is what it rests on: statutes by article, else where the rulebook says it.

    `paper` is where the answer is kept, `remembers` which of the command's fields are. `weighs` names the papers that
    the proof reads beside the answer, or on which a row without one rests. `follows` is the paper of whose record a
    notice tells the next version. `compares` names the fields of the sale that the proof reads beyond those in the
    command. `final` marks a fact that holds whatever we think of it and cannot be taken back; `pivot` the one after
    which nothing is.
    """

    id: str
    kind: CaseKind
    facet: str
    before: str
    after: str
    zh: str
    en: str
    source: str
    needs: tuple[str, ...] = ()
    asks: str | None = None
    hears: str | None = None
    follows: str | None = None
    request: Request | None = None
    proof: Proof = enough
    paper: str | None = None
    remembers: tuple[str, ...] = ()
    weighs: tuple[str, ...] = ()
    compares: tuple[str, ...] = ()
    undo: Undo | None = None
    also: tuple[str, str] | None = None
    when: Callable[[Case, World], Finding | None] | None = None
    final: bool = False
    pivot: bool = False

    @property
    def guards(self) -> tuple[tuple[str, frozenset[str]], ...]:
        """What must stand firm, as facet and states."""
        return _guards(self.needs)

    @property
    def answer(self) -> str | None:
        """The contract that answers the command, or the notice that is heard."""
        return COMMANDS[self.asks].answer.name if self.asks else self.hears

    @property
    def reads(self) -> frozenset[str]:
        """The fields of the sale on which this transition may depend."""
        return frozenset((*fields_of(self.asks), *self.compares) if self.asks else ())


@cache
def _guards(needs: tuple[str, ...]) -> tuple[tuple[str, frozenset[str]], ...]:
    pairs = (need.split("=") for need in needs)
    return tuple((facet, frozenset(states.split("|"))) for facet, states in pairs)


def fields_of(command: str) -> frozenset[str]:
    """The fields that a command carries."""
    return frozenset(COMMANDS[command].versions.models[-1].model_fields)


def _nothing_owed(case: Case, _world: World) -> Finding | None:
    return Finding() if owed(present(case.papers.assessed)) == 0 else None


def _assessed_too_early(case: Case, world: World) -> Finding | None:
    if any(ask.command == "tax.pay" for ask in case.asks.values()):
        return None
    found = proofs.lateness(case, world, world.today)
    return Finding(pack=found.pack) if found.objection else None


def _cover_too_early(case: Case, world: World) -> Finding | None:
    begins, out = case.papers.start_date, any(ask.command == "insurance.bind" for ask in case.asks.values())
    return Finding() if begins and begins < world.today and not out else None


def _no_licence_needed(case: Case, world: World) -> Finding | None:
    need = licence_required(world.policies, present(case.sale.export).hs_code, world.today)
    return None if need.required else Finding(pack=need.pack)


def _no_mortgage_needed(case: Case, _world: World) -> Finding | None:
    return None if any(ask.facet == "mort" for ask in case.asks.values()) else Finding()


def _nothing_to_refund(case: Case, world: World) -> Finding | None:
    found = proofs.refund_of_return(case, world, world.today)
    return Finding(pack=found.pack) if found.fen == 0 else None


_CERTIFIED: Final = ("engine_no", "motor_no", "model", "coc_no")
_RELEASE: Final = Undo(
    "plate.release",
    "reservation_no",
    "RELEASED",
    requests.plate_release,
    "预留号牌已释放",
    "the reserved plate was let go",
    "rulebook §5 T7",
)
_CANCEL: Final = Undo(
    "insurance.cancel",
    "policy_no",
    "CANCELLED",
    requests.insurance_cancel,
    "保单已撤销",
    "the policy was undone",
    "CTPL 16; insurer's rule before registration",
)
_RECLAIM: Final = Undo(
    "tax.reclaim",
    "assessment_no",
    "REFUNDED",
    requests.tax_reclaim,
    "购置税已退还",
    "the purchase tax was paid back",
    "TCL 51",
)
_WITHDRAW: Final = Undo(
    "loan.withdraw",
    "loan_contract_no",
    "WITHDRAWN",
    requests.loan_withdraw,
    "贷款批复已撤回",
    "the approval was given back",
    "rulebook §5 T4",
)
_REVERSE: Final = Undo(
    "invoice.reverse",
    "invoice_no",
    "REVERSED",
    requests.invoice_reverse,
    "发票已红冲",
    "the invoice was reversed in red",
    "SAT 23/2020",
)
_REGISTERED: Final = "reg=REGISTERED"
_LENT: Final = "APPROVED|SETTLED"
_MORTGAGE_GONE: Final = "mort=NOT_NEEDED|RELEASED|SECURED"

NEW_CAR: Final = (
    Rule("T1", "new-car", "order", NONE, "CONFIRMED",
    "销售已确认，车架号无其他在办业务", "the sale is confirmed; the VIN is free", "GB 16735-2019; rulebook §5 T1",
    weighs=("sale",)),
    Rule(
        "T2", "new-car", "coc", NONE, "AVAILABLE",
        "合格证与销售信息一致", "the certificate matches the sale", "RTSL 9; GB/T 21085-2020",
        needs=("order=CONFIRMED",), asks="coc.query", hears="coc.confirmed", request=requests.coc_query,
        proof=proofs.certificate, paper="coc", weighs=("sale",), compares=_CERTIFIED,
    ),
    Rule(
        "T3", "new-car", "invoice", NONE, "ISSUED",
        "销售发票已开具，车架号与金额一致", "the invoice is issued for this car at the sale's price", "SAT 23/2020",
        needs=("order=CONFIRMED", "coc=AVAILABLE"), asks="invoice.request", request=requests.invoice_request,
        proof=proofs.invoice, paper="invoice", weighs=("sale", "coc"), undo=_REVERSE,
    ),
    Rule(
        "T4", "new-car", "loan", NONE, "APPROVED", "银行已批准贷款", "the bank approved the loan", "PIPL 13; CC 403",
        needs=("order=CONFIRMED", "invoice=ISSUED"), asks="loan.apply", request=requests.loan_apply, proof=proofs.loan,
        paper="loan", weighs=("sale", "invoice"), undo=_WITHDRAW,
    ),
    Rule(
        "T4", "new-car", "loan", "APPROVED", "SETTLED", "贷款已结清", "the loan is paid back", "CC 393",
        hears="loan.settled", proof=proofs.settlement, paper="settled", weighs=("loan",), final=True,
    ),
    Rule(
        "T5", "new-car", "tax", NONE, "ASSESSED",
        "核定税额与政策包计算一致", "the assessment equals the pack's amounts", "PTL 3–6, 12; TCL 32",
        needs=("coc=AVAILABLE", "invoice=ISSUED"), asks="tax.declare", request=requests.tax_declare,
        proof=proofs.assessment, paper="assessed", remembers=("declared_on",), weighs=("invoice", "coc"),
    ),
    Rule(
        "T5", "new-car", "tax", "ASSESSED", NONE,
        "核定后滞纳金又有增加，须重新核定", "the surcharge has grown since; to be assessed anew", "TCL 32",
        needs=("coc=AVAILABLE", "invoice=ISSUED"), when=_assessed_too_early, weighs=("invoice", "assessed"),
    ),
    Rule(
        "T5", "new-car", "tax", "ASSESSED", "RELIEVED", "免税，无需缴纳", "relieved; nothing is owed", "PTL 9",
        needs=("invoice=ISSUED",), when=_nothing_owed, weighs=("assessed",),
    ),
    Rule(
        "T5", "new-car", "tax", "ASSESSED", "PAID", "购置税已缴清", "the purchase tax is paid", "PTL 12, 13",
        needs=("coc=AVAILABLE", "invoice=ISSUED"), asks="tax.pay", request=requests.tax_pay, proof=proofs.payment,
        paper="paid", weighs=("assessed",), undo=_RECLAIM,
    ),
    Rule(
        "T6", "new-car", "ins", NONE, "QUOTED",
        "保费为基准保费，车船税在税额幅度内", "the premium is the base premium, the vessel tax within its bands",
        "CTPL 6, 10; VVT 2, 6",
        needs=("coc=AVAILABLE", "invoice=ISSUED"), asks="insurance.quote", request=requests.insurance_quote,
        proof=proofs.quote, paper="quoted", remembers=("start_date",), weighs=("coc", "invoice"),
    ),
    Rule(
        "T6", "new-car", "ins", "QUOTED", NONE,
        "报价的起保日已过，须重新报价", "the quoted cover was to begin on a past day; to be quoted anew", "CTPL 20",
        needs=("coc=AVAILABLE", "invoice=ISSUED"), when=_cover_too_early, weighs=("quoted",),
    ),
    Rule(
        "T6", "new-car", "ins", "QUOTED", "BOUND",
        "交强险已承保", "the compulsory cover is bound", "CTPL 4, 10, 12, 20",
        needs=("coc=AVAILABLE", "invoice=ISSUED"), asks="insurance.bind", request=requests.insurance_bind,
        proof=proofs.policy, paper="bound", weighs=("quoted",), undo=_CANCEL,
    ),
    Rule(
        "T7", "new-car", "plate", NONE, "RESERVED",
        "号牌已预留，种类相符", "a plate of the fitting kind is reserved", "GA 36",
        needs=(
            "order=CONFIRMED", "coc=AVAILABLE", "invoice=ISSUED", f"loan=NONE|{_LENT}|NOT_NEEDED",
        ),
        asks="plate.reserve", request=requests.plate_reserve, proof=proofs.plate_kind, paper="plate",
        weighs=("coc",), undo=_RELEASE,
    ),
    Rule(
        "T8", "new-car", "reg", NONE, "REGISTERED",
        "车辆已登记，号牌已核发", "the car is registered and its plate assigned", "RTSL 8–10; RTSR 10; PTL 13; VVTR 22",
        needs=(
            "order=CONFIRMED", "coc=AVAILABLE", "invoice=ISSUED", "tax=PAID|RELIEVED", "ins=BOUND", "plate=RESERVED",
            f"loan={_LENT}|NOT_NEEDED",
        ),
        asks="registration.register", request=requests.register, proof=proofs.registration, paper="registered",
        weighs=("coc", "invoice", "assessed", "paid", "bound", "plate", "loan"),
        also=("plate", "ASSIGNED"), final=True, pivot=True,
    ),
    Rule(
        "T8", "new-car", "ins", "BOUND", "ENDORSED",
        "号牌已批入保单", "the policy names the plate", "rulebook §3.1",
        needs=(_REGISTERED,), asks="insurance.endorse", request=requests.insurance_endorse,
        paper="endorsed", weighs=("registered",), final=True,
    ),
    Rule(
        "T9", "new-car", "mort", NONE, "COSIGNED",
        "抵押权人已在共同申请上签署", "the lender has signed the joint application", "RTSR 8; rulebook W10",
        needs=(_REGISTERED, "loan=APPROVED"), asks="mortgage.cosign", request=requests.mortgage_cosign,
        proof=proofs.cosign, paper="cosigned", weighs=("loan", "registered"), final=True,
    ),
    Rule(
        "T9", "new-car", "mort", "COSIGNED", "REGISTERED",
        "抵押已登记", "the mortgage is on record", "CC 403; RTSR 8",
        needs=(_REGISTERED, "loan=APPROVED"), asks="mortgage.register", request=requests.mortgage_register,
        paper="mortgage", weighs=("cosigned", "registered"), final=True,
    ),
    Rule(
        "T9", "new-car", "mort", NONE, "NOT_NEEDED",
        "贷款已结清，无需抵押登记", "the loan is paid back; no mortgage is needed", "CC 393",
        needs=(_REGISTERED, "loan=SETTLED"), when=_no_mortgage_needed, weighs=("settled",), final=True,
    ),
    Rule(
        "T9", "new-car", "mort", "COSIGNED", "NOT_NEEDED",
        "贷款已结清，无需抵押登记", "the loan is paid back; no mortgage is needed", "CC 393",
        needs=(_REGISTERED, "loan=SETTLED"), when=_no_mortgage_needed, weighs=("settled",), final=True,
    ),
    Rule(
        "T9", "new-car", "mort", "REGISTERED", "RELEASED",
        "抵押已注销", "the mortgage is off the record", "CC 393; RTSR 8; rulebook W10",
        needs=("loan=SETTLED",), asks="mortgage.release", hears="mortgage.released", follows="mortgage",
        request=requests.mortgage_release, proof=proofs.release, paper="released_mortgage",
        weighs=("settled", "mortgage"), final=True,
    ),
    Rule(
        "T10", "new-car", "elic", NONE, "ISSUED",
        "电子行驶证已签发", "the electronic licence is issued", "rulebook W7; RTSL 11",
        needs=(_REGISTERED,), asks="elicence.issue", request=requests.elicence_issue,
        proof=proofs.electronic_licence, paper="elicence", weighs=("registered",), final=True,
    ),
    Rule(
        "T11", "new-car", "delivery", NONE, "SENT",
        "号牌与证件已交寄", "plate and papers are with the courier", "rulebook S2",
        needs=(_REGISTERED,), asks="plate.dispatch", request=requests.plate_dispatch, paper="dispatched",
        weighs=("registered",), final=True,
    ),
    Rule(
        "T11", "new-car", "delivery", "SENT", "DONE",
        "号牌与证件已送达", "plate and papers have arrived", "rulebook S2",
        needs=(_REGISTERED,), asks="plate.track", request=requests.plate_track, paper="delivered",
        weighs=("dispatched",), final=True,
    ),
)  # fmt: skip

EXPORT_NEW: Final = (
    Rule("E1", "export-new", "order", NONE, "CONFIRMED",
    "出口销售已确认", "the sale for export is confirmed", "GB 16735-2019; rulebook §5", weighs=("sale",)),
    Rule(
        "E2", "export-new", "coc", NONE, "AVAILABLE",
        "合格证与销售信息一致", "the certificate matches the sale", "GB/T 21085-2020",
        needs=("order=CONFIRMED",), asks="coc.query", hears="coc.confirmed", request=requests.coc_query,
        proof=proofs.certificate, paper="coc", weighs=("sale",), compares=_CERTIFIED,
    ),
    Rule(
        "E3", "export-new", "qualification", NONE, "QUALIFIED",
        "出口资质已核实", "maker and exporter are entitled", "商产发〔2012〕318号; rulebook W1",
        needs=("order=CONFIRMED", "coc=AVAILABLE"), asks="export.qualify", request=requests.export_qualify,
        paper="qualified", weighs=("sale",),
    ),
    Rule(
        "E4", "export-new", "licence", NONE, "NOT_NEEDED",
        "该税号无需出口许可证", "this line needs no export licence", "MOFCOM 54/2025",
        needs=("qualification=QUALIFIED",), when=_no_licence_needed, weighs=("sale",),
    ),
    Rule(
        "E4", "export-new", "licence", NONE, "LICENSED",
        "出口许可证有效", "the export licence is good", "MOFCOM 54/2025",
        needs=("qualification=QUALIFIED",), asks="licence.apply", request=requests.licence_apply,
        proof=proofs.export_licence, paper="licence", remembers=("applied_on",), weighs=("sale", "qualified"),
    ),
    Rule(
        "E5", "export-new", "declaration", NONE, "DECLARED",
        "海关已放行", "customs let the car go", "MOFCOM 54/2025; rulebook §5",
        needs=("order=CONFIRMED", "coc=AVAILABLE", "qualification=QUALIFIED", "licence=LICENSED|NOT_NEEDED"),
        asks="export.declare", request=requests.export_declare, paper="released", weighs=("qualified", "licence"),
        final=True, pivot=True,
    ),
    Rule(
        "E6", "export-new", "declaration", "DECLARED", "EXITED",
        "车辆已离境", "the car has left the country", "rulebook §5",
        asks="export.track", request=requests.export_track, paper="exited", weighs=("released",), final=True,
    ),
)  # fmt: skip

RETURNED_CAR: Final = (
    Rule("R1", "returned-car", "order", NONE, "CONFIRMED",
    "退车已受理", "the return is taken up", "PTL 15; rulebook §5 T8", weighs=("sale", "returned")),
    Rule(
        "R2", "returned-car", "loan", "APPROVED", "SETTLED", "贷款已结清", "the loan is paid back", "CC 393",
        hears="loan.settled", proof=proofs.settlement, paper="settled", weighs=("loan",), final=True,
    ),
    Rule(
        "R2", "returned-car", "mort", "REGISTERED", "RELEASED",
        "抵押已注销", "the mortgage is off the record", "CC 393; RTSR 8",
        needs=("loan=SETTLED",), asks="mortgage.release", hears="mortgage.released", follows="mortgage",
        request=requests.mortgage_release, proof=proofs.release, paper="released_mortgage",
        weighs=("settled", "mortgage"), final=True,
    ),
    Rule(
        "R3", "returned-car", "elic", "ISSUED", "REVOKED",
        "电子行驶证已撤销", "the electronic licence is void", "rulebook §5 T10, W7",
        needs=("order=CONFIRMED", _MORTGAGE_GONE), asks="elicence.revoke", request=requests.elicence_revoke,
        paper="revoked", weighs=("elicence",), final=True,
    ),
    Rule(
        "R4", "returned-car", "reg", "REGISTERED", "DEREGISTERED",
        "车辆登记已注销", "the car is off the register", "rulebook §5 T8",
        needs=("order=CONFIRMED", _MORTGAGE_GONE, "elic=REVOKED"), asks="registration.deregister",
        request=requests.deregister, paper="deregistered", weighs=("registered", "revoked"), final=True, pivot=True,
    ),
    Rule(
        "R5", "returned-car", "ins", "BOUND", "CANCELLED",
        "交强险已解除", "the compulsory cover is ended", "CTPL 16; VVTR 19",
        needs=("reg=DEREGISTERED",), asks="insurance.cancel", request=requests.insurance_end,
        proof=proofs.cover_ended, paper="cancelled", weighs=("bound", "invoice", "returned", "deregistered"),
        final=True,
    ),
    Rule(
        "R6", "returned-car", "tax", "PAID", "NOTHING_LEFT",
        "使用已满十年，无税可退", "used for ten years; no tax is left to refund", "PTL 15",
        needs=("reg=DEREGISTERED",), when=_nothing_to_refund, weighs=("paid",), final=True,
    ),
    Rule(
        "R6", "returned-car", "tax", "PAID", "REFUNDED",
        "购置税已按年扣减退还", "the purchase tax is paid back, less a share for each year", "PTL 15",
        needs=("reg=DEREGISTERED",), asks="tax.reclaim", request=requests.tax_refund, proof=proofs.refund,
        remembers=("reclaimed_on",),
        paper="refunded", weighs=("assessed", "paid"), final=True,
    ),
)  # fmt: skip

RULES: Final[dict[CaseKind, tuple[Rule, ...]]] = {
    "new-car": NEW_CAR,
    "export-new": EXPORT_NEW,
    "returned-car": RETURNED_CAR,
}

CLOSING: Final[dict[CaseKind, Rule]] = {
    "new-car": Rule(
        "T12", "new-car", "case", "OPEN", "CLOSED",
        "登记、电子行驶证与送达均已完成", "registered, licensed and delivered", "rulebook §5 T12",
        needs=(
            "order=CONFIRMED", "coc=AVAILABLE", "invoice=ISSUED", "tax=PAID|RELIEVED",
            f"loan={_LENT}|NOT_NEEDED", "plate=ASSIGNED", _REGISTERED, "elic=ISSUED", "delivery=DONE",
            "mort=REGISTERED|RELEASED|SECURED|NOT_NEEDED",
        ),
        weighs=("registered", "elicence", "delivered", "mortgage", "settled", "released_mortgage"),
    ),
    "export-new": Rule(
        "E7", "export-new", "case", "OPEN", "CLOSED",
        "车辆已离境，业务办结", "the car has left; the case is closed", "rulebook §5",
        needs=("order=CONFIRMED", "coc=AVAILABLE", "declaration=EXITED"), weighs=("exited",),
    ),
    "returned-car": Rule(
        "R7", "returned-car", "case", "OPEN", "CLOSED",
        "退车办结", "the return is settled", "rulebook §5",
        needs=(
            "order=CONFIRMED", _MORTGAGE_GONE, "elic=REVOKED", "reg=DEREGISTERED", "ins=CANCELLED",
            "tax=REFUNDED|RELIEVED|NOTHING_LEFT",
        ),
        weighs=("released_mortgage", "revoked", "deregistered", "cancelled", "refunded"),
    ),
}  # fmt: skip

UNDO_ORDER: Final = ("T7", "T6", "T5", "T4", "T3")
"""In which order a broken case is taken back."""

FREED_BY: Final = {("loan", "B451"): "plate"}
"""A facet that is let go when another one is held for a reason: no plate waits for a loan that was declined."""

SPENT: Final = frozenset({("loan", "SETTLED")})
"""Transitions after which the effect that their facet stands on cannot be taken back, nor has to be."""

HANDED_OVER: Final = frozenset({"loan", "mort"})
"""What the case of a returned car takes over from the case of its sale, which then neither hears nor asks of it."""

REISSUED: Final = frozenset({("invoice", "D422"), ("invoice", "amount")})
"""What is taken back and asked anew at once, one time: a wrong invoice is reversed in red and issued again."""

ENDS_WAIT: Final = {("loan", "SETTLED"): ("mort", "mortgaged")}
"""A transition that is what another facet was held for: a mortgage stood, and its loan is paid back."""

LAPSES: Final = frozenset({("loan", "B451")})
"""Offers that end the sale when nobody takes them up in time: cash instead of a declined loan (scenario 7)."""

BLAMED: Final = {("registration.register", "P410"): "plate"}
"""A refusal that is another facet's matter: an expired reservation must be reserved anew."""

MATERIAL: Final = frozenset({*_CERTIFIED, "amount_incl", "amount_excl", "vat", "buyer_name"})
"""What must be redone where it was already used. A new telephone number undoes nothing."""


@cache
def rule_of_answer(kind: CaseKind, answer: str) -> Rule | None:
    """The row that an answer or a notice belongs to."""
    return next((rule for rule in RULES[kind] if answer in {rule.answer, rule.hears}), None)


@cache
def rule_of_command(kind: CaseKind, command: str) -> Rule:
    """The row that asks a command."""
    return next(rule for rule in RULES[kind] if rule.asks == command)


@cache
def rule_with_effect(kind: CaseKind, rule_id: str) -> tuple[Rule, Undo]:
    """The row behind an effect, and how it is taken back."""
    return next((rule, rule.undo) for rule in RULES[kind] if rule.id == rule_id and rule.undo)


@cache
def pivot_of(kind: CaseKind) -> Rule:
    """The transition after which nothing is taken back."""
    return next(rule for rule in RULES[kind] if rule.pivot)


@cache
def dependents(kind: CaseKind, facet: str) -> tuple[str, ...]:
    """The facets before the pivot that stand on this one, directly or not, in the order of the rows."""
    found = [facet]
    for rule in RULES[kind]:
        stands_on = {name for name, states in rule.guards if NONE not in states}
        if not rule.final and stands_on.intersection(found) and rule.facet not in found:
            found.append(rule.facet)
    return tuple(found[1:])


@cache
def reads_of(kind: CaseKind, facet: str) -> frozenset[str]:
    """The fields of the sale on which a facet depends."""
    return frozenset[str]().union(*(rule.reads for rule in RULES[kind] if rule.facet == facet))
