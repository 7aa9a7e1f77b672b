"""What is seen against what was to be seen: every difference, at once, by name. Pure."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from . import books
from .seen import Answer, Held, Seen, Sight, Stepped


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it was to be. `what` names it: `car.facets.tax`."""

    what: str
    expected: Any
    found: Any

    @property
    def zh(self) -> str:
        return f"{self.what}：应为 {_text(self.expected)}，实为 {_text(self.found)}"

    @property
    def en(self) -> str:
        return f"{self.what}: expected {_text(self.expected)}, found {_text(self.found)}"

    def as_json(self) -> dict[str, Any]:
        return {"what": self.what, "expected": _text(self.expected), "found": _text(self.found)}


Found = tuple[str, Any, Any]
"""What differs, what was expected, what was found."""
Look = Callable[[Any, Sight], Iterator[Found]]


def differences(name: str, seen: Seen, sight: Sight) -> list[Difference]:
    """Everything in which a sale of that name is not as it was to be."""
    found = (
        Difference(f"{name}.{what}", expected, is_)
        for field, look in _LOOKS.items()
        if (wanted := getattr(seen, field)) is not None
        for what, expected, is_ in look(wanted, sight)
    )
    return list(found)


def answered(name: str, expected: Sequence[Answer], found: Sequence[Answer]) -> list[Difference]:
    """What the door said to the same thing, time by time."""
    return [] if tuple(expected) == tuple(found) else [Difference(f"answers.{name}", expected, found)]


def _absent(_: Any, sight: Sight) -> Iterator[Found]:
    if sight.case is not None:
        yield "case", None, sight.case["headline"]
    if sight.effects:
        yield "effects", None, _counted(sight)


def _of_case(name: str) -> Look:
    def look(wanted: Any, sight: Sight) -> Iterator[Found]:
        found = (sight.case or {}).get(name)
        if found != wanted:
            yield name, wanted, found

    return look


def _facets(wanted: Mapping[str, str], sight: Sight) -> Iterator[Found]:
    states = {facet["name"]: facet["state"] for facet in _facets_of(sight)}
    for name, state in wanted.items():
        if states.get(name) != state:
            yield f"facets.{name}", state, states.get(name)


def _holds(wanted: Mapping[str, Held], sight: Sight) -> Iterator[Found]:
    """All that are held, and no others."""
    held = {facet["name"]: facet for facet in _facets_of(sight) if facet["hold"] is not None}
    for name in sorted(wanted.keys() | held.keys()):
        hold, found = wanted.get(name), _hold(held.get(name))
        if hold is None or found is None or _differs(hold, found):
            yield f"holds.{name}", hold, found


def _hold(facet: Mapping[str, Any] | None) -> Held | None:
    if facet is None:
        return None
    return Held(reason=facet["hold"], code=facet["code"], owner=facet["owner"], manual=facet["until"] is None)


def _differs(wanted: Held | Stepped, found: Held | Stepped) -> bool:
    told = wanted.model_dump(exclude_none=True)
    return any(getattr(found, name) != value for name, value in told.items())


def _packs(wanted: frozenset[str], sight: Sight) -> Iterator[Found]:
    found = frozenset((sight.case or {}).get("policy_packs", ()))
    if found != wanted:
        yield "packs", sorted(wanted), sorted(found)


def _timers(wanted: Mapping[str, datetime], sight: Sight) -> Iterator[Found]:
    timers = {timer["name"]: datetime.fromisoformat(timer["due"]) for timer in (sight.case or {}).get("timers", ())}
    for name, due in wanted.items():
        if timers.get(name) != due:
            yield f"timers.{name}", due, timers.get(name)


def _steps(wanted: Sequence[Stepped], sight: Sight) -> Iterator[Found]:
    rest = iter(_steps_of(sight))
    for step in wanted:
        if all(_differs(step, found) for found in rest):
            yield f"steps.{step.rule}", step, [found.rule for found in _steps_of(sight)]
            return


def _met(wanted: Mapping[str, frozenset[str]], sight: Sight) -> Iterator[Found]:
    for command, how in wanted.items():
        attempts = [each for tried in _tried(command, sight) for each in tried]
        found = {each["result"] for each in attempts} | {each["code"] for each in attempts if each["code"]}
        if not how <= found:
            yield f"met.{command}", sorted(how), sorted(found)


def _tries(wanted: Mapping[str, int], sight: Sight) -> Iterator[Found]:
    for command, least in wanted.items():
        found = max(_tried(command, sight), key=len, default=[])
        began = [datetime.fromisoformat(each["started_at"]) for each in found]
        pauses = [later - earlier for earlier, later in pairwise(began)]
        if len(found) < least or pauses[-1] <= pauses[0]:
            yield f"tries.{command}", f"{least} or more, ever later", [pause.total_seconds() for pause in pauses]


def _tried(command: str, sight: Sight) -> list[list[Mapping[str, Any]]]:
    """The attempts of each delivery of a command."""
    agencies = (sight.story or {}).get("agencies", ())
    deliveries = (delivery for agency in agencies for delivery in agency["deliveries"])
    return [delivery["attempts"] for delivery in deliveries if delivery["command"] == command]


def _away(wanted: Mapping[str, str], sight: Sight) -> Iterator[Found]:
    for organisation, why in wanted.items():
        if why not in sight.away.get(organisation, ""):
            yield f"away.{organisation}", why, sight.away.get(organisation)


def _waits(wanted: frozenset[str], sight: Sight) -> Iterator[Found]:
    found = {row["command"] for row in sight.waiting}
    yield from ((f"waits.{name}", "held or parked", None) for name in sorted(wanted - found))


def _effects(wanted: Mapping[str, int], sight: Sight) -> Iterator[Found]:
    found = _counted(sight)
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name, 0) != found.get(name, 0):
            yield f"effects.{name}", wanted.get(name, 0), found.get(name, 0)


def _done(wanted: frozenset[str], sight: Sight) -> Iterator[Found]:
    yield from ((f"effects.{name}", "some", 0) for name in sorted(wanted - _counted(sight).keys()))


def _undone(wanted: frozenset[str], sight: Sight) -> Iterator[Found]:
    found = _counted(sight)
    yield from ((f"effects.{name}", 0, found[name]) for name in sorted(wanted & found.keys()))


def _order(wanted: Sequence[Sequence[str]], sight: Sight) -> Iterator[Found]:
    operations = [line["operation"] for line in sight.effects]
    for row in wanted:
        places = [operations.index(name) for name in row if name in operations]
        if len(places) < len(row) or places != sorted(places):
            yield "order", " → ".join(row), " → ".join(name for name in operations if name in row)


def _amounts(wanted: Mapping[Any, int], sight: Sight) -> Iterator[Found]:
    for name, fen in wanted.items():
        found = books.amount(sight.effects, name)
        if found != fen:
            yield f"amounts.{name}", fen, found


def _numbers(wanted: Mapping[str, str], sight: Sight) -> Iterator[Found]:
    for path, shape in wanted.items():
        found = [str(value) for value in books.values(sight.effects, path)]
        shaped = all(re.fullmatch(shape, value) for value in found)
        if not found or not shaped or len(set(found)) < len(found):
            yield f"numbers.{path}", f"different ones of {shape}", found


def _plate(wanted: str, sight: Sight) -> Iterator[Found]:
    found = books.plate_class(sight.effects)
    if found != wanted:
        yield "plate", wanted, found


def _told(wanted: Mapping[str, Any], sight: Sight) -> Iterator[Found]:
    told = sight.told or {}
    for name, value in wanted.items():
        if not _covers(value, told.get(name)):
            yield f"told.{name}", value, told.get(name)


def _covers(wanted: Any, found: Any) -> bool:
    """Whether all that was wanted is there; a list has as many, each with what was wanted of it."""
    match wanted:
        case dict():
            return isinstance(found, dict) and all(_covers(each, found.get(name)) for name, each in wanted.items())
        case list():
            same = isinstance(found, list) and len(found) == len(wanted)
            return same and all(_covers(one, other) for one, other in zip(wanted, found, strict=True))
        case _:
            return bool(wanted == found)


def _unsaid(wanted: Sequence[str], sight: Sight) -> Iterator[Found]:
    text = json.dumps([sight.case, sight.story, sight.told], ensure_ascii=False).lower()
    yield from (("unsaid", None, word) for word in wanted if word.lower() in text)


def _facets_of(sight: Sight) -> Sequence[Mapping[str, Any]]:
    facets: Sequence[Mapping[str, Any]] = (sight.case or {}).get("facets", ())
    return facets


def _steps_of(sight: Sight) -> list[Stepped]:
    names = Stepped.model_fields
    return [Stepped(**{name: step[name] for name in names}) for step in (sight.story or {}).get("steps", ())]


def _counted(sight: Sight) -> dict[str, int]:
    return dict(Counter(line["operation"] for line in sight.effects))


def _text(value: Any) -> str:
    if isinstance(value, Held | Stepped | Answer):
        return json.dumps(value.model_dump(mode="json", exclude_none=True), ensure_ascii=False)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_text, value)) + "]"
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


_LOOKS: Final[dict[str, Look]] = {
    "absent": _absent,
    "headline": _of_case("headline"),
    "code": _of_case("code"),
    "owner": _of_case("owner"),
    "facets": _facets,
    "holds": _holds,
    "packs": _packs,
    "timers": _timers,
    "steps": _steps,
    "met": _met,
    "tries": _tries,
    "away": _away,
    "waits": _waits,
    "effects": _effects,
    "done": _done,
    "undone": _undone,
    "order": _order,
    "amounts": _amounts,
    "numbers": _numbers,
    "plate": _plate,
    "told": _told,
    "unsaid": _unsaid,
}
"""By field of `Seen`; a test says that none is without."""
