"""A bank's second answer to one command: it counts where the first was none, whenever that is found out."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, Final

import pytest

from services.dispatch.calls import Agency
from services.dispatch.mailbox import Answer, Mailbox, prune
from services.runtime.record import Record
from services.runtime.settings import Settings
from tests.dispatch.agency import vin
from tests.dispatch.test_callbacks import (
    BANK,
    CAR,
    DECIDED,
    TAKEN_IN,
    Stage,
    application,
    approval,
    message,
    play,
)

LENT: Final = {"Ccy": "CNY", "": "158200.00"}
YES: Final = {"VIN": CAR, "Dcsn": "APPR", "CtrctId": "AL2026WXL1C0000001", "ApprvdAmt": LENT}
NO_ANSWERS: Final[dict[str, dict[str, Any]]] = {
    "no document of theirs": {"Foo": "bar"},
    "a decision in the words of another command": {"CarLnWdrwlConf": {"VIN": CAR, "CtrctId": "AL2026WXL1C0000001"}},
    "a yes without a contract": {"CarLnDcsn": {"VIN": CAR, "Dcsn": "APPR", "ApprvdAmt": LENT}},
    "a yes in dollars": {"CarLnDcsn": YES | {"ApprvdAmt": {"Ccy": "USD", "": "158200.00"}}},
    "a no without a reason": {"CarLnDcsn": {"VIN": CAR, "Dcsn": "DECL"}},
    "a yes for no car": {"CarLnDcsn": YES | {"VIN": "LZZ"}},
}
"""Each is sealed by the bank, and says nothing that anybody could read."""


def _whatever(stands: bool, _kept: bytes) -> bool:  # noqa: FBT001 - what `put` is to be told
    return stands


async def _contradicted(at: Stage) -> list[Any]:
    return list((await at.desk.search())["contradicted"])


async def _second_is_heard(at: Stage, record: Record) -> None:
    """The car's own answer, nothing was sent for it, and nobody is told of a contradiction."""
    await at.waits(record, not_before=0.0)
    (decision,) = await at.decided()
    assert decision.vin == CAR
    await at.nothing_waits()
    assert at.bank.sent == []
    assert await _contradicted(at) == []


@pytest.mark.parametrize("body", NO_ANSWERS.values(), ids=NO_ANSWERS.keys())
def test_what_nobody_could_read_never_keeps_the_answer_out(settings: Settings, body: dict[str, Any]) -> None:
    """The answer comes straight after it, before anybody has heard either: it is taken and heard."""

    async def scene(at: Stage) -> None:
        record = application()
        assert (await at.bring(message(record.id, DECIDED, body)))[0] == 202
        assert (await at.bring(approval(record.id)))[0] == 202
        await at.waits(record, not_before=0.0)
        (decision,) = await at.decided()
        assert decision.loan_contract_no == "AL2026WXL1C0000001"
        await at.nothing_waits()
        assert at.bank.sent == []
        assert await _contradicted(at) == []

    play(settings, scene)


@pytest.mark.parametrize("body", NO_ANSWERS.values(), ids=NO_ANSWERS.keys())
def test_an_answer_stands_before_what_nobody_could_read(settings: Settings, body: dict[str, Any]) -> None:
    """Nonsense that comes after it is acknowledged, and neither heard nor told to people."""

    async def scene(at: Stage) -> None:
        record = application()
        assert (await at.bring(approval(record.id)))[0] == 202
        assert (await at.bring(message(record.id, DECIDED, body)))[0] == 202
        assert await _contradicted(at) == []
        await at.waits(record, not_before=0.0)
        assert len(await at.decided()) == 1

    play(settings, scene)


def test_what_only_the_command_shows_to_be_none_gives_way_when_it_is_heard(settings: Settings) -> None:
    """A yes about another car can be read, so the next contradicts it; once heard it is none, and the next is heard."""

    async def scene(at: Stage) -> None:
        record = application()
        assert (await at.bring(approval(record.id, vin(2))))[0] == 202
        assert (await at.bring(approval(record.id)))[0] == 422
        assert (await at.bring(approval(record.id)))[0] == 422
        assert len(await _contradicted(at)) == 1
        await _second_is_heard(at, record)

    play(settings, scene)


def test_a_bank_that_may_not_be_asked_again_is_heard_as_well(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing can be sent to it once more, but its second answer is here."""
    monkeypatch.setattr(Agency, "knows_again", lambda *_: False)

    async def scene(at: Stage) -> None:
        record = application()
        assert (await at.bring(approval(record.id, vin(2))))[0] == 202
        assert (await at.bring(approval(record.id)))[0] == 422
        await _second_is_heard(at, record)

    play(settings, scene)


def test_two_answers_that_contradict_one_that_was_none_contradict_each_other(settings: Settings) -> None:
    """The first of them is heard; that there was another is still told, and no more than that."""

    async def scene(at: Stage) -> None:
        record = application()
        for raw in (
            approval(record.id, vin(2)),
            approval(record.id),
            approval(record.id, contract="AL2026WXL1C0000002"),
        ):
            await at.bring(raw)
        await at.waits(record, not_before=0.0)
        (decision,) = await at.decided()
        assert decision.loan_contract_no == "AL2026WXL1C0000001"
        (bank,) = await _contradicted(at)
        assert [one["others"] for one in bank["contradictions"]] == [1]

    play(settings, scene)


def test_what_is_parked_after_a_broken_answer_is_tried_when_another_comes(settings: Settings) -> None:
    """It was heard, and turned out to be none; nobody looks for an hour, but for the other one."""

    async def scene(at: Stage) -> None:
        record = application()
        broken = {"number": 2, "started_at": "2026-03-01T01:30:02Z", "duration_ms": 1, "result": "broken-answer"}
        await at.bring(approval(record.id, vin(2)))
        await at.waits(record, history=(TAKEN_IN, broken))
        assert (await at.bring(approval(record.id)))[0] == 422
        (decision,) = await at.decided()
        assert decision.vin == CAR
        assert at.bank.sent == []

    play(settings, scene)


def test_only_what_was_heard_is_forgotten(settings: Settings) -> None:
    """Between the look at one answer and its being forgotten another took its place: that one stays."""

    async def scene(at: Stage) -> None:
        mailbox, key = Mailbox(at.desk.store, at.desk.clock), application().id
        await mailbox.put(BANK, key, Answer("nonsense", b"nonsense", decides=False), lambda _: False)
        heard = await mailbox.find(BANK, key)
        assert heard is not None
        assert await mailbox.put(BANK, key, Answer("yes", b"yes", decides=True), lambda _: False) == "new"
        await mailbox.forget(BANK, key, heard)
        stays = await mailbox.find(BANK, key)
        assert stays is not None
        assert stays.raw == b"yes"
        await mailbox.forget(BANK, key, stays)
        assert await mailbox.find(BANK, key) is None

    play(settings, scene)


def test_what_contradicted_an_answer_goes_with_it_when_another_replaces_that(settings: Settings) -> None:
    """What stood yesterday may be none to the mapping of today; what contradicted it then says nothing of the next."""

    async def scene(at: Stage) -> None:
        mailbox, key = Mailbox(at.desk.store, at.desk.clock), application().id
        for said, stands, came in ((b"a", True, "new"), (b"b", True, "another"), (b"c", False, "new")):
            answer = Answer(said.decode(), said, decides=True)
            assert await mailbox.put(BANK, key, answer, partial(_whatever, stands)) == came
        heard = await mailbox.find(BANK, key)
        assert heard is not None
        assert not await mailbox.give_way(BANK, key, heard)
        await mailbox.forget(BANK, key, heard)
        assert await mailbox.find(BANK, key) is None

    play(settings, scene)


def test_a_rival_is_forgotten_with_what_it_contradicts(settings: Settings) -> None:
    """Its time is the same: nothing of a person is left of either."""

    async def scene(at: Stage) -> None:
        mailbox, key = Mailbox(at.desk.store, at.desk.clock), application().id
        for said in (b"yes", b"no"):
            await mailbox.put(BANK, key, Answer(said.decode(), said, decides=True), lambda _: True)
        brought = await mailbox.find(BANK, key)
        assert brought is not None
        # It came a moment later than that, and does not wait for its own day.
        later = math.nextafter(brought.at, math.inf)
        await at.desk.store.run(lambda connection: prune(connection, later))
        assert await mailbox.find(BANK, key) is None
        await mailbox.put(BANK, key, Answer("yes", b"yes", decides=True), lambda _: True)
        again = await mailbox.find(BANK, key)
        assert again is not None
        await mailbox.forget(BANK, key, again)
        assert await mailbox.find(BANK, key) is None

    play(settings, scene)
