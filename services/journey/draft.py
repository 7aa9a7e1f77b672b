"""A case while it is being decided: the current value, and what the decision has brought so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from contracts.case import Step
from contracts.contract import Contract
from contracts.topics import COMMANDS

from .case import Ask, Case, Effect, FacetState, Hold
from .reasons import owner_of, reason_of
from .rules import Rule, pivot_of
from .world import World


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

    def change(self, **fields: Any) -> None:
        """Replace fields of the case."""
        self.case = self.case.model_copy(update=fields)

    def tell(
        self, rule: str, facet: str, change: tuple[str, str], text: tuple[str, str], pack: str | None = None
    ) -> None:
        """Record a step."""
        before, after = change
        zh, en = (sentence[:1000] for sentence in text)
        self.steps.append(Step(rule=rule, facet=facet, before=before, after=after, zh=zh, en=en, pack=pack))

    def note(self, rule: str, facet: str, zh: str, en: str) -> None:
        """Record a step that changes no state."""
        state = self.case.facets[facet].state
        self.tell(rule, facet, (state, state), (zh, en))

    def put(self, facet: str, state: str) -> None:
        """Set a facet's state without a word."""
        self._replace(facet, FacetState(state=state, hold=self.case.facets[facet].hold))

    def move(self, rule: Rule, after: str | None = None, pack: str | None = None) -> None:
        """Let a rule's transition happen."""
        after = after or rule.after
        self.tell(rule.id, rule.facet, (self.case.facets[rule.facet].state, after), (rule.zh, rule.en), pack)
        self.put(rule.facet, after)
        if rule.also and after == rule.after:
            self.tell(rule.id, rule.also[0], (self.case.facets[rule.also[0]].state, rule.also[1]), (rule.zh, rule.en))
            self.put(*rule.also)
        self.name_pack(pack)

    def name_pack(self, pack: str | None) -> None:
        """Remember that a policy pack decided something here."""
        if pack and pack not in self.case.packs:
            self.change(packs=(*self.case.packs, pack))

    def hold(
        self, facet: str, reason: str, *, owner: str | None = None, pack: str | None = None, manual: bool = False
    ) -> None:
        """Let a facet wait: for `reason_of(reason).wait`, then for its owner."""
        why = reason_of(reason)
        until = None if manual or why.wait is None else self.world.now + why.wait
        code = reason if reason[1:].isdigit() or reason == "1" else None
        before = self.case.facets[facet]
        hold = Hold(reason=reason, code=code, owner=owner or owner_of(facet, reason), until=until)
        self._replace(facet, FacetState(state=before.state, hold=hold))
        self.tell(reason, facet, (before.state, "HOLD" if until else "MANUAL"), (why.zh, why.en), pack)
        self.name_pack(pack)

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

    def _watched_until(self, command: str) -> datetime:
        return self.world.now + COMMANDS[command].deadline

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
