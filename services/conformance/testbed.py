"""The reference data of a round: what a partner's test system must know of the cars before the kit comes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from adapters.spec import Adapter

from .bed import Loaded
from .car import Car, car, learned, number_of
from .catalogue import cases


def records(adapter: Adapter, adapters: Mapping[str, Adapter], round_: int, day: date) -> Iterator[dict[str, Any]]:
    """Our own events, in the order in which they happened: `{"event", "data"}`."""
    bed = Loaded(adapters, adapter)
    for index, case in enumerate(cases(adapter)):
        playable = bed.lacks(case.bed, case.steps) is None
        foreign = [step for step in case.steps if playable and step not in adapter.operations]
        for number in range(case.cars if foreign else 0):
            yield from _told(car(round_, number_of(index, number), day), foreign, bed)


def _told(one: Car, steps: Sequence[str], bed: Loaded) -> Iterator[dict[str, Any]]:
    told: set[str] = set()
    for step in steps:
        event, data = bed.event(step, one)
        one.facts |= learned(data)
        if event not in told:
            # A certificate that was uploaded and asked for has been confirmed once.
            told.add(event)
            yield {"event": event, "data": data}
