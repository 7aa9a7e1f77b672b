"""The reference data of a round: what a partner's test system must know of the cars before the kit comes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from adapters.spec import Adapter

from .bed import Loaded
from .car import Car, car, learned, number_of
from .case import Case
from .catalogue import cases
from .walk import before


def records(adapter: Adapter, adapters: Mapping[str, Adapter], round_: int, day: date) -> Iterator[dict[str, Any]]:
    """Our own events, in the order in which they happened: `{"event", "data"}`."""
    bed = Loaded(adapters)
    for index, case in enumerate(cases(adapter)):
        foreign = [] if case.bed else list(_of_others(case, adapter))
        for number in range(case.cars if foreign else 0):
            yield from _told(car(round_, number_of(index, number), day), foreign, bed)


def _of_others(case: Case, adapter: Adapter) -> Iterator[str]:
    steps = before(case.command, case.situation.without, case.situation.after)
    return (step for step in steps if step not in adapter.operations)


def _told(one: Car, steps: Sequence[str], bed: Loaded) -> Iterator[dict[str, Any]]:
    for step in steps:
        event, data = bed.event(step, one)
        one.facts |= learned(data)
        yield {"event": event, "data": data}
