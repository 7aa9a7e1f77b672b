"""Every knob does what it says in every style: turned on, it is felt by who stands before the agency."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, count
from typing import Any, Final, NamedTuple, TypeVar

import asyncssh
import pytest
from lxml import etree

from adapters.errors import AgencyError, TakenIn, Unavailable
from adapters.fixtures import in_words
from contracts.contract import Contract
from services.dispatch.carriers.sftp import Sftp
from services.simulator.faces.table import FACES
from services.simulator.faults import Faults
from services.simulator.monsoon import season
from tests.dispatch.agency import vin
from tests.simulator.branch import until
from tests.simulator.city import BEFORE, CERTIFICATE, VIN, Car, recorded
from tests.simulator.counter import Counter, counter
from tests.simulator.test_simulated_makers import SALE, told
from tests.simulator.test_simulated_pushes import sharing

T = TypeVar("T")


class Desk(NamedTuple):
    """A style, whose it is, and what is asked there; `known` are the command's fields that tell what came before."""

    style: str
    kind: str
    asked: str
    known: Mapping[str, str] = {}
    fixed: Mapping[str, Any] = {}


REST: Final = Desk("rest", "commerce", "licence-apply", {"qualification_no": "verificationNo"})
SIGNED: Final = Desk("signed", "tax", "invoice-request")
SOAP: Final = Desk("soap", "police", "plate-reserve")
ISO: Final = Desk("iso20022", "bank", "loan-apply", {"invoice_no": "invoiceNumber"})
NO_LICENCE: Final = {"licence_no": None, "hs_code": "8703809090", "curb_mass": 700}
FILES: Final = Desk("files", "customs", "export-declare", {}, NO_LICENCE)
MIIT: Final = Desk("rest-miit", "miit", "coc-query")
STYLES: Final = (REST, SIGNED, SOAP, ISO, FILES)
OWN: Final[Mapping[str, tuple[Desk, ...]]] = {
    "absent": (MIIT,),
    "altered": (MIIT,),
    "pushes": (MIIT,),
    "seized": (SOAP,),
    "arrival_s": (SOAP, FILES),
}
"""Knobs that are about what some agencies know: those, in their style."""
PAIRS: Final = [(desk, knob) for knob in Faults.model_fields for desk in OWN.get(knob, STYLES)]
_VIN_NAMES: Final = ("vin", "vehicleId", "cheJiaHao", "clsbdh", "vinNo", "frameNo")


@dataclass
class Booth:
    """A desk at work, on a loop that turns while it is asked something."""

    desk: Desk
    counter: Counter
    play: Callable[[Coroutine[Any, Any, None]], None]
    _cars: Iterator[int] = field(default_factory=lambda: count(1))

    async def car(self, *names: str) -> Car:
        """A new one, for which these can be asked; what comes before was asked for plainly."""
        own = vin(next(self._cars))
        car = Car(self.counter.city, CERTIFICATE | {"vin": own}, dict.fromkeys(_VIN_NAMES, own))
        await car.through("upload", *chain.from_iterable(BEFORE[name] for name in names or (self.desk.asked,)))
        return car

    def command(self, car: Car, name: str = "", known: Mapping[str, str] | None = None, **changes: Any) -> Contract:
        """What is asked about a car."""
        names = self.desk.known if known is None else known
        fields = {field: car.known[theirs] for field, theirs in names.items()}
        fixed = {} if name else self.desk.fixed
        return (
            recorded(name or self.desk.asked)
            .told()
            .model_copy(update={"vin": car.certificate["vin"], **fields, **fixed, **changes})
        )

    @property
    def asked(self) -> str:
        """The command's name."""
        return recorded(self.desk.asked).command

    async def answer(self, data: Contract, key: str = "") -> Contract:
        """What comes of it in the end. Raises `AgencyError`."""
        return await self.counter.answer(self.asked, data, key or self.counter.keys())

    async def comes_to(self, data: Contract, key: str = "") -> str:
        """The same in words."""
        try:
            await self.answer(data, key)
        except AgencyError as wrong:
            return " ".join(map(str, in_words(wrong).values()))
        return "answered"

    async def turned(self, **knobs: Any) -> Contract:
        """A command for which all is arranged, before an agency that is turned so."""
        data = self.command(await self.car())
        await self.counter.turn(**knobs)
        return data

    def mishaps(self, kind: str) -> int:
        """How many requests of late came to this."""
        seen = self.counter.city.world.watch.last(self.counter.name, "requests")
        return [one.mishap for one in seen].count(kind)

    def has(self, key: str) -> bool:
        """Whether the agency took this in, or did it."""
        taken = [line["key"] for line in self.counter.city.lines("taken") if line["organisation"] == self.counter.name]
        return key in taken or key in self.counter.effects()

    async def rested(self) -> None:
        """Healed, and done with all that it took in."""
        await self.counter.heal()
        await until(lambda: all(self._settled().values()))

    def _settled(self) -> dict[str, bool]:
        return {line["key"]: line["settled"] for line in self.counter.city.lines("taken")}


@pytest.fixture(scope="module")
def booth(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booth]:
    """One desk for all that is turned there."""
    desk: Desk = request.param
    with asyncio.Runner() as runner:
        there = counter(tmp_path_factory.mktemp(desk.style), desk.kind)
        made = runner.run(there.__aenter__())
        try:
            yield Booth(desk, made, runner.run)
        finally:
            runner.run(there.__aexit__(None, None, None))


def test_every_style_and_every_knob_is_tried() -> None:
    """A new one that nobody tries is named here."""
    assert {FACES[desk.kind] for desk in STYLES} == set(FACES.values())
    assert set(PROBES) == set(Faults.model_fields)


@pytest.mark.parametrize(
    ("booth", "knob"), PAIRS, indirect=["booth"], ids=[f"{desk.style}-{knob}" for desk, knob in PAIRS]
)
def test_a_knob_that_is_turned_is_felt(booth: Booth, knob: str) -> None:
    """In this style as in every other; healed, the agency answers as ever."""

    async def scenario() -> None:
        async with asyncio.timeout(60):
            try:
                await PROBES[knob](booth)
            finally:
                await booth.rested()
            assert await booth.comes_to(booth.command(await booth.car())) == "answered"

    booth.play(scenario())


# -- waiting


@contextmanager
def _held(booth: Booth) -> Iterator[list[float]]:
    """Time does not pass; the pauses that are asked for."""
    pauses = booth.counter.city.pauses
    pauses.asked.clear()
    pauses.over.clear()
    try:
        yield pauses.asked
    finally:
        pauses.over.set()


async def _waits(booth: Booth, seconds: float, *, is_in: bool, **knobs: Any) -> None:
    """The answer waits so long, after the agency has the request or before."""
    data, key = await booth.turned(**knobs), booth.counter.keys()
    with _held(booth) as asked:
        asking = asyncio.create_task(booth.answer(data, key))
        await until(lambda: seconds in asked)
        assert (asking.done(), booth.has(key)) == (False, is_in)
        await booth.counter.heal()
    await asking


async def _tail_is_drawn(booth: Booth) -> None:
    data = await booth.turned(tail_ms=203, tail_rate=0.4)
    booth.counter.city.pauses.asked.clear()
    assert await booth.comes_to(data) == "answered"
    assert 0.203 not in booth.counter.city.pauses.asked
    await _waits(booth, 0.203, is_in=False, tail_rate=0.6)


# -- nobody home


async def _cuts(booth: Booth) -> None:
    data = await booth.turned(down="refuse")
    assert await booth.comes_to(data, "cut") in {"ambiguous", "unavailable"}
    assert not booth.has("cut")


async def _is_down(booth: Booth) -> None:
    await _cuts(booth)
    await booth.rested()
    data = await booth.turned(down="503")
    assert (await booth.comes_to(data, "down")).startswith("unavailable")
    assert not booth.has("down")


async def _asks_back_in(booth: Booth, words: str, seconds: int, **knobs: Any) -> None:
    """It takes nothing, and says when it will: in words where there is no header for it."""
    data = await booth.turned(**knobs)
    with pytest.raises(Unavailable) as no:
        await booth.answer(data, "early")
    assert not booth.has("early")
    if booth.desk is FILES:
        assert await _in_words_of_sftp(booth) == f"{words}, again in {seconds} s"
    else:
        assert no.value.retry_after is not None
        assert no.value.retry_after.total_seconds() == seconds


async def _in_words_of_sftp(booth: Booth) -> str:
    way = booth.counter.ears.way
    assert isinstance(way, Sftp)
    inside = await way.line.client()
    with pytest.raises(asyncssh.SFTPFailure) as no:
        await inside.open("/customs/OutBox/.early", "xb")
    return no.value.reason


async def _breaks(booth: Booth) -> None:
    data = await booth.turned(error_rate=1)
    assert await booth.comes_to(data, "broken") == "ambiguous"
    assert not booth.has("broken")


# -- no answer


async def _hangs(booth: Booth) -> None:
    data, before = await booth.turned(hang=1), booth.mishaps("hang")
    asking = asyncio.create_task(booth.answer(data, "hung"))
    await until(lambda: booth.mishaps("hang") > before)
    assert (asking.done(), booth.has("hung")) == (False, False)
    await _hung_up(booth, asking)


async def _loses_its_answer(booth: Booth) -> None:
    counter, before = booth.counter, booth.mishaps("hang")
    data = await booth.turned(success_then_timeout=1)
    asking = asyncio.create_task(counter.ask(booth.asked, data, "lost"))
    await until(lambda: booth.mishaps("hang") > before and booth.has("lost"))
    if booth.desk is FILES:
        for lost in (asking, counter.fetch(booth.asked, data, "lost")):
            with pytest.raises(TakenIn):
                await lost
    else:
        assert not asking.done()
        await _hung_up(booth, asking)
    assert await booth.comes_to(data, "lost") == "answered"
    assert counter.effects().count("lost") == 1


async def _hung_up(booth: Booth, asking: asyncio.Task[Any]) -> None:
    asking.cancel()
    with suppress(asyncio.CancelledError):
        await asking
    way = booth.counter.ears.way
    if isinstance(way, Sftp):
        # A session is served in turn: what hangs in it holds up all that comes after.
        await way.line.close()


# -- another answer


async def _forgets(booth: Booth) -> None:
    data, key = await booth.turned(), booth.counter.keys()
    first = await booth.answer(data, key)
    assert await booth.answer(data, key) == first
    await booth.counter.turn(forgetful=True)
    again = await asyncio.gather(booth.answer(data, key), return_exceptions=True)
    assert again != (first,)


def _is_of_style(booth: Booth, raw: bytes) -> bool:
    try:
        if booth.desk in (REST, SIGNED):
            json.loads(raw)
        else:
            etree.fromstring(raw)
    except (ValueError, etree.XMLSyntaxError):
        return False
    return True


async def _is_nonsense(booth: Booth, *, is_of_style: bool, **knobs: Any) -> None:
    data = await booth.turned(**knobs)
    assert (await booth.comes_to(data)).startswith("broken-answer")
    assert _is_of_style(booth, booth.counter.ears.came[-1].raw) is is_of_style


async def _repeats_itself(booth: Booth) -> None:
    first = await booth.turned()
    assert await booth.comes_to(first) == "answered"
    before = booth.counter.ears.came[-1].raw
    await booth.comes_to(await booth.turned(duplicate=1))
    assert booth.counter.ears.came[-1].raw == before


async def _never_ends(booth: Booth) -> None:
    assert await booth.comes_to(await booth.turned(huge=1)) == "broken-answer too-large"


async def _plays_scripts(booth: Booth) -> None:
    data = await booth.turned(scripts=[{"operation": booth.asked, "code": "V102", "times": 1}])
    assert await booth.comes_to(data) == "refused V102"
    assert await booth.comes_to(data) == "answered"
    data = await booth.turned(scripts=[{"operation": booth.asked, "echo": "answer", "times": 1}])
    assert (await booth.comes_to(data)).startswith("broken-answer")


async def _has_moods(booth: Booth) -> None:
    name = booth.counter.name
    seed = next(seed for seed in count() if season(seed, name)[1].mood == "down")
    data = await booth.turned(monsoon={"seed": seed})
    assert await booth.comes_to(data) == "answered"
    booth.counter.city.clock.pass_by(season(seed, name)[1].begins)
    assert (await booth.comes_to(data)).startswith("unavailable")


# -- what some know


async def _is_absent(booth: Booth) -> None:
    car = await booth.car()
    await booth.counter.turn(absent=[car.certificate["vin"]])
    assert await booth.comes_to(booth.command(car)) == "not-yet D404"


async def _is_altered(booth: Booth) -> None:
    await booth.counter.turn(altered={VIN: {"brandModel": "样例另一车型"}})
    async with sharing(booth.counter.city) as (makers, _):
        await makers.hear(told(SALE, 1))
    certificate = booth.counter.city.world.country.miit.uploaded(VIN)
    assert certificate is not None
    event = await booth.answer(recorded("coc-query").told().model_copy(update={"coc_no": certificate["certificateNo"]}))
    assert vars(event)["model"] == "样例另一车型"


async def _is_pushed(booth: Booth) -> None:
    car = await booth.car()
    async with sharing(booth.counter.city) as (makers, door):
        makers.uploaded(car.certificate["vin"])
        await booth.counter.turn(pushes=True)
        makers.uploaded(car.certificate["vin"])
        await door.until(1)
    assert len(door.heard) == 1


async def _is_seized(booth: Booth) -> None:
    car = await booth.car("registration-register")
    await booth.counter.turn(seized=[car.certificate["vin"]])
    with pytest.raises(AgencyError) as no:
        await booth.counter.answer("registration.register", booth.command(car, "registration-register", {}), "seized")
    assert in_words(no.value) == {"error": "refused", "code": "P423"}


async def _is_under_way(booth: Booth) -> None:
    of_police, of_customs = ("plate-track", {"tracking_no": "yjhm"}), ("export-track", {"decl_no": "entryId"})
    name, known = of_police if booth.desk is SOAP else of_customs
    car = await booth.car(name)
    data, command = booth.command(car, name, known), recorded(name).command
    await booth.counter.turn(arrival_s=3600)
    with pytest.raises(AgencyError) as no:
        await booth.counter.answer(command, data, booth.counter.keys())
    assert in_words(no.value) == {"error": "not-yet", "code": "D404"}
    await booth.counter.turn(arrival_s=0)
    await booth.counter.answer(command, data, booth.counter.keys())


PROBES: Final[Mapping[str, Callable[[Booth], Awaitable[None]]]] = {
    "delay_ms": partial(_waits, seconds=0.201, is_in=False, delay_ms=201),
    "tail_ms": partial(_waits, seconds=0.202, is_in=False, tail_ms=202, tail_rate=1),
    "tail_rate": _tail_is_drawn,
    "down": _is_down,
    "retry_after_s": partial(_asks_back_in, words="503", seconds=7, down="503", retry_after_s=7),
    "throttle_per_s": partial(_asks_back_in, words="429", seconds=1, throttle_per_s=0),
    "error_rate": _breaks,
    "hang": _hangs,
    "success_then_timeout": _loses_its_answer,
    "forgetful": _forgets,
    "garbage": partial(_is_nonsense, is_of_style=False, garbage=1),
    "wrong_schema": partial(_is_nonsense, is_of_style=True, wrong_schema=1),
    "duplicate": _repeats_itself,
    "late": partial(_waits, seconds=0.204, is_in=True, late=1, late_ms=204),
    "late_ms": partial(_waits, seconds=0.205, is_in=True, late=1, late_ms=205),
    "huge": _never_ends,
    "scripts": _plays_scripts,
    "monsoon": _has_moods,
    "absent": _is_absent,
    "altered": _is_altered,
    "pushes": _is_pushed,
    "seized": _is_seized,
    "arrival_s": _is_under_way,
}
