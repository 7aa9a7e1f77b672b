"""The adapters' fixtures and the simulated agencies speak of the same interfaces."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from adapters.errors import AgencyError, TakenIn
from adapters.fixtures import Case, cases, in_words, told
from adapters.registry import ADAPTERS
from adapters.spec import Reply
from contracts.contract import Contract
from contracts.registry import CONTRACTS
from tests.simulator.city import AGENCY_OF, BEFORE, City, Play, fixture, recorded, understood
from tests.simulator.counter import Counter, counter

ICE = {
    "engineNo": "4G156270845",
    "driveMotorNo": "",
    "brandModel": "样例燃油轿车",
    "fuelType": "汽油",
    "displacementMl": 1480,
}


@pytest.mark.parametrize("name", sorted(BEFORE))
def test_a_recorded_request_is_accepted_once_the_world_is_arranged(play: Play, name: str) -> None:
    """The simulator takes the request of each success fixture, and the adapter understands its answer."""

    async def scenario(city: City) -> None:
        car = city.car(**(ICE if name == "insurance-quote" else {}))
        await car.through(*BEFORE[name])
        city.clock.pass_by(2)
        said = await car.attempt(name)
        assert said.status == 200, said
        got = understood(name, said.body)
        assert _shape(_matter(name, got)) == _shape(_matter(name, recorded(name).reply()))
        _is_an_event(name, got)

    play(scenario)


def _matter(name: str, reply: Reply) -> object:
    """What an answer says of the matter itself, without how it went."""
    beside = {recorded(name).adapter.errors.field, "returnInfo", "head"}
    return {field: value for field, value in reply.body.items() if field not in beside}


def _shape(body: object) -> object:
    return {key: _shape(value) for key, value in body.items()} if isinstance(body, dict) else None


def _is_an_event(name: str, got: Reply) -> None:
    adapter, given = ADAPTERS[AGENCY_OF[name]], fixture(name)["given"]
    operation = adapter.operations[given["command"]]
    sent = CONTRACTS[given["command"]].models[-1].model_validate_json(json.dumps(given["data"]))
    event = operation.response(sent, got)
    assert type(event) is operation.command.answer.models[-1]


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("tax-declare", {"yingNaShuiE": "20000.00", "jianMianShuiE": "10000.00", "shiNaShuiE": "10000.00"}),
        ("coc-query", {"nevTaxCatalogue": "Y", "fuelType": "纯电动"}),
    ],
)
def test_figures_are_those_of_the_rulebook(play: Play, name: str, figures: dict[str, str]) -> None:
    """The simulator's own tables come to the rulebook's worked examples."""

    async def scenario(city: City) -> None:
        car = city.car()
        await car.through(*BEFORE[name])
        said = await car.attempt(name)
        assert {key: said.body[key] for key in figures} == figures

    play(scenario)


@pytest.mark.parametrize("name", ADAPTERS)
def test_every_recorded_answer_can_be_played(tmp_path: Path, name: str) -> None:
    """By a script, in the agency's own style over a socket; dispatch hears what the fixture says will be heard."""

    async def scenario() -> dict[str, tuple[Any, Any]]:
        async with asyncio.timeout(120), counter(tmp_path, name) as before:
            return {case.file: (await _played(before, case), case.then) for case in cases(ADAPTERS[name])}

    heard = asyncio.run(scenario())
    assert {file: came for file, (came, _) in heard.items()} == {file: then for file, (_, then) in heard.items()}


async def _played(counter: Counter, case: Case) -> dict[str, Any]:
    if case.asks_back:
        return await _looked_up(counter, case)
    await counter.turn(scripts=[{"operation": case.command, "fixture": case.file}])
    key, heard = counter.keys(), len(counter.door.came)
    try:
        return told(await counter.ask(case.command, case.told(), key))
    except TakenIn as taken:
        is_said_at_once = case.fixture["response"]["status"] != HTTPStatus.OK
        if is_said_at_once and case.operation.later and case.operation.later.called_back:
            return in_words(taken)
    except AgencyError as wrong:
        return in_words(wrong)
    await counter.decided(key, heard)
    try:
        event = await counter.fetch(case.command, case.told(), key)
    except AgencyError as wrong:
        return in_words(wrong)
    return _found(event)


async def _looked_up(counter: Counter, case: Case) -> dict[str, Any]:
    await counter.turn(scripts=[{"operation": counter.question(case.command), "fixture": case.file}])
    try:
        return _found(await counter.look_up(case.command, case.told(), counter.keys()))
    except AgencyError as wrong:
        return in_words(wrong)


def _found(event: Contract | None) -> dict[str, Any]:
    return {"known": False} if event is None else told(event)
