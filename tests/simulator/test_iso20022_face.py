"""The simulated banks over their own style: sealed messages, a receipt at once, the decision called back, sealed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.signer import XMLSigner

from adapters import replies
from adapters.bank import ADAPTER
from adapters.errors import AgencyError
from adapters.spec import UNREADABLE, Letter, Reply
from services.dispatch.seals.seal import Forged
from tests.simulator.branch import BANK, BANKS, OTHER, OTHER_BANK, US, Branch, Door, branch, opened, seal, until
from tests.simulator.city import Car, Moment, recorded
from tests.simulator.seals import register

NAMES: Final = ("loan-apply", "loan-withdraw", "mortgage-cosign")
OTHER_CAR: Final = {"vin": "LZZTEST07TA000002", "certificateNo": "LZZ123456789013", "driveMotorNo": "TZ213XS0002"}

Scenario = Callable[[Branch], Awaitable[None]]
Play = Callable[[Scenario], None]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Play a scenario at a bank; played again, it goes on where it was after a kill, and calls at the same door."""
    clock, door = Moment(), Door()

    async def played(scenario: Scenario) -> None:
        async with asyncio.timeout(120), opened(door) as url, branch(tmp_path, clock, door, url) as bank:
            await scenario(bank)

    return lambda scenario: asyncio.run(played(scenario))


def came_to(name: str, bank: Branch, car: Car, got: Reply) -> dict[str, Any] | str:
    """What an answer to a recorded command about this car comes to: an event's fields, or how it failed."""
    operation = recorded(name).operation
    try:
        event = replies.answer(ADAPTER, operation, bank.told(name, car), got)
    except AgencyError as wrong:
        return f"{wrong.result}: {wrong}"
    return event.model_dump(mode="json", exclude_none=True)


@pytest.mark.parametrize("name", NAMES)
def test_everything_is_taken_in_and_called_back(play: Play, name: str) -> None:
    """A receipt about our message; then its answer, sealed by that bank; and the book knows nothing of messages."""

    async def scenario(bank: Branch) -> None:
        car = await bank.arranged(name)
        taken = await bank.send(name, car)
        assert (taken.status, taken.about) == (202, "k1")
        assert taken.body == {"RctAck": {"ReqHdlg": {"StsCd": "RCVD"}}}
        (answer,) = await bank.brought()
        assert (answer.status, answer.about) == (200, "k1")
        assert isinstance(event := came_to(name, bank, car, answer), dict)
        assert event["vin"] == car.certificate["vin"]
        line = bank.city.lines("ledger")[-1]
        assert (line["operation"], line["key"], line["body"]) == (recorded(name).command, "k1", car.body(name))

    play(scenario)


def test_an_answer_that_was_acknowledged_is_not_brought_again(play: Play, tmp_path: Path) -> None:
    """By nobody: neither this process nor the next one."""

    async def scenario(bank: Branch) -> None:
        await bank.send("loan-apply", await bank.arranged())
        await bank.settled()
        assert len(bank.door.came) == 1

    async def after(bank: Branch) -> None:
        car = await bank.arranged("loan-apply", **OTHER_CAR)
        await bank.send("loan-apply", car, "k2")
        await bank.settled("k2")
        assert [answer.about for answer in bank.door.answers()] == ["k1", "k2"]

    play(scenario)
    play(after)


def test_an_answer_is_brought_until_our_door_has_it(play: Play) -> None:
    """While it is shut, or sends elsewhere; each time it is the same answer, in a message of its own."""

    async def scenario(bank: Branch) -> None:
        bank.door.says[:] = [503, 500, 302, 502]
        await bank.send("loan-apply", await bank.arranged())
        answers = await bank.brought(5)
        await bank.settled()
        assert [(answer.about, answer.body) for answer in answers] == [("k1", answers[0].body)] * 5
        assert len({raw for _, raw in bank.door.came}) == 5
        assert bank.effects() == [("loan.apply", "k1")]

    play(scenario)


def test_the_same_again_is_one_message(play: Play) -> None:
    """Not decided yet, it is acknowledged once more; later it is acknowledged, and its answer brought again."""

    async def scenario(bank: Branch) -> None:
        car = await bank.arranged()
        bank.city.pauses.over.clear()
        first, again = await bank.send("loan-apply", car), await bank.send("loan-apply", car)
        assert (first.status, first.body, first.about) == (again.status, again.body, again.about)
        bank.city.pauses.over.set()
        await bank.settled()
        assert (await bank.send("loan-apply", car)).status == 202
        one, same = await bank.brought(2)
        assert (one.body, one.about) == (same.body, same.about)
        assert bank.effects() == [("loan.apply", "k1")]

    play(scenario)


def test_an_identifier_stands_for_one_message(play: Play) -> None:
    """Other content under it is rejected at once, and the first one is decided."""

    async def scenario(bank: Branch) -> None:
        car = await bank.arranged()
        bank.city.pauses.over.clear()
        await bank.send("loan-apply", car)
        other = await bank.send("loan-apply", car, loan_amount=1_000_000)
        assert (other.status, other.body["MsgRjct"]["Rsn"]["RjctgPtyRsn"]) == (422, "IDEMPOTENCY")
        bank.city.pauses.over.set()
        (answer,) = await bank.brought()
        assert answer.body["CarLnDcsn"]["ApprvdAmt"] == {"@Ccy": "CNY", "#text": "158200.00"}

    play(scenario)


def test_two_banks_have_a_seal_and_a_book_each(play: Play) -> None:
    """The same key at both is two loans, and neither's answer passes for the other's."""

    async def scenario(bank: Branch) -> None:
        car = await bank.arranged()
        for name in BANKS:
            assert (await bank.send("loan-apply", car, bank=name)).status == 202
        await until(lambda: len(bank.door.came) == 2)
        assert len(bank.door.answers(BANK)) == len(bank.door.answers(OTHER_BANK)) == 1
        bank.door.came = [(OTHER_BANK, raw) for name, raw in bank.door.came if name == BANK]
        with pytest.raises(Forged):
            bank.door.answers(OTHER_BANK)

    play(scenario)


def test_what_was_taken_in_survives_a_kill(play: Play) -> None:
    """The next process decides what the last one has only acknowledged, and brings it."""

    async def before(bank: Branch) -> None:
        car = await bank.arranged()
        bank.city.pauses.over.clear()
        assert (await bank.send("loan-apply", car)).status == 202
        assert (bank.effects(), bank.door.came) == ([], [])

    async def after(bank: Branch) -> None:
        (answer,) = await bank.brought()
        assert answer.about == "k1"
        assert bank.effects() == [("loan.apply", "k1")]

    play(before)
    play(after)


def test_a_decision_survives_a_kill_before_it_is_brought(play: Play) -> None:
    """It was decided once, and is brought as it was decided."""

    async def before(bank: Branch) -> None:
        bank.door.turns_away = lambda _: True
        await bank.send("loan-apply", await bank.arranged())
        await bank.brought()

    async def after(bank: Branch) -> None:
        bank.door.turns_away = lambda _: False
        tried = len(bank.door.came)
        await bank.settled()
        answers = await bank.brought(tried + 1)
        assert {str(answer.body) for answer in answers} == {str(answers[0].body)}
        assert bank.effects() == [("loan.apply", "k1")]

    play(before)
    play(after)


# -- seals


def _signed(raw: bytes, who: dict[str, str] = US, **how: Any) -> bytes:
    """A seal of another kind than was agreed."""
    signer = XMLSigner(**{"c14n_algorithm": "http://www.w3.org/2001/10/xml-exc-c14n#", **how})
    return etree.tostring(signer.sign(etree.fromstring(raw), key=who["key"], cert=who["certificate"]))


def _sealed(raw: bytes, who: dict[str, str] = US) -> bytes:
    return seal(who).sealed(Letter(raw, {})).raw


def _wrapped(raw: bytes) -> bytes:
    """What was signed hidden in a message that was not: whoever looks for the first of a name is taken in."""
    false = etree.fromstring(raw.replace(b">158200.00<", b">999999.00<"))
    false.append(etree.fromstring(_sealed(raw)))
    return etree.tostring(false)


def _signed_part(raw: bytes) -> bytes:
    """A seal that covers the document, and not the header above it."""
    root = etree.fromstring(raw)
    root[1].set("Id", "part")
    signed = XMLSigner(
        signature_algorithm=SignatureMethod.ECDSA_SHA256, c14n_algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"
    ).sign(root, key=US["key"], cert=US["certificate"], reference_uri=["part"])
    return etree.tostring(signed)


def _without_value(raw: bytes) -> bytes:
    root = etree.fromstring(_sealed(raw))
    value = root.find(".//{*}SignatureValue")
    assert value is not None
    value.text = "AAAA"
    return etree.tostring(root)


SPOILT: Final[dict[str, Callable[[bytes], bytes]]] = {
    "none": lambda raw: raw,
    "stranger's": lambda raw: _sealed(raw, OTHER),
    "stranger's over ours": lambda raw: _sealed(_sealed(raw), OTHER),
    "altered": lambda raw: _sealed(raw).replace(b">158200.00<", b">158300.00<"),
    "altered identifier": lambda raw: _sealed(raw).replace(b">k1<", b">k2<"),
    "no value": _without_value,
    "wrapped": _wrapped,
    "a part": _signed_part,
    "another digest": lambda raw: _signed(
        raw, signature_algorithm=SignatureMethod.ECDSA_SHA512, digest_algorithm=DigestAlgorithm.SHA512
    ),
    "an element added": lambda raw: _sealed(raw).replace(b"</AppHdr>", b"<Prty>HIGH</Prty></AppHdr>"),
}


def test_who_did_not_sign_gets_nothing_done(play: Play) -> None:
    """401, whatever is wrong with the seal, and nothing is taken in."""

    async def scenario(bank: Branch) -> None:
        raw = bank.letter("loan-apply", await bank.arranged())
        for name, spoil in SPOILT.items():
            said = await bank.post(spoil(raw))
            assert (name, said.status) == (name, 401)
            assert said.body["MsgRjct"]["Rsn"]["RjctgPtyRsn"] == "B0401", name
        assert bank.city.lines("taken") == []
        assert (await bank.post(_sealed(raw))).status == 202

    play(scenario)


def test_our_certificate_is_exchanged_while_banks_work(tmp_path: Path, play: Play) -> None:
    """From then on the new one counts; the old one, and one that is to come, as long as we say so."""

    async def scenario(bank: Branch) -> None:
        car = await bank.arranged()
        assert (await bank.send("loan-apply", car, by=OTHER)).status == 401
        register(tmp_path, OTHER, BANKS)
        assert (await bank.send("loan-apply", car, by=OTHER)).status == 202
        assert (await bank.send("loan-apply", car, by=US)).status == 401
        for held in ("tongche-coming", "tongche-gone"):
            register(tmp_path, OTHER, {**BANKS, held: US})
            assert [(await bank.send("loan-apply", car, by=by)).status for by in (US, OTHER)] == [202, 202], held

    async def after(bank: Branch) -> None:
        register(tmp_path, OTHER, BANKS)
        car = await bank.arranged("loan-apply", **OTHER_CAR)
        assert (await bank.send("loan-apply", car, "k2", by=OTHER)).status == 202
        assert (await bank.send("loan-apply", car, "k3", by=US)).status == 401

    play(scenario)
    play(after)


# -- what cannot be read


def _element(raw: bytes, name: str, change: Callable[[etree._Element], None]) -> bytes:
    root = etree.fromstring(raw)
    found = root.find(f".//{{*}}{name}")
    assert found is not None
    change(found)
    return etree.tostring(root)


def _gone(found: etree._Element) -> None:
    above = found.getparent()
    assert above is not None
    above.remove(found)


def _says(text: str) -> Callable[[etree._Element], None]:
    def say(found: etree._Element) -> None:
        found.text = text

    return say


UNREADABLE_SEALED: Final[dict[str, Callable[[bytes], bytes]]] = {
    "no header": lambda raw: _element(raw, "AppHdr", _gone),
    "no document": lambda raw: _element(raw, "Document", _gone),
    "two documents": lambda raw: raw.replace(b"</BizMsg>", raw[raw.index(b"<Document") :]),
    "no identifier": lambda raw: _element(raw, "BizMsgIdr", _gone),
    "no definition": lambda raw: _element(raw, "MsgDefIdr", _gone),
    "another's definition": lambda raw: _element(raw, "MsgDefIdr", _says("pacs.008.001.08")),
    "a definition nobody has": lambda raw: raw.replace(b"tcal.001.001.01", b"tcal.999.001.01"),
    "another namespace": lambda raw: raw.replace(b"urn:tongche:simulated:banks", b"urn:iso:std:iso:20022:tech:xsd"),
    "to another bank": lambda raw: raw.replace(BANK[5:].encode(), OTHER_BANK[5:].encode()),
    "to nobody": lambda raw: _element(raw, "To", _gone),
    "another root": lambda raw: raw.replace(b"BizMsg>", b"BizMess>").replace(b"<BizMsg ", b"<BizMess "),
}
UNREADABLE_BYTES: Final[dict[str, bytes]] = {
    "nothing": b"",
    "noise": b"\x00\xff<",
    "JSON": b'{"vin": 1}',
    "half of it": b"<BizMsg><AppHdr>",
    "entities": b'<!DOCTYPE a [<!ENTITY b "bb">]><BizMsg>&b;</BizMsg>',
    "an outer type": b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd"><BizMsg/>',
    "depth": b"<a>" * 100 + b"</a>" * 100,
}


def test_what_cannot_be_read_is_refused_at_once(play: Play) -> None:
    """However well it is sealed, and by number; nobody is called back about it."""

    async def scenario(bank: Branch) -> None:
        raw = bank.letter("loan-apply", await bank.arranged())
        sealed = {name: _sealed(spoil(raw)) for name, spoil in UNREADABLE_SEALED.items()}
        for name, spoilt in sealed.items():
            said = await bank.post(spoilt)
            assert (name, said.status) == (name, 400)
            assert said.body["MsgRjct"]["Rsn"]["RjctgPtyRsn"] == "B0400", name
        for name, noise in UNREADABLE_BYTES.items():
            assert (name, (await bank.post(noise)).status) == (name, 400)
        assert bank.city.lines("taken") == []

    play(scenario)


def test_what_a_message_lacks_is_refused_when_it_is_called_back(play: Play) -> None:
    """The form was right; what stands in it is for the bank to judge, in a message of its own."""

    async def scenario(bank: Branch) -> None:
        car = await bank.arranged()
        raw = _element(bank.letter("loan-apply", car), "LnAmt", _gone)
        assert (await bank.post(_sealed(raw))).status == 202
        (answer,) = await bank.brought()
        assert came_to("loan-apply", bank, car, answer) == "refused: V102"
        in_dollars = bank.letter("loan-apply", car, "k2").replace(b'Ccy="CNY"', b'Ccy="USD"')
        await bank.post(_sealed(in_dollars))
        assert came_to("loan-apply", bank, car, (await bank.brought(2))[-1]) == "refused: V102"
        assert bank.effects() == []

    play(scenario)


def test_there_is_one_address_for_messages_and_a_counter_for_people(play: Play) -> None:
    """It is posted to; elsewhere nobody listens, and at the counter no message is understood."""

    async def scenario(bank: Branch) -> None:
        async with bank.city.session.get(f"{bank.city.base}/{BANK}/messages") as got:
            assert (got.status, got.headers["Allow"]) == (405, "POST")
        raw = _sealed(bank.letter("loan-apply", await bank.arranged()))
        assert (await bank.post(raw, path="/auto-loans/applications")).status == 404
        paid = {"vin": "LZZTEST05TA000001", "contractNo": "AL0", "settleDate": "2026-03-02"}
        async with bank.city.session.post(f"{bank.city.base}/{BANK}/auto-loans/settlements", json=paid) as got:
            assert (got.status, json.loads(await got.read())["respCode"]) == (400, "B0400")
        assert bank.city.lines("taken") == []

    play(scenario)


# -- knobs


async def _refuses(bank: Branch, knobs: dict[str, Any], status: int, code: str | None) -> None:
    """So turned, the bank says this to whoever asks, and takes nothing in."""
    car = await bank.arranged()
    await bank.city.turn(BANK, **knobs)
    said = await bank.send("loan-apply", car)
    assert said.status == status
    assert (said.body["MsgRjct"]["Rsn"]["RjctgPtyRsn"] if code else said.body) == (code or UNREADABLE)
    await bank.city.heal(BANK)
    assert bank.city.lines("taken") == []


@pytest.mark.parametrize(
    ("knobs", "status", "code"),
    [
        ({"down": "503", "retry_after_s": 7}, 503, "B0503"),
        ({"throttle_per_s": 0}, 429, None),
        ({"error_rate": 1}, 500, None),
    ],
    ids=str,
)
def test_a_bank_that_takes_nothing_in_says_so(play: Play, knobs: dict[str, Any], status: int, code: str | None) -> None:
    """In its own words where it is the bank that speaks."""

    async def scenario(bank: Branch) -> None:
        await _refuses(bank, knobs, status, code)

    play(scenario)


@pytest.mark.parametrize("down", ["503", "refuse"])
def test_while_a_bank_is_down_nothing_is_decided(play: Play, down: str) -> None:
    """What it took in waits with it, and who asks is told, or cut off; afterwards it goes on by itself."""

    async def scenario(bank: Branch) -> None:
        car = await bank.arranged()
        bank.city.pauses.over.clear()
        await bank.send("loan-apply", car)
        await bank.city.turn(BANK, down=down)
        bank.city.pauses.over.set()
        tries = len(bank.city.pauses.asked)
        await until(lambda: len(bank.city.pauses.asked) > tries + 3)
        with suppress(aiohttp.ClientError):
            assert (await bank.send("loan-apply", car, "k2")).status == 503
        assert (bank.effects(), bank.door.came) == ([], [])
        await bank.city.heal(BANK)
        await bank.brought()
        assert bank.effects() == [("loan.apply", "k1")]

    play(scenario)


@pytest.mark.parametrize("knobs", [{"hang": 1}, {"success_then_timeout": 1}], ids=str)
def test_a_lost_receipt_is_a_loss_and_no_more(play: Play, knobs: dict[str, Any]) -> None:
    """Asked again it is acknowledged, decided once, and brought."""

    async def scenario(bank: Branch) -> None:
        car = await bank.arranged()
        await bank.city.turn(BANK, **knobs)
        lost = asyncio.create_task(bank.send("loan-apply", car))
        await bank.city.hung()
        lost.cancel()
        await bank.city.heal(BANK)
        assert (await bank.send("loan-apply", car)).status == 202
        await bank.brought()
        assert bank.effects() == [("loan.apply", "k1")]

    play(scenario)


@pytest.mark.parametrize("knob", ["garbage", "wrong_schema"])
def test_a_bank_that_talks_nonsense_does_so_twice(play: Play, knob: str) -> None:
    """At once and when it calls back; nobody could take it for its answer, and what it did is told when it is well."""

    async def scenario(bank: Branch) -> None:
        car = await bank.arranged()
        knobs: dict[str, Any] = {knob: 1}
        await bank.city.turn(BANK, **knobs)
        assert (await bank.send("loan-apply", car)).body is UNREADABLE
        await until(lambda: len(bank.door.came) > 2)
        for _, raw in tuple(bank.door.came):
            with pytest.raises(Forged):
                seal().opened({}, raw)
        await bank.city.heal(BANK)
        await bank.settled()
        assert bank.effects() == [("loan.apply", "k1")]
        assert seal().opened({}, bank.door.came[-1][1])

    play(scenario)


@pytest.mark.filterwarnings("ignore:Sending a large body directly")
def test_an_answer_without_end_is_none(play: Play) -> None:
    """Neither at once nor called back; healed, it is brought as it should be."""

    async def scenario(bank: Branch) -> None:
        car = await bank.arranged()
        await bank.city.turn(BANK, huge=1)
        raw = _sealed(bank.letter("loan-apply", car))
        async with bank.city.session.post(f"{bank.city.base}/{BANK}/messages", data=raw) as got:
            assert (await got.content.readexactly(30)).startswith(b"<?xml")
        await until(lambda: bool(bank.door.came))
        assert len(bank.door.came[0][1]) > 1024 * 1024
        await bank.city.heal(BANK)
        await bank.settled()
        assert seal().opened({}, bank.door.came[-1][1])

    play(scenario)


def test_a_bank_may_call_back_what_it_called_back_before(play: Play) -> None:
    """Once more, before what it has to say now; both under its seal, and each says what it answers."""

    async def scenario(bank: Branch) -> None:
        car, other = await bank.arranged(), await bank.arranged("loan-apply", **OTHER_CAR)
        await bank.send("loan-apply", car)
        await bank.settled()
        await bank.city.turn(BANK, duplicate=1)
        await bank.send("loan-apply", other, "k2")
        await bank.settled("k2")
        assert [answer.about for answer in bank.door.answers()] == ["k1", "k1", "k2"]

    play(scenario)


def test_a_late_answer_comes_after_what_was_asked_later(play: Play) -> None:
    """It is decided at once, and a minute passes before anybody hears of it."""

    async def scenario(bank: Branch) -> None:
        car = await bank.arranged()
        await bank.city.turn(BANK, late=1, late_ms=60_000)
        await bank.send("loan-apply", car)
        await bank.brought()
        assert bank.city.pauses.asked.count(60.0) == 2
        assert bank.effects() == [("loan.apply", "k1")]

    play(scenario)


def test_answers_come_out_of_order(play: Play) -> None:
    """What our door turned away at first comes after what was asked later, and still says what it answers."""

    async def scenario(bank: Branch) -> None:
        car, other = await bank.arranged(), await bank.arranged("loan-apply", **OTHER_CAR)
        bank.door.turns_away = lambda raw: b">k1<" in raw and bank.effects() != decided
        decided = [("loan.apply", "k1"), ("loan.apply", "k2")]
        await bank.send("loan-apply", car)
        await bank.brought()
        await bank.send("loan-apply", other, "k2")
        await bank.settled("k2")
        await bank.settled("k1")
        abouts = [answer.about for answer in bank.door.answers()]
        assert (abouts[0], abouts.count("k2")) == ("k1", 1)
        assert bank.effects() == decided

    play(scenario)


def test_a_bank_that_forgets_its_keys_decides_anew(play: Play) -> None:
    """Asked again it lends once more, and calls that back: two answers to one message."""

    async def scenario(bank: Branch) -> None:
        car = await bank.arranged()
        await bank.city.turn(BANK, forgetful=True)
        await bank.send("loan-apply", car)
        await bank.settled()
        await bank.send("loan-apply", car)
        answers = await bank.brought(2)
        assert {answer.about for answer in answers} == {"k1"}
        assert len({answer.body["CarLnDcsn"]["CtrctId"] for answer in answers}) == 2
        assert len(bank.effects()) == 2

    play(scenario)


def _script(**what: Any) -> dict[str, Any]:
    return {"scripts": [{"operation": "loan.apply", **what}]}


@pytest.mark.parametrize(
    ("script", "comes_to"),
    [
        (_script(code="D422"), "refused: D422"),
        (_script(code="D404"), "not-yet: D404"),
        (_script(code="B451"), {"decision": "REJECTED", "code": "B451"}),
        (_script(alter_fen=-100), {"decision": "APPROVED", "loan_amount": 15_819_900}),
        (_script(fixture="loan-apply-definition-of-another"), "broken-answer: not-an-object"),
        (_script(fixture="loan-apply-declined"), {"decision": "REJECTED", "code": "B451"}),
        (_script(echo="refusal"), "broken-answer: unknown-refusal"),
        (_script(echo="answer"), "broken-answer: field:CarLnDcsn"),
    ],
    ids=str,
)
def test_scripts_are_played_when_it_calls_back(play: Play, script: dict[str, Any], comes_to: Any) -> None:
    """The receipt says nothing of them; what they say comes under the bank's seal, about our message."""

    async def scenario(bank: Branch) -> None:
        car = await bank.arranged()
        await bank.city.turn(BANK, **script)
        assert (await bank.send("loan-apply", car)).status == 202
        (answer,) = await bank.brought()
        came = came_to("loan-apply", bank, car, answer)
        assert (came if isinstance(came, str) else {name: came[name] for name in comes_to}) == comes_to

    play(scenario)


@pytest.mark.parametrize(
    "script",
    [_script(silent=True), _script(echo="error")],
    ids=["silent", "an error page of its own"],
)
def test_what_is_no_message_is_not_called_back(play: Play, script: dict[str, Any]) -> None:
    """For as long as the script stands; then what it decided is brought."""

    async def scenario(bank: Branch) -> None:
        car = await bank.arranged()
        await bank.city.turn(BANK, **script)
        assert (await bank.send("loan-apply", car)).status == 202
        await until(lambda: len(bank.city.pauses.asked) > 3)
        assert bank.door.came == []
        await bank.city.heal(BANK)
        (answer,) = await bank.brought()
        assert isinstance(came_to("loan-apply", bank, car, answer), dict)
        assert bank.effects() == [("loan.apply", "k1")]

    play(scenario)


@pytest.mark.parametrize(("fixture", "status"), [("html-error-page", 502), ("down", 503), ("taken-in", 202)], ids=str)
def test_what_was_said_at_once_is_said_at_once(play: Play, fixture: str, status: int) -> None:
    """A recorded answer that was none to be called back: nothing is taken in over it, and nothing brought."""

    async def scenario(bank: Branch) -> None:
        car = await bank.arranged()
        await bank.city.turn(BANK, **_script(fixture=f"loan-apply-{fixture}", times=1))
        assert (await bank.send("loan-apply", car)).status == status
        assert (bank.city.lines("taken"), bank.door.came) == ([], [])
        assert (await bank.send("loan-apply", car)).status == 202
        assert isinstance(came_to("loan-apply", bank, car, (await bank.brought())[0]), dict)

    play(scenario)
