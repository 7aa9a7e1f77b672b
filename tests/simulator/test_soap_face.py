"""The simulated police behind their platform: one address, and everything that can be wrong with what is sent there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote_plus

import pytest
from lxml import etree

from adapters import replies
from adapters.errors import AgencyError
from adapters.police import ADAPTER
from adapters.spec import Letter, Reply, Sent
from contracts.contract import Contract
from services.simulator.faces.soap import Soap
from tests.simulator.city import AGENCY_OF, BEFORE, PLAINLY, VIN, Car, City, Moment, recorded, running

NAMES: Final = sorted(name for name in BEFORE if AGENCY_OF[name] == "police")
ENVELOPE: Final = "{http://schemas.xmlsoap.org/soap/envelope/}"


@dataclass
class Platform:
    """The city's police, as they are reached from outside."""

    city: City

    async def post(self, raw: bytes, **headers: str) -> tuple[int, bytes]:
        """Anything, to the one address."""
        url = f"{self.city.base}/police{ADAPTER.operations['plate.reserve'].endpoint.path}"
        async with self.city.session.post(url, data=raw, headers={"Content-Type": "text/xml", **headers}) as got:
            return got.status, await got.read()

    async def ask(self, name: str, car: Car, key: str | None = None, **changes: Any) -> Reply:
        """A recorded command about this car; its answer as the adapter reads it."""
        letter = self.letter(name, car, key, **changes)
        status, raw = await self.post(letter.raw)
        return ADAPTER.binding.read(status, {"content-type": "text/xml; charset=utf-8"}, raw)

    def letter(self, name: str, car: Car, key: str | None = None, **changes: Any) -> Letter:
        """The same, as it goes out."""
        endpoint = recorded(name).operation.endpoint
        return ADAPTER.binding.written(endpoint, car.body(name, **changes), Sent("police", self.city.clock.now(), key))


Behind = Callable[[Callable[[Platform], Awaitable[None]]], None]


@pytest.fixture
def behind(tmp_path: Path) -> Behind:
    """Play a scenario in a country whose police are reached by their platform."""
    clock = Moment()

    async def played(scenario: Callable[[Platform], Awaitable[None]]) -> None:
        styles = {**PLAINLY, "police": lambda premises: Soap(premises.world)}
        async with asyncio.timeout(60), running(tmp_path, clock, lambda: 0.5, styles) as city:
            await scenario(Platform(city))

    return lambda scenario: asyncio.run(played(scenario))


async def arranged(platform: Platform, *names: str) -> Car:
    """A car for which these operations can be asked; other agencies, and these before it, plainly."""
    platform.city.operator = "operator-for-tests"
    car = platform.city.car()
    await car.through(*(before for name in names for before in BEFORE[name]))
    platform.city.clock.pass_by(2)
    return car


def event(name: str, got: Reply) -> Contract | AgencyError:
    """What an answer to a recorded command comes to."""
    case = recorded(name)
    try:
        return replies.answer(ADAPTER, case.operation, case.told(), got)
    except AgencyError as wrong:
        return wrong


@pytest.mark.parametrize("name", NAMES)
def test_everything_can_be_had_by_the_platform(behind: Behind, name: str) -> None:
    """Each success that is recorded, and the book keeps it as it would of anybody who asked plainly."""

    async def scenario(platform: Platform) -> None:
        car = await arranged(platform, name)
        got = await platform.ask(name, car, "ywlsh-1")
        operation = recorded(name).operation
        assert type(operation.response(recorded(name).told(), got)) is operation.command.answer.models[-1]
        if not operation.question:
            line = platform.city.lines("ledger")[-1]
            assert (line["operation"], line["key"], line["body"]) == (recorded(name).command, "ywlsh-1", car.body(name))

    behind(scenario)


def test_a_number_is_known_again(behind: Behind) -> None:
    """The same again is answered the same; another content, or none at all, is not done."""

    async def scenario(platform: Platform) -> None:
        car = await arranged(platform, "plate-reserve")
        first = await platform.ask("plate-reserve", car, "ywlsh-1")
        assert (await platform.ask("plate-reserve", car, "ywlsh-1")).body == first.body
        other = await platform.ask("plate-reserve", car, "ywlsh-1", syr="另一人")
        assert (other.status, other.body["head"]["code"]) == (422, "0")
        nameless = await platform.ask("plate-reserve", car)
        assert nameless.body["head"]["code"] == "-1400"
        assert len([line for line in platform.city.lines("ledger") if line["operation"] == "plate.reserve"]) == 1

    behind(scenario)


@pytest.mark.parametrize(
    ("there", "instead", "code"),
    [
        (b"<jkxlh>7A1D", b"<jkxlh>7A1E", "-403"),
        (b"<xtlb>01", b"<xtlb>02", "-414"),
        (b"<jkid>01W01", b"<jkid>01W99", "-414"),
        (b"writeObjectOut", b"queryObjectOut", "-414"),
        (b"<veh>", b"<veh", "-1400"),
        (b"veh>", b"vehicle>", "-1400"),
        (b"<root>", b"<!DOCTYPE root><root>", "fault"),
        (b"<root>", b'<!DOCTYPE root [<!ENTITY a "a">]><root>&a;', "fault"),
        (b"<soapenv:Body>", b"<soapenv:Body><x/>", "fault"),
        (b"schemas.xmlsoap.org/soap/envelope/", b"www.w3.org/2003/05/soap-envelope", "fault"),
        (b"ns:writeObjectOut", b"ns:dropObjectOut", "fault"),
        (b"framework.tmri.com", b"example.com", "fault"),
        (b"</soapenv:Envelope>", b"", "fault"),
    ],
)
def test_who_is_not_understood_is_told_so(behind: Behind, there: bytes, instead: bytes, code: str) -> None:
    """The platform's check by its numbers, what is no message by a fault of the client's; nothing is done."""

    async def scenario(platform: Platform) -> None:
        car = await arranged(platform, "plate-reserve")
        raw = platform.letter("plate-reserve", car, "ywlsh-1").raw
        assert there in raw
        status, said = await platform.post(raw.replace(there, instead))
        got = ADAPTER.binding.read(status, {}, said)
        if code == "fault":
            assert (status, got.status, b"soapenv:Client" in said) == (500, 400, True)
        else:
            assert (status, got.body["head"]["code"]) == (200, code)
        assert VIN.encode() not in said
        assert not [line for line in platform.city.lines("ledger") if line["operation"] == "plate.reserve"]
        assert event("plate-reserve", await platform.ask("plate-reserve", car, "ywlsh-1")) is not None

    behind(scenario)


@pytest.mark.parametrize("encoding", ["GBK", "GB18030", "UTF-8"])
def test_any_encoding_is_read_that_is_declared(behind: Behind, encoding: str) -> None:
    """Envelope and values as somebody writes them who encodes nothing for a URL."""

    async def scenario(platform: Platform) -> None:
        car = await arranged(platform, "plate-reserve")
        text = platform.letter("plate-reserve", car, "ywlsh-1").raw.decode()
        plain = unquote_plus(text).replace('encoding="UTF-8"', f'encoding="{encoding}"')
        assert "王样本" in plain
        status, raw = await platform.post(plain.encode(encoding))
        assert ADAPTER.binding.read(status, {}, raw).body["head"]["code"] == "1"
        assert platform.city.lines("ledger")[-1]["body"] == car.body("plate-reserve")

    behind(scenario)


def test_an_answer_is_url_encoded_and_says_gbk(behind: Behind) -> None:
    """As those of the platform are: nothing but ASCII on the wire."""

    async def scenario(platform: Platform) -> None:
        car = await arranged(platform, "plate-reserve")
        _, raw = await platform.post(platform.letter("plate-reserve", car, "ywlsh-1").raw)
        (response,) = etree.fromstring(raw.decode("ascii").encode())[0]
        assert etree.QName(response).localname == "writeObjectOutResponse"
        document = unquote_plus(response[0].text or "")
        assert document.startswith('<?xml version="1.0" encoding="GBK"?><root><head><code>1</code>')
        assert "京" in document

    behind(scenario)


def test_the_knobs_are_turned_in_this_style_too(behind: Behind) -> None:
    """Down in its own words, a script's code, a recorded answer, garbage, another message."""

    async def scenario(platform: Platform) -> None:
        car = await arranged(platform, "plate-reserve")
        city, name = platform.city, "plate-reserve"

        async def comes(**knobs: Any) -> str:
            await city.turn("police", **knobs)
            told = event(name, await platform.ask(name, car, f"ywlsh-{len(knobs)}"))
            await city.heal("police")
            assert isinstance(told, AgencyError)
            return f"{told.result} {getattr(told, 'code', '')}".strip()

        script = {"operation": "plate.reserve"}
        assert await comes(down="503", retry_after_s=7) == "unavailable P503"
        assert await comes(throttle_per_s=0) == "unavailable None"
        assert await comes(error_rate=1) == "ambiguous"
        assert await comes(scripts=[{**script, "code": "P409"}]) == "refused P409"
        assert await comes(scripts=[{**script, "fixture": "plate-reserve-taken"}]) == "refused P409"
        assert await comes(scripts=[{**script, "echo": "refusal"}]) == "broken-answer"
        assert await comes(scripts=[{**script, "echo": "error"}]) == "ambiguous"
        assert await comes(scripts=[{**script, "echo": "answer"}]) == "broken-answer"
        assert await comes(garbage=1) == "broken-answer"
        assert await comes(wrong_schema=1) == "broken-answer"

    behind(scenario)


def test_the_platform_has_one_address_and_is_posted_to(behind: Behind) -> None:
    """Whatever was elsewhere before is no service of theirs any more."""

    async def scenario(platform: Platform) -> None:
        base = f"{platform.city.base}/police"
        async with platform.city.session.post(f"{base}/haopai/yuliu", json={"clsbdh": VIN}) as got:
            assert got.status == 404
        async with platform.city.session.get(base + ADAPTER.operations["plate.reserve"].endpoint.path) as got:
            assert (got.status, got.headers["Allow"]) == (405, "POST")

    behind(scenario)
