"""What a good adapter is, as a list: each adapter says in its `quality.toml` of every rule `done`, `todo` or `exempt`.

What is said to be done and can be told from the folder is checked, by `tongche partner test` and by our tests. The
rest, whether an interface was agreed and the exchanges were recorded at the agency, is for people: such a `done` says
on what it rests, and every `exempt` why.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from operator import attrgetter
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from contracts.codes import CODES
from contracts.contract import Contract
from contracts.fields import field_names
from contracts.topics import COMMANDS
from contracts.types import Text

from . import folders
from .comparison import differences
from .fixtures import FIXTURES, Case, cases
from .purity import impurities
from .spec import Adapter, Features, Json, Operation
from .unfit import unfit

FILE: Final = "quality.toml"
Cases = Sequence[Case]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `broken` names what contradicts it; it is None where only people can tell."""

    id: str
    zh: str
    en: str
    broken: Callable[[Adapter, Cases], Iterator[str]] | None = None


class Claim(BaseModel):
    """What an adapter says of one rule."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Literal["done", "todo", "exempt"]
    comment: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def _may_be_a_word(cls, told: object) -> object:
        return {"status": told} if isinstance(told, str) else told

    @model_validator(mode="after")
    def _says_why(self) -> Claim:
        if self.status == "exempt" and self.comment is None:
            message = "an exemption needs a comment"
            raise ValueError(message)
        return self


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: dict[str, Claim]


class UnreadableListError(ValueError):
    """A quality list that is none. Its text names the places."""


def claims(adapter: Adapter) -> dict[str, Claim]:
    """What an adapter says of itself, by rule. Raises `UnreadableListError`."""
    try:
        told = tomllib.loads((folders.of(adapter.name) / FILE).read_text(encoding="utf-8"))
        said = _File.model_validate(told).rules
    except (FileNotFoundError, tomllib.TOMLDecodeError) as wrong:
        raise UnreadableListError(f"{FILE}: {wrong}") from wrong
    except ValidationError as wrong:
        places = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in wrong.errors())
        raise UnreadableListError(f"{FILE}: {places}") from None
    known = {rule.id for rule in RULES}
    if said.keys() != known:
        raise UnreadableListError(f"{FILE}: {', '.join(sorted(said.keys() ^ known))}")
    return said


@dataclass(frozen=True, slots=True)
class Checked:
    """What an adapter says of itself, what is recorded of its agency, and what of the former is not so, by rule."""

    claims: Mapping[str, Claim]
    recorded: Cases
    wrong: Mapping[str, tuple[str, ...]]

    @property
    def broken(self) -> list[str]:
        """Everything that is said to be done and is not: `rule: what`."""
        return [f"{rule}: {each}" for rule, found in self.wrong.items() for each in found]


def checked(adapter: Adapter) -> Checked:
    """Hold its list against what is recorded, each read once.

    Raises `UnreadableListError`, and `UnreadableFixtureError` for what nothing can be told from.
    """
    said, recorded = claims(adapter), cases(adapter)
    wrong = {rule.id: tuple(_wrong(rule, said[rule.id], adapter, recorded)) for rule in RULES}
    return Checked(said, recorded, wrong)


def broken(adapter: Adapter) -> list[str]:
    """What of its list is not so. So the test in each folder of a partner's asks, also in those made earlier: it stays.

    Raises as `checked`.
    """
    return checked(adapter).broken


def _wrong(rule: Rule, claim: Claim, adapter: Adapter, recorded: Cases) -> Iterator[str]:
    if claim.status != "done":
        return
    if rule.broken is not None:
        yield from rule.broken(adapter, recorded)
    elif claim.comment is None:
        yield "a comment must say on what this rests"


def _commands(adapter: Adapter, _: Cases) -> Iterator[str]:
    theirs = {name for name, row in COMMANDS.items() if row.agency == adapter.agency}
    yield from sorted(theirs ^ adapter.operations.keys())


def _requests(_: Adapter, recorded: Cases) -> Iterator[str]:
    for case in recorded:
        yield from _unlike(case, case.request, case.asked)


def _answers(_: Adapter, recorded: Cases) -> Iterator[str]:
    for case in recorded:
        yield from _unlike(case, case.then, case.heard)


def _unlike(case: Case, recorded: Json, make: Callable[[], Json]) -> Iterator[str]:
    """Where a mapping makes something else of a fixture, or nothing because it fails."""
    try:
        made = make()
    except Exception as wrong:  # noqa: BLE001 - a mapping that is being written may fail in any way
        yield f"{case.file}: {unfit(case.adapter.name, FIXTURES, wrong)}"
    else:
        yield from (f"{case.file}: {each}" for each in differences(recorded, made))


def _end(adapter: Adapter, recorded: Cases, fits: Callable[[Case], bool]) -> Iterator[str]:
    """The commands of which no recorded end fits."""
    shown = {case.command for case in recorded if fits(case)}
    yield from (name for name in adapter.operations if name not in shown)


def _successes(adapter: Adapter, recorded: Cases) -> Iterator[str]:
    return _end(adapter, recorded, lambda case: case.then.get("event") == COMMANDS[case.command].answer.name)


def _refusals(adapter: Adapter, recorded: Cases) -> Iterator[str]:
    return _end(adapter, recorded, lambda case: case.then.get("error") == "refused")


def _outage(_: Adapter, recorded: Cases) -> Iterator[str]:
    if not any(case.then.get("error") == "unavailable" for case in recorded):
        yield "unavailable"


def _oddities(adapter: Adapter, recorded: Cases) -> Iterator[str]:
    return _end(adapter, recorded, lambda case: case.kind == "oddity")


def _nonsense(adapter: Adapter, recorded: Cases) -> Iterator[str]:
    return _end(adapter, recorded, lambda case: case.kind == "hostile")


def _codes(adapter: Adapter, _: Cases) -> Iterator[str]:
    yield from (theirs for theirs, means in adapter.errors.codes.items() if means.code not in CODES)


def _codes_shown(adapter: Adapter, recorded: Cases) -> Iterator[str]:
    shown = [_code(adapter, case) for case in recorded]
    yield from (theirs for theirs in adapter.errors.codes if theirs not in shown)


def _code(adapter: Adapter, case: Case) -> Json:
    """What stands in a recorded answer where codes stand."""
    told = case.reply().body
    for name in adapter.errors.field.split("."):
        told = told.get(name) if isinstance(told, dict) else None
    return told


def _echoes(adapter: Adapter, _: Cases) -> Iterator[str]:
    for name, operation in adapter.operations.items():
        sides = (operation.command.versions.models[-1], operation.command.answer.models[-1])
        if "vin" not in operation.echoes or not all(_has(side, each) for side in sides for each in operation.echoes):
            yield name


def _has(side: type[Contract], name: str) -> bool:
    return hasattr(side, name) or name in field_names(side)


def _features(adapter: Adapter, recorded: Cases) -> Iterator[str]:
    for name, operation in adapter.operations.items():
        asked_about = adapter.features is Features.QUERYABLE and not operation.question
        later = operation.later
        can_be_asked = operation.lookup is not None or (later is not None and later.endpoint is not None)
        is_idle = operation.lookup is not None and not asked_about
        if is_idle or (asked_about and not can_be_asked) or not _shown_both_ways(operation, recorded):
            yield name


def _shown_both_ways(operation: Operation, recorded: Cases) -> bool:
    """Whether a look-up is recorded that knew, and one that did not; none are wanted where there is none."""
    ends = [case.then for case in recorded if case.command == operation.command.versions.name and case.asks_back]
    return operation.lookup is None or (any("event" in then for then in ends) and {"known": False} in ends)


def _posts(adapter: Adapter, _: Cases) -> Iterator[str]:
    for name, operation in adapter.operations.items():
        if not operation.question and operation.endpoint.method != "POST":
            yield name


def _pure(adapter: Adapter, _: Cases) -> Iterator[str]:
    return _impure(folders.of(adapter.name), f"adapters.{adapter.name}")


def _impure(folder: Traversable, package: str, place: str = "") -> Iterator[str]:
    """What its modules do, and those of folders in it, that descriptions do not."""
    for file in sorted(folder.iterdir(), key=attrgetter("name")):
        if file.is_dir():
            yield from _impure(file, f"{package}.{file.name}", f"{place}{file.name}/")
        elif file.name.endswith(".py"):
            found = impurities(file.read_text(encoding="utf-8"), package)
            yield from (f"{place}{file.name}:{wrong}" for wrong in found)


RULES: Final = (
    Rule("pure", "只作描述，不做输入输出", "nothing in the folder does input or output", _pure),
    Rule("commands", "该类机构的每条指令都有操作", "every command of its kind of agency has an operation", _commands),
    Rule("requests", "请求与样例一致", "each recorded command is written as recorded", _requests),
    Rule("answers", "答复与样例一致", "each recorded answer becomes the recorded event or failure", _answers),
    Rule("successes", "每条指令有成功样例", "each command is recorded with its success", _successes),
    Rule("refusals", "每条指令有拒绝样例", "each command is recorded with a refusal for good", _refusals),
    Rule("outage", "有中断样例", "an outage is recorded", _outage),
    Rule(
        "oddities", "每条指令有异常而可读的样例", "each command is recorded with an odd answer that is read", _oddities
    ),
    Rule("nonsense", "每条指令有不可信答复的样例", "each command is recorded with an answer not to believe", _nonsense),
    Rule("codes", "错误码都对应平台代码", "each of its codes means one of ours", _codes),
    Rule("codes-shown", "每个错误码有样例", "each of its codes stands in a recorded answer", _codes_shown),
    Rule("echoes", "答复须重复车架号", "each answer must repeat the car, in a field of both sides", _echoes),
    Rule("features", "可查者均可查", "what it promises about doubtful calls is declared and recorded", _features),
    Rule("posts", "有后果者用 POST", "what changes something is posted", _posts),
    Rule("own-words", "用词为该机构自己的", "the words are the agency's own, not those it was begun with"),
    Rule("agreed", "接口已与机构书面约定", "the interface is agreed with the agency in writing"),
    Rule("recorded-there", "样例录自机构的系统", "the exchanges were recorded at a system of the agency"),
    Rule("limits", "限额已与机构约定", "how many calls it bears is agreed with the agency"),
)
"""In the order in which they are told. Watched by `tests/adapters/test_quality.py`."""
