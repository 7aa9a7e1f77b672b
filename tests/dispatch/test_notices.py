"""Organisations tell of their own accord: proved who they are, once each, durable before the answer."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from sqlalchemy import text
from starlette.requests import Request

from adapters.organisations import ORGANISATIONS
from contracts.contract import Contract
from contracts.envelope import Message
from contracts.keys import vehicle_key
from contracts.topics import NOTICES
from observability.traceparent import read as read_trace
from services.chaos.database import allow_writing, forbid_writing
from services.dispatch import door, notices
from services.dispatch.door import NotTaken
from services.runtime.settings import Settings
from tests.dispatch.agency import vin
from tests.dispatch.office import SECRETS, Office, come_true, office

BANK: Final = "bank-91110000MAT57WXL1C"
OTHER_BANK: Final = "bank-91110000MAU5K2AT1X"
CAR: Final = vin(1)
SETTLED: Final = {"vin": CAR, "loan_contract_no": "AL2026WXL1C0000001", "settled_on": "2026-03-02"}
TRACE: Final = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"


def notice(**changes: Any) -> dict[str, Any]:
    """A bank's notice that a loan is settled."""
    return {"id": "JQ-1", "type": "tongche.loan.settled.v1", "data": SETTLED} | changes


@dataclass
class Answer:
    """What the door said."""

    status: int
    body: Any
    kind: str
    challenge: str

    @property
    def faults(self) -> set[tuple[str, str]]:
        return {(fault["field"], fault["reason"]) for fault in self.body["faults"]}


async def tell(
    desk: Office, body: Any, *, organisation: str = BANK, token: str | None = None, raw: bytes | None = None
) -> Answer:
    """Give notice with a token, by default the organisation's own."""
    token = f"token of {organisation}" if token is None else token
    headers = {"traceparent": TRACE} | ({"Authorization": f"Bearer {token}"} if token else {})
    sent = raw if raw is not None else json.dumps(body).encode()
    url = f"{desk.url}/v1/organisations/{organisation}/notices"
    async with desk.http.post(url, data=sent, headers=headers) as said:
        challenge = said.headers.get("WWW-Authenticate", "")
        return Answer(said.status, await said.json(content_type=None), said.content_type, challenge)


def play(settings: Settings, scene: Callable[[Office], Awaitable[None]]) -> None:
    """A scene in an office to which every organisation may speak."""
    write_tokens(settings.notifiers)

    async def run() -> None:
        async with office(settings) as desk:
            await scene(desk)

    asyncio.run(run())


def write_tokens(path: Path) -> None:
    """A token for each organisation that stands in the list."""
    tables = [
        f'[[notifiers]]\norganisation = "{name}"\n'
        f'token_sha256 = "{hashlib.sha256(f"token of {name}".encode()).hexdigest()}"\n'
        for name in ORGANISATIONS
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(tables), encoding="utf-8")


async def _said(desk: Office, kind: str = "loan.settled") -> list[Message[Contract]]:
    async def there() -> list[Any]:
        return desk.heard(kind)

    said: list[Message[Contract]] = await come_true(there)
    return said


def test_a_notice_becomes_a_message_of_its_organisation(settings: Settings) -> None:
    """Under an id of ours and with theirs, keyed and named by the vehicle's hash, in the trace that brought it."""

    async def scene(desk: Office) -> None:
        answer = await tell(desk, notice())
        assert answer.status == 202
        (said,) = await _said(desk)
        envelope = said.envelope
        key = vehicle_key(SECRETS.key_secret, CAR)
        assert answer.body == {"id": envelope.id}
        assert (desk.said[0].topic, desk.said[0].key) == ("bank.events", key)
        assert (envelope.subject, envelope.sourceid) == (key, "JQ-1")
        assert envelope.source == f"urn:tongche:dispatch:{BANK}"
        assert said.data.model_dump(mode="json") == SETTLED
        place = read_trace(envelope.traceparent or "")
        assert place is not None
        assert place.trace_id == "ab" * 16

    play(settings, scene)


def test_the_police_tell_of_a_mortgage(settings: Settings) -> None:
    """Each agency tells what its own contracts say, on its own topic."""

    async def scene(desk: Office) -> None:
        told = {"vin": CAR, "mortgage_no": "DY110000000000001", "record_version": 2}
        assert (await tell(desk, notice(type="tongche.mortgage.released.v1", data=told), organisation="police")).status
        (said,) = await _said(desk, "mortgage.released")
        assert (desk.said[0].topic, said.envelope.source) == ("police.events", "urn:tongche:dispatch:police")

    play(settings, scene)


def test_the_same_notice_again_gets_the_same_answer(settings: Settings) -> None:
    """Told five times at once, and once more with its fields in another order: one message."""

    async def scene(desk: Office) -> None:
        first = await asyncio.gather(*(tell(desk, notice()) for _ in range(5)))
        turned = notice(data=dict(reversed(SETTLED.items())))
        again = await tell(desk, dict(reversed(turned.items())))
        assert {(one.status, str(one.body)) for one in (*first, again)} == {(202, str(again.body))}
        assert len(await _said(desk)) == 1

    play(settings, scene)


def test_an_id_stands_for_one_content(settings: Settings) -> None:
    """The same id with other content is a conflict; another organisation has ids of its own."""

    async def scene(desk: Office) -> None:
        await tell(desk, notice())
        other = await tell(desk, notice(data=SETTLED | {"settled_on": "2026-03-03"}))
        assert (other.status, other.faults) == (422, {("id", "used_for_other_content")})
        assert other.body["type"] == "urn:tongche:problem:idempotency-conflict"
        assert (await tell(desk, notice(), organisation=OTHER_BANK)).status == 202
        assert [said.envelope.source[-18:] for said in await _said(desk)] == [BANK[-18:], OTHER_BANK[-18:]]

    play(settings, scene)


def test_a_content_is_what_was_sent() -> None:
    """What a contract fills in by default is no part of it: one that grows makes no known notice another one."""
    said = {"vin": CAR, "mortgage_no": "DY110000000000001"}
    short, long, turned = (
        notices.examined(json.dumps(notice(type="tongche.mortgage.released.v1", data=data)).encode(), "police")
        for data in (said, said | {"record_version": 2}, dict(reversed(said.items())))
    )
    assert short.event == long.event
    assert short.content == turned.content != long.content


def test_two_processes_take_a_notice_once(settings: Settings) -> None:
    """Whichever door it comes to, its id is known there."""
    write_tokens(settings.notifiers)

    async def run() -> None:
        async with office(settings) as one, office(settings, slot="1") as other:
            answers = await asyncio.gather(*(tell(desk, notice()) for desk in (one, other, one, other)))
            assert {(each.status, str(each.body)) for each in answers} == {(202, str(answers[0].body))}
            assert (await tell(other, notice(data=SETTLED | {"settled_on": "2026-03-03"}))).status == 422

    asyncio.run(run())


def test_who_dies_after_the_answer_has_told_all_the_same(settings: Settings) -> None:
    """A process that ends before anything went to Kafka leaves the message to its successor, under the same id."""
    write_tokens(settings.notifiers)

    async def run() -> None:
        async with office(settings, relay=False) as desk:
            answer = await tell(desk, notice())
            assert (answer.status, desk.said) == (202, [])
        async with office(settings) as desk:
            (said,) = await _said(desk)
            assert said.envelope.id == answer.body["id"]
            assert (await tell(desk, notice())).body == answer.body

    asyncio.run(run())


def test_an_organisation_speaks_for_itself_alone(settings: Settings) -> None:
    """Without its own token, about another, or in another agency's words, nothing is taken in."""
    mortgage = notice(type="tongche.mortgage.released.v1")

    async def scene(desk: Office) -> None:
        for organisation, token, body, status, code in (
            (BANK, "", notice(), 401, "unauthenticated"),
            (BANK, "guessed", notice(), 401, "unauthenticated"),
            ("nobody", "guessed", notice(), 401, "unauthenticated"),
            ("nobody", f"token of {BANK}", notice(), 404, "no-organisation"),
            (BANK, f"token of {OTHER_BANK}", notice(), 403, "not-entitled"),
            ("police", None, notice(), 403, "not-entitled"),
            (BANK, None, mortgage, 403, "not-entitled"),
        ):
            answer = await tell(desk, body, organisation=organisation, token=token)
            assert (answer.status, answer.kind) == (status, "application/problem+json")
            assert answer.body["type"] == f"urn:tongche:problem:{code}"
            assert bool(answer.challenge) == (status == 401)
            assert ("Authorization: Bearer" in answer.body["detail"]) == (status == 401)
        assert not await _rows(desk)

    play(settings, scene)


async def _rows(desk: Office) -> int:
    return await desk.store.read(
        lambda connection: int(connection.execute(text("select count(*) from notices")).scalar_one())
    )


def test_every_fault_is_named_at_once_and_no_value(settings: Settings) -> None:
    """Of id, type and data, of fields that are missing, wrong or unknown; what stood there is never told back."""

    async def scene(desk: Office) -> None:
        secret = "王样本"
        data = {"vin": "LZZTEST00TA000001", "settled_on": secret, secret: secret}
        answer = await tell(desk, {"id": "", "type": "tongche.loan.settled.v1", "data": data, "who": secret})
        assert answer.status == 422
        fields = {field for field, _ in answer.faults}
        assert fields == {
            "id", "an unknown field", "data.vin", "data.settled_on", "data.loan_contract_no", "data.an unknown field"
        }  # fmt: skip
        assert secret not in json.dumps(answer.body, ensure_ascii=False)
        assert data["vin"] not in json.dumps(answer.body)

    play(settings, scene)


@pytest.mark.parametrize(
    ("raw", "status", "faults"),
    [
        (b"", 400, {("body", "not_json")}),
        (b'{"id": NaN}', 400, {("body", "not_json")}),
        (b'{"id": "1", "id": "2"}', 400, {("body", "not_json")}),
        (b"[" * 20_000, 400, {("body", "not_json")}),
        (b'{"id": 1e999}', 400, {("body", "not_json")}),
        (json.dumps(notice()).encode("utf-16"), 400, {("body", "not_json")}),
        (b"[]", 422, {("body", "not_an_object")}),
        (json.dumps(notice(type="tongche.loan.decided.v1")).encode(), 422, {("type", "unknown_type")}),
        (json.dumps(notice(type="tongche.loan.settled.v2")).encode(), 422, {("type", "unknown_type")}),
        (json.dumps(notice(type=7)).encode(), 422, {("type", "string_type")}),
        (json.dumps(notice(data=[])).encode(), 422, {("data", "dict_type")}),
        (json.dumps(notice(id="x" * 201)).encode(), 422, {("id", "string_pattern_mismatch")}),
        (json.dumps(notice(id="a\x00b")).encode(), 422, {("id", "string_pattern_mismatch")}),
        (json.dumps(notice(id="\ud800")).encode(), 422, {("data", "string_unicode")}),
    ],
    ids=["nothing", "NaN", "two ids", "nesting", "no number", "another encoding", "a list",
         "an answer", "a version to come", "a number for a type",
         "a list of data", "a long id", "a zero in the id", "half a character"],
)  # fmt: skip
def test_whatever_is_no_notice_is_refused(raw: bytes, status: int, faults: set[tuple[str, str]]) -> None:
    """Any bytes are refused with every fault that can be found in them."""
    with pytest.raises(NotTaken) as refused:
        notices.examined(raw, "bank")
    assert refused.value.no.status == status
    assert {(fault.field, fault.reason) for fault in refused.value.faults} == faults


def test_a_large_body_is_not_read_to_its_end(settings: Settings) -> None:
    """A byte more than the limit is refused; as much as the limit is only no notice."""

    async def scene(desk: Office) -> None:
        full = notice(id="x" * (notices.LARGEST - len(json.dumps(notice(id=""))))).copy()
        assert len(json.dumps(full)) == notices.LARGEST
        assert (await tell(desk, full)).status == 422
        assert (await tell(desk, full | {"id": full["id"] + "x"})).status == 413

    play(settings, scene)


@pytest.mark.parametrize(("sent", "heard"), [(5_000_000, 5_000_000), (10**10, 8_400_000)])
def test_who_sends_megabytes_is_heard_out_and_told_why(sent: int, heard: int) -> None:
    """A connection that is reset tells nobody anything; but what has no end is cut off."""
    came = 0

    async def receive() -> dict[str, object]:
        nonlocal came
        came += 50_000
        return {"type": "http.request", "body": b" " * 50_000, "more_body": came < sent}

    with pytest.raises(NotTaken) as refused:
        asyncio.run(door.body(Request({"type": "http", "headers": []}, receive), notices.LARGEST))
    assert refused.value.no.status == 413
    assert [fault.reason for fault in refused.value.faults] == [f"over_{notices.LARGEST}_bytes"]
    assert came == heard


def test_a_store_that_cannot_write_takes_nothing_in(settings: Settings) -> None:
    """503, and the same notice is taken in once it can."""

    async def scene(desk: Office) -> None:
        await asyncio.to_thread(_write_protect, settings, desk, on=True)
        refused = await tell(desk, notice())
        assert (refused.status, refused.kind) == (503, "application/problem+json")
        await asyncio.to_thread(_write_protect, settings, desk, on=False)
        assert (await tell(desk, notice())).status == 202
        assert len(await _said(desk)) == 1

    play(settings, scene)


def _write_protect(settings: Settings, desk: Office, *, on: bool) -> None:
    if settings.database is not None:
        (forbid_writing if on else allow_writing)(settings.database)
        return
    connection = desk.store.writer.raw_connection()
    connection.cursor().execute(f"pragma query_only={int(on)}")
    connection.close()


def test_a_broken_list_of_tokens_lets_nobody_in(settings: Settings) -> None:
    """Nobody can be told from anybody; mended, it works at once."""
    stranger = f'[[notifiers]]\norganisation = "nobody"\ntoken_sha256 = "{"0" * 64}"\n'

    async def scene(desk: Office) -> None:
        good = settings.notifiers.read_text()
        for broken in ("[[notifiers", "[[notifiers]]", stranger, good + good):
            settings.notifiers.write_text(broken)
            assert (await tell(desk, notice())).status == 503
        settings.notifiers.unlink()
        assert (await tell(desk, notice())).status == 401
        write_tokens(settings.notifiers)
        assert (await tell(desk, notice())).status == 202

    play(settings, scene)


def test_every_notice_is_about_one_vehicle() -> None:
    """What becomes the message's subject and key stands in each of their contracts."""
    for versions in NOTICES.values():
        assert all(model.model_fields["vin"].is_required() for model in versions.models)
        assert versions.owner in {organisation.agency for organisation in ORGANISATIONS.values()}


def test_a_client_that_hangs_up_leaves_nothing(settings: Settings) -> None:
    """Half a body is no notice, and the door goes on."""

    async def scene(desk: Office) -> None:
        async def half() -> Any:
            yield b'{"id": '
            raise RuntimeError

        url = f"{desk.url}/v1/organisations/{BANK}/notices"
        with pytest.raises((RuntimeError, aiohttp.ClientError)):
            await desk.http.post(url, data=half(), headers={"Authorization": f"Bearer token of {BANK}"})
        assert (await tell(desk, notice())).status == 202
        assert await _rows(desk) == 1

    play(settings, scene)
