"""The world of one case, gone mad within its contracts, and what must hold in it after every single event.

Agencies answer in any order, twice, wrongly, late or never; notices come early, late, wrong and again; the maker
corrects itself, calls the sale off, takes the car back; people interfere; time goes by. Who chooses what happens next
is handed in: chance by a seed, or a library that looks for the smallest failure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any, Final, Protocol, TypeVar

from contracts.certificate import CocQueryV1
from contracts.contract import Contract
from contracts.delivery import DeliveryState
from contracts.loan import LoanSettledV1
from contracts.police import MortgageReleasedV1
from contracts.sale import SaleCancelledV1, SaleConfirmedV3, SaleCorrectedV1, SaleReturnedV1
from services.journey.case import Case, never_silent
from services.journey.decide import open_return
from services.journey.draft import Command
from services.journey.repair import NotPossible
from services.journey.rules import RULES, UNDO_ORDER, pivot_of, rule_of_command, rule_with_effect
from services.journey.settle import firm
from services.journey.world import Act, Assign, Cancel, Contested, Resume, Secure, TurnedBack
from tests.journey.road import EXPORT, LOAN, VIN, Road, name_of, sale

T = TypeVar("T")


class Choose(Protocol):
    """Who decides what happens next."""

    def __call__(self, options: Sequence[T], /) -> T: ...


RETURNED: Final = SaleReturnedV1(vin=VIN, returned_on=date(2026, 7, 1), reason="a fault")
SALES: Final = (sale(), sale("BEV", loan=LOAN), sale("BEV", loan=LOAN), sale("PHEV"), sale("BEV", export=EXPORT))
CODES: Final = ("D422", "T422", "P409", "P410", "P412", "P423", "L423", "B451", "X403", "V102")
WRONG: Final[dict[str, dict[str, Any]]] = {
    "coc.query": {"engine_no": "WRONG1"},
    "invoice.request": {"amount_incl": 5},
    "tax.declare": {"tax_payable": 5},
    "tax.reclaim": {"refund": 5},
    "insurance.quote": {"premium": 5},
    "insurance.bind": {"vvt": 5},
    "plate.reserve": {"plate_no": "陕A99警99"},
    "loan.apply": {"decision": "REJECTED", "loan_contract_no": None},
    "mortgage.cosign": {"loan_contract_no": "L-0"},
    "licence.apply": {"licence_used": 99},
}
CORRECTIONS: Final[tuple[dict[str, Any], ...]] = (
    {"phone": "15487604562"},
    {"buyer_name": "李样本"},
    {"model": "样本二号"},
    {"amount_incl": 22_600_000, "amount_excl": 20_000_000, "vat": 2_600_000},
    {"pay_cash": True},
)
ACTS: Final[tuple[Act, ...]] = (
    Resume("go on", "li"),
    Resume("go on", "li"),
    Assign("li", "mine", "li"),
    Secure("a guarantor", "li"),
    Cancel("off", "li"),
)
RETURNING: Final[tuple[str, ...]] = ()
STAGES: Final[tuple[tuple[str, ...] | None, ...]] = (
    None,
    None,
    ("loan.apply", "tax.pay"),
    ("registration.register",),
    ("mortgage.cosign", "elicence.issue"),
    ("mortgage.register", "plate.track"),
    ("export.declare",),
    RETURNING,
    RETURNING,
)
"""What everybody but these has answered when it begins; with None nobody has, with none of them the car went back."""
FATES: Final[tuple[DeliveryState, ...]] = ("dead", "cancelled")
FACET_OF: Final = {(kind, row.asks): row.facet for kind, rows in RULES.items() for row in rows if row.asks}
UNDOING: Final = {(row.kind, row.undo.command): row.facet for rows in RULES.values() for row in rows if row.undo}


class MadWorld:
    """A case, everything that may befall it, and the invariants of the design that are about one case."""

    def __init__(self, choose: Choose, road: Callable[[SaleConfirmedV3], Road] = Road) -> None:
        self.choose = choose
        self.road = road(choose(SALES))
        self.sold: Road | None = None
        self.told: list[tuple[Contract, str | None]] = []
        self.ended: set[str] = set()
        self.unwanted: set[str] = set()
        self.seen = 0
        self.read = 0
        self._begin()
        self.check()

    def _begin(self) -> None:
        """Anywhere on the way: half of what can go wrong does so where few cases would come by chance."""
        stage = self.choose(STAGES)
        if stage is not None:
            self.road = self.road.at(stage)
            self.seen, self.read = len(self.road.asked), len(self.road.steps)
        if stage == RETURNING and self.road.case.kind == "new-car":
            self._tell(RETURNED)
            self._follow()

    def step(self) -> None:
        """One more thing happens, and everything still holds."""
        self.choose(self._moves())()
        self._follow()
        self.check()

    def finish(self) -> None:
        """Given honest agencies and a patient person, every case comes to an end."""
        end(self.road)
        assert self.road.case.ended, self.road.case
        self._follow()
        end(self.road)
        assert self.road.case.ended, self.road.case
        assert self.sold is None or self.sold.case.ended == "CLOSED"

    def _moves(self) -> list[Callable[[], None]]:
        moves: list[Callable[[], None]] = [self._sleep, self._act, self._speak, self._notice]
        if self.road.out:
            moves += [*[self._answer] * 6, self._answer_wrongly, self._answer_twice, self._refuse, self._die]
        if self.told:
            moves.append(self._repeat)
        if self._dead():
            moves.append(self._retry)
        return moves

    def _pick(self) -> Command:
        return self.choose(list(self.road.out.values()))

    def _give(self, answer: Contract, sent: Command) -> None:
        self.road.out.pop(sent.id, None)
        self._tell(answer, sent.id)

    def _tell(self, data: Contract, cause: str | None = None) -> None:
        self.told.append((data, cause))
        self.road.told(data, cause)

    def _answer(self) -> None:
        sent = self._pick()
        self._give(self.road.agencies.answer(sent.data), sent)

    def _answer_wrongly(self) -> None:
        sent = self._pick()
        self._give(self.road.agencies.answer(sent.data).model_copy(update=WRONG.get(name_of(sent), {})), sent)

    def _answer_twice(self) -> None:
        """Two effects under one command."""
        sent = self._pick()
        for _ in range(2):
            self._give(self.road.agencies.answer(sent.data), sent)

    def _repeat(self) -> None:
        self.road.told(*self.choose(self.told))

    def _refuse(self) -> None:
        self.road.refuse(name_of(self._pick()), self.choose(CODES))

    def _die(self) -> None:
        """Dispatch gives up; the answer may come all the same."""
        sent = self._pick()
        self.ended.add(sent.id)
        self.road.deliver(sent, self.choose(FATES))

    def _dead(self) -> list[str]:
        return sorted(self.ended & self.road.out.keys() & self.road.case.asks.keys())

    def _retry(self) -> None:
        """A person lets dispatch try a dead delivery again."""
        id_ = self.choose(self._dead())
        self.ended.remove(id_)
        self.road.deliver(self.road.out[id_], "parked")

    def _sleep(self) -> None:
        self.road.sleep(timedelta(hours=self.choose((1, 30, 200))))

    def _act(self) -> None:
        try:
            self.road.hear(self.choose(ACTS))
        except NotPossible as why:
            assert why.zh  # noqa: PT017 - being refused with a reason is one of the two right outcomes

    def _speak(self) -> None:
        """The maker, or somebody who says that the car is his."""
        said = self.choose(("correct", "correct", "correct", "return", "contest", "contest", "cancel"))
        match said:
            case "correct":
                self._tell(SaleCorrectedV1(vin=VIN, reason="typo", **self.choose(CORRECTIONS)))
            case "return":
                self._tell(RETURNED)
            case "cancel":
                self._tell(SaleCancelledV1(vin=VIN, reason="off"))
            case "contest":
                self.road.hear(Contested())

    def _notice(self) -> None:
        """An organisation speaks of its own accord: early, in time, late, or of another record."""
        papers = self.road.case.papers
        loan_no = (papers.loan.loan_contract_no if papers.loan else None) or "L-3"
        mortgage_no = papers.mortgage.mortgage_no if papers.mortgage else "M-12"
        right = self.choose((True, True, False))
        match self.choose(("bank", "police", "miit")):
            case "bank":
                number = loan_no if right else "L-0"
                self._tell(LoanSettledV1(vin=VIN, loan_contract_no=number, settled_on=date(2026, 6, 1)))
            case "police":
                self._tell(MortgageReleasedV1(vin=VIN, mortgage_no=mortgage_no if right else "M-0"))
            case _:
                record = self.road.agencies.answer(CocQueryV1(vin=VIN, coc_no=self.road.sale.coc_no))
                self._tell(record.model_copy(update={} if right else WRONG["coc.query"]))

    def _follow(self) -> None:
        """A car that went back is a case of its own from now on."""
        road = self.road
        if self.sold is None and road.case.followed:
            self._turn_to(road.follow(open_return("return-1", road.case, road.world)), sold=road)
        elif self.sold and road.case.ended == "CANCELLED":
            self.sold.world = road.world
            self.sold.hear(TurnedBack(road.case))
            self._turn_to(self.sold, sold=None)

    def _turn_to(self, road: Road, *, sold: Road | None) -> None:
        self.road, self.sold, self.told = road, sold, []
        self.seen, self.read = len(road.asked) if sold is None else 0, len(road.steps) if sold is None else 0

    def check(self) -> None:
        """Everything that must hold of a case, at any moment."""
        case = self.road.case
        assert never_silent(case)
        assert case.ended or case.timers or case.owner
        self._check_asked(case)
        self._check_outstanding(case)
        self._check_pivot(case)
        assert case.ended != "CANCELLED" or not _held(case)
        assert len({*case.packs}) == len(case.packs)

    def _check_asked(self, case: Case) -> None:
        """Each command went out while its guards held; registration above all."""
        for sent in self.road.asked[self.seen :]:
            ask = case.asks.get(sent.id)
            if ask and ask.undoes:
                _check_undo(case, name_of(sent))
            elif ask:
                row = rule_of_command(case.kind, name_of(sent))
                assert case.cancelling or firm(case, row), name_of(sent)
                assert case.cancelling or case.facets[row.facet].state == row.before, name_of(sent)
        self.seen = len(self.road.asked)

    def _check_outstanding(self, case: Case) -> None:
        """Of each command at most one is under way, but for those that a correction or a refusal made unwanted.

        A registration, mortgage, licence or dispatch that is outstanding is never replaced.
        """
        reopened = {step.facet for step in self.road.steps[self.read :] if step.rule == "UNWANTED"}
        self.read = len(self.road.steps)
        under_way = []
        for sent in self.road.out.values():
            facet = (FACET_OF | UNDOING).get((case.kind, name_of(sent)))
            if sent.id not in case.asks and facet in reopened:
                self.unwanted.add(sent.id)
            if sent.id not in self.ended | self.unwanted:
                under_way.append(name_of(sent))
        assert len(under_way) == len({*under_way}), under_way
        unwanted = {name_of(sent) for sent in self.road.out.values() if sent.id in self.unwanted}
        unwanted -= {name for _, name in UNDOING}
        assert not [name for name in unwanted if rule_of_command(case.kind, name).final]

    def _check_pivot(self, case: Case) -> None:
        """What a registration rests on stays, and nothing is taken back after it."""
        pivot = pivot_of(case.kind)
        if case.kind == "new-car" and case.facets[pivot.facet].state != pivot.before:
            assert not _held(case)
            assert case.ended != "CANCELLED"


def end(road: Road) -> None:
    """Everybody behaves from now on, and somebody resumes what is held."""
    road.agencies.of = road.case.sale
    for _ in range(14):
        road.out = {id_: sent for id_, sent in road.out.items() if id_ in road.case.asks}
        road.run()
        _settle_for_return(road)
        try:
            road.hear(Resume("all is well", "li"))
        except NotPossible:
            if not road.out:
                break


def _settle_for_return(road: Road) -> None:
    """The bank lets go of a car that went back."""
    papers = road.case.papers
    if road.case.kind == "returned-car" and road.state("loan") == "APPROVED" and papers.loan:
        number = papers.loan.loan_contract_no or ""
        road.told(LoanSettledV1(vin=VIN, loan_contract_no=number, settled_on=date(2026, 6, 1)))


def _held(case: Case) -> list[str]:
    return [effect.reference for effect in case.effects if effect.standing == "held"]


def _check_undo(case: Case, name: str) -> None:
    """Only what is unwanted is taken back, one at a time, nothing before what came after it."""
    assert sum(bool(ask.undoes) for ask in case.asks.values()) == 1
    unwanted = [effect.rule for effect in case.effects if effect.standing == "unwanted"]
    first = min(unwanted, key=UNDO_ORDER.index)
    assert rule_with_effect(case.kind, first)[1].command == name
