"""The agencies as they are spoken to: what each promises, how long it is waited for, what its codes mean to us."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cache, cached_property
from itertools import groupby
from typing import NamedTuple

from adapters.fixtures import cases
from adapters.organisations import ORGANISATIONS, Organisation
from adapters.registry import ADAPTERS
from adapters.spec import Adapter, Endpoint, Errors, Features, Operation, RetryPolicy, Seal, Style
from contracts.codes import CODES, Code

from .exchanges import Exchange
from .topics import AGENCY_NAMES
from .words import LATER, Said


class No(NamedTuple):
    """One code of theirs: ours for it, and what follows: `final`, `retried` or `slows`."""

    theirs: str
    ours: Code
    then: str


@dataclass(frozen=True)
class Asked:
    """One operation with its recorded exchanges."""

    operation: Operation
    exchanges: tuple[Exchange, ...]

    @property
    def command(self) -> str:
        return self.operation.command.versions.name

    @property
    def answer(self) -> str:
        """The contract of our event."""
        return self.operation.command.answer.name

    @property
    def timeout(self) -> timedelta:
        return self.operation.endpoint.timeout

    @property
    def address(self) -> str:
        return _shown(self.operation.endpoint)

    @property
    def asked_about(self) -> str | None:
        """Where it is asked what came of it, where nobody said."""
        lookup, later = self.operation.lookup, self.operation.later
        asks = lookup.endpoint if lookup else later.endpoint if later else None
        return _shown(asks) if asks else None

    @property
    def settles(self) -> timedelta | None:
        """For how long after a call "unknown" is no answer."""
        lookup, later = self.operation.lookup, self.operation.later
        return lookup.settles if lookup else later.settles if later and later.endpoint else None

    @property
    def later(self) -> Said | None:
        """How its answer comes, where it comes later."""
        later = self.operation.later
        if later is None:
            return None
        return LATER["called-back" if later.called_back else "fetched"]


def _shown(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.path}" + (f" · {endpoint.action}" if endpoint.action else "")


@dataclass(frozen=True)
class Spoken:
    """One way of speaking to a kind of agency, and all who speak so."""

    adapter: Adapter

    @property
    def name(self) -> str:
        return self.adapter.name

    @property
    def kind(self) -> Said:
        return Said(*AGENCY_NAMES[self.adapter.agency])

    @property
    def style(self) -> Style:
        return self.adapter.binding.style

    @property
    def seal(self) -> Seal:
        return self.adapter.seal

    @property
    def features(self) -> Features:
        return self.adapter.features

    @property
    def retry(self) -> RetryPolicy:
        return self.adapter.retry

    @property
    def errors(self) -> Errors:
        return self.adapter.errors

    @property
    def organisations(self) -> tuple[Organisation, ...]:
        return tuple(one for one in ORGANISATIONS.values() if one.adapter == self.name)

    @property
    def codes(self) -> tuple[No, ...]:
        return tuple(No(theirs, CODES[means.code], means.then) for theirs, means in self.errors.codes.items())

    @cached_property
    def asked(self) -> tuple[Asked, ...]:
        """Every operation, in the adapter's order; of each the exchange in which it succeeds first."""
        recorded = sorted(map(Exchange, cases(self.adapter)), key=lambda one: (one.case.command, one.kind != "plain"))
        by_command = {command: tuple(some) for command, some in groupby(recorded, key=lambda one: one.case.command)}
        operations = self.adapter.operations.values()
        return tuple(Asked(one, by_command.get(one.command.versions.name, ())) for one in operations)

    @property
    def number(self) -> int:
        """Of exchanges."""
        return sum(len(one.exchanges) for one in self.asked)


@cache
def agencies() -> tuple[Spoken, ...]:
    """Every adapter, in the order of the agencies."""
    return tuple(map(Spoken, ADAPTERS.values()))
