"""Agencies that answer in any order, twice, wrongly, late or never, and people who interfere: what always holds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from contracts.contract import Contract
from contracts.sale import SaleCorrectedV1
from services.journey.case import Case, never_silent
from services.journey.draft import Command
from services.journey.repair import NotPossible
from services.journey.rules import RULES, UNDO_ORDER, pivot_of, rule_of_command, rule_with_effect
from services.journey.settle import firm
from services.journey.world import Assign, Cancel, Resume
from tests.journey.road import EXPORT, LOAN, VIN, Road, name_of, sale

SALES = st.sampled_from([sale(), sale("BEV", loan=LOAN), sale("PHEV"), sale("BEV", export=EXPORT)])
CODES = st.sampled_from(["D422", "T422", "P409", "P410", "P412", "P423", "B451", "X403", "V102"])
WRONG: dict[str, dict[str, Any]] = {
    "coc.query": {"engine_no": "WRONG1"},
    "invoice.request": {"amount_incl": 5},
    "tax.declare": {"tax_payable": 5},
    "insurance.quote": {"premium": 5},
    "insurance.bind": {"vvt": 5},
    "plate.reserve": {"plate_no": "陕A99警99"},
    "loan.apply": {"decision": "REJECTED", "loan_contract_no": None},
    "licence.apply": {"licence_used": 99},
}
FACET_OF = {(kind, row.asks): row.facet for kind, rows in RULES.items() for row in rows if row.asks}


class AnyOrder(RuleBasedStateMachine):
    """The world of one case, gone mad within its contracts."""

    def __init__(self) -> None:
        super().__init__()
        self.road: Road
        self.told: list[tuple[Contract, str]] = []
        self.ended: set[str] = set()
        self.unwanted: set[str] = set()
        self.seen = 0
        self.read = 0

    @initialize(of=SALES)
    def begin(self, of: Any) -> None:
        """A sale of any kind."""
        self.road = Road(of)

    def pick(self, data: st.DataObject) -> Command:
        """Any command that is out."""
        return data.draw(st.sampled_from(list(self.road.out.values())))

    def give(self, answer: Contract, sent: Command) -> None:
        """An agency answers."""
        self.road.out.pop(sent.id, None)
        self.told.append((answer, sent.id))
        self.road.told(answer, sent.id)

    @precondition(lambda self: self.road.out)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        """Any command is answered honestly."""
        sent = self.pick(data)
        self.give(self.road.agencies.answer(sent.data), sent)

    @precondition(lambda self: self.road.out)
    @rule(data=st.data())
    def answer_wrongly(self, data: st.DataObject) -> None:
        """With other amounts, another engine, a plate that does not fit."""
        sent = self.pick(data)
        self.give(self.road.agencies.answer(sent.data).model_copy(update=WRONG.get(name_of(sent), {})), sent)

    @precondition(lambda self: self.road.out)
    @rule(data=st.data())
    def answer_twice(self, data: st.DataObject) -> None:
        """With two effects under one command."""
        sent = self.pick(data)
        self.give(self.road.agencies.answer(sent.data), sent)
        self.give(self.road.agencies.answer(sent.data), sent)

    @precondition(lambda self: self.told)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """An old answer comes again."""
        self.road.told(*data.draw(st.sampled_from(self.told)))

    @precondition(lambda self: self.road.out)
    @rule(data=st.data(), code=CODES)
    def refuse(self, data: st.DataObject, code: str) -> None:
        """Any command is refused."""
        self.road.refuse(name_of(self.pick(data)), code)

    @precondition(lambda self: self.road.out)
    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        """Dispatch gives up; the answer may come all the same."""
        sent = self.pick(data)
        self.ended.add(sent.id)
        self.road.deliver(sent, data.draw(st.sampled_from(["dead", "cancelled"])))

    @precondition(lambda self: self.ended & self.road.out.keys() & self.road.case.asks.keys())
    @rule(data=st.data())
    def retry(self, data: st.DataObject) -> None:
        """A person lets dispatch try a dead delivery again."""
        dead = sorted(self.ended & self.road.out.keys() & self.road.case.asks.keys())
        id_ = data.draw(st.sampled_from(dead))
        self.ended.remove(id_)
        self.road.deliver(self.road.out[id_], "parked")

    @rule(hours=st.sampled_from([1, 30, 200]))
    def sleep(self, hours: int) -> None:
        """Time goes by."""
        self.road.sleep(timedelta(hours=hours))

    @rule(act=st.sampled_from([Resume("go on", "li"), Assign("li", "mine", "li"), Cancel("off", "li")]))
    def act(self, act: Any) -> None:
        """A person interferes."""
        try:
            self.road.hear(act)
        except NotPossible as why:
            assert why.zh  # noqa: PT017 - being refused with a reason is one of the two right outcomes

    @rule(
        fields=st.sampled_from(
            [
                {"phone": "15487604562"},
                {"buyer_name": "李样本"},
                {"model": "样本二号"},
                {"amount_incl": 22_600_000, "amount_excl": 20_000_000, "vat": 2_600_000},
            ]
        )
    )
    def correct(self, fields: dict[str, Any]) -> None:
        """The maker corrects itself."""
        self.road.told(SaleCorrectedV1(vin=VIN, reason="typo", **fields))

    @invariant()
    def nothing_waits_in_silence(self) -> None:
        """Every open case has a timer or an owner."""
        case = self.road.case
        assert never_silent(case)
        assert case.ended or case.timers or case.owner

    @invariant()
    def what_is_asked_was_due(self) -> None:
        """Each command went out while its guards held; registration above all."""
        for sent in self.road.asked[self.seen :]:
            self._check(self.road.case, sent)
        self.seen = len(self.road.asked)

    @invariant()
    def nothing_outstanding_is_asked_twice(self) -> None:
        """Of each command at most one is under way, but for those that a correction or a refusal made unwanted."""
        reopened = {step.facet for step in self.road.steps[self.read :] if step.rule == "UNWANTED"}
        self.read = len(self.road.steps)
        case, under_way = self.road.case, []
        for sent in self.road.out.values():
            name = name_of(sent)
            if sent.id not in case.asks and FACET_OF.get((case.kind, name)) in reopened:
                self.unwanted.add(sent.id)
            if sent.id not in self.ended | self.unwanted:
                under_way.append(name)
        assert len(under_way) == len(set(under_way)), under_way

    @invariant()
    def only_what_can_be_taken_back_is_ever_unwanted(self) -> None:
        """A registration, mortgage, licence or dispatch that is outstanding is never replaced."""
        case = self.road.case
        unwanted = {name_of(sent) for sent in self.road.out.values() if sent.id in self.unwanted}
        assert not [name for name in unwanted if rule_of_command(case.kind, name).final]

    def _check(self, case: Case, sent: Command) -> None:
        name = name_of(sent)
        ask = case.asks.get(sent.id)
        if ask is None:
            return
        if ask.undoes:
            self._check_undo(case, name)
            return
        row = rule_of_command(case.kind, name)
        if not case.cancelling:
            assert firm(case, row), name
        if name == "tax.pay":
            assert case.facets["tax"].state == "ASSESSED"

    def _check_undo(self, case: Case, name: str) -> None:
        """Only what is unwanted is taken back, one at a time, nothing before what came after it."""
        undoing = [ask for ask in case.asks.values() if ask.undoes]
        assert len(undoing) == 1
        unwanted = [effect.rule for effect in case.effects if effect.standing == "unwanted"]
        first = min(unwanted, key=UNDO_ORDER.index)
        assert rule_with_effect(case.kind, first)[1].command == name

    @invariant()
    def nothing_is_taken_back_after_the_pivot(self) -> None:
        """What registration rests on stays."""
        case = self.road.case
        pivot = pivot_of(case.kind)
        if case.facets[pivot.facet].state != pivot.before and case.kind == "new-car":
            assert not [effect for effect in case.effects if effect.standing == "held"]
            assert case.ended != "CANCELLED"

    @invariant()
    def a_cancelled_case_holds_nothing(self) -> None:
        """Every effect that is known is undone, or being undone, or stuck with an owner."""
        case = self.road.case
        if case.ended == "CANCELLED":
            assert not [effect for effect in case.effects if effect.standing == "held"]

    def teardown(self) -> None:
        """Given honest agencies and a patient person, every case comes to an end."""
        if not hasattr(self, "road"):
            return
        road = self.road
        road.agencies.of = road.case.sale
        for _ in range(12):
            road.out = {id_: sent for id_, sent in road.out.items() if id_ in road.case.asks}
            road.run()
            try:
                road.hear(Resume("all is well", "li"))
            except NotPossible:
                break
        assert road.case.ended, road.case


AnyOrder.TestCase.settings = settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestAnyOrder = AnyOrder.TestCase
