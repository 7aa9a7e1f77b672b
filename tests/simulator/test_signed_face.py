"""The tax office over its own style: sealed requests, taken in first, answered to whoever asks later."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from services.simulator.faces.signed import QUERY, SignedRest
from services.simulator.faults import Faults, Script
from tests.simulator.city import PLAINLY, VIN, City, Moment, Said, running
from tests.simulator.seals import OTHER, US, register

INVOICE = "/fapiao/kaiju"
STYLES = {**PLAINLY, "tax": lambda premises: SignedRest(premises, "tax")}


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def sealed(raw: bytes, who: dict[str, str] = US, algorithm: str = "ES256") -> str:
    """A detached JWS, made by hand: neither the face's code nor dispatch's has a part in it."""
    certificate = x509.load_pem_x509_certificate(who["certificate"].encode())
    head = {"alg": algorithm, "x5t#S256": _base64(certificate.fingerprint(hashes.SHA256()))}
    told = _base64(json.dumps(head).encode())
    key = serialization.load_pem_private_key(who["key"].encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    one, other = decode_dss_signature(key.sign(f"{told}.{_base64(raw)}".encode(), ec.ECDSA(hashes.SHA256())))
    return f"{told}..{_base64(one.to_bytes(32) + other.to_bytes(32))}"


@dataclass
class Office:
    """The tax office as its callers see it."""

    city: City
    folder: Path

    def envelope(self, path: str, matter: Any, serial: str | None, **head: Any) -> bytes:
        told = {"jieShouFang": "tax", "fuWu": path, "faSongShiJian": "2026-03-02 10:00:00"}
        told |= {"liuShuiHao": serial} if serial is not None else {}
        return json.dumps({"baoWenTou": told | head, "yeWuShuJu": matter}).encode()

    async def post(self, path: str, raw: bytes, signature: str | None = None) -> Said:
        headers = {} if signature == "" else {"X-JWS-Signature": signature or sealed(raw)}
        async with self.city.session.post(f"{self.city.base}/tax{path}", data=raw, headers=headers) as got:
            body = await got.read()
            told = {name.title(): value for name, value in got.headers.items()}
            return Said(got.status, json.loads(body) if body[:1] == b"{" else body, told)

    async def send(self, matter: Any, serial: str | None = "k1", path: str = INVOICE) -> Said:
        return await self.post(path, self.envelope(path, matter, serial))

    async def ask(self, serial: str = "k1") -> Said:
        return await self.post(QUERY, self.envelope(QUERY, {"liuShuiHao": serial}, None))

    async def answer(self, serial: str = "k1") -> Said:
        """What came of it, once it is no longer in hand."""
        async with asyncio.timeout(30):
            while (said := await self.ask(serial)).status == 202:  # noqa: ASYNC110 - an office, which tells nobody
                await asyncio.sleep(0.01)
        return said

    async def matter(self) -> dict[str, Any]:
        """An invoice that can be issued."""
        car = self.city.car()
        await car.through("upload")
        return car.body("invoice-request")

    async def worked(self) -> None:
        """Wait until a request is dealt with, though nobody asks."""
        async with asyncio.timeout(30):
            while not any(line["settled"] for line in self.city.lines("taken")):  # noqa: ASYNC110 - a file
                await asyncio.sleep(0.01)

    def effects(self) -> list[str]:
        return [line["key"] for line in self.city.lines("ledger")]


Scenario = Callable[[Office], Awaitable[None]]
Play = Callable[[Scenario], None]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Play a scenario at the office; played again, it goes on where it was after a kill."""
    register(tmp_path)
    clock = Moment()

    async def played(scenario: Scenario) -> None:
        async with asyncio.timeout(60), running(tmp_path, clock, lambda: 0.5, STYLES) as city:
            await scenario(Office(city, tmp_path))

    return lambda scenario: asyncio.run(played(scenario))


def test_a_request_is_taken_in_and_answered_later(play: Play) -> None:
    """202 with a number of acceptance; whoever asks by the serial number has the answer, as often as he likes."""

    async def scenario(office: Office) -> None:
        taken = await office.send(await office.matter())
        assert (taken.status, taken.headers["Retry-After"]) == (202, "0")
        assert {name: taken.body[name] for name in ("liuShuiHao", "jieGuoMa")} == {
            "liuShuiHao": "k1",
            "jieGuoMa": "SW0202",
        }
        number = int(hashlib.sha256(b"tax k1").hexdigest()[:12], 16) % 10**10
        assert taken.body["shouLiHao"] == f"SL20260302{number:010d}"
        said = await office.answer()
        assert (said.status, said.body["liuShuiHao"], said.body["jieGuoMa"]) == (200, "k1", "SW0000")
        assert said.body["yeWuShuJu"]["cheJiaHao"] == VIN
        assert (await office.ask()).body == said.body
        assert office.effects() == ["k1"]

    play(scenario)


def test_the_office_works_though_nobody_asks(play: Play) -> None:
    """It was told to do it; the answer only waits."""

    async def scenario(office: Office) -> None:
        await office.send(await office.matter())
        await office.worked()

    play(scenario)


def test_the_same_again_is_one_request(play: Play) -> None:
    """Before it is carried out it is acknowledged once more; afterwards it is answered at once."""

    async def scenario(office: Office) -> None:
        matter = await office.matter()
        office.city.pauses.over.clear()
        first, again = await office.send(matter), await office.send(matter)
        assert (first.status, first.body) == (again.status, again.body)
        office.city.pauses.over.set()
        said = await office.answer()
        assert (await _settled(office, matter)).body == said.body
        assert office.effects() == ["k1"]

    play(scenario)


async def _settled(office: Office, matter: Any) -> Said:
    """Sent again until it is no longer in hand."""
    async with asyncio.timeout(30):
        while (said := await office.send(matter)).status == 202:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
    return said


def test_a_serial_number_stands_for_one_request(play: Play) -> None:
    """Other content under it is refused, and the first one is carried out."""

    async def scenario(office: Office) -> None:
        matter = await office.matter()
        await office.send(matter)
        other = await office.send({**matter, "gouMaiFang": "赵样本"})
        assert (other.status, other.body["jieGuoMa"]) == (422, "SW4090")
        assert (await office.answer()).body["jieGuoMa"] == "SW0000"

    play(scenario)


def test_a_no_comes_later_and_binds_nobody(play: Play) -> None:
    """It is an answer to whoever asks; sent again, the request is looked at again."""

    async def scenario(office: Office) -> None:
        await office.city.turn("tax", scripts=[{"operation": "invoice.request", "code": "D422", "times": 1}])
        matter = await office.matter()
        assert (await office.send(matter)).status == 202
        said = await office.answer()
        assert (said.status, said.body["jieGuoMa"], said.body["jieGuoXinXi"]) == (200, "SW4220", "信息不一致")
        assert "yeWuShuJu" not in said.body
        await office.send(matter)
        assert (await office.answer()).body["jieGuoMa"] == "SW0000"

    play(scenario)


def test_what_was_taken_in_survives_a_kill(play: Play) -> None:
    """The next process does what the last one has only acknowledged, and remembers what was done."""

    async def before(office: Office) -> None:
        matter = await office.matter()
        office.city.pauses.over.clear()
        assert (await office.send(matter)).status == 202
        assert (await office.ask()).status == 202
        assert office.effects() == []

    async def after(office: Office) -> None:
        await office.worked()
        assert office.effects() == ["k1"]
        assert (await office.answer()).body["jieGuoMa"] == "SW0000"

    play(before)
    play(after)
    play(after)


def test_what_never_came_is_unknown(play: Play) -> None:
    """In words of its own, which no refusal has."""

    async def scenario(office: Office) -> None:
        said = await office.ask("k9")
        assert (said.status, said.body["jieGuoMa"]) == (404, "SW4041")

    play(scenario)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: "",
        lambda _: "a.b.c",
        lambda raw: sealed(raw, OTHER),
        lambda raw: sealed(raw + b" "),
        lambda raw: sealed(raw, algorithm="none"),
        lambda raw: sealed(raw)[:-4] + "AAAA",
        lambda _: sealed(b"other").replace("..", f".{_base64(b'other')}."),
        lambda _: "[" * 3_000,
    ],
    ids=["none", "noise", "stranger", "other bytes", "no algorithm", "altered", "another's content", "deep"],
)
def test_who_did_not_sign_gets_nothing_done(play: Play, spoil: Callable[[bytes], str]) -> None:
    """401, whatever is wrong with the signature, and nothing is taken in; questions are signed as well."""

    async def scenario(office: Office) -> None:
        matter = await office.matter()
        for path, body, serial in ((INVOICE, matter, "k1"), (QUERY, {"liuShuiHao": "k1"}, None)):
            raw = office.envelope(path, body, serial)
            said = await office.post(path, raw, spoil(raw))
            assert (said.status, said.body["jieGuoMa"]) == (401, "SW4010")
        assert (await office.ask()).status == 404
        assert office.city.lines("taken") == []

    play(scenario)


@pytest.mark.parametrize(
    "head", [{"jieShouFang": "tax-2"}, {"fuWu": "/fapiao/hongchong"}, {"fuWu": QUERY}, {"fuWu": None}], ids=repr
)
def test_words_signed_for_something_else_do_nothing(play: Play, head: dict[str, Any]) -> None:
    """Brought to another door, a well signed request is nobody's."""

    async def scenario(office: Office) -> None:
        said = await office.post(INVOICE, office.envelope(INVOICE, await office.matter(), "k1", **head))
        assert (said.status, said.body["jieGuoMa"]) == (401, "SW4010")
        assert office.city.lines("taken") == []

    play(scenario)


def test_a_request_that_was_overheard_does_nothing_new(play: Play) -> None:
    """The very same bytes again, however late and by whatever clock: one deed, one answer."""

    async def scenario(office: Office) -> None:
        raw = office.envelope(INVOICE, await office.matter(), "k1", faSongShiJian="1999-01-01 00:00:00")
        signature = sealed(raw)
        await office.post(INVOICE, raw, signature)
        await office.answer()
        office.city.clock.pass_by(86_400)
        await office.post(INVOICE, raw, signature)
        assert (await office.answer()).body["jieGuoMa"] == "SW0000"
        assert office.effects() == ["k1"]

    play(scenario)


@pytest.mark.parametrize(
    "raw",
    [b"", b"\x00{]}", b"[]", b"{}", b'{"baoWenTou":{},"yeWuShuJu":[]}', b"[" * 100_000],
    ids=["empty", "noise", "list", "no envelope", "no matter", "deep"],
)
def test_what_cannot_be_read_is_refused_at_once(play: Play, raw: bytes) -> None:
    """However well it is signed."""

    async def scenario(office: Office) -> None:
        said = await office.post(INVOICE, raw)
        assert (said.status, said.body["jieGuoMa"]) == (400, "SW4000")

    play(scenario)


@pytest.mark.parametrize("serial", [None, "", "k" * 200], ids=["none", "empty", "long"])
def test_a_request_needs_a_serial_number(play: Play, serial: str | None) -> None:
    """Nobody could ask for its answer."""

    async def scenario(office: Office) -> None:
        said = await office.send(await office.matter(), serial)
        assert (said.status, said.body["jieGuoMa"]) == (400, "SW4000")

    play(scenario)


def test_only_posts_to_known_services_are_heard(play: Play) -> None:
    """Another path is nobody's business, and has no business code."""

    async def scenario(office: Office) -> None:
        async with office.city.session.get(f"{office.city.base}/tax{INVOICE}") as got:
            assert (got.status, got.headers["Allow"]) == (405, "POST")
        said = await office.send({"cheJiaHao": VIN}, path="/nowhere")
        assert (said.status, said.body["error"]) == (404, "unknown service")
        assert office.city.lines("taken") == []

    play(scenario)


def test_our_certificate_is_exchanged_while_the_office_works(play: Play) -> None:
    """From then on the new one counts, and the old one does not."""

    async def scenario(office: Office) -> None:
        raw = office.envelope(QUERY, {"liuShuiHao": "k1"}, None)
        assert (await office.post(QUERY, raw, sealed(raw, OTHER))).status == 401
        register(office.folder, OTHER)
        assert (await office.post(QUERY, raw, sealed(raw, OTHER))).status == 404
        assert (await office.post(QUERY, raw, sealed(raw, US))).status == 401
        for held in ("tongche-coming", "tongche-gone"):
            register(office.folder, OTHER, {held: US})
            assert [(await office.post(QUERY, raw, sealed(raw, by))).status for by in (US, OTHER)] == [404, 404], held

    play(scenario)


def test_a_lost_acknowledgement_is_a_loss_and_no_more(play: Play) -> None:
    """Of what was taken in for the first time; asked again it is acknowledged, and done once."""

    async def scenario(office: Office) -> None:
        matter = await office.matter()
        await office.city.turn("tax", success_then_timeout=1)
        lost = asyncio.create_task(office.send(matter))
        await office.city.hung()
        lost.cancel()
        assert (await office.send(matter)).status in {200, 202}
        assert (await office.answer()).body["jieGuoMa"] == "SW0000"
        assert office.effects() == ["k1"]

    play(scenario)


def test_an_office_that_forgets_its_keys_does_it_again(play: Play) -> None:
    """As far as its own rules let it; asking does not make it act."""

    async def scenario(office: Office) -> None:
        matter = await office.matter()
        await office.city.turn("tax", forgetful=True)
        await office.send(matter)
        first = await office.answer()
        assert (await office.ask()).body == first.body
        await office.send(matter)
        assert (await office.answer()).body["jieGuoMa"] == "SW4100"

    play(scenario)


def test_silence_about_one_car_is_kept_to_whoever_asks(play: Play) -> None:
    """It is done, and nobody hears of it for as long as the script stands."""

    async def scenario(office: Office) -> None:
        matter = await office.matter()
        await office.city.turn("tax", scripts=[{"operation": "invoice.request", "silent": True}])
        assert (await office.send(matter)).status == 202
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await office.answer()
        await office.city.heal("tax")
        assert (await office.answer()).body["jieGuoMa"] == "SW0000"
        assert office.effects() == ["k1"]

    play(scenario)


def test_silence_that_is_over_before_anybody_asked_is_no_silence(play: Play) -> None:
    """It is the script that keeps silent, not the office."""

    async def scenario(office: Office) -> None:
        matter = await office.matter()
        await office.city.turn("tax", scripts=[{"operation": "invoice.request", "silent": True}])
        await office.send(matter)
        await office.worked()
        await office.city.heal("tax")
        assert (await office.ask()).body["jieGuoMa"] == "SW0000"

    play(scenario)


def test_an_office_that_is_down_says_so_in_its_own_words(play: Play) -> None:
    """To requests and questions alike, and takes nothing in."""

    async def scenario(office: Office) -> None:
        matter = await office.matter()
        await office.city.turn("tax", down="503", retry_after_s=7)
        for said in (await office.send(matter), await office.ask()):
            assert (said.status, said.headers["Retry-After"], said.body["jieGuoMa"]) == (503, "7", "SW5030")
        await office.city.heal("tax")
        assert (await office.ask()).status == 404

    play(scenario)


def test_a_script_that_cannot_be_played_is_told_to_who_asks(play: Play) -> None:
    """What it named is gone since it was stored; and the office goes on working."""

    async def scenario(office: Office) -> None:
        script = Script(operation="invoice.request", fixture="no-such", times=2)
        office.city.world.turn("tax", Faults(scripts=(script,)))
        matter = await office.matter()
        await office.send(matter)
        assert (await office.answer()).status == 404
        await office.city.heal("tax")
        assert (await office.answer()).body["jieGuoMa"] == "SW0000"

    play(scenario)
