"""The cases that fixtures are: brought about as they say, an agency must answer as it is recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from adapters.errors import NotYet, Refused
from adapters.spec import Adapter, Json
from contracts.codes import CODES

from .case import Case, about
from .client import Ask, Came
from .fixtures import Fixture, Situation, fixtures
from .stage import Stage, answered, demand
from .words import Words

_FIX: Final = Words(
    "对照样例文件核对答复的字段、状态与代码；或请我方更正样例",
    "compare fields, status and code of the answer with the fixture's file, or have the fixture corrected",
)


def cases(adapter: Adapter) -> Iterator[Case]:
    """One for each fixture that somebody who can only ask can bring about."""
    for fixture in fixtures(adapter):
        situation = fixture.situation
        if situation is not None and fixture.command in adapter.operations:
            yield _case(adapter, fixture, situation)


def _case(adapter: Adapter, fixture: Fixture, situation: Situation) -> Case:
    async def play(stage: Stage) -> None:
        await _play(stage, fixture, situation)

    meant = _meant(fixture)
    return Case(
        f"{adapter.name}.{fixture.name}",
        "fixtures",
        fixture.command,
        about(adapter.operations[fixture.command], Words(_meant_zh(fixture), str(fixture.told["name"]))),
        Words(f"答复须读作 {meant}", f"the answer reads as {meant}"),
        _FIX,
        f"adapters/{adapter.name}/fixtures/{fixture.name}.json",
        play,
        situation,
        is_plain=fixture.is_plain,
        expects_no="event" not in fixture.then,
    )


async def _play(stage: Stage, fixture: Fixture, situation: Situation) -> None:
    ask = await stage.staged(fixture, situation)
    if situation.bed is None:
        _judge(stage.adapter, fixture, await _came(stage, fixture, ask))
        return
    async with stage.arranged(situation.bed, ask.car):
        came = await stage.ask(ask)
    _judge(stage.adapter, fixture, came)


async def _came(stage: Stage, fixture: Fixture, ask: Ask) -> Came:
    """What succeeds may take a moment to; what is turned down is turned down at once."""
    return await answered(stage.client, ask) if "event" in fixture.then else await stage.ask(ask)


def _judge(adapter: Adapter, fixture: Fixture, came: Came) -> None:
    expected = _meant(fixture)
    if "event" in fixture.then:
        demand(came.event is not None, expected, came)
        if fixture.is_plain:
            _demand_shape(adapter, fixture, came)
    elif "known" in fixture.then:
        demand(came.is_unknown, expected, came)
    else:
        code = fixture.then.get("code")
        said = came.error.code if isinstance(came.error, Refused | NotYet) else None
        same = came.error is not None and came.error.result == fixture.then["error"]
        demand(same and said == code, expected, came)


def _meant(fixture: Fixture) -> str:
    then = fixture.then
    if "event" in then:
        return str(then["event"])
    if "known" in then:
        return "unknown"
    return " ".join(str(then[name]) for name in ("error", "code") if name in then)


def _meant_zh(fixture: Fixture) -> str:
    if "event" in fixture.then:
        return "办结" if fixture.is_plain else f"办结（{fixture.name}）"
    if "known" in fixture.then:
        return "查无此事"
    code = str(fixture.then.get("code"))
    return f"{code} {CODES[code].zh}" if code in CODES else code


def _demand_shape(adapter: Adapter, fixture: Fixture, came: Came) -> None:
    """Every field of the recorded answer must be there, of the same kind; what is empty has no kind."""
    response = fixture.told["response"]
    raw = response["text"] if "text" in response else json.dumps(response["body"])
    recorded = adapter.binding.read(response["status"], response["headers"], raw.encode()).body
    heard = came.heard and adapter.binding.read(came.heard.status, came.heard.headers, came.heard.raw).body
    wrong = sorted(_differing(recorded, heard))
    demand(not wrong, "the fields of the fixture", f"absent or of another kind: {', '.join(wrong)}")


def _differing(recorded: Json, heard: Any, path: str = "") -> Iterator[str]:
    if not isinstance(recorded, dict):
        return
    for name, value in recorded.items():
        place = f"{path}{name}"
        other = heard.get(name) if isinstance(heard, dict) else None
        if value in (None, "", [], {}):
            continue
        if type(value) is not type(other):
            yield place
        yield from _differing(value, other, f"{place}.")
