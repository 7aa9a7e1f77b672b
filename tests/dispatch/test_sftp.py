"""Files over SSH: a document is there as a whole or not at all, once, with a host whose key we know."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from inspect import isawaitable
from pathlib import Path
from typing import Any

import pytest

from adapters.errors import Ambiguous, BrokenAnswer, Unavailable
from adapters.spec import UNREADABLE
from observability import tracing
from services.chaos.proxy import BLACK_HOLE, CLEAR, Proxy, Weather
from services.dispatch.carriers import sftp
from services.dispatch.carriers.carrier import Brought
from services.dispatch.carriers.sftp import Sftp
from services.simulator.faces import sftp as sftp_face
from services.simulator.faces.boxes import BOXES
from services.simulator.faces.sftp import public_key
from services.stack.data import write
from services.stack.ports import choose
from tests.conftest import Until
from tests.dispatch.agency import vin
from tests.dispatch.window import CAR, FETCH, IDENTITIES, PUT, Window, declared, fetch, put, receipt, window

OTHER = vin(2)
SHORT = timedelta(seconds=0.7)
"""Where no answer is to come."""

Scenario = Callable[[Window], Awaitable[None]]
Play = Callable[[Scenario], None]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Play a scenario with customs over the test's folder; played again, they go on where they were."""

    async def played(scenario: Scenario) -> None:
        async with asyncio.timeout(120), window(tmp_path) as made:
            await scenario(made)

    return lambda scenario: asyncio.run(played(scenario))


def test_a_document_is_taken_in_and_its_receipt_fetched(play: Play) -> None:
    """No trace of it is 404, its lying there 202, its receipt 200 and about it."""

    async def scenario(customs: Window) -> None:
        way = customs.way()
        assert (await fetch(way, "k-1")).status == 404
        assert (await put(way, "k-1")).status == 202
        got = await receipt(way, "k-1")
        assert (got.status, got.about, got.body["vinNo"]) == (200, "k-1", CAR)
        assert customs.effects() == [(CAR, "k-1")]
        assert (customs.names("OutBox"), customs.names("SentBox")) == ([], ["DEC01_k-1.xml"])

    play(scenario)


def test_each_exchange_stands_in_the_trace_of_its_case(play: Play) -> None:
    """Below the call that it was for, with the box in which something was put or found; the document knows no trace."""
    shipped: list[dict[str, Any]] = []
    kept = tracing.configure("dispatch", lambda spans, _: shipped.extend(spans))

    async def scenario(customs: Window) -> None:
        way = customs.way()
        with tracing.span("process customs.commands", "consumer", case_id="case-1") as call:
            assert (await fetch(way, "k-1")).status == 404
            await put(way, "k-1")
            assert (await receipt(way, "k-1")).status == 200
            with pytest.raises(Unavailable):
                await put(customs.way(us="somebody"), "k-2")
        kept.flush()
        spans = [one for one in shipped if one["kind"] == "client"]
        assert {(one["parent_id"], one["case_id"]) for one in spans} == {(call.span_id, "case-1")}
        told = [(one["name"], one["attributes"].get("tongche.box"), one["status"]) for one in spans]
        assert told[:2] == [("fetch DEC01", None, "unset"), ("put DEC01", "OutBox", "unset")]
        assert told[-2:] == [("fetch DEC01", "InBox", "unset"), ("put DEC01", None, "error")]
        assert call.trace_id.encode() not in customs.boxes.path("SentBox", "DEC01_k-1.xml").read_bytes()

    try:
        play(scenario)
    finally:
        kept.shutdown()


def test_what_was_taken_without_a_receipt_is_not_unknown(play: Play, until: Until) -> None:
    """It waits in the archive: nobody may put it down a second time."""

    async def scenario(customs: Window) -> None:
        way = customs.way()
        customs.turn(scripts=[{"operation": "export.declare", "silent": True}])
        assert (await put(way, "k-1")).status == 202
        await until(lambda: customs.names("SentBox") == ["DEC01_k-1.xml"])
        assert [(await fetch(way, "k-1")).status for _ in range(3)] == [202, 202, 202]
        customs.turn(scripts=[])
        assert (await receipt(way, "k-1")).status == 200
        assert customs.effects() == [(CAR, "k-1")]

    play(scenario)


def test_while_a_document_lies_there_no_receipt_is_for_it(play: Play) -> None:
    """What stands under its name answers an earlier one."""

    async def scenario(customs: Window) -> None:
        way = customs.way()
        await put(way, "k-1")
        assert (await receipt(way, "k-1")).status == 200
        customs.boxes.path("OutBox", "DEC01_k-1.xml").write_bytes(b"not looked at yet")
        assert (await fetch(way, "k-1")).status == 202

    play(scenario)


def test_nothing_takes_the_place_of_what_lies_there(play: Play) -> None:
    """A second one under the same name is the same, for its name is its key: that it is there is all that is wanted."""

    async def scenario(customs: Window) -> None:
        way, there = customs.way(), customs.boxes.path("OutBox", "DEC01_k-1.xml")
        there.write_bytes(b"the first")
        assert (await put(way, "k-1")).status == 202
        assert there.read_bytes() == b"the first"
        assert customs.names("OutBox") == ["DEC01_k-1.xml"]

    play(scenario)


def test_only_the_host_that_we_know_is_told_anything(play: Play) -> None:
    """Another key, or none that we know: nothing happened, and nothing was said."""

    async def scenario(customs: Window) -> None:
        for them in (("somebody",), ()):
            with pytest.raises(Unavailable):
                await put(customs.way(them=them), "k-1")
        # While one key takes over from another, both are known.
        assert (await put(customs.way(them=("somebody", "customs")), "k-1")).status == 202

    play(scenario)


def test_who_does_not_know_our_key_is_as_good_as_away(play: Play) -> None:
    """Nothing happened."""

    async def scenario(customs: Window) -> None:
        with pytest.raises(Unavailable):
            await put(customs.way(us="somebody"), "k-1")
        assert customs.names("OutBox") == []

    play(scenario)


def test_a_host_may_be_known_by_a_key_of_its_own(play: Play) -> None:
    """As OpenSSH writes it, where it has no certificate; another's opens nothing."""

    async def scenario(customs: Window) -> None:
        known = {name: public_key(one.certificate).export_public_key().decode() for name, one in IDENTITIES.items()}
        url = f"sftp://127.0.0.1:{customs.face.port}"
        with pytest.raises(Unavailable):
            await put(sftp.to(url, "customs", IDENTITIES, lambda: [known["somebody"]]), "k-1")
        way = sftp.to(url, "customs", IDENTITIES, lambda: [known["customs"]])
        customs.lines.append(way.line)
        assert (await put(way, "k-1")).status == 202

    play(scenario)


@pytest.mark.parametrize(("user", "comes_in"), [("tongche@", True), ("som%65body@", False)])
def test_we_come_as_whom_the_address_says(play: Play, user: str, *, comes_in: bool) -> None:
    """They give us a name; where they gave none it is ours."""

    async def scenario(customs: Window) -> None:
        proofs = [IDENTITIES["customs"].certificate]
        way = sftp.to(f"sftp://{user}127.0.0.1:{customs.face.port}", "customs", IDENTITIES, lambda: proofs)
        customs.lines.append(way.line)
        assert way.line.user == user.replace("%65", "e").rstrip("@")
        if comes_in:
            assert (await fetch(way, "k-1")).status == 404
        else:
            with pytest.raises(Unavailable):
                await fetch(way, "k-1")

    play(scenario)


def test_a_new_key_of_ours_is_shown_when_a_line_is_opened(play: Play) -> None:
    """One that is open stays open: nothing under way is lost by an exchange."""

    async def scenario(customs: Window) -> None:
        keys = {"tongche": IDENTITIES["tongche"]}
        proofs = [IDENTITIES["customs"].certificate]
        way = sftp.to(f"sftp://127.0.0.1:{customs.face.port}", "customs", keys, lambda: proofs)
        customs.lines.append(way.line)
        assert (await fetch(way, "k-1")).status == 404
        keys["tongche"] = IDENTITIES["somebody"]
        assert (await fetch(way, "k-1")).status == 404
        await way.line.close()
        with pytest.raises(Unavailable):
            await fetch(way, "k-1")

    play(scenario)


def test_nobody_there_is_certain_and_nobody_answering_is_not(play: Play) -> None:
    """Who cannot be reached took nothing in; of what is under way when the line goes dead nobody can tell."""

    async def scenario(customs: Window) -> None:
        with pytest.raises(Unavailable):
            await put(customs.way(choose(("nobody",), {})["nobody"]), "k-1")
        async with Proxy("127.0.0.1", customs.face.port) as link:
            way, another = customs.way(link.port), customs.way(link.port)
            assert (await put(way, "k-1")).status == 202
            assert (await receipt(another, "k-1")).status == 200
            link.turn(BLACK_HOLE)
            with pytest.raises(Unavailable):
                await put(way, "k-2", endpoint=replace(PUT, timeout=SHORT))
            with pytest.raises(Ambiguous):
                await fetch(another, "k-1", replace(FETCH, timeout=SHORT))
            link.turn(CLEAR)
            assert (await receipt(way, "k-1")).status == 200

    play(scenario)


def test_a_line_that_broke_is_opened_anew(play: Play, until: Until) -> None:
    """One line is kept for all calls, and one that was lost is missed only by the call that was under way."""

    async def scenario(customs: Window) -> None:
        async with Proxy("127.0.0.1", customs.face.port) as link:
            way = customs.way(link.port)
            for number in range(3):
                assert (await fetch(way, f"k-{number}")).status == 404
                assert link.open == 1
            link.reset()
            await until(lambda: _is_lost(way))
            assert (await put(way, "k-1")).status == 202
            assert link.open == 1

    play(scenario)


def test_a_session_that_hangs_is_left_for_another(play: Play) -> None:
    """One request is never answered, and what is asked behind it waits for that: SSH lives, and nobody is served."""

    async def scenario(customs: Window) -> None:
        way = customs.way()
        assert (await put(way, "k-1")).status == 202
        customs.turn(hang=1.0)
        with pytest.raises((Ambiguous, Unavailable)):
            await put(way, "k-2", endpoint=replace(PUT, timeout=SHORT))
        customs.turn(hang=0.0)
        assert (await put(way, "k-3")).status == 202

    play(scenario)


def test_a_session_that_ended_is_begun_anew(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """What speaks SFTP there has gone, and the connection stands."""
    channels: list[Any] = []
    begin = sftp_face.Counter.__init__

    def noted(self: sftp_face.Counter, chan: Any, office: Any) -> None:
        channels.append(chan)
        begin(self, chan, office)

    monkeypatch.setattr(sftp_face.Counter, "__init__", noted)

    async def scenario(customs: Window) -> None:
        way = customs.way()
        assert (await put(way, "k-1")).status == 202
        channels[-1].exit(0)
        await channels[-1].wait_closed()
        lost = 0
        while True:
            try:
                assert (await put(way, "k-2")).status == 202
            except Unavailable:
                lost += 1
                assert lost < 2, "the dead session was handed out again"
            else:
                break
        assert len(channels) == 2

    play(scenario)


@dataclass
class Sticking:
    """A counter at which reading or writing sticks, for as long as it is to."""

    what: str
    stuck: asyncio.Event = field(default_factory=asyncio.Event)
    free: asyncio.Event = field(default_factory=asyncio.Event)

    def at(self, counter: type[sftp_face.Counter], monkeypatch: pytest.MonkeyPatch) -> None:
        """Have it stick there."""
        plainly = getattr(counter, self.what)

        async def sticks(inside: sftp_face.Counter, *told: Any) -> Any:
            self.stuck.set()
            await self.free.wait()
            done = plainly(inside, *told)
            return await done if isawaitable(done) else done

        monkeypatch.setattr(counter, self.what, sticks)


def test_what_a_lost_line_left_goes_with_the_next_try(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the same document, under the names that we gave it; what others began, or we of another, is left alone."""

    async def scenario(customs: Window) -> None:
        sticking, way = Sticking("write"), customs.way()
        sticking.at(sftp_face.Counter, monkeypatch)
        for key, times in (("k-1", 2), ("k-2", 1)):
            for _ in range(times):
                with pytest.raises(Unavailable):
                    await put(way, key, endpoint=replace(PUT, timeout=SHORT))
        theirs = ".DEC01_k-1.xml.0123456789abcdef"
        customs.boxes.path("OutBox", theirs).write_bytes(b"begun by somebody")
        # The second try for the first one took away what its first had left.
        assert sorted(name[:14] for name in customs.names("OutBox")) == [".DEC01_k-1.xml"] * 2 + [".DEC01_k-2.xml"]
        sticking.free.set()
        assert (await put(way, "k-1")).status == 202
        await receipt(way, "k-1")
        left = customs.names("OutBox")
        assert theirs in left
        assert [name[:14] for name in left if name != theirs] == [".DEC01_k-2.xml"]
        assert (await put(way, "k-2")).status == 202
        await receipt(way, "k-2")
        assert customs.names("OutBox") == [theirs]

    play(scenario)


def test_two_tries_at_once_leave_each_other_alone(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another try is still writing is not what an earlier one left."""

    async def scenario(customs: Window) -> None:
        sticking, way = Sticking("write"), customs.way()
        sticking.at(sftp_face.Counter, monkeypatch)
        first, second = (asyncio.create_task(put(way, "k-1")) for _ in range(2))
        await sticking.stuck.wait()
        sticking.free.set()
        assert (await first).status == 202
        # That it was there may be over when it is looked for.
        with suppress(Ambiguous):
            await second
        await receipt(way, "k-1")
        assert (customs.names("OutBox"), customs.effects()) == ([], [(CAR, "k-1")])

    play(scenario)


@pytest.mark.parametrize(("what", "wrong"), [("read", Ambiguous), ("write", Unavailable)])
def test_who_hangs_up_leaves_nothing_behind(
    play: Play, monkeypatch: pytest.MonkeyPatch, what: str, wrong: type[Exception]
) -> None:
    """No request goes on by itself when we have given it up, to fail where nobody hears of it."""

    async def scenario(customs: Window) -> None:
        unheard: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, told: unheard.append(told))
        way, sticking = customs.way(), Sticking(what)
        await put(way, "k-1")
        await receipt(way, "k-1")
        sticking.at(sftp_face.Counter, monkeypatch)
        ask = partial(fetch, way, "k-1", replace(FETCH, timeout=SHORT))
        with pytest.raises(wrong):
            await (ask() if what == "read" else put(way, "k-2", endpoint=replace(PUT, timeout=SHORT)))
        assert sticking.stuck.is_set()
        sticking.free.set()
        assert (await receipt(way, "k-1")).status == 200
        gc.collect()
        await asyncio.sleep(0)
        assert unheard == []

    play(scenario)


@pytest.mark.parametrize("what", ["open", "read", "write", "close"])
def test_who_is_stopped_hangs_up(play: Play, monkeypatch: pytest.MonkeyPatch, what: str, until: Until) -> None:
    """Every handle goes with the line, also one that was just being opened; the next call has a line of its own."""

    async def scenario(customs: Window) -> None:
        async with Proxy("127.0.0.1", customs.face.port) as link:
            way, sticking = customs.way(link.port), Sticking(what)
            await put(way, "k-1")
            await receipt(way, "k-1")
            sticking.at(sftp_face.Counter, monkeypatch)
            going = asyncio.create_task(fetch(way, "k-1") if what == "read" else put(way, "k-2"))
            await sticking.stuck.wait()
            going.cancel()
            with pytest.raises(asyncio.CancelledError):
                await going
            await until(lambda: link.open == 0)
            sticking.free.set()
            assert (await receipt(way, "k-1")).status == 200
            assert link.open == 1

    play(scenario)


def test_the_simulated_host_takes_up_another_key(play: Play, until: Until) -> None:
    """Who comes in sees the newest; who is inside stays, and a key that is none changes nothing."""

    async def scenario(customs: Window) -> None:
        file, inside, fresh = customs.face.premises.settings.secrets, customs.way(), customs.way(them=("somebody",))
        assert (await fetch(inside, "k-1")).status == 404
        told = json.loads(file.read_text(encoding="utf-8"))

        async def knows() -> bool:
            try:
                return (await fetch(fresh, "k-1")).status == 404
            except Unavailable:
                return False

        assert not await knows()
        for other in ({"key": "none", "certificate": "none"}, told["identities"]["somebody"]):
            stack = told | {"identities": told["identities"] | {"customs": other}}
            write(file, json.dumps(stack))
        async with asyncio.timeout(30):
            while not await knows():  # noqa: ASYNC110 - a door, which tells nobody
                await asyncio.sleep(0.05)
        assert (await fetch(inside, "k-1")).status == 404
        with pytest.raises(Unavailable):
            await fetch(customs.way(), "k-1")

    play(scenario)


@pytest.mark.parametrize("share", [step / 5 for step in range(6)], ids=str)
def test_a_line_cut_at_any_moment_neither_doubles_nor_loses(play: Play, until: Until, share: float) -> None:
    """What is called certain did not happen, and what is done after a doubt leads to one effect."""

    async def scenario(customs: Window) -> None:
        async with Proxy("127.0.0.1", customs.face.port) as link:
            link.turn(Weather(slice_bytes=64))
            whole, cut = customs.way(link.port), customs.way(link.port)
            assert (await fetch(whole, "k-0")).status == 404
            begun = link.passed
            assert (await put(whole, "k-0")).status == 202
            length = link.passed - begun
            assert (await receipt(whole, "k-0")).status == 200
            assert (await fetch(cut, "k-1")).status == 404
            begun = link.passed
            putting = asyncio.create_task(put(cut, "k-1", declared(OTHER)))
            while link.passed < begun + share * length and not putting.done():  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0)
            link.reset()
            (came,) = await asyncio.gather(putting, return_exceptions=True)
            if isinstance(came, Unavailable):
                assert await _traces(customs, "k-1") == []
            else:
                assert isinstance(came, Ambiguous | Brought)
            await until(lambda: _is_lost(cut))
            if (await fetch(cut, "k-1")).status == 404:
                await put(cut, "k-1", declared(OTHER))
            assert (await receipt(cut, "k-1")).body["vinNo"] == OTHER
            assert [one for one in customs.effects() if "k-1" in one] == [(OTHER, "k-1")]

    play(scenario)


def _is_lost(way: Sftp) -> bool:
    """Whether our end has noticed."""
    assert way.line._open is not None
    return way.line._open[0].is_closed()


async def _traces(customs: Window, key: str) -> list[str]:
    """Where a document lies, once all that came has been dealt with; not what was only begun."""
    await put(customs.way(), "k-last", declared(vin(3)))
    await receipt(customs.way(), "k-last")
    return [name for box in BOXES for name in customs.names(box) if key in name and not name.startswith(".")]


@pytest.mark.parametrize("knob", ["garbage", "wrong_schema"])
def test_what_is_no_receipt_is_none(play: Play, knob: str) -> None:
    """It is not taken for an answer, nor for none."""

    async def scenario(customs: Window) -> None:
        way = customs.way()
        await put(way, "k-1")
        await receipt(way, "k-1")
        customs.turn(**{knob: 1.0})
        assert (await fetch(way, "k-1")).body is UNREADABLE

    play(scenario)


def test_a_receipt_without_end_is_broken(play: Play) -> None:
    """No more than a megabyte of it is taken."""

    async def scenario(customs: Window) -> None:
        way = customs.way()
        await put(way, "k-1")
        await receipt(way, "k-1")
        customs.turn(huge=1.0)
        with pytest.raises(BrokenAnswer, match="too-large"):
            await fetch(way, "k-1")

    play(scenario)


def test_a_receipt_that_is_being_written_is_not_there_yet(play: Play) -> None:
    """Neither under its temporary name nor by half."""

    async def scenario(customs: Window) -> None:
        way = customs.way()
        await put(way, "k-1")
        await receipt(way, "k-1")
        customs.turn(scripts=[{"operation": "export.declare", "silent": True}])
        there = customs.boxes.path("InBox", "k-1.xml")
        whole = there.read_bytes()
        there.rename(there.with_name(".k-1.xml.new"))
        assert (await fetch(way, "k-1")).status == 202
        there.write_bytes(whole[:-20])
        assert (await fetch(way, "k-1")).status == 202
        there.write_bytes(whole)
        assert (await fetch(way, "k-1")).status == 200

    play(scenario)


def test_who_is_down_takes_nothing(play: Play) -> None:
    """In their words or without a word, it is certain: the file was never begun."""

    async def scenario(customs: Window) -> None:
        way = customs.way()
        customs.turn(down="503")
        with pytest.raises(Unavailable, match="503"):
            await put(way, "k-1")
        customs.turn(down="refuse")
        for _ in range(2):
            with pytest.raises(Unavailable):
                await put(way, "k-1")
        customs.turn(down=None)
        assert (await put(way, "k-1")).status == 202

    play(scenario)
