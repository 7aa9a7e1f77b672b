"""The adapters' fixtures and the simulated agencies speak of the same interfaces."""

from __future__ import annotations

import json

import pytest

from adapters.registry import ADAPTERS
from adapters.spec import Reply
from contracts.registry import CONTRACTS
from tests.simulator.city import AGENCY_OF, BEFORE, City, Play, fixture, recorded, understood

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
