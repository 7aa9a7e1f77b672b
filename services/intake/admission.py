"""Whether a submission may come in: its contract, its date, and its publisher's right to speak. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from contracts.contract import Contract, broken_checks
from contracts.faults import faults_of
from contracts.numbers import division
from contracts.registry import UnknownType, resolve
from contracts.sale import (
    SALE_CANCELLED,
    SALE_CONFIRMED,
    SALE_CORRECTED,
    SALE_RETURNED,
    Fault,
    SaleConfirmedV1,
    SaleConfirmedV2,
    SaleConfirmedV3,
)
from services.intake.cloudevents import Submission
from services.intake.problems import CONTRACT, NOT_ENTITLED, Problem, fault
from services.intake.publishers import Publisher
from services.runtime import digests

_TAKEN: Final = {
    versions.name: versions for versions in (SALE_CONFIRMED, SALE_CORRECTED, SALE_CANCELLED, SALE_RETURNED)
}
_AHEAD: Final = timedelta(days=1)
"""How far in the future a sale may be dated: a dealer's clock may be past midnight before ours."""
_WITHOUT_ENGINE: Final = frozenset({"BEV", "FCEV"})
_PAST_FACTS: Final = ("sold_on", "returned_on")

MOST_FAULTS: Final = 30
"""More faults of one message help nobody to mend it."""

SaleData = SaleConfirmedV1 | SaleConfirmedV2 | SaleConfirmedV3


@dataclass(frozen=True, slots=True)
class Admissible:
    """A submission that may come in, if its id was not used for something else.

    `content` is a digest of what the source wrote, taken before any dating; `data` is what will be published.
    """

    source: str
    sourceid: str
    type: str
    data: Contract
    content: str
    traceparent: str | None

    @property
    def vin(self) -> str:
        """The vehicle, normalised."""
        vin: str = getattr(self.data, "vin")  # noqa: B009 - every contract of the door has one, no common class says so
        return vin

    @property
    def is_sale(self) -> bool:
        """Whether it opens a case, rather than changing one."""
        return isinstance(self.data, SaleData)

    @property
    def order_no(self) -> str | None:
        """The dealer's order number, of a sale."""
        return self.data.order_no if isinstance(self.data, SaleData) else None


def check_source(submission: Submission, publisher: Publisher) -> None:
    """A publisher speaks for its own source only. Raises a `Problem`."""
    if not publisher.speaks_for(submission.source):
        raise Problem(NOT_ENTITLED, fault("source", "not_entitled", code="A403"))


def examine(
    submission: Submission,
    publisher: Publisher,
    today: date,
    *,
    dated: date | None = None,
    known_faults: Sequence[Fault] = (),
) -> Admissible:
    """Check everything at once. Raises a `Problem` that names every fault.

    `dated` moves the date of a sale, after what the source wrote was checked. `known_faults` are what whoever
    read the submission already found; fields blamed there are not blamed twice.
    """
    data, faults = faults_of(_model(submission.type), submission.data)
    known = {fault.field for fault in known_faults}
    found = [*known_faults, *(fault for fault in faults if fault.field not in known)]
    blamed = {fault.field for fault in found}
    for name in _PAST_FACTS:
        if name not in blamed:
            found += _future(name, submission.data.get(name), today)
    if isinstance(data, SaleData):
        found += [one for one in _unserved(data) if one.field not in blamed]
    if found or data is None:
        raise Problem(CONTRACT, *found[:MOST_FAULTS])
    _check_usccs(data, publisher)
    return Admissible(
        source=submission.source,
        sourceid=submission.sourceid,
        type=submission.type,
        data=_dated(data, dated),
        content=_digest(submission.type, data),
        traceparent=submission.traceparent,
    )


def types_taken() -> Iterator[str]:
    """Every CloudEvents type that the door takes, each version by itself."""
    for versions in _TAKEN.values():
        yield from (versions.type_of(number) for number in range(1, versions.newest + 1))


def _model(type_: str) -> type[Contract]:
    try:
        versions, number = resolve(type_)
    except UnknownType:
        versions, number = None, 0
    if versions is None or versions.name not in _TAKEN:
        raise Problem(
            CONTRACT,
            fault("type", "unknown_type"),
            fix=f"受理的类型 / types taken: {', '.join(types_taken())}",
        )
    return versions.model(number)


def _future(name: str, told: Any, today: date) -> list[Fault]:
    if not isinstance(told, str):
        return []
    try:
        day = date.fromisoformat(told)
    except ValueError:
        return []
    return [fault(name, "in_the_future")] if day > today + _AHEAD else []


def _unserved(sale: SaleData) -> Iterator[Fault]:
    """What keeps its contract, but what no agency could finish: it would be found out after the tax was paid."""
    if sale.fuel_kind not in _WITHOUT_ENGINE and sale.displacement is None:
        yield fault("displacement", "missing")
    where = sale if isinstance(sale, SaleConfirmedV1) else sale.buyer
    if where is not None and not division.is_mainland(where.region):
        yield fault("region" if where is sale else "buyer.region", "not_served")


def _check_usccs(data: Contract, publisher: Publisher) -> None:
    """A sale must name its publisher as seller, maker or exporter; a correction is checked against its sale."""
    if isinstance(data, SaleData) and not publisher.usccs.intersection(_parties(data)):
        raise Problem(NOT_ENTITLED, fault("seller_uscc", "not_entitled", code="A403"))


def _parties(data: SaleData) -> Iterator[str]:
    yield data.seller_uscc
    yield data.maker_uscc
    if not isinstance(data, SaleConfirmedV1) and data.export is not None:
        yield data.export.exporter_uscc


def _dated(data: Contract, dated: date | None) -> Contract:
    if dated is None or not isinstance(data, SaleData):
        return data
    moved = data.model_copy(update={"sold_on": dated})
    broken = [fault(check.blames, check.name) for check in broken_checks(moved)]
    if broken:
        raise Problem(CONTRACT, *broken)
    return moved


def _digest(type_: str, data: Contract) -> str:
    # Of the normalised message: the same facts through CSV, JSON or another encoding are the same content.
    return digests.digest([type_, data.model_dump(mode="json", exclude_none=True)])
