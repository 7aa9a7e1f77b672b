"""A bank brings its answer until it is taken, or refused for good by who had asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from aiohttp import web

from services.runtime.settings import Identity
from services.simulator.faces import business
from services.simulator.faces.face import Premises
from services.simulator.faces.iso20022 import Iso20022
from services.simulator.faults import Faults, Script
from services.simulator.life import serving
from services.simulator.world import Outcome, World
from services.stack.identities import identity
from tests.conftest import Until
from tests.simulator.city import BANK, PLAINLY, SECRETS, City, Moment, recorded, running

IDENTITIES = {name: Identity.model_validate(identity(name)) for name in ("tongche", BANK)}
CUT = 0
"""The connection ends, and nothing is said."""


@dataclass
class Door:
    """Ours: it notes which command each call-back answers, and says one status after the other, the last for ever.

    Nonsense it refuses for good.
    """

    says: list[int] = field(default_factory=lambda: [202])
    came: list[str] = field(default_factory=list)

    async def hear(self, request: web.Request) -> web.Response:
        root = business.parsed(await request.read())
        key = root.findtext("{*}AppHdr/{*}Rltd/{*}BizMsgIdr")
        self.came.append(key or "nonsense")
        if key is None:
            return web.Response(status=400)
        status = self.says.pop(0) if len(self.says) > 1 else self.says[0]
        if status == CUT and request.transport is not None:
            request.transport.abort()
        return web.Response(status=status or 500)


@dataclass
class Bank:
    """It, as we who ask it see it."""

    city: City
    door: Door

    async def asked(self, key: str) -> None:
        """A sealed application that the bank takes in; about a car without an invoice, so that its answer is a no."""
        root = business.parsed(recorded("loan-apply").request["text"].encode())
        own = root.find("{*}AppHdr/{*}BizMsgIdr")
        assert own is not None
        own.text = key
        raw = business.sealed(root, IDENTITIES["tongche"])
        async with self.city.session.post(f"{self.city.base}/{BANK}/messages", data=raw) as said:
            assert said.status == 202, await said.text()

    def settled(self, key: str) -> list[int | None]:
        """With which refusal it was done with a command, each time."""
        lines = [line for line in self.city.lines("taken") if line["key"] == key and line["settled"]]
        return [line.get("refused") for line in lines]


Visit = Callable[[Callable[[Bank], Awaitable[None]]], None]


@pytest.fixture
def visit(tmp_path: Path) -> Visit:
    """Play a scenario with a bank that calls back; played again, it goes on where it was."""
    told = SECRETS.model_copy(update={"identities": IDENTITIES}).model_dump(mode="json", exclude={"key_secret"})
    (tmp_path / "secrets.json").write_text(json.dumps(told | {"key_secret": SECRETS.key_secret.hex()}))

    async def visited(scenario: Callable[[Bank], Awaitable[None]]) -> None:
        door, app = Door(), web.Application()
        app.router.add_post(f"/v1/organisations/{BANK}/callbacks", door.hear)
        async with asyncio.timeout(60), serving(app, "127.0.0.1", 0) as port:

            def bank(premises: Premises) -> Iso20022:
                ours = premises.settings.model_copy(update={"dispatch_url": f"http://127.0.0.1:{port}"})
                return Iso20022(replace(premises, settings=ours))

            async with running(tmp_path, Moment(), lambda: 0.5, {**PLAINLY, "bank": bank}) as city:
                await scenario(Bank(city, door))

    return lambda scenario: asyncio.run(visited(scenario))


@pytest.mark.parametrize("no", [400, 401, 404, 422])
def test_what_is_refused_for_good_is_brought_no_more(visit: Visit, until: Until, no: int) -> None:
    """Not by this process nor by the next one; its tray and whoever looks on say with which status it was refused."""

    async def before(bank: Bank) -> None:
        bank.door.says = [no]
        await bank.asked("k1")
        await until(lambda: bank.settled("k1"))
        assert bank.settled("k1") == [no]
        seen = bank.city.world.watch.last(BANK, "requests")
        assert [(one.key, one.status) for one in seen if one.mishap == "call-back-refused"] == [("k1", no)]
        bank.door.says = [202]
        await bank.asked("k2")
        await until(lambda: bank.settled("k2"))
        assert bank.settled("k2") == [None]
        assert bank.door.came == ["k1", "k2"]

    async def after(bank: Bank) -> None:
        await bank.asked("k3")
        await until(lambda: bank.settled("k3"))
        assert bank.door.came == ["k3"]

    visit(before)
    visit(after)


def test_whoever_asks_again_has_it_brought_again(visit: Visit, until: Until) -> None:
    """They mended their door, perhaps."""

    async def scenario(bank: Bank) -> None:
        bank.door.says = [422, 202]
        await bank.asked("k1")
        await until(lambda: bank.settled("k1"))
        await bank.asked("k1")
        await until(lambda: len(bank.settled("k1")) == 2)
        assert bank.settled("k1") == [422, None]
        assert bank.door.came == ["k1", "k1"]

    visit(scenario)


def test_a_refusal_of_the_moment_is_none(visit: Visit, until: Until) -> None:
    """Broken, overloaded, or not there at all: it comes again until it is taken."""

    async def scenario(bank: Bank) -> None:
        bank.door.says = [500, 503, 408, 425, 429, CUT, 302, 202]
        await bank.asked("k1")
        await until(lambda: bank.settled("k1"))
        assert bank.settled("k1") == [None]
        assert bank.door.came == ["k1"] * 8

    visit(scenario)


def test_that_nonsense_is_refused_says_nothing_about_the_answer(visit: Visit, until: Until) -> None:
    """A knob garbled it: the answer itself comes later."""

    async def scenario(bank: Bank) -> None:
        bank.city.pauses.over.clear()
        await bank.asked("k1")
        await bank.city.turn(BANK, wrong_schema=1)
        bank.city.pauses.over.set()
        await until(lambda: bank.door.came[:2] == ["nonsense", "nonsense"])
        await bank.city.heal(BANK)
        await until(lambda: bank.settled("k1"))
        assert bank.settled("k1") == [None]
        assert bank.door.came[-1] == "k1"

    visit(scenario)


def test_that_a_scripts_words_are_refused_says_nothing_about_the_answer(visit: Visit, until: Until) -> None:
    """Somebody put them into its mouth, and may take them out again: it goes on."""

    async def scenario(bank: Bank) -> None:
        bank.door.says = [422, 401, 202]
        await bank.city.turn(BANK, scripts=[{"operation": "loan.apply", "fixture": "loan-apply"}])
        await bank.asked("k1")
        await until(lambda: bank.settled("k1"))
        assert bank.settled("k1") == [None]
        assert bank.door.came == ["k1"] * 3

    visit(scenario)


def test_a_script_that_names_no_record_silences_one_answer_and_ends_nothing(visit: Visit, until: Until) -> None:
    """What it named is gone since: what else the bank has to say goes on, and this too once the script is gone."""

    async def scenario(bank: Bank) -> None:
        tries: list[str] = []
        handle = World.handle

        async def handled(world: World, organisation: str, path: str, key: str, body: object) -> Outcome:
            tries.append(key)
            return await handle(world, organisation, path, key, body)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(World, "handle", handled)
            script = Script(operation="loan.apply", fixture="loan-aply")
            bank.city.world.turn(BANK, Faults(scripts=(script,)))
            await bank.asked("k1")
            await until(lambda: tries.count("k1") > 1)
        await bank.city.heal(BANK)
        await bank.asked("k2")
        await until(lambda: bank.settled("k1") and bank.settled("k2"))
        assert set(bank.door.came) == {"k1", "k2"}

    visit(scenario)
