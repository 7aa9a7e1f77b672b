"""What is told about a case after every change: `case.changed`, with no personal data but the VIN."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.case import Asked, CaseChangedV1, Facet, Step, Timer

from .case import Ask, Case, FacetState


def snapshot(case: Case, steps: Sequence[Step] = ()) -> CaseChangedV1:
    """The whole case as it stands, and the steps that brought it there."""
    return CaseChangedV1(
        vin=case.vin,
        order_no=case.sale.order_no,
        kind=case.kind,
        version=case.version,
        headline=case.headline,
        owner=case.owner,
        code=case.code,
        opened_at=case.opened_at,
        changed_at=case.changed_at,
        closed_at=case.closed_at,
        facets=tuple(_facet(name, facet) for name, facet in case.facets.items()),
        steps=tuple(steps),
        timers=tuple(Timer(name=timer.name, due=timer.due) for timer in case.timers),
        policy_packs=case.packs,
        asked=tuple(map(_asked, case.asks.values())),
    )


def _asked(ask: Ask) -> Asked:
    return Asked(
        delivery_id=ask.id,
        asked_for=ask.command,
        asked_of=ask.organisation,
        facet=ask.facet,
        asked_at=ask.asked_at,
    )


def _facet(name: str, facet: FacetState) -> Facet:
    hold = facet.hold
    if hold is None:
        return Facet(name=name, state=facet.state)
    return Facet(name=name, state=facet.state, hold=hold.reason, code=hold.code, until=hold.until, owner=hold.owner)
