"""All cases of one agency, in an order that does not change from run to run: their cars' numbers follow from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from adapters.spec import Adapter

from . import recorded
from .case import ABOUT_A_NO, Case, Property, about
from .fixtures import PLAIN
from .properties import PROPERTIES
from .stage import Stage


def cases(adapter: Adapter) -> Sequence[Case]:
    """Those of its fixtures, and those of the properties that apply to its operations."""
    found = (*recorded.cases(adapter), *(case for row in PROPERTIES for case in _of(adapter, row)))
    if len({case.id for case in found}) != len(found):
        raise ValueError(f"two cases of {adapter.name} have one id")
    return found


def _of(adapter: Adapter, row: Property) -> Iterator[Case]:
    for name, operation in adapter.operations.items():
        if row.applies(adapter, operation):
            yield _case(adapter, row, name)
            if row.once:
                return


def _case(adapter: Adapter, row: Property, name: str) -> Case:
    async def play(stage: Stage) -> None:
        await row.play(stage, name)

    return Case(
        f"{adapter.name}.{row.id}" if row.once else f"{adapter.name}.{name}.{row.id}",
        row.kind,
        name,
        row.title if row.once else about(adapter.operations[name], row.title),
        row.demands,
        row.fix,
        f"docs/conformance.md: {row.id}",
        play,
        replace(PLAIN, bed=row.bed),
        row.cars,
        expects_no=row.expects_no or row.kind in ABOUT_A_NO,
    )
