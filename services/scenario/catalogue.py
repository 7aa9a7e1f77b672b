"""The scenarios that there are: a folder each, read and checked whole before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, ValidationError

from contracts.numbers.errors import Sentence
from services.stack import reasons
from services.stack.trouble import TroubleError

from .seen import Answer, Form, Seen
from .steps import STEP, Act, Label, Notice, Publish, Return, Step, Tell

SCENARIOS: Final = Path(__file__).parents[2] / "compose" / "scenarios"
EVENTS: Final = "events.jsonl"
EXPECTED: Final = "expected.json"


class Words(Form):
    """The same in Chinese and English."""

    zh: str
    en: str


class Expected(Form):
    """`expected.json`: its number, what it is about, and what must be so at the end.

    The number is that of the rulebook's row; a situation that is in another place of it has one of ours, R1, R2, ….
    """

    number: Annotated[int, Field(ge=1)] | Annotated[str, Field(pattern="^R[1-9][0-9]?$")]
    situation: Words
    outcome: Words
    sales: dict[Label, Seen]
    answers: dict[str, tuple[Answer, ...]] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One situation, with all that happens in it and what must come of it."""

    name: str
    steps: tuple[Step, ...]
    expected: Expected

    @property
    def began(self) -> datetime:
        """The moment of its first step."""
        at = self.steps[0].at
        if isinstance(at, timedelta):
            raise TypeError(at)
        return at

    @property
    def ends(self) -> datetime:
        """The moment of its last."""
        return max(step.moment(self.began) for step in self.steps)

    @property
    def vins(self) -> dict[str, str]:
        """By sale, and by what follows a sale, its car."""
        sold = {step.sale: str(step.data["vin"]) for step in self.steps if isinstance(step, Publish)}
        return {name: sold[sale] for name, sale in self.returns.items() if sale in sold} | sold

    @property
    def returns(self) -> dict[str, str]:
        """By the name of a return's own case, the sale that it follows."""
        told = (step for step in self.steps if isinstance(step, Return))
        return {step.opens: step.sale for step in told if step.opens}

    def publisher(self, sale: str) -> str:
        """Who published it, or the sale that it follows."""
        sold = self.returns.get(sale, sale)
        return next(step.publisher for step in self.steps if isinstance(step, Publish) and step.sale == sold)


def names() -> list[str]:
    """Every scenario's folder, in the order of the rulebook's numbers."""
    return sorted(path.parent.name for path in SCENARIOS.glob(f"*/{EXPECTED}"))


def chosen(wanted: Sequence[str]) -> list[Scenario]:
    """Those that a person named, by folder or by number, or all. Raises `TroubleError`."""
    known = names()
    found = known if "all" in wanted else [_named(one, known) for one in dict.fromkeys(wanted)]
    return [read(SCENARIOS / name) for name in dict.fromkeys(found)]


def _named(wanted: str, known: Sequence[str]) -> str:
    for name in known:
        number = name.partition("-")[0].lstrip("0")
        if wanted == name or wanted.upper().lstrip("0") == number:
            return name
    raise TroubleError(
        f"没有这个场景：{wanted}", f"there is no such scenario: {wanted}", fix="tongche demo --scenario list"
    )


def read(folder: Path) -> Scenario:
    """One folder. Raises `TroubleError` that names the file, the line and every fault."""
    return _whole(Scenario(folder.name, tuple(_steps(folder / EVENTS)), _expected(folder / EXPECTED)))


def _steps(file: Path) -> Iterator[Step]:
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            yield STEP.validate_json(line)
        except ValidationError as wrong:
            raise _trouble(f"{file.parent.name}/{file.name}:{number}", wrong) from wrong


def _expected(file: Path) -> Expected:
    try:
        return Expected.model_validate_json(file.read_bytes())
    except ValidationError as wrong:
        raise _trouble(f"{file.parent.name}/{file.name}", wrong) from wrong


def _whole(scenario: Scenario) -> Scenario:
    """What the parts say of each other: an absolute beginning, no unknown sale, times that go on."""
    faults = list(_faults(scenario))
    if faults:
        zh, en = "；".join(each.zh for each in faults), "; ".join(each.en for each in faults)
        raise _not_valid(scenario.name, Sentence(zh, en))
    return scenario


def _faults(scenario: Scenario) -> Iterator[Sentence]:
    if not scenario.steps or isinstance(scenario.steps[0].at, timedelta):
        yield Sentence("第一步须写明时刻", "the first step needs a moment of its own")
        return
    moments = [step.moment(scenario.began) for step in scenario.steps]
    if moments != sorted(moments):
        yield Sentence("各步时间倒退", "steps go back in time")
    sales = scenario.vins.keys()
    published = {one.sale for one in scenario.steps if isinstance(one, Publish)}
    yield from (
        Sentence(f"{name} 用了两次", f"two things are called {name}")
        for name in sorted(published & scenario.returns.keys())
    )
    named = {one.sale for one in scenario.steps if isinstance(one, Tell | Return | Notice | Act)}
    named |= {label for step in scenario.steps for label in step.when} | scenario.expected.sales.keys()
    yield from (Sentence(f"没有销售 {name}", f"no sale is called {name}") for name in sorted(named - sales))
    answers = {step.answers for step in scenario.steps if isinstance(step, Publish | Tell | Return)}
    for name in sorted(scenario.expected.answers.keys() - answers):
        yield Sentence(f"没有提交 {name}", f"nothing handed in is called {name}")


def _trouble(where: str, wrong: ValidationError) -> TroubleError:
    return _not_valid(where, reasons.of_values(wrong, at="JSON"))


def _not_valid(where: str, why: Sentence) -> TroubleError:
    return TroubleError(f"场景文件有误：{where}：{why.zh}", f"the scenario is not valid: {where}: {why.en}", fix=where)
