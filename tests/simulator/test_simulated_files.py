"""Organisations that are spoken to by files: what their door lets nobody do, and what they do once and no more."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from adapters.errors import Unavailable
from adapters.spec import Endpoint, Sent
from services.simulator.faces.files import Files
from services.simulator.faces.sftp import LONGEST, Endless, Receipt
from services.simulator.faces.table import FACES
from services.simulator.life import at_work, country
from services.simulator.web import Doors
from tests.conftest import Until
from tests.dispatch.window import BINDING, CAR, IDENTITIES, PUT, Window, declared, fetch, put, receipt, settings, window

Scenario = Callable[[Window], Awaitable[None]]
Play = Callable[[Scenario], None]
TRACK = Endpoint("POST", "/export/exits", action="DEC02")
FETCH_TRACK = Endpoint("GET", "/export/exits", action="DEC02")


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Play a scenario with customs over the test's folder; played again, they go on where they were."""

    async def played(scenario: Scenario) -> None:
        async with asyncio.timeout(60), window(tmp_path) as made:
            await scenario(made)

    return lambda scenario: asyncio.run(played(scenario))


@pytest.mark.parametrize(("held", "comes_in"), [("tongche-coming", True), ("tongche-gone", True), ("somebody", False)])
def test_our_key_is_exchanged_while_the_door_is_open(play: Play, held: str, *, comes_in: bool) -> None:
    """Whatever of ours counts at the moment opens it, and nothing of anybody else's."""

    async def scenario(customs: Window) -> None:
        with pytest.raises(Unavailable):
            await fetch(customs.way(us="somebody"), "k-1")
        file = customs.face.premises.settings.secrets
        stored = json.loads(file.read_bytes())
        stored["identities"][held] = IDENTITIES["somebody"].model_dump()
        file.with_suffix(".new").write_text(json.dumps(stored), encoding="utf-8")
        file.with_suffix(".new").replace(file)
        if comes_in:
            assert (await fetch(customs.way(us="somebody"), "k-1")).status == 404
        else:
            with pytest.raises(Unavailable):
                await fetch(customs.way(us="somebody"), "k-1")
        assert (await fetch(customs.way(), "k-1")).status == 404

    play(scenario)


async def _inside(customs: Window) -> asyncssh.SFTPClient:
    return await customs.way().line.client()


def _document(key: str, body: dict[str, Any] | None = None) -> bytes:
    return BINDING.written(PUT, body or declared(), Sent("customs", datetime.now(UTC), key)).raw


FORBIDDEN: dict[str, Callable[[asyncssh.SFTPClient], Awaitable[Any]]] = {
    "list": lambda inside: inside.listdir("/customs/InBox"),
    "list all": lambda inside: inside.listdir("/"),
    "read a document": lambda inside: inside.open("/customs/OutBox/DEC01_k-9.xml", "rb"),
    "write a receipt": lambda inside: inside.open("/customs/InBox/.k-9.xml", "xb"),
    "write at once": lambda inside: inside.open("/customs/OutBox/DEC01_k-9.xml", "xb"),
    "write over": lambda inside: inside.open("/customs/OutBox/.begun", "wb"),
    "leave the folder": lambda inside: inside.open("/customs/OutBox/../../../secrets.json", "rb"),
    "leave it by the root": lambda inside: inside.open("/../secrets.json", "rb"),
    "see what is elsewhere": lambda inside: inside.stat("/customs/InBox/k-9.xml"),
    "remove": lambda inside: inside.remove("/customs/OutBox/DEC01_k-9.xml"),
    "rename it": lambda inside: inside.rename("/customs/OutBox/DEC01_k-9.xml", "/customs/OutBox/DEC01_k.xml"),
    "replace": lambda inside: inside.posix_rename("/customs/OutBox/.b", "/customs/OutBox/DEC01_k-9.xml"),
    "link": lambda inside: inside.symlink("/customs/OutBox/DEC01_k-9.xml", "/customs/OutBox/.link"),
    "make a folder": lambda inside: inside.mkdir("/customs/OutBox/.folder"),
    "change": lambda inside: inside.chmod("/customs/OutBox/DEC01_k-9.xml", 0o777),
}  # fmt: skip


def test_a_caller_does_what_the_exchange_needs_and_nothing_else(play: Play) -> None:
    """He lists nothing, replaces nothing, and gets nowhere else."""

    async def scenario(customs: Window) -> None:
        lies = customs.boxes.path("OutBox", "DEC01_k-9.xml")
        lies.write_bytes(b"somebody's")
        inside = await _inside(customs)
        for act in FORBIDDEN.values():
            with pytest.raises(asyncssh.SFTPError):
                await act(inside)
        assert (lies.read_bytes(), customs.names("OutBox")) == (b"somebody's", ["DEC01_k-9.xml"])
        with pytest.raises(asyncssh.Error):
            await customs.lines[-1]._open[0].run("ls")  # type: ignore[index]

    play(scenario)


def test_an_ordinary_client_reads_a_receipt_as_any_other_file(play: Play, tmp_path: Path) -> None:
    """Whole, by its length, or into a file of his own; what is there is seen, and what is not is not."""

    async def scenario(customs: Window) -> None:
        way, there, own = customs.way(), "/customs/InBox/k-1.xml", tmp_path / "receipt.xml"
        await put(way, "k-1")
        await receipt(way, "k-1")
        lies = customs.boxes.path("InBox", "k-1.xml").read_bytes()
        inside = await _inside(customs)
        async with inside.open(there, "rb", encoding=None) as file:
            read: Any = await file.read()
            assert (read, (await file.stat()).size) == (lies, len(lies))
        for seen in (await inside.stat(there), await inside.lstat(there)):
            assert seen.size == len(lies)
        await inside.get(there, str(own))
        assert own.read_bytes() == lies
        for other in ("/customs/InBox/k-2.xml", "/customs/InBox/.k-1.xml"):
            assert not await inside.exists(other)

    play(scenario)


def test_a_receipt_without_end_is_long_and_no_hole() -> None:
    """A client that looks for its data before it copies them comes to an end of looking."""
    endless = Endless(b"<a>", b" ")
    assert (endless.seek(0, os.SEEK_DATA), endless.seek(0, os.SEEK_HOLE)) == (0, LONGEST)
    assert (endless.seek(1), endless.read(4)) == (1, b"a>  ")
    for receipt_ in (endless, Receipt(b"<a/>")):
        with pytest.raises(OSError, match="No such device"):
            receipt_.seek(receipt_.length, os.SEEK_DATA)


@pytest.mark.parametrize(("user", "who"), [("tongche", "somebody"), ("root", "tongche")])
def test_one_key_opens_the_door_to_one_user(play: Play, user: str, who: str) -> None:
    """Neither another key of his nor anybody else with his."""

    async def scenario(customs: Window) -> None:
        key = asyncssh.import_private_key(IDENTITIES[who].key)
        with pytest.raises(asyncssh.PermissionDenied):
            await asyncssh.connect(
                "127.0.0.1",
                customs.face.port,
                config=None,
                username=user,
                client_keys=[key],
                agent_path=None,
                known_hosts=None,
                preferred_auth="publickey,password,keyboard-interactive",
                password="correct horse",
            )

    play(scenario)


def test_what_was_left_is_taken_up_once(play: Play) -> None:
    """Killed before it was looked at, before the receipt, or before it was taken away: one effect, and its receipt."""

    async def before(customs: Window) -> None:
        customs.boxes.path("OutBox", ".begun").write_bytes(b"half")
        await put(customs.way(), "k-1")
        await receipt(customs.way(), "k-1")
        customs.boxes.path("SentBox", "DEC01_k-1.xml").rename(customs.boxes.path("OutBox", "DEC01_k-1.xml"))

    async def without_receipt(customs: Window) -> None:
        assert (await receipt(customs.way(), "k-1")).body["vinNo"] == CAR
        assert customs.names("OutBox") == []
        assert customs.effects() == [(CAR, "k-1")]
        customs.boxes.path("SentBox", "DEC01_k-1.xml").rename(customs.boxes.path("OutBox", "DEC01_k-1.xml"))
        customs.boxes.path("InBox", "k-1.xml").unlink()

    async def after(customs: Window) -> None:
        assert (await receipt(customs.way(), "k-1")).body["vinNo"] == CAR
        assert customs.effects() == [(CAR, "k-1")]

    for scenario in (before, without_receipt, after):
        play(scenario)


def test_the_same_document_again_gets_the_same_receipt(play: Play) -> None:
    """It is known by its key."""

    async def scenario(customs: Window) -> None:
        way = customs.way()
        await put(way, "k-1")
        first = await receipt(way, "k-1")
        await put(way, "k-1")
        assert (await receipt(way, "k-1")).body == first.body
        assert customs.effects() == [(CAR, "k-1")]

    play(scenario)


def test_a_question_is_answered_afresh(play: Play) -> None:
    """As long as it lies there, the receipt that stands under its name is not for it."""

    async def scenario(customs: Window) -> None:
        way = customs.way()
        customs.turn(arrival_s=3600)
        await put(way, "k-1")
        asked = {"vinNo": CAR, "entryId": (await receipt(way, "k-1")).body["entryId"]}
        await put(way, "q-1", asked, TRACK)
        assert (await receipt(way, "q-1", FETCH_TRACK)).body["returnCode"] == "HG404"
        customs.turn(arrival_s=0)
        await put(way, "q-1", asked, TRACK)
        assert "exitDate" in (await receipt(way, "q-1", FETCH_TRACK)).body

    play(scenario)


SPOILT: dict[str, bytes] = {
    "no XML": b"\x00{",
    "another's key": _document("k-2"),
    "an entity": b'<!DOCTYPE x [<!ENTITY y "z">]>' + _document("k-1").partition(b"?>")[2],
    "too long": _document("k-1") + b" " * 1024 * 1024,
    "no car": _document("k-1", {"codeTs": "8703809090"}),
}


@pytest.mark.parametrize("spoilt", SPOILT)
def test_what_nobody_can_read_is_refused(play: Play, spoilt: str) -> None:
    """With a receipt that says so."""

    async def scenario(customs: Window) -> None:
        inside = await _inside(customs)
        async with inside.open("/customs/OutBox/.new", "xb") as file:
            await file.write(SPOILT[spoilt])
        await inside.rename("/customs/OutBox/.new", "/customs/OutBox/DEC01_k-1.xml")
        assert (await receipt(customs.way(), "k-1")).body["returnCode"] == "HG400"
        assert customs.effects() == []

    play(scenario)


def test_a_lost_receipt_is_there_when_it_is_asked_for(tmp_path: Path, until: Until) -> None:
    """The effect happened, and it lies in the archive; who looks for it there has it put down after all."""

    async def scenario() -> None:
        async with asyncio.timeout(60), window(tmp_path, lambda: 0.0) as customs:
            customs.turn(success_then_timeout=0.5)
            way = customs.way()
            await put(way, "k-1")
            await until(lambda: customs.names("SentBox") == ["DEC01_k-1.xml"])
            assert customs.names("InBox") == []
            assert (await receipt(way, "k-1")).status == 200
            assert customs.effects() == [(CAR, "k-1")]

    asyncio.run(scenario())


def test_a_receipt_may_be_another_ones(play: Play) -> None:
    """The one before it, under this one's name: it says itself whose it is."""

    async def scenario(customs: Window) -> None:
        way = customs.way()
        for key in ("k-1", "k-2"):
            await put(way, key)
            await receipt(way, key)
        customs.turn(duplicate=1.0)
        assert (await fetch(way, "k-1")).about == "k-2"

    play(scenario)


def test_simulated_agencies_are_there_once_files_are_taken_too(tmp_path: Path) -> None:
    """Whoever is told of their address may come at once, by whichever protocol."""

    class Slow(Files):
        async def run(self) -> None:
            await asyncio.sleep(0.3)
            await super().run()

    async def scenario() -> None:
        premises = country(settings(tmp_path))
        slow = Slow(premises)
        async with at_work(Doors(premises, premises.settings.secret(), styles={**FACES, "customs": lambda _: slow})):
            assert slow.port

    asyncio.run(scenario())
