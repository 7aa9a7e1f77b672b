"""A style of agency says how it reads and writes, and has every knob for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from services.simulator.faces.face import Letter, Oddities, Premises, Unread, Written
from services.simulator.faces.table import FACES
from services.simulator.world import Asked, Outcome, World
from tests.conftest import Until
from tests.simulator.city import CERTIFICATE, TOKEN, VIN, City, Moment, Play, running

GARBAGE, WRONG = b"~~~", b"weather=fine"
NONSENSE = Oddities("text/telex", GARBAGE, WRONG, opening=b"BEGIN ", filler=b"STOP ")
QUESTION = f"coc.query {VIN} LZZ123456789012"


@dataclass
class Telex:
    """Lines of words: what is asked, about which car, and a number. It answers in one line, and has work of its own."""

    world: World
    worked: list[str] = field(default_factory=list)
    oddities: Oddities = NONSENSE

    def asked(self, letter: Letter) -> Asked:
        words = letter.raw.decode(errors="replace").split()
        if len(words) != 3:
            raise Unread(Written(400, b"say again"))
        path = {"coc.query": "/certificates/query"}.get(words[0], letter.path)
        return Asked(letter.organisation, path, "telex", {"vin": words[1], "certificateNo": words[2]})

    async def outcome(self, asked: Asked) -> Outcome:
        return await self.world.handle(asked.organisation, asked.path, asked.key, asked.body)

    def written(self, asked: Asked, outcome: Outcome) -> Written:
        del asked
        said = outcome.said.values() if isinstance(outcome.said, dict) else ("as it stands",)
        return Written(outcome.status, " ".join(map(str, said)).encode(), outcome.headers)

    async def run(self) -> None:
        self.worked.append(VIN)
        await asyncio.Event().wait()


@dataclass
class Wire:
    """The city's MIIT, which speaks by telex."""

    city: City
    face: Telex

    async def ask(self, text: str = QUESTION, method: str = "POST") -> tuple[int, str]:
        url = f"{self.city.base}/miit/telex"
        async with self.city.session.request(method, url, data=text.encode()) as got:
            return got.status, await got.text()


Over = Callable[[Callable[[Wire], Awaitable[None]]], None]


@pytest.fixture
def over(tmp_path: Path) -> Over:
    """Play a scenario in a country whose MIIT speaks by telex and knows one car."""
    built: list[Telex] = []

    def telex(premises: Premises) -> Telex:
        built.append(Telex(premises.world))
        return built[-1]

    async def played(scenario: Callable[[Wire], Awaitable[None]]) -> None:
        styles = {**FACES, "miit": telex}
        async with asyncio.timeout(60), running(tmp_path, Moment(), lambda: 0.5, styles) as city:
            said = await city.plainly("miit", "/certificates", CERTIFICATE)
            assert said.status == 200
            await scenario(Wire(city, built[-1]))

    return lambda scenario: asyncio.run(played(scenario))


def test_a_style_reads_and_writes_in_its_own_way(over: Over) -> None:
    """What is asked reaches the agency, what it says goes out, and the list names what was asked for."""

    async def scenario(wire: Wire) -> None:
        status, text = await wire.ask()
        assert (status, text.split()[:2]) == (200, [VIN, "LZZ123456789012"])
        assert await wire.ask(f"coc.query {VIN} LZZ999999999999") == (422, "GX4220 合格证与车架号不符")
        assert await wire.ask(f"weather {VIN} today") == (404, "unknown service")
        listed = [(line["operation"], line["key"], line["status"]) for line in wire.city.lines("requests")[1:]]
        assert listed == [("coc.query", "telex", 200), ("coc.query", "telex", 422), ("", "telex", 404)]

    over(scenario)


def test_what_a_style_cannot_read_reaches_nobody(over: Over) -> None:
    """It is answered as the style says, unless the organisation is down."""

    async def scenario(wire: Wire) -> None:
        assert await wire.ask("?") == (400, "say again")
        await wire.city.turn("miit", down="503")
        assert (await wire.ask("?"))[0] == 503
        assert wire.city.lines("refusals") == []

    over(scenario)


@pytest.mark.parametrize(
    ("knobs", "answer"),
    [
        ({"down": "503"}, (503, "GX5030 系统维护")),
        ({"throttle_per_s": 0}, (429, "")),
        ({"garbage": 1}, (200, GARBAGE.decode())),
        ({"wrong_schema": 1}, (200, WRONG.decode())),
        ({"scripts": [{"operation": "coc.query", "code": "D404"}]}, (404, "GX4040 未查询到合格证信息")),
        ({"scripts": [{"operation": "coc.query", "fixture": "coc-query"}]}, (200, "as it stands")),
        ({"absent": [VIN]}, (404, "GX4040 未查询到合格证信息")),
    ],
    ids=str,
)
def test_knobs_are_turned_in_any_style(over: Over, knobs: dict[str, Any], answer: tuple[int, str]) -> None:
    """Each in the words, and with the nonsense, of the style."""

    async def scenario(wire: Wire) -> None:
        await wire.city.turn("miit", **knobs)
        assert await wire.ask() == answer

    over(scenario)


def test_in_any_style_answers_can_be_lost_cut_and_repeated(over: Over, until: Until) -> None:
    """A hang, a cut connection and a server's error are the same whatever is spoken; the answer before is a style's."""

    async def scenario(wire: Wire) -> None:
        await wire.city.turn("miit", error_rate=1)
        assert (await wire.ask())[0] == 500
        await wire.city.heal("miit")
        before = await wire.ask(f"coc.query {VIN} LZZ999999999999")
        await wire.city.turn("miit", duplicate=1)
        assert await wire.ask() == before
        await wire.city.turn("miit", down="refuse")
        with pytest.raises(aiohttp.ClientError):
            await wire.ask()
        await wire.city.turn("miit", down=None, hang=1)
        asking = asyncio.create_task(wire.ask())
        await until(lambda: wire.city.lines("requests")[-1].get("mishap") == "hang")
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)

    over(scenario)


def test_an_answer_without_end_begins_like_one(over: Over) -> None:
    """It opens as the style opens, and goes on with what could still become an answer."""

    async def scenario(wire: Wire) -> None:
        await wire.city.turn("miit", huge=1)
        url = f"{wire.city.base}/miit/telex"
        async with wire.city.session.post(url, data=QUESTION) as endless:
            assert endless.headers["Content-Type"] == "text/telex"
            assert (await endless.content.readexactly(16)) == b"BEGIN STOP STOP "

    over(scenario)


def test_a_style_may_do_things_of_its_own_accord(over: Over, until: Until) -> None:
    """It is set to work with the simulator."""

    async def scenario(wire: Wire) -> None:
        await until(lambda: wire.face.worked == [VIN])

    over(scenario)


def test_every_organisation_can_be_asked_plainly_by_its_operator(over: Over) -> None:
    """As JSON, whatever it speaks otherwise, knobs and all; by nobody else."""

    async def scenario(wire: Wire) -> None:
        question = {"vin": VIN, "certificateNo": "LZZ123456789012"}
        assert (await wire.city.plainly("miit", "/certificates/query", question)).body["brandModel"] == "样例纯电轿车"
        await wire.city.turn("miit", down="503")
        assert (await wire.city.plainly("miit", "/certificates/query", question)).code == "GX5030"
        url = f"{wire.city.base}/_plain/miit/certificates/query"
        async with wire.city.session.post(url, json=question, headers={"Authorization": f"Bearer {TOKEN}x"}) as got:
            assert got.status == 401

    over(scenario)


def test_rest_is_asked_by_post_only(play: Play) -> None:
    """Nothing is to be had by GET."""

    async def scenario(city: City) -> None:
        async with city.session.get(f"{city.base}/miit/certificates/query") as got:
            assert (got.status, got.headers["Allow"]) == (405, "POST")

    play(scenario)
