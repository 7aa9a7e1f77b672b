"""The page to watch agencies and to break them: for the operator, in two languages, with every knob."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from services.simulator.country import names
from services.simulator.faults import Faults, Script
from services.simulator.mishaps import Mishap
from services.simulator.monsoon import MOODS
from services.simulator.page import acts, fields, words
from services.simulator.watch import Watch
from tests.simulator.city import INSURER, VIN, City, Play
from tests.simulator.onlooker import Reader

TAX = "/_watch/tax"
EVERYTHING = Faults(
    delay_ms=5,
    tail_ms=6,
    tail_rate=0.25,
    down="refuse",
    retry_after_s=3,
    throttle_per_s=4,
    error_rate=0.5,
    hang=0.125,
    success_then_timeout=1,
    forgetful=True,
    garbage=0.1,
    wrong_schema=0.2,
    duplicate=0.3,
    late=0.4,
    late_ms=7,
    huge=0.6,
    absent=frozenset({VIN}),
    altered={VIN: {"engineNo": "甲"}},
    seized=frozenset({VIN}),
    arrival_s=2.5,
    pushes=True,
)

Read = Callable[[Callable[[Reader], Awaitable[None]]], None]


@pytest.fixture
def read(play: Play) -> Read:
    """Play a scenario with the operator, who is logged in."""

    def played(scenario: Callable[[Reader], Awaitable[None]]) -> None:
        async def entered(city: City) -> None:
            reader = Reader(city)
            assert await reader.log_in() == 303
            await scenario(reader)

        play(entered)

    return played


def test_nobody_looks_on_without_the_operators_login(play: Play) -> None:
    """A person is led to the login, a program is told; a wrong password opens nothing, and too many are braked."""

    async def scenario(city: City) -> None:
        reader = Reader(city)
        for path in ("/", "/_live", TAX, f"{TAX}/live", "/_events"):
            assert (await reader.get(path))[0] == 303
            assert (await reader.get(path, Accept="*/*"))[0] == 401
        assert (await reader.post(f"{TAX}/heal"))[0] == 303
        assert [await reader.log_in("guess") for _ in range(6)] == [401] * 5 + [429]
        assert reader.cookie == ""

    play(scenario)


def test_forms_of_other_sites_turn_nothing(read: Read) -> None:
    """A form needs this session's token and this site's origin, and the machine its own name."""

    async def scenario(reader: Reader) -> None:
        right, reader.csrf = reader.csrf, "0" * 64
        assert (await reader.post(f"{TAX}/mood", mood="down"))[0] == 403
        reader.csrf = right
        assert (await reader.post(f"{TAX}/mood", {"Origin": "http://evil.example"}, mood="down"))[0] == 403
        assert (await reader.get("/", Host="evil.example"))[0] == 421
        assert reader.city.world.turned("tax") == Faults()
        assert (await reader.post(f"{TAX}/mood", {"Origin": reader.city.base}, mood="down"))[0] == 303
        assert reader.city.world.turned("tax").down == "503"

    read(scenario)


def test_pages_run_nothing_but_our_files(read: Read) -> None:
    """The browser is told so with every answer, also with refusals."""

    async def scenario(reader: Reader) -> None:
        ours = [f"/_static/{name}" for name in ("palette.css", "simulator.css", "simulator.js", "icon.svg")]
        for path in ("/", "/_login", "/_watch/nobody", "/_static/no", *ours):
            async with reader.city.session.get(reader.city.base + path, headers={"Cookie": reader.cookie}) as got:
                assert path not in ours or got.status == 200, path
                assert "script-src 'self'" in got.headers["Content-Security-Policy"], path
                assert got.headers["X-Content-Type-Options"] == "nosniff"

    read(scenario)


def test_what_comes_is_shown_and_nothing_about_persons(read: Read) -> None:
    """Requests, effects and refusals with their times and keys, never what stands in them."""

    async def scenario(reader: Reader) -> None:
        car = reader.city.car()
        await car.through("upload")
        assert (await car.attempt("invoice-request", key="one-key")).status == 200
        await reader.city.turn("tax", garbage=1)
        assert (await car.attempt("invoice-request", key="two-keys")).status == 200
        _, text = await reader.get(f"{TAX}/live")
        assert text.count("one-key") == 4
        assert "LZZ…000001" in text
        assert "乱码" in text
        assert "SW4100" in text
        for secret in (VIN, "王样本", "11010519491231002X", "15487604561"):
            assert secret not in text
        _, text = await reader.get("/_live")
        assert "样例税务局" in text

    read(scenario)


def test_effects_are_shown_again_after_a_restart(play: Play) -> None:
    """They are read from the ledger; requests are counted from the start."""

    async def before(city: City) -> None:
        await city.car().through("invoice-request")

    async def after(city: City) -> None:
        watch = city.world.watch
        assert (watch.count("tax", "ledger"), watch.count("tax", "requests")) == (1, 0)
        assert watch.last("tax", "ledger")[0].operation == "invoice.request"

    play(before)
    play(after)


def test_every_knob_can_be_turned_on_the_page(read: Read) -> None:
    """All that a kind of agency has, at once; what was typed comes back as the knob's position."""

    async def scenario(reader: Reader) -> None:
        for name in names():
            shown = list(fields.knobs(name.kind))
            typed = {field.name: field.text for group in fields.groups(name.kind, EVERYTHING) for field in group.fields}
            assert sorted(typed) == sorted(shown)
            assert (await reader.post(f"/_watch/{name.id}/knobs", **{k: v for k, v in typed.items() if v}))[0] == 303
            told = reader.city.world.turned(name.id)
            assert {knob: getattr(told, knob) for knob in shown} == {knob: getattr(EVERYTHING, knob) for knob in shown}
            await reader.post(f"/_watch/{name.id}/knobs")
            assert reader.city.world.turned(name.id) == Faults()

    read(scenario)


def test_every_knob_of_some_agency_is_a_field() -> None:
    """A knob that has no form of its own, and no agency that it is for, could not be turned."""
    kinds = {name.kind for name in names()}
    assert {knob for kind in kinds for knob in fields.knobs(kind)} == set(Faults.model_fields) - fields.APART
    assert {"seized", "arrival_s"} <= set(fields.knobs("police"))
    assert not {"seized", "arrival_s", "absent"} & set(fields.knobs("tax"))


def test_a_position_that_a_knob_has_not_is_told_at_the_knob(read: Read) -> None:
    """Nothing is turned, and what was typed stands there still."""

    async def scenario(reader: Reader) -> None:
        status, text = await reader.post(f"{TAX}/knobs", error_rate="1.5", delay_ms="7")
        assert status == 422
        assert '<div class="knob wrong">' in text
        assert text.count("填得不对") == 2
        assert 'value="1.5"' in text
        assert reader.city.world.turned("tax") == Faults()
        status, _ = await reader.post("/_watch/miit/knobs", altered="{no json")
        assert status == 422

    read(scenario)


def test_scripts_that_can_no_longer_be_played_hinder_nobody(read: Read) -> None:
    """Of several that were stored before each can go, one after another; knobs turn and scripts come beside them."""

    async def scenario(reader: Reader) -> None:
        old = tuple(Script(operation="tax.declare", fixture=gone) for gone in ("gone", "gone-too"))
        reader.city.world.turn("tax", Faults(scripts=old))
        added = {"operation": "tax.declare", "does": "silent=yes"}
        assert [
            (await reader.post(f"{TAX}/knobs", delay_ms="7"))[0],
            (await reader.post(f"{TAX}/add-script", **added))[0],
            (await reader.post(f"{TAX}/add-script", **added | {"does": "fixture=tax-declaer"}))[0],
            *[(await reader.post(f"{TAX}/remove-script", script=one.model_dump_json()))[0] for one in old],
        ] == [303, 303, 422, 303, 303]
        turned = reader.city.world.turned("tax")
        assert (turned.delay_ms, turned.scripts) == (7, (Script(operation="tax.declare", silent=True),))

    read(scenario)


def test_scripts_are_added_and_taken_away(read: Read) -> None:
    """For one car's operation: a code, a recorded answer, silence, another amount, an echo; each can go again."""

    async def scenario(reader: Reader) -> None:
        for does in ("code=T422", "fixture=tax-declare", "silent=yes", "alter_fen=", "echo=error"):
            form = {"operation": "tax.declare", "vin": VIN, "times": "2", "does": does, "alter_fen": "100"}
            assert (await reader.post(f"{TAX}/add-script", **form))[0] == 303
        scripts = reader.city.world.turned("tax").scripts
        assert [(one.code, one.fixture, one.silent, one.alter_fen, one.echo) for one in scripts] == [
            ("T422", None, False, 0, None),
            (None, "tax-declare", False, 0, None),
            (None, None, True, 0, None),
            (None, None, False, 100, None),
            (None, None, False, 0, "error"),
        ]
        assert {(one.vin, one.times) for one in scripts} == {(VIN, 2)}
        await reader.post(f"{TAX}/remove-script", script=scripts[1].model_dump_json())
        assert reader.city.world.turned("tax").scripts == (scripts[0], *scripts[2:])
        status, text = await reader.post(f"{TAX}/add-script", operation="tax.declare", does="wish=none")
        assert (status, "脚本填得不对" in text) == (422, True)
        for typed in ({"operation": "tax.declaer", "does": "silent=yes"}, {"does": "fixture=tax-declaer"}):
            form = {"operation": "tax.declare"} | typed
            assert (await reader.post(f"{TAX}/add-script", **form))[0] == 422
        assert len(reader.city.world.turned("tax").scripts) == 4

    read(scenario)


def test_one_press_breaks_and_another_heals(read: Read) -> None:
    """A mood takes the place of the last one and leaves scripts and cars alone; healing turns everything back."""

    async def scenario(reader: Reader) -> None:
        await reader.city.turn("tax", seized=[VIN], scripts=[{"operation": "tax.pay", "code": "T422"}])
        for mood in ("garbled", "down"):
            assert (await reader.post(f"{TAX}/mood", mood=mood))[0] == 303
        turned = reader.city.world.turned("tax")
        assert (turned.garbage, turned.down, turned.seized) == (0, "503", frozenset({VIN}))
        assert turned.scripts == (Script(operation="tax.pay", code="T422"),)
        assert "中断" in (await reader.get(f"{TAX}/live"))[1]
        assert (await reader.post(f"{TAX}/mood", mood="cheerful"))[0] == 422
        await reader.post(f"{TAX}/heal")
        assert reader.city.world.turned("tax") == Faults()

    read(scenario)


def test_a_personality_is_let_loose_and_called_back_on_the_page(read: Read) -> None:
    """With its seed; the page tells what it is like now and what comes next."""

    async def scenario(reader: Reader) -> None:
        assert (await reader.post(f"/_watch/{INSURER}/monsoon", seed="7"))[0] == 303
        monsoon = reader.city.world.turned(INSURER).monsoon
        assert monsoon is not None
        assert (monsoon.seed, monsoon.since) == (7, datetime(2026, 3, 2, 2, 0, tzinfo=UTC))
        _, text = await reader.get(f"/_watch/{INSURER}/live", **{"Accept-Language": "en"})
        assert "monsoon, calm" in text
        assert "Next:" in text
        await reader.post(f"/_watch/{INSURER}/monsoon")
        assert reader.city.world.turned(INSURER) == Faults()

    read(scenario)


def test_onlookers_are_told_that_there_is_something_new(read: Read) -> None:
    """A stream says so, once for whatever came meanwhile."""

    async def scenario(reader: Reader) -> None:
        headers = {"Cookie": reader.cookie}
        async with reader.city.session.get(f"{reader.city.base}/_events", headers=headers) as stream:
            before = await stream.content.readuntil(b"\n\n")
            await reader.city.car().through("upload")
            assert await stream.content.readuntil(b"\n\n") != before

    read(scenario)


def test_pages_speak_the_language_that_was_chosen(read: Read) -> None:
    """Chosen here or by the browser; nobody is led to another site afterwards."""

    async def scenario(reader: Reader) -> None:
        assert "弄坏它" in (await reader.get(TAX))[1]
        assert "Break it" in (await reader.get(TAX, **{"Accept-Language": "en-GB,en"}))[1]
        url = f"{reader.city.base}/_language"
        for back, led in ((TAX, TAX), ("//evil.example", "/")):
            form = {"to": "en", "back": back}
            async with reader.city.session.post(url, data=form, allow_redirects=False) as got:
                assert got.headers["Location"] == led
                assert "tongche_language=en" in got.headers["Set-Cookie"]

    read(scenario)


def test_a_session_ends(read: Read) -> None:
    """Who logged out is asked again, whatever their browser kept."""

    async def scenario(reader: Reader) -> None:
        kept = reader.cookie
        assert (await reader.post("/_logout"))[0] == 303
        reader.cookie = kept
        assert (await reader.get("/"))[0] == 303

    read(scenario)


def test_everything_has_words_in_both_languages() -> None:
    """Knobs, moods, mishaps and states; none is left over, and each sentence stands there twice."""
    assert set(words.KNOBS) == set(Faults.model_fields) - fields.APART
    assert set(words.MOODS) == set(MOODS)
    assert set(words.MISHAPS) == {mishap.value for mishap in Mishap} | {"left", "call-back-refused"}
    grouped = [name for _, listed in words.GROUPS for name in listed]
    assert sorted(grouped) == sorted(words.KNOBS)
    said = [*words.TEXTS.values(), *words.STATES.values(), *words.MOODS.values(), *words.MISHAPS.values()]
    said += [each for knob in words.KNOBS.values() for each in knob]
    assert all(each.zh and each.en and each.zh != each.en for each in said)


def test_acts_leave_each_other_alone() -> None:
    """A knob turned by the form leaves a personality and the scripts as they are."""
    before = Faults.model_validate({"monsoon": {"seed": 3}, "scripts": [{"operation": "tax.pay", "code": "T422"}]})
    after = acts.knobs("tax", before, {"delay_ms": "9"})
    assert after == before.model_copy(update={"delay_ms": 9})
    assert json.loads(after.model_dump_json())["monsoon"] == {"seed": 3, "since": None}


def test_pages_are_not_agencies(read: Read) -> None:
    """What nobody is called is no page, and no organisation's door either."""

    async def scenario(reader: Reader) -> None:
        assert (await reader.get("/_watch/nobody"))[0] == 404
        assert (await reader.post(f"{TAX}/burn"))[0] == 404
        assert (await asyncio.gather(reader.get("/nobody/certificates")))[0][0] == 404

    read(scenario)


def test_a_watch_keeps_words_of_refusals_only() -> None:
    """What an agency answers may be about a person; the words with which it refuses are its own."""
    watch = Watch()
    line = {"at": "", "organisation": "tax", "operation": "tax.pay", "key": "k", "vin": VIN, "status": 200}
    watch.see("ledger", line | {"body": {"gouMaiFang": "王样本"}, "result": {"gouMaiFang": "王样本"}})
    watch.see("refusals", line | {"result": {"cuoWuMa": "SW4100", "cuoWuXinXi": "业务状态已变更"}})
    assert "王样本" not in str(watch.last("tax", "ledger"))
    assert watch.last("tax", "refusals")[0].words == "SW4100 业务状态已变更"
