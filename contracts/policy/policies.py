"""The packs that were accepted together, and which of them decides."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from itertools import combinations

from .pack import LifecycleKind, Pack, Status
from .params import Rule


class PolicyGap(LookupError):
    """No single pack answers a rule on a date: the case must wait for one, nothing may be assumed."""

    def __init__(self, rule: Rule, on: date, why: str = "no pack in force") -> None:
        super().__init__(rule, on, why)
        self.rule = rule
        self.on = on
        self.why = why

    def __str__(self) -> str:
        return f"{self.rule} on {self.on}: {self.why}"


class PolicyConflict(ValueError):
    """Packs contradict each other, so none of them may be used."""


class Policies:
    """All packs but the retracted ones, free of contradictions."""

    def __init__(self, packs: Iterable[Pack]) -> None:
        given = tuple(packs)
        _refuse_contradictions(given)
        self.packs = tuple(pack for pack in given if pack.status is not Status.RETRACTED)

    def pack_for(self, rule: Rule, on: date, *, region: str | None = None, kind: LifecycleKind | None = None) -> Pack:
        """Return the pack that binds on that day, which for past days may be a superseded one; else PolicyGap.

        Without a region only nationwide packs count. Without a kind, packs of several kinds are a gap.
        """
        found = [pack for pack in self.packs if pack.status.binds and _answers(pack, on, region, kind)]
        match [pack for pack in found if pack.rule == rule]:
            case [pack]:
                return pack
            case []:
                raise PolicyGap(rule, on)
            case _:
                raise PolicyGap(rule, on, "several packs, tell the kind")

    def annotations(
        self, on: date, *, region: str | None = None, kind: LifecycleKind | None = None
    ) -> tuple[Pack, ...]:
        """Signals, drafts and policies not yet in force: to be shown to people, never to decide."""
        return tuple(pack for pack in self.packs if not pack.status.binds and _answers(pack, on, region, kind))


def _answers(pack: Pack, on: date, region: str | None, kind: LifecycleKind | None) -> bool:
    return pack.on(on) and pack.scope.covers(region, kind)


def _refuse_contradictions(packs: tuple[Pack, ...]) -> None:
    by_id = {pack.id: pack for pack in packs}
    if len(by_id) != len(packs):
        message = "two packs have the same id"
        raise PolicyConflict(message)
    for one, other in combinations((pack for pack in packs if pack.status.binds), 2):
        if one.overlaps(other):
            message = f"{one.id} and {other.id} both bind {one.rule} on the same days"
            raise PolicyConflict(message)
    for pack in packs:
        if pack.supersedes is not None:
            _check_succession(pack, by_id.get(pack.supersedes))


def _check_succession(pack: Pack, previous: Pack | None) -> None:
    if previous is None or previous.rule != pack.rule or previous.status is not Status.SUPERSEDED:
        message = f"{pack.id} supersedes no superseded pack of its rule"
        raise PolicyConflict(message)
