"""Everything that real agencies do wrong can be had on request, one organisation at a time."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from services.simulator.faults import Faults
from tests.conftest import Until
from tests.simulator.city import INSURER, TOKEN, VIN, City, Play, fixture


async def _hung_up(asking: asyncio.Task[Any]) -> None:
    """The caller gives up."""
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)


def test_delay_and_tail_slow_answers_down(play: Play) -> None:
    """Every answer waits, and the tail's share waits longer."""

    async def scenario(city: City) -> None:
        await city.turn("miit", delay_ms=50, tail_ms=60, tail_rate=1)
        assert (await city.car().attempt("upload")).status == 200
        assert city.pauses.asked == [0.11]

    play(scenario)


def test_who_leaves_before_an_answer_is_shown_and_not_listed(play: Play, until: Until) -> None:
    """An onlooker sees a caller that lost patience; the list of requests holds what the agency did with them."""

    async def scenario(city: City) -> None:
        await city.turn("miit", delay_ms=50)
        city.pauses.over.clear()
        asking = asyncio.create_task(city.car().attempt("coc-query"))
        await until(lambda: city.pauses.asked)
        await _hung_up(asking)
        await until(lambda: city.world.watch.last("miit", "requests"))
        assert city.world.watch.last("miit", "requests")[0].mishap == "left"
        assert city.lines("requests") == []

    play(scenario)


def test_an_organisation_that_is_down_cuts_connections(play: Play) -> None:
    """down=refuse: the connection ends without a word, and nothing happens."""

    async def scenario(city: City) -> None:
        await city.turn("miit", down="refuse")
        with pytest.raises(aiohttp.ClientError):
            await city.car().attempt("upload")
        await city.heal("miit")
        assert (await city.car().attempt("coc-query")).status == 404
        assert [line["status"] for line in city.lines("requests")] == [0, 404]

    play(scenario)


def test_an_organisation_that_is_down_says_503(play: Play) -> None:
    """down=503, in its own words, with Retry-After if wanted; other organisations go on."""

    async def scenario(city: City) -> None:
        await city.turn("tax", down="503", retry_after_s=7)
        car = city.car()
        await car.through("upload")
        said = await car.attempt("invoice-request")
        assert (said.status, said.headers["Retry-After"]) == (503, "7")
        assert said.body["cuoWuMa"] == "SW5030"
        assert (await car.attempt("coc-query")).status == 200

    play(scenario)


def test_errors_come_at_their_rate(play: Play) -> None:
    """A share of the requests gets a 500, and nothing happens."""

    async def scenario(city: City) -> None:
        await city.turn("miit", error_rate=0.6)
        assert (await city.car().attempt("upload")).status == 500
        await city.turn("miit", error_rate=0.4)
        assert (await city.car().attempt("upload")).status == 200

    play(scenario)


def test_a_hanging_organisation_never_answers_and_does_nothing(play: Play, until: Until) -> None:
    """hang: the caller waits in vain, also when all is well again, and no effect happened."""

    async def scenario(city: City) -> None:
        await city.turn("miit", hang=1)
        asking = asyncio.create_task(city.car().attempt("upload"))
        await until(lambda: [line["status"] for line in city.lines("requests")] == [0])
        await city.heal("miit")
        assert (await city.car().attempt("coc-query")).status == 404
        assert not asking.done()
        await _hung_up(asking)
        assert (await city.car().attempt("coc-query")).status == 404

    play(scenario)


def test_success_then_timeout_happens_once(play: Play, until: Until) -> None:
    """The effect is there although its answer never came; the same key gets the answer, and no second effect."""

    async def scenario(city: City) -> None:
        car = city.car()
        await car.through("upload")
        await city.turn("tax", success_then_timeout=1)
        asking = asyncio.create_task(car.attempt("invoice-request", key="ambiguous"))
        await until(lambda: city.lines("ledger") and city.lines("requests")[-1]["status"] == 0)
        assert not asking.done()
        await _hung_up(asking)
        assert (await car.attempt("invoice-request", key="ambiguous")).status == 200
        assert len(city.lines("ledger")) == 1

    play(scenario)


def test_of_one_car_no_answer_may_come_while_others_are_answered(play: Play, until: Until) -> None:
    """silent: done once, and nobody hears of it, asked again neither; once the script is gone the same key does."""

    async def scenario(city: City) -> None:
        car = city.car()
        await car.through("upload")
        script = {"operation": "invoice.request", "vin": VIN, "silent": True}
        await city.turn("tax", scripts=[script])
        asking = [asyncio.create_task(car.attempt("invoice-request", key="unheard")) for _ in range(2)]
        await until(lambda: [line["status"] for line in city.lines("requests")].count(0) == len(asking))
        assert not any(each.done() for each in asking)
        await asyncio.gather(*map(_hung_up, asking))
        await city.turn("tax", scripts=[script | {"vin": "LZZTEST0XTA000002"}])
        assert (await car.attempt("invoice-request", key="unheard")).status == 200
        assert len(city.lines("ledger")) == 1

    play(scenario)


@pytest.mark.parametrize(("knob", "is_json"), [("garbage", False), ("wrong_schema", True)])
def test_answers_can_be_mad(play: Play, knob: str, *, is_json: bool) -> None:
    """Garbage is no JSON at all; a wrong schema is JSON about something else."""

    async def scenario(city: City) -> None:
        await city.car().through("upload")
        knobs: dict[str, Any] = {knob: 1}
        await city.turn("miit", **knobs)
        said = await city.car().attempt("coc-query")
        assert said.status == 200
        assert isinstance(said.body, dict) is is_json
        assert not is_json or "vin" not in said.body

    play(scenario)


LOOK_UP = "/export/declarations/query"
LICENCE = "/vehicle-export/licences/query"
OTHERS = {
    "vehicleId": "LZZTEST0XTA000009",
    "exporterCode": "91110000600037341L",
    "verificationNo": "ZG202699999999",
    "applyDate": "2026-03-03",
}


def test_a_forgetful_organisation_acts_again(play: Play) -> None:
    """It knows no keys: the same key is a new effect, as far as its own rules let it happen twice."""

    async def scenario(city: City) -> None:
        await city.turn("police", forgetful=True)
        car = city.car()
        for _ in range(2):
            assert (await car.attempt("plate-reserve", key="one")).status == 200
        assert [line["key"] for line in city.lines("ledger")] == ["one", "one"]

    play(scenario)


def test_customs_are_asked_what_they_released(play: Play) -> None:
    """By car, exporter and licence, whatever the key; another exporter's declaration is not told."""

    async def scenario(city: City) -> None:
        car = city.car()
        await car.through("export-declare")
        asked = {name: car.body("export-declare")[name] for name in ("vinNo", "tradeCoScc", "licenseNo")}
        found = await city.ask("customs", LOOK_UP, asked)
        assert found.body["entryId"] == car.known["entryId"]
        assert (await city.ask("customs", LOOK_UP, asked | {"tradeCoScc": "91110000600037341L"})).code == "HG404"

    play(scenario)


def test_commerce_is_asked_what_it_licensed(play: Play, until: Until) -> None:
    """By car, exporter, check and day, whatever the key; by anything else, and before it is done, nothing is found.

    An answer that nobody got is found all the same, with the licence that was issued and no other.
    """

    async def scenario(city: City) -> None:
        car = city.car()
        await car.through("export-qualify")
        whole = car.body("licence-apply")
        asked = {name: whole[name] for name in ("vehicleId", "exporterCode", "verificationNo", "applyDate")}
        assert (await city.ask("commerce", LICENCE, asked)).code == "SWB-404"
        await city.turn("commerce", success_then_timeout=1, forgetful=True)
        applying = asyncio.create_task(car.attempt("licence-apply", key="lost"))
        await until(lambda: bool(city.lines("ledger")))
        applying.cancel()
        (line,) = city.lines("ledger")
        found = await city.ask("commerce", LICENCE, asked, "lost")
        assert (found.status, found.body) == (200, line["result"])
        for name, other in OTHERS.items():
            assert (await city.ask("commerce", LICENCE, asked | {name: other})).code == "SWB-404", name
        assert len(city.lines("ledger")) == 1

    play(scenario)


def test_an_older_answer_can_come_again(play: Play) -> None:
    """duplicate: the answer is the one before, about another request."""

    async def scenario(city: City) -> None:
        car, other = city.car(), city.car(vin="LZZTEST0XTA000009")
        await car.through("upload")
        await other.through("coc-query")
        await city.turn("miit", duplicate=1)
        assert (await city.car().attempt("coc-query")).body["vin"] == "LZZTEST0XTA000009"

    play(scenario)


def test_an_answer_can_come_after_later_ones(play: Play, until: Until) -> None:
    """late: it happens at once, and the answer comes when those to later questions have long come."""

    async def scenario(city: City) -> None:
        await city.car().through("upload")
        await city.turn("miit", late=1, late_ms=500)
        city.pauses.over.clear()
        late = asyncio.create_task(city.car().attempt("coc-query"))
        await until(lambda: city.pauses.asked == [0.5])
        await city.heal("miit")
        assert (await city.car().attempt("coc-query")).status == 200
        assert not late.done()
        city.pauses.over.set()
        assert (await late).status == 200

    play(scenario)


def test_an_answer_can_go_on_without_end(play: Play) -> None:
    """huge: who reads on would get ten gigabytes; when they hang up, it ends, and others are served meanwhile."""

    async def scenario(city: City) -> None:
        car = city.car()
        await car.through("upload")
        await city.turn("miit", huge=1)
        url = f"{city.base}/miit{fixture('coc-query')['request']['path']}"
        async with city.session.post(url, json=car.body("coc-query"), headers={"Idempotency-Key": "huge"}) as endless:
            assert len(await endless.content.readexactly(4 * 1024**2)) == 4 * 1024**2
            await city.heal("miit")
            assert (await car.attempt("coc-query")).status == 200

    play(scenario)


def test_throttling_asks_to_come_back(play: Play) -> None:
    """More than so many in a second get 429 with Retry-After."""

    async def scenario(city: City) -> None:
        await city.turn("miit", throttle_per_s=2)
        # At once, so that on no machine each has a second of its own.
        said = await asyncio.gather(*(city.car().attempt("coc-query") for _ in range(7)))
        throttled = [each for each in said if each.status == 429]
        assert throttled
        assert {each.headers["Retry-After"] for each in throttled} == {"1"}

    play(scenario)


def test_a_script_refuses_one_car_once(play: Play) -> None:
    """A script speaks of one operation and one car, and is used up where it counts."""

    async def scenario(city: City) -> None:
        script = {"vin": VIN, "operation": "insurance.quote", "code": "D422", "times": 1}
        await city.turn(INSURER, scripts=[script])
        car = city.car()
        await car.through("upload")
        assert (await car.attempt("insurance-quote")).code == "E2022"
        assert (await car.attempt("insurance-quote")).status == 200

    play(scenario)


def test_a_script_alters_an_amount(play: Play) -> None:
    """The tax office asks one yuan more than its tariff, consistently: what it asked can be paid."""

    async def scenario(city: City) -> None:
        await city.turn("tax", scripts=[{"vin": VIN, "operation": "tax.declare", "alter_fen": 100}])
        car = city.car()
        await car.through("invoice-request")
        assert (await car.attempt("tax-declare")).body["shiNaShuiE"] == "10001.00"
        assert (await car.attempt("tax-pay")).status == 200

    play(scenario)


@pytest.mark.parametrize(("how", "status"), [("refusal", 422), ("error", 500), ("answer", 200)])
def test_a_script_repeats_what_it_was_asked(play: Play, how: str, status: int) -> None:
    """echo: once, with everything that stands in the request, and nothing happens; then it answers as ever."""

    async def scenario(city: City) -> None:
        await city.car().through("upload")
        script = {"vin": VIN, "operation": "invoice.request", "echo": how, "times": 1}
        await city.turn("tax", scripts=[script])
        said = await city.car().attempt("invoice-request")
        assert said.status == status
        assert VIN in str(said.body)
        assert city.lines("ledger") == []
        assert (await city.car().attempt("invoice-request")).status == 200

    play(scenario)


def test_a_script_answers_with_a_recorded_fixture(play: Play) -> None:
    """A fixture's answer comes as it was recorded, about the car that is asked for, and nothing happens."""

    async def scenario(city: City) -> None:
        car = city.car()
        await car.through("upload")
        script = {"operation": "invoice.request", "fixture": "invoice-request-nineteen-digits"}
        await city.turn("tax", scripts=[script])
        said = await car.attempt("invoice-request")
        told = said.body["yeWuShuJu"]
        assert (said.status, len(told["faPiaoHaoMa"]), told["cheJiaHao"]) == (200, 19, VIN)
        assert city.lines("ledger") == []

    play(scenario)


@pytest.mark.parametrize(
    ("script", "knob", "there"),
    [
        ({"operation": "nope"}, "operation", "'invoice.request'"),
        ({"operation": "plate.reserve"}, "operation", "'tax.declare'"),
        ({"operation": "tax.declare", "fixture": "../../../etc/passwd"}, "fixture", "'tax-declare'"),
        ({"operation": "tax.declare", "fixture": "tax-declare.json"}, "fixture", "'tax-declare'"),
        ({"operation": "tax.declare", "fixture": "loan-apply"}, "fixture", "'tax-declare'"),
    ],
)
def test_a_script_that_could_never_be_played_is_refused(
    play: Play, script: dict[str, str], knob: str, there: str
) -> None:
    """With what there is at that organisation; nothing is turned."""

    async def scenario(city: City) -> None:
        said = await city.turn("tax", scripts=[{"operation": "tax.pay"}, script], delay_ms=7)
        (wrong,) = said.body["faults"]
        assert (said.status, wrong["knob"], there in wrong["reason"]) == (422, f"scripts.1.{knob}", True)
        assert city.world.turned("tax") == Faults()

    play(scenario)


def test_what_was_stored_before_keeps_no_other_knob_from_being_turned(play: Play) -> None:
    """Scripts that name what has gone since are not judged again; new ones beside them are, and each of them can go."""

    async def scenario(city: City) -> None:
        old = [{"operation": "tax.declare", "fixture": gone} for gone in ("gone", "gone-too")]
        stored = Faults.model_validate({"scripts": old})
        city.world.turn("tax", stored)
        assert (await city.turn("tax", down="503")).status == 200
        assert city.world.turned("tax") == stored.merged({"down": "503"})
        for fresh in ({"operation": "nope", "fixture": "gone"}, old[0] | {"vin": VIN}):
            said = await city.turn("tax", scripts=[*old, fresh], down=None)
            assert (said.status, said.body["faults"][0]["knob"].startswith("scripts.2.")) == (422, True)
        assert (await city.turn("tax", scripts=old[1:])).status == 200
        assert (await city.turn("tax", scripts=old)).status == 422
        assert city.world.turned("tax").scripts == stored.scripts[1:]

    play(scenario)


def test_an_absent_certificate_is_absent_for_everybody(play: Play) -> None:
    """What has not arrived at MIIT is not there for tax and insurers either, until it is."""

    async def scenario(city: City) -> None:
        car = city.car()
        await car.through("upload")
        await city.turn("miit", absent=[VIN])
        assert (await car.attempt("coc-query")).status == 404
        assert (await car.attempt("invoice-request")).status == 404
        await city.turn("miit", absent=[])
        assert (await car.attempt("coc-query")).status == 200

    play(scenario)


def test_knobs_are_merged_shown_and_reset(play: Play) -> None:
    """Turning one knob leaves the others; DELETE turns them all back."""

    async def scenario(city: City) -> None:
        await city.turn("tax", delay_ms=1)
        assert (await city.turn("tax", error_rate=0.1)).body["delay_ms"] == 1
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with city.session.get(f"{city.base}/_faults", headers=headers) as got:
            assert (await got.json())["tax"]["error_rate"] == 0.1
        await city.heal("tax")
        async with city.session.get(f"{city.base}/_faults", headers=headers) as got:
            assert await got.json() == {}

    play(scenario)


def test_the_cars_of_a_test_stand_in_the_books_before_it(play: Play) -> None:
    """As the operator names them; nobody else does, and what is no VIN is none."""

    async def scenario(city: City) -> None:
        async def announced(cars: Any, token: str = TOKEN) -> int:
            headers = {"Authorization": f"Bearer {token}"}
            async with city.session.post(f"{city.base}/_trials", json={"vins": cars}, headers=headers) as got:
                return got.status

        for cars, token in (([VIN], "another"), (VIN, TOKEN), ([VIN, "LZZ"], TOKEN), ([1], TOKEN), (None, TOKEN)):
            assert await announced(cars, token) in {401, 422}
        assert await announced([VIN]) == 204
        assert [line["vins"] for line in city.lines("trials")] == [[VIN]]

    play(scenario)


def test_knobs_survive_a_restart(play: Play) -> None:
    """A simulator that was killed while it played an outage goes on playing it."""

    async def before(city: City) -> None:
        await city.turn("police", down="503")

    async def after(city: City) -> None:
        assert (await city.car().attempt("plate-reserve")).status == 503

    play(before)
    play(after)


def test_only_the_operator_turns_knobs(play: Play) -> None:
    """Without the operator's token nothing is turned; unknown knobs and organisations are named."""

    async def scenario(city: City) -> None:
        assert (await city.turn("tax", token="guess", delay_ms=1)).status == 401
        assert (await city.turn("tax", speed=1)).body["faults"][0]["knob"] == "speed"
        assert (await city.turn("tax", error_rate=2)).status == 422
        assert (await city.turn("nobody", delay_ms=1)).status == 404

    play(scenario)


def test_health_and_metrics_are_told(play: Play) -> None:
    """The usual three addresses answer, and effects are counted."""

    async def scenario(city: City) -> None:
        await city.car().through("invoice-request")
        for path in ("/health", "/ready", "/metrics"):
            async with city.session.get(city.base + path) as got:
                text = await got.text()
                assert got.status == 200
        assert 'tongche_simulator_effects_total{operation="invoice.request",organisation="tax"}' in text

    play(scenario)
