"""The tax office from our side: sealed requests, taken in, asked for by our own number, and how each goes wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.fixtures import KEY, Case, cases
from adapters.registry import ADAPTERS
from adapters.spec import Adapter, Endpoint, Features, Letter, Operation
from services.dispatch.carriers.carrier import Brought
from services.dispatch.seals.jws import Jws
from services.runtime.record import Record
from services.runtime.settings import Identity
from services.simulator.faces.table import FACES
from services.stack.identities import identity
from tests.dispatch.agency import Customs
from tests.dispatch.workshop import Site, as_record, quick, until
from tests.simulator.city import PLAINLY, Moment, running
from tests.simulator.seals import register
from tests.stores import Stores

WE = Identity.model_validate(identity("tongche"))
TAX = ADAPTERS["tax"]
PAY = Endpoint("POST", "/gouzhishui/jiaokuan")
BUSY = Brought(503, {"Retry-After": "0"}, b'{"jieGuoMa": "SW5030"}')
UNSIGNED = Brought(401, {}, b'{"jieGuoMa": "SW4010"}')
GARBAGE = Brought(200, {}, b"\x00 garbage")
NO_RESULT = Brought(200, {}, b'{"yeWuShuJu": {}}')
BROKEN = Brought(500, {}, b"<html>")
ODD = (BUSY, UNSIGNED, GARBAGE, NO_RESULT, BROKEN)


def _case(name: str) -> Case:
    return next(case for case in cases(TAX) if case.file == name)


def _answer(name: str, key: str) -> Brought:
    case = _case(name)
    return Brought(case.fixture["response"]["status"], {}, case.answer().replace(KEY.encode(), key.encode()))


@dataclass
class Office:
    """Looks at seals, takes in, and answers who asks. `oddly` is what it says first: to requests, and to questions."""

    requests: list[Brought] = field(default_factory=list)
    questions: list[Brought] = field(default_factory=list)
    pending: int = 1
    forgets: int = 0
    says: str = "tax-pay"
    at_once: bool = False
    sent: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    open: set[str] = field(default_factory=set)

    async def carry(self, endpoint: Endpoint, letter: Letter, key: str | None) -> Brought:
        told = json.loads(Jws(WE, lambda: [WE.certificate]).opened(letter.headers, letter.raw))
        head, matter = told["baoWenTou"], told["yeWuShuJu"]
        assert (head["jieShouFang"], head["fuWu"]) == ("tax", endpoint.path)
        if endpoint.path != PAY.path:
            assert key is None
            return self._asked(matter["liuShuiHao"])
        assert key is not None
        assert key == head["liuShuiHao"]
        return self._sent(key)

    def _sent(self, key: str) -> Brought:
        self.sent.append(key)
        if self.requests:
            return self.requests.pop(0)
        if self.at_once:
            return _answer(self.says, key)
        if self.forgets:
            self.forgets -= 1
        else:
            self.open.add(key)
        return _answer("invoice-request-taken-in", key)

    def _asked(self, key: str) -> Brought:
        self.asked.append(key)
        if self.questions:
            return self.questions.pop(0)
        if key not in self.open:
            return _answer("invoice-request-fetched-unknown", key)
        if self.pending:
            self.pending -= 1
            return _answer("invoice-request-fetched-in-hand", key)
        return _answer(self.says, key)


def hasty(adapter: Adapter) -> Adapter:
    """The same with less patience."""
    swift = quick(Features.IDEMPOTENT, adapter)
    operations = {name: _asking_soon(one) for name, one in swift.operations.items()}
    return replace(swift, operations=operations)


def _asking_soon(operation: Operation) -> Operation:
    assert operation.later is not None
    return replace(operation, later=replace(operation.later, every=timedelta(milliseconds=20)))


Scenario = Callable[[Site, Record], Awaitable[None]]
Play = Callable[[Office, Scenario], None]


@pytest.fixture
def play(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> Play:
    """One payment of a tax to that office."""
    monkeypatch.setitem(ADAPTERS, "tax", hasty(TAX))

    def play(office: Office, scenario: Scenario) -> None:
        async def played() -> None:
            settings = await asyncio.to_thread(stores.ready)
            seal = Jws(WE, list)
            where = Site(settings, "", Customs(), organisation="tax", carrier=office, sealing=seal)
            await scenario(where, as_record(_case("tax-pay").told(), "tax.commands"))

        asyncio.run(played())

    return play


async def _settles(where: Site, record: Record, state: str = "settled") -> None:
    async with where.working() as worker:
        await worker.deliveries.handle(record, None)
        await until(lambda: state in where.states(record))


def test_a_payment_is_sent_once_and_asked_for_by_its_own_number(play: Play) -> None:
    """Each message under our seal; nothing of what the office called it is needed."""
    office = Office(pending=2)

    async def scenario(where: Site, record: Record) -> None:
        await _settles(where, record)
        assert (office.sent, office.asked) == ([record.id], [record.id] * 3)
        assert len(where.heard("tax.paid")) == 1

    play(office, scenario)


def test_an_answer_at_once_is_an_answer(play: Play) -> None:
    """Nobody asks any more."""
    office = Office(at_once=True)

    async def scenario(where: Site, record: Record) -> None:
        await _settles(where, record)
        assert (office.sent, office.asked) == ([record.id], [])

    play(office, scenario)


def test_a_no_comes_to_who_asks(play: Play) -> None:
    """With 200 and a code; it is the command's."""
    office = Office(says="tax-pay-wrong-amount")

    async def scenario(where: Site, record: Record) -> None:
        await _settles(where, record, "refused")
        told = where.heard("delivery.changed", "delivery.events")[-1]
        assert (told.state, told.reason) == ("refused", "T422")
        assert office.sent == [record.id]

    play(office, scenario)


def test_what_goes_wrong_with_a_request_has_it_sent_again(play: Play) -> None:
    """Under the same number, whatever it was; it is no refusal."""
    office = Office(requests=list(ODD))

    async def scenario(where: Site, record: Record) -> None:
        await _settles(where, record)
        assert office.sent == [record.id] * (len(ODD) + 1)
        assert where.letters() == []

    play(office, scenario)


def test_what_goes_wrong_with_a_question_has_it_asked_again(play: Play) -> None:
    """The request was taken in and stays so, also while the whole organisation is held."""
    office = Office(questions=list(ODD))

    async def scenario(where: Site, record: Record) -> None:
        await _settles(where, record)
        assert office.sent == [record.id]
        assert where.letters() == []

    play(office, scenario)


@pytest.mark.parametrize("name", ["tax-pay", "tax-pay-wrong-amount"])
def test_an_answer_to_somebody_elses_request_is_none(play: Play, name: str) -> None:
    """However well it fits the car: the number says whose it is, of a yes and of a no."""
    office = Office(questions=[_answer(name, "another")] * 2)

    async def scenario(where: Site, record: Record) -> None:
        await _settles(where, record)
        told = [one for one in where.heard("delivery.changed", "delivery.events") if one.state == "settled"][-1]
        assert [one.result for one in told.attempts] == ["not-yet", "broken-answer", "broken-answer", "answered"]
        assert office.sent == [record.id]

    play(office, scenario)


def test_what_the_office_does_not_know_yet_or_any_more_is_sent_again(play: Play) -> None:
    """A second one under its number is the first one; a question that came too early costs nothing else."""
    office = Office(forgets=2)

    async def scenario(where: Site, record: Record) -> None:
        await _settles(where, record)
        assert office.sent == [record.id] * 3
        assert len(where.heard("tax.paid")) == 1

    play(office, scenario)


def test_a_restart_while_it_waits_goes_on_asking(play: Play) -> None:
    """The next process neither sends it again nor needs a number of theirs."""
    office = Office(pending=10**9)

    async def scenario(where: Site, record: Record) -> None:
        async with where.working() as worker:
            await worker.deliveries.handle(record, None)
            await worker.parked_as("parked")
        office.pending = 0
        async with where.working(generation=2) as worker:
            await worker.nothing_parked()
        assert office.sent == [record.id]
        assert where.states(record)[-1] == "settled"

    play(office, scenario)


def test_a_lost_acknowledgement_at_the_simulated_office_is_one_invoice(
    tmp_path: Path, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over real HTTP: the first answer never comes, the same is sent again, and there is one effect."""
    monkeypatch.setitem(ADAPTERS, "tax", hasty(TAX))
    register(tmp_path, WE.model_dump())

    async def played() -> None:
        settings = await asyncio.to_thread(stores.ready)
        styles: Any = {**PLAINLY, "tax": FACES["tax"]}
        async with asyncio.timeout(60), running(tmp_path, Moment(), lambda: 0.5, styles) as city:
            await city.car().through("upload")
            await city.turn("tax", success_then_timeout=1)
            where = Site(
                settings, city.base, Customs(), organisation="tax", sealing=Jws(WE, list), silence=city.silence
            )
            record = as_record(_case("invoice-request").told(), "tax.commands")
            await _settles(where, record)
            assert [line["key"] for line in city.lines("ledger")] == [record.id]
            assert len(where.heard("invoice.issued")) == 1

    asyncio.run(played())
