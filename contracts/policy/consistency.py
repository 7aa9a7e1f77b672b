"""Whether packs may be used together: for any vehicle and day one answer, and no day forgotten between two answers.

Before a rule's first pack and after its last there is a gap by nature, which a case meets as `PolicyGap`; a hole
between two packs is a mistake of whoever wrote them, and refused here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import combinations, groupby

from .faults import Fault
from .pack import NATIONWIDE, LifecycleKind, Pack, Status
from .params import WorkingCalendarParams

_DAY = timedelta(days=1)
_DECEMBER = timedelta(days=31)


def contradictions(packs: Sequence[Pack]) -> Iterator[Fault]:
    """Everything for which these packs may not be used together."""
    binding = [pack for pack in packs if pack.status.binds]
    yield from _repeated(packs)
    yield from _regional_laws(binding)
    yield from _other_dates(binding)
    yield from _overlaps(binding)
    yield from _holes(binding)
    yield from _broken_successions(packs)
    yield from _calendar_quarrels(binding)


def _repeated(packs: Sequence[Pack]) -> Iterator[Fault]:
    for id_, times in Counter(pack.id for pack in packs).items():
        if times > 1:
            yield Fault(f"编号 {id_} 出现 {times} 次", f"{times} packs have the id {id_}")


def _regional_laws(binding: Sequence[Pack]) -> Iterator[Fault]:
    """A law of the whole country is asked without a region: a pack for a part of it would never be heard."""
    for pack in binding:
        if pack.params.NATIONAL and pack.scope.regions != (NATIONWIDE,):
            zh = f"{pack.rule} 为全国性规则，{pack.id} 的地区只能是 {NATIONWIDE}"
            yield Fault(
                zh, f"{pack.rule} is one law for the country: the regions of {pack.id} can only be {NATIONWIDE}"
            )


def _other_dates(binding: Sequence[Pack]) -> Iterator[Fault]:
    """A rule asks with one date of its own: a pack that names another would be chosen by a day it does not mean."""
    for rule, packs in groupby(sorted(binding, key=_rule), key=_rule):
        fields = {pack.reference_date_field: pack.id for pack in packs}
        if len(fields) > 1:
            listed = ", ".join(f"{pack}: {name}" for name, pack in sorted(fields.items()))
            yield Fault(f"{rule} 的基准日期不一：{listed}", f"packs of {rule} go by different dates: {listed}")


def _overlaps(binding: Sequence[Pack]) -> Iterator[Fault]:
    for one, other in combinations(binding, 2):
        if one.overlaps(other):
            zh = f"{one.id} 与 {other.id} 在相同日期均适用于 {one.rule}"
            yield Fault(zh, f"{one.id} and {other.id} both bind {one.rule} on the same days")


def _holes(binding: Sequence[Pack]) -> Iterator[Fault]:
    """Each hole once, in however many places and kinds it lies."""
    found: dict[Fault, None] = {}
    for _, packs in groupby(sorted(binding, key=_rule), key=_rule):
        for answers in _places(list(packs)):
            found |= dict.fromkeys(_holes_between(answers))
    yield from found


def _places(packs: list[Pack]) -> Iterator[list[Pack]]:
    """For every region and kind that a pack of the rule names: the packs that answer there, by their first days."""
    ordered = sorted(packs, key=_first)
    places: dict[tuple[str, LifecycleKind], None] = {}
    for pack in ordered:
        places |= dict.fromkeys((region, kind) for region in pack.scope.regions for kind in pack.scope.kinds)
    for region, kind in places:
        yield [pack for pack in ordered if pack.scope.covers(region, kind)]


def _holes_between(ordered: Iterable[Pack]) -> Iterator[Fault]:
    until: Pack | None = None
    for pack in ordered:
        if until is not None and _last(until) < _first(pack) - _DAY:
            first, last = _last(until) + _DAY, _first(pack) - _DAY
            where = f"{first} … {last}"
            yield Fault(
                f"{until.id} 与 {pack.id} 之间 {pack.rule} 无政策包：{where}",
                f"no pack of {pack.rule} between {until.id} and {pack.id}: {where}",
            )
        if until is None or _last(pack) > _last(until):
            until = pack


def _broken_successions(packs: Sequence[Pack]) -> Iterator[Fault]:
    by_id = {pack.id: pack for pack in packs}
    for pack in packs:
        if pack.supersedes is not None and pack.status is not Status.RETRACTED:
            yield from _succession(pack, by_id.get(pack.supersedes))


def _succession(pack: Pack, previous: Pack | None) -> Iterator[Fault]:
    """A pack that binds comes the day after one that has ended; a draft merely names one of its rule that binds."""
    if previous is None or not previous.status.binds or previous.rule != pack.rule:
        zh = f"{pack.id} 所取代的 {pack.supersedes} 不是同一规则下生效过的政策包"
        yield Fault(zh, f"{pack.id} supersedes {pack.supersedes}, which is no pack of its rule that ever bound")
        return
    if not pack.status.binds:
        return
    if previous.status is not Status.SUPERSEDED:
        zh = f"{pack.id} 所取代的 {previous.id} 未标为 SUPERSEDED"
        yield Fault(zh, f"{pack.id} supersedes {previous.id}, which is not marked SUPERSEDED")
    if _last(previous) == date.max or _first(pack) != _last(previous) + _DAY:
        zh = f"{pack.id} 应自 {previous.id} 终止次日起施行"
        yield Fault(zh, f"{pack.id} does not begin the day after {previous.id} ends")


def _calendar_quarrels(binding: Sequence[Pack]) -> Iterator[Fault]:
    calendars = [(pack, pack.params) for pack in binding if isinstance(pack.params, WorkingCalendarParams)]
    for pack, notice in calendars:
        # A notice may have a December day worked for a day off of January, and nothing else of another year.
        for day in sorted(notice.days_off.union(notice.make_up_days)):
            if not _first(pack) - _DECEMBER <= day <= _last(pack):
                yield Fault(f"{pack.id} 所列 {day} 不属该年度", f"{pack.id} names {day}, which is none of its year")
    for (one, mine), (other, theirs) in combinations(calendars, 2):
        worked, off = {*mine.make_up_days, *theirs.make_up_days}, mine.days_off | theirs.days_off
        for day in sorted(worked & off):
            zh = f"{one.id} 与 {other.id} 对 {day} 是否上班说法不一"
            yield Fault(zh, f"{one.id} and {other.id} disagree whether {day} is worked")


def _rule(pack: Pack) -> str:
    return pack.rule


def _first(pack: Pack) -> date:
    return pack.effective_from or date.min


def _last(pack: Pack) -> date:
    return pack.effective_to or date.max
