"""An insurer that keeps the book of all insurers and speaks words of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from services.simulator import world
from services.simulator.dialect import PLAIN, Dialect
from tests.simulator.city import INSURER, City, Play

OWN = Dialect(
    paths={"/compulsory/quotations": "/v2/quotes"},
    fields={"frameNo": "vehicleId", "quotationNo": "quote", "errCode": "code"},
    values={"energyType": {"0": "petrol", "1": "electric"}},
    codes={"E2004": "4004", "E1002": "4000"},
)


@pytest.fixture(autouse=True)
def _spoken(monkeypatch: pytest.MonkeyPatch) -> None:
    said: Callable[[str], Dialect] = lambda words: OWN if words == "insurer" else PLAIN  # noqa: E731 - one word each
    monkeypatch.setattr(world, "dialect_of", said)


def _quotation(vin: str) -> dict[str, object]:
    return {
        "vehicleId": vin,
        "motorNo": "TZ213XS0001",
        "energyType": "electric",
        "seatCount": 5,
        "invoiceDate": "2026-03-01",
    }


def test_it_is_asked_and_answers_in_its_own_words(play: Play) -> None:
    """Paths, fields at any depth and values are its own; the book and its journal stay the book's."""

    async def scenario(city: City) -> None:
        car = city.car()
        await car.through("invoice-request")
        said = await city.ask(INSURER, "/v2/quotes", _quotation(car.certificate["vin"]), "key-1")
        assert said.status == 200, said
        assert said.body["data"]["vehicleId"] == car.certificate["vin"]
        assert said.body["data"]["quote"].startswith("Q26")
        (line,) = [line for line in city.lines("records") if line["operation"] == "insurance.quote"]
        assert (line["body"]["frameNo"], line["body"]["energyType"]) == (car.certificate["vin"], "1")
        assert line["result"]["data"]["quotationNo"] == said.body["data"]["quote"]
        assert await city.ask(INSURER, "/v2/quotes", _quotation(car.certificate["vin"]), "key-1") == said

    play(scenario)


def test_it_answers_the_same_after_a_restart(play: Play) -> None:
    """What a key was answered is kept in the book's words and said in its own."""
    said: list[Any] = []

    async def scenario(city: City) -> None:
        car = city.car()
        if not said:
            await car.through("invoice-request")
        said.append((await city.ask(INSURER, "/v2/quotes", _quotation(car.certificate["vin"]), "key-1")).body)

    play(scenario)
    play(scenario)
    assert said[0] == said[1]
    assert "quote" in said[0]["data"]


def test_it_says_no_in_its_own_words(play: Play) -> None:
    """Its codes stand in its own field."""

    async def scenario(city: City) -> None:
        said = await city.ask(INSURER, "/v2/quotes", _quotation("LZZTEST05TA000001"))
        assert (said.status, said.body["code"]) == (404, "4004")
        await city.turn(INSURER, down="503")
        busy = await city.ask(INSURER, "/v2/quotes", {})
        assert (busy.status, busy.body["code"]) == (503, "E9003")

    play(scenario)


def test_a_word_that_it_gave_up_means_nothing_to_it(play: Play) -> None:
    """Who still says it as the book does is refused: a mapping that was forgotten is found."""

    async def scenario(city: City) -> None:
        car = city.car()
        await car.through("invoice-request")
        old = _quotation(car.certificate["vin"])
        said = await city.ask(INSURER, "/v2/quotes", {"frameNo": old.pop("vehicleId")} | old)
        assert (said.status, said.body["code"]) == (400, "4000")
        assert (await city.ask(INSURER, "/compulsory/quotations", old)).status == 404

    play(scenario)


@pytest.mark.parametrize("body", [None, [], "text", 7, {"a": [{"frameNo": "x"}, None]}])
def test_whatever_is_asked_is_heard(body: object) -> None:
    """No JSON breaks it, and what it says comes back as it was."""
    assert OWN.heard(OWN.said(body)) == body


def test_a_body_without_end_is_nothing() -> None:
    """Nested deeper than anybody reads."""
    deep: object = "x"
    for _ in range(100_000):
        deep = [deep]
    assert OWN.heard(deep) is None


def test_two_words_cannot_become_one() -> None:
    """It could not be told which was meant."""
    with pytest.raises(ValidationError, match="have become one"):
        Dialect(fields={"frameNo": "id", "policyNo": "id"})
