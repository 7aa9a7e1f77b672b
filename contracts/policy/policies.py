"""The packs that were accepted together, and which of them decides."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from .consistency import contradictions
from .faults import PolicyConflict
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


class Policies:
    """All packs but the retracted ones, free of contradictions. Raises `PolicyConflict` with every one of them."""

    def __init__(self, packs: Iterable[Pack]) -> None:
        given = tuple(packs)
        if faults := tuple(contradictions(given)):
            raise PolicyConflict(faults)
        self.packs = tuple(pack for pack in given if pack.status is not Status.RETRACTED)

    def pack_for(self, rule: Rule, on: date, *, region: str | None = None, kind: LifecycleKind | None = None) -> Pack:
        """Return the pack that binds on that day, which for past days may be a superseded one; else PolicyGap.

        Without a region only nationwide packs count. Without a kind, packs of several kinds are a gap.
        """
        binding = (pack for pack in self.packs if pack.rule == rule and pack.status.binds)
        match [pack for pack in binding if _answers(pack, on, region, kind)]:
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
