"""Every effect happens once per key, and outlives the process."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from services.simulator.journal import Journal
from tests.simulator.city import BEFORE, City, Play

_GOES_ON = (
    "elicence-verify",
    "plate-track",
    "mortgage-release",
    "elicence-revoke",
    "registration-deregister",
    "export-track",
)
_APPLICATION = ("vehicleId", "exporterCode", "verificationNo", "applyDate")
HOME = [name for name in BEFORE if not name.startswith(("export", "licence"))]


def test_the_same_key_gets_the_same_answer_and_no_second_effect(play: Play) -> None:
    """A repeated request is answered from memory, byte for byte."""

    async def scenario(city: City) -> None:
        car = city.car()
        await car.through("upload")
        body = car.body("invoice-request")
        both = await asyncio.gather(*(city.ask("tax", "/fapiao/kaiju", body, "same") for _ in range(5)))
        assert {str(said.body) for said in both} == {str(both[0].body)}
        assert {said.status for said in both} == {200}
        assert len(city.lines("ledger")) == 1

    play(scenario)


def test_the_same_key_with_another_body_is_refused(play: Play) -> None:
    """A key belongs to one request."""

    async def scenario(city: City) -> None:
        car = city.car()
        await car.through("upload")
        body = car.body("invoice-request")
        assert (await city.ask("tax", "/fapiao/kaiju", body, "same")).status == 200
        other = await city.ask("tax", "/fapiao/kaiju", body | {"gouMaiFang": "赵样本"}, "same")
        assert (other.status, other.code) == (422, "IDEMPOTENCY")

    play(scenario)


def test_a_question_may_carry_the_key_of_the_deed_it_asks_about(play: Play) -> None:
    """It is answered as a question, each time anew; the key is the deed's, not its own."""

    async def scenario(city: City) -> None:
        car = city.car()
        await car.through("licence-apply")
        assert (await car.attempt("export-declare", key="deed")).status == 200
        for _ in range(2):
            asked = {name: car.body("export-declare")[name] for name in ("vinNo", "tradeCoScc", "licenseNo")}
            assert (await city.ask("customs", "/export/declarations/query", asked, "deed")).status == 200

    play(scenario)


def test_an_effect_without_a_key_is_refused(play: Play) -> None:
    """Nobody can repeat a request that has no key, so none is accepted."""

    async def scenario(city: City) -> None:
        car = city.car()
        await car.through("upload")
        async with city.session.post(f"{city.base}/tax/fapiao/kaiju", json=car.body("invoice-request")) as got:
            assert got.status == 400

    play(scenario)


def test_a_refused_key_may_succeed_later(play: Play) -> None:
    """A refusal binds nobody: the same request succeeds once the certificate is there."""

    async def scenario(city: City) -> None:
        car = city.car()
        assert (await car.attempt("invoice-request", key="later")).status == 404
        await car.through("upload")
        assert (await car.attempt("invoice-request", key="later")).status == 200

    play(scenario)


def test_everything_is_remembered_after_a_kill(play: Play) -> None:
    """A new process over the same files goes on with every record, key and counter."""
    keys = {name: f"first-{name}" for name in HOME}
    answers = {}

    async def before(city: City) -> None:
        car = city.car()
        await car.through(
            "mortgage-register", "elicence-grant", "plate-dispatch", "insurance-endorse", "export-declare"
        )
        await car.through("pay-back")
        answers["plate"] = car.known["hphm"]
        answers["known"], answers["done"] = car.known, car.done
        answers["ledger"] = city.lines("ledger")

    async def after(city: City) -> None:
        car = city.car()
        car.known, car.done = answers["known"], answers["done"]
        assert city.world.country.police.plate_of(car.certificate["vin"]) == answers["plate"]
        assert (await car.attempt("registration-register")).code == "JG412"
        asked = {name: car.body("licence-apply")[name] for name in _APPLICATION}
        found = await city.ask("commerce", "/vehicle-export/licences/query", asked)
        assert found.body["licenceNo"] == car.known["licenceNo"]
        city.clock.pass_by(2)
        for name in _GOES_ON:
            assert (await car.attempt(name, keys.get(name))).status == 200, name
        first = answers["ledger"][0]
        again = await city.ask("tax", "/fapiao/kaiju", first["body"], first["key"])
        assert again.body == first["result"]

    async def returned(city: City) -> None:
        car = city.car()
        car.known, car.done = answers["known"], answers["done"]
        assert city.world.country.police.plate_of(car.certificate["vin"]) is None
        assert (await car.attempt("elicence-verify")).code == "JG411"
        for name in ("insurance-cancel-deregistered", "tax-reclaim-returned"):
            assert (await car.attempt(name)).status == 200, name

    play(before)
    play(after)
    play(returned)


def test_a_torn_last_line_is_dropped(play: Play, tmp_path: Path) -> None:
    """Half a line is what nobody was answered from."""

    async def before(city: City) -> None:
        await city.car().through("invoice-request")

    async def after(city: City) -> None:
        assert len(city.lines("ledger")) == 1
        car = city.car()
        car.known["faPiaoHaoMa"] = city.lines("ledger")[0]["result"]["faPiaoHaoMa"]
        assert (await car.attempt("tax-declare")).status == 200
        assert len(city.lines("ledger")) == 2

    play(before)
    with (tmp_path / "ledger.jsonl").open("ab") as ledger:
        ledger.write(b'{"at": "2026-03-02T02:00:00.000Z", "organi')
    play(after)


def test_the_ledger_says_what_happened(play: Play) -> None:
    """A line names the moment, organisation, operation, key, car, request and answer."""

    async def scenario(city: City) -> None:
        car = city.car()
        await car.through("upload")
        said = await car.attempt("invoice-request", key="the-key")
        (line,) = city.lines("ledger")
        assert line == {
            "at": "2026-03-02T02:00:00.000Z",
            "organisation": "tax",
            "operation": "invoice.request",
            "key": "the-key",
            "vin": car.certificate["vin"],
            "body": car.body("invoice-request"),
            "result": said.body,
            "status": 200,
        }

    play(scenario)


def test_questions_leave_no_effect(play: Play) -> None:
    """Queries, quotes and checks are requests, but not in the ledger of effects."""

    async def scenario(city: City) -> None:
        car = city.car()
        await car.through("coc-query", "insurance-quote", "export-qualify")
        assert city.lines("ledger") == []
        assert [line["operation"] for line in city.lines("requests")] == [
            "coc.upload",
            "coc.query",
            "insurance.quote",
            "export.qualify",
        ]

    play(scenario)


def test_a_disk_that_refuses_ends_the_journal(tmp_path: Path) -> None:
    """What cannot be kept is not answered: the journal fails, and with it the process."""

    async def scenario() -> None:
        journal = Journal(tmp_path)
        journal.open()
        journal.close()
        journal.write("ledger", {"at": ""})
        waiting = asyncio.create_task(journal.durable())
        with pytest.raises(KeyError):
            await journal.run()
        assert not waiting.done()
        waiting.cancel()

    asyncio.run(scenario())
