"""A case while it is being decided: the current value, and what the decision has brought so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from contracts.case import Input, Step
from contracts.contract import Contract
from contracts.policy import PolicyGap
from contracts.policy.params import RegistrationTermsParams
from contracts.sale import SaleReturnedV1
from contracts.topics import COMMANDS

from .case import Ask, Case, Effect, FacetState, Hold
from .evidence import inputs_of
from .proofs import Finding
from .reasons import WorkingDays, owner_of, reason_of
from .rules import ENDS_WAIT, Rule, pivot_of
from .world import World

_REGISTER: Final = "registration.register"
_AGREED: Final = Finding()
_PROCESS: Final = "rulebook §5"
"""Holds, persons' acts and endings, where nothing nearer is named."""
_PROVISIONAL: Final = (
    "（期限暂定：当年放假安排尚未公布）",
    " (until further notice: the year's holidays are not announced yet)",
)


@dataclass(frozen=True, slots=True)
class Command:
    """A message to an organisation."""

    id: str
    organisation: str
    data: Contract


@dataclass(slots=True)
class Draft:
    """The working copy of one decision. Everything that happens to a case happens through these few verbs."""

    case: Case
    world: World
    steps: list[Step] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    follow_up: SaleReturnedV1 | None = None
    """The word that a car went back, for which a case of its own is to be opened."""

    def change(self, **fields: Any) -> None:
        """Replace fields of the case."""
        self.case = self.case.model_copy(update=fields)

    def tell(  # noqa: PLR0913 - a step is what these say
        self,
        rule: str,
        facet: str,
        change: tuple[str, str],
        text: tuple[str, str],
        *,
        pack: str | None = None,
        source: str | None = None,
        inputs: tuple[Input, ...] = (),
    ) -> None:
        """Record a step, and why; a change of state never without a source and what it was decided on."""
        before, after = change
        if before != after:
            source, inputs = source or _PROCESS, inputs or inputs_of(self.case, ("sale",))
        zh, en = (sentence[:1000] for sentence in text)
        said = {"rule": rule, "facet": facet, "before": before, "after": after, "zh": zh, "en": en}
        self.steps.append(Step(**said, pack=pack, source=source, inputs=inputs))

    def note(self, rule: str, facet: str, zh: str, en: str) -> None:
        """Record a step that changes no state."""
        state = self.case.facets[facet].state
        self.tell(rule, facet, (state, state), (zh, en))

    def put(self, facet: str, state: str) -> None:
        """Set a facet's state without a word."""
        self._replace(facet, FacetState(state=state, hold=self.case.facets[facet].hold))

    def move(self, rule: Rule, finding: Finding = _AGREED, answer: Contract | None = None) -> None:
        """Let a rule's transition happen."""
        for facet, after in filter(None, ((rule.facet, rule.after), rule.also)):
            self.tell(
                rule.id,
                facet,
                (self.case.facets[facet].state, after),
                (rule.zh, rule.en),
                pack=finding.pack,
                source=rule.source,
                inputs=inputs_of(self.case, rule.weighs, answer),
            )
            self.put(facet, after)
            self._end_wait(*ENDS_WAIT.get((facet, after), (facet, "")))
        self.name_packs(finding.pack, *finding.beside)

    def _end_wait(self, facet: str, reason: str) -> None:
        hold = self.case.facets[facet].hold
        if hold and hold.reason == reason:
            self.release(facet)

    def name_packs(self, *packs: str | None) -> None:
        """Remember that policy packs decided something here."""
        fresh = [pack for pack in packs if pack and pack not in self.case.packs]
        if fresh:
            self.change(packs=(*self.case.packs, *fresh))

    def hold(  # noqa: PLR0913 - what a hold is, and why
        self,
        facet: str,
        reason: str,
        *,
        owner: str | None = None,
        manual: bool = False,
        pack: str | None = None,
        source: str | None = None,
        inputs: tuple[Input, ...] = (),
    ) -> None:
        """Let a facet wait: for `reason_of(reason).wait`, then for its owner."""
        why = reason_of(reason)
        until, provisional = (None, False) if manual else self._wait(why.wait)
        code = reason if reason[1:].isdigit() or reason == "1" else None
        before = self.case.facets[facet]
        hold = Hold(reason=reason, code=code, owner=owner or owner_of(facet, reason), until=until)
        self._replace(facet, FacetState(state=before.state, hold=hold))
        zh, en = _PROVISIONAL if provisional else ("", "")
        change = (before.state, "HOLD" if until else "MANUAL")
        self.tell(reason, facet, change, (why.zh + zh, why.en + en), pack=pack, source=source, inputs=inputs)
        self.name_packs(pack)

    def hand_over(self, facet: str, owner: str) -> None:
        """A held facet becomes a person's, and waits for nothing else."""
        held = self.case.facets[facet]
        if held.hold:
            hold = held.hold.model_copy(update={"owner": owner, "until": None})
            self._replace(facet, FacetState(state=held.state, hold=hold))

    def release(self, facet: str) -> None:
        """Let a held facet go on. What is still outstanding for it is watched anew, and not sent again."""
        self._replace(facet, FacetState(state=self.case.facets[facet].state))
        for ask in self.asks_of(facet):
            if ask.until is None and not ask.ended:
                self.trust(ask)

    def send(self, ask: Ask, data: Contract) -> None:
        """Send a command and wait for its answer."""
        self.change(asks={**self.case.asks, ask.id: ask})
        self.commands.append(Command(ask.id, ask.organisation, data))

    def await_(self, command: str, facet: str, organisation: str, undoes: str | None = None) -> Ask:
        """A new command of that name, watched until dispatch must have settled it."""
        return Ask(
            id=self.world.new_id(),
            command=command,
            facet=facet,
            organisation=organisation,
            asked_at=self.world.now,
            until=self._watched_until(command),
            undoes=undoes,
        )

    def distrust(self, ask: Ask) -> None:
        """Stop waiting for an answer by the clock; it still counts if it comes."""
        self._amend(ask, until=None)

    def trust(self, ask: Ask) -> None:
        """Wait for an answer by the clock again, from now on; dispatch is on its way with it."""
        self._amend(ask, until=self._watched_until(ask.command), ended=False)

    def give_up(self, ask: Ask) -> None:
        """Dispatch will not try it again; an answer still counts if one comes."""
        self._amend(ask, until=None, ended=True)

    def drop(self, *asks: Ask) -> None:
        """Wait for these answers no more."""
        gone = {ask.id for ask in asks}
        self.change(asks={id_: ask for id_, ask in self.case.asks.items() if id_ not in gone})

    def asks_of(self, facet: str) -> list[Ask]:
        """What is asked for a facet."""
        return [ask for ask in self.case.asks.values() if ask.facet == facet]

    def mark(self, which: Effect, **fields: Any) -> None:
        """Change one effect."""
        marked = (effect.model_copy(update=fields) if effect == which else effect for effect in self.case.effects)
        self.change(effects=tuple(marked))

    @property
    def past_pivot(self) -> bool:
        """Whether nothing may be taken back any more."""
        pivot = pivot_of(self.case.kind)
        return self.case.facets[pivot.facet].state != pivot.before

    @property
    def pivot_under_way(self) -> bool:
        """Whether the transition after which nothing is taken back was asked and may have happened."""
        return any(ask.command == pivot_of(self.case.kind).asks for ask in self.case.asks.values())

    def _wait(self, wait: timedelta | WorkingDays | None) -> tuple[datetime | None, bool]:
        match wait:
            case None:
                return None, False
            case WorkingDays(n):
                deadline = self.world.calendar.deadline(self.world.now, n)
                return deadline.at, deadline.provisional
            case time:
                return self.world.now + time, False

    def _watched_until(self, command: str) -> datetime:
        """Until when its answer is trusted to come: as long as dispatch tries, or as the law gives the agency."""
        until = self.world.now + COMMANDS[command].deadline
        if command != _REGISTER:
            return until
        try:
            pack = self.world.policies.pack_for("registration-terms", self.world.today, kind=self.case.kind)
        except PolicyGap:
            return until
        days = pack.params_as(RegistrationTermsParams).register_within_working_days
        return min(until, self.world.calendar.deadline(self.world.now, days).at)

    def _amend(self, ask: Ask, **fields: Any) -> None:
        self.change(asks={**self.case.asks, ask.id: ask.model_copy(update=fields)})

    def _replace(self, facet: str, state: FacetState) -> None:
        self.change(facets={**self.case.facets, facet: state})


def organisation_of(case: Case, agency: str) -> str:
    """The organisation of that kind that serves this case: insurers and banks by the sale's USCC."""
    if agency == "insurer" and case.sale.buyer:
        return f"insurer-{case.sale.buyer.insurer_uscc}"
    if agency == "bank" and case.sale.loan:
        return f"bank-{case.sale.loan.lender_uscc}"
    return agency
