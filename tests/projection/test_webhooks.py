"""What stands on a subscriber's topics is posted to it: every message, in each car's order, and nothing else."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError
from pydantic_core import from_json
from sqlalchemy import select

from services.projection.tables import webhook_losses
from services.projection.webhooks.letter import letter
from services.projection.webhooks.posting import PAUSED_AFTER, StillTwo, UnknownWebhook
from services.projection.webhooks.reached import look
from services.projection.webhooks.signature import secret_of, shown, signed
from services.runtime.record import Place, Record
from services.runtime.settings import Settings
from tests.projection.people import SECRET
from tests.projection.receiving import (
    GRANT,
    NAME,
    TOPIC,
    House,
    Post,
    Topics,
    dealer,
    numbered,
    posting,
    receiving,
    until,
)

Scene = Callable[[House], Awaitable[None]]


@pytest.fixture
def play(settings: Settings) -> Callable[[Scene], None]:
    """Plays a scene in one process, with a receiver that takes everything unless the scene says otherwise."""

    def play(scene: Scene) -> None:
        async def played() -> None:
            async with receiving() as receiver, posting(settings, receiver) as house:
                await scene(house)

        asyncio.run(played())

    return play


# -- the signature


def test_the_signature_is_the_one_of_the_reference_implementations() -> None:
    """The vector with which Standard Webhooks' libraries are tested."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    told = signed([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert told == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_every_subscriber_has_secrets_of_its_own() -> None:
    """Another one for each, and for each number; as long as the standard asks, in the form it gives."""
    told = {shown(secret_of(SECRET, name, number)) for name in ("one", "two") for number in (0, 1)}
    assert len(told) == 4
    for secret in told:
        assert secret.startswith("whsec_")
        assert 24 <= len(base64.b64decode(secret.removeprefix("whsec_"))) <= 64


def _verified(post: Post, secret: bytes) -> bool:
    content = f"{post.headers['webhook-id']}.{post.headers['webhook-timestamp']}.".encode() + post.body
    wanted = "v1," + base64.b64encode(hmac.new(secret, content, hashlib.sha256).digest()).decode()
    return wanted in post.headers["webhook-signature"].split(" ")


# -- what is posted


def test_a_post_is_what_stands_on_the_topic(play: Callable[[Scene], None]) -> None:
    """All attributes and the data byte for byte, as one structured CloudEvent, signed over exactly these bytes."""

    async def scene(house: House) -> None:
        (record,) = await house.tell(*numbered(1))
        await house.deliver(record)
        (post,) = house.receiver.posts
        assert post.headers["content-type"].startswith("application/cloudevents+json")
        told = dict(record.headers)
        attributes = {
            name.removeprefix("ce_"): value.decode() for name, value in told.items() if name != "content-type"
        }
        assert post.event == attributes | {
            "datacontenttype": "application/json",
            "data": from_json(record.value or b""),
        }
        assert (record.value or b"") in post.body
        assert post.id == attributes["id"] == "m-1"
        assert post.headers["webhook-timestamp"] == str(int(house.stage.clock.now().timestamp()))
        assert _verified(post, secret_of(SECRET, NAME, 0))

    play(scene)


def test_each_cars_messages_keep_their_order_behind_one_that_fails(play: Callable[[Scene], None]) -> None:
    """What comes after it of that car waits; other cars go on; once it is taken the rest follows in order."""

    async def scene(house: House) -> None:
        house.receiver.says = lambda post: 500 if post.id == "m-1" else 204
        records = await house.tell(*numbered(1, 2, 3), *numbered(4, 5, car="b"))
        await house.deliver(*records)
        assert sorted(house.receiver.ids) == ["m-1", "m-4", "m-5"]
        assert (await house.shown())["waiting"] == 3
        house.receiver.says = lambda _: 204
        await house.later(6)
        await until(lambda: len(house.receiver.posts) == 6)
        assert house.receiver.ids[3:] == ["m-1", "m-2", "m-3"]
        await until_empty(house)

    play(scene)


async def until_empty(house: House) -> None:
    """Until nothing waits."""
    async with asyncio.timeout(60):
        while (await house.shown())["waiting"]:  # noqa: ASYNC110 - the store tells nobody
            await asyncio.sleep(0.01)


def test_tries_are_as_far_apart_as_the_standard_proposes(play: Callable[[Scene], None]) -> None:
    """Five seconds, five minutes, half an hour … with some jitter, and every day at the end; never given up."""

    async def scene(house: House) -> None:
        house.receiver.says = lambda _: 404
        await house.deliver(*await house.tell(*numbered(1)))
        waits = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400, 86_400)
        for tries, wait in enumerate(waits, start=1):
            assert len(house.receiver.posts) == tries
            # Another car's are taken, so it is this letter that fails, and not the receiver.
            house.receiver.says = lambda post: 204 if post.id.startswith("m-9") else 404
            await house.deliver(*await house.tell((f"m-9{tries}", "b" * 32)))
            del house.receiver.posts[-1]
            await house.later(wait - 1)
            assert await _due(house) == 0
            await house.later(wait * 0.1 + 2)
            await until(lambda tries=tries: len(house.receiver.posts) == tries + 1)  # type: ignore[misc]
            await _settled(house, tries + 1)

    play(scene)


async def _due(house: House) -> int:
    return len(await house.endpoint.waiting.due(frozenset(house.endpoint.mine), 10))


async def _settled(house: House, tries: int) -> None:
    """Until that many tries are on record."""
    from services.runtime import parking

    async with asyncio.timeout(60):
        while True:
            row = await house.stage.store.read(lambda connection: parking.find(connection, f"webhook.{NAME}", "m-1"))
            if row is not None and row.tries == tries:
                return
            await asyncio.sleep(0.01)


def test_a_receiver_that_asks_for_time_gets_it(play: Callable[[Scene], None]) -> None:
    """`Retry-After` counts where it is longer than what we would have waited."""

    async def scene(house: House) -> None:
        house.receiver.says = lambda _: web.Response(status=404, headers={"Retry-After": "900"})
        await house.deliver(*await house.tell(*numbered(1)))
        await house.later(890)
        assert await _due(house) == 0
        await house.later(20)
        await until(lambda: len(house.receiver.posts) == 2)

    play(scene)


def test_what_waits_is_posted_by_the_process_after_this_one(either: Settings) -> None:
    """A crash forgets nothing, and no order; a message that Kafka gives again is not posted past those that wait."""

    async def played() -> None:
        topics = Topics()
        async with receiving() as receiver:
            receiver.says = lambda _: 500
            async with posting(either, receiver, topics) as house:
                await house.deliver(*await house.tell(*numbered(1, 2, 3)))
            receiver.says = lambda _: 204
            receiver.posts.clear()
            async with posting(either, receiver, topics, is_new=False) as house:
                await house.deliver(topics.records[1])
                assert receiver.posts == []
                await house.later(10)
                await until(lambda: len(receiver.posts) == 3)
                assert receiver.ids == ["m-1", "m-2", "m-3"]

    asyncio.run(played())


def test_what_waits_is_kept_without_a_value(play: Callable[[Scene], None], settings: Settings) -> None:
    """The store knows where a message stands, and nothing of what stands there."""

    async def scene(house: House) -> None:
        house.receiver.says = lambda _: 500
        (record,) = await house.tell(*numbered(1))
        data: dict[str, Any] = from_json(record.value or b"")
        assert data["vin"]
        await house.deliver(record)
        kept = b"".join(file.read_bytes() for file in (settings.data / "db").glob("projection.db*"))
        assert b"m-1" in kept
        assert data["vin"].encode() not in kept
        assert data["sealed"].encode() not in kept

    play(scene)


def test_what_kafka_keeps_no_more_holds_up_nobody(play: Callable[[Scene], None]) -> None:
    """What stood behind it follows."""

    async def scene(house: House) -> None:
        await _lose_one(house)
        await until(lambda: house.receiver.ids[1:] == ["m-2"])

    play(scene)


async def _lose_one(house: House) -> None:
    """Two of a car wait; the first is dropped from its topic before they are tried again."""
    house.receiver.says = lambda _: 500
    await house.deliver(*await house.tell(*numbered(1, 2)))
    house.receiver.says = lambda _: 204
    house.topics.gone.add(0)
    await house.later(10)


def test_what_is_lost_is_told_until_somebody_has_seen_to_it(either: Settings) -> None:
    """How many, where they stood and which, also by the next process; then nothing, and who saw to it is kept."""

    async def played() -> None:
        topics = Topics()
        async with receiving() as receiver:
            async with posting(either, receiver, topics) as house:
                assert (await house.shown())["lost"] is None
                await _lose_one(house)
                await until_empty(house)
            async with posting(either, receiver, topics, is_new=False) as house:
                told = (await house.shown())["lost"]
                (stood,) = told["ranges"]
                assert (told["number"], stood["topic"], stood["partition"]) == (1, TOPIC, 0)
                assert (stood["first"], stood["last"], stood["messages"]) == (0, 0, ["m-1"])
                assert stood["since"] < stood["noted_at"]
                assert await house.posting.acknowledge(NAME, "li", "sent by hand") == 1
                assert (await house.shown())["lost"] is None
                assert await house.posting.acknowledge(NAME, "li", "again") == 0
                kept = await house.stage.store.read(
                    lambda connection: list(connection.execute(select(webhook_losses)).mappings())
                )
                assert [(one["message"], one["who"], one["reason"]) for one in kept] == [("m-1", "li", "sent by hand")]
                with pytest.raises(UnknownWebhook):
                    await house.posting.acknowledge("nobody", "li", "why")

    asyncio.run(played())


def test_what_is_dropped_before_anybody_read_it_is_told_as_well(play: Callable[[Scene], None]) -> None:
    """Of who is paused for longer than topics keep anything: by where it stood, once, and nothing that was read."""

    async def scene(house: House) -> None:
        (wanted,) = house.posting.wanted()
        await house.posting.pause(NAME, "li", "they are moving house")
        await house.posting.look_for_losses(wanted)
        await house.tell(*numbered(1, 2, 3, 4))
        await house.posting.look_for_losses(wanted)
        assert (await house.shown())["lost"] is None
        house.topics.gone = {0, 1}
        for _ in range(2):
            await house.posting.look_for_losses(wanted)
            told = (await house.shown())["lost"]
            assert told["number"] == 2
            assert [(one["first"], one["last"], one["messages"]) for one in told["ranges"]] == [(0, 1, [])]
        house.topics.gone = {0, 1, 2}
        await house.posting.look_for_losses(wanted)
        assert (await house.shown())["lost"]["number"] == 3

    play(scene)


def test_what_was_read_is_not_lost_when_it_is_dropped(play: Callable[[Scene], None]) -> None:
    """Nor is anything of a topic that was made anew."""

    async def scene(house: House) -> None:
        place, store = Place(TOPIC, 0), house.stage.store

        async def lost(begin: int, end: int, read: int | None = None) -> int:
            spans, mine = {place: (begin, end)}, {} if read is None else {place: read}
            return await store.run(lambda connection: look(connection, NAME, spans, mine, 0.0))

        assert await lost(5, 20) == 0
        assert await lost(5, 20, read=12) == 0
        assert await lost(12, 20) == 0
        assert await lost(15, 20, read=13) == 2
        assert await lost(15, 20) == 0
        assert await lost(0, 3) == 0
        assert await lost(2, 3) == 2

    play(scene)


# -- the end of a grant


def test_a_revoked_grant_ends_what_waits_as_well(play: Callable[[Scene], None]) -> None:
    """Nothing of it is posted after that, but that it is over."""

    async def scene(house: House) -> None:
        house.receiver.says = lambda _: 500
        await house.deliver(*await house.tell(*numbered(1, 2)))
        house.receiver.says = lambda _: 204
        await house.stage.register.revoke(GRANT, "li", "the agreement is over")
        assert await house.tell(*numbered(3)) == []
        last = [sent for sent in await house.stage.said() if b"subscription.ended" in dict(sent.headers)["ce_type"]]
        await house.later(10)
        await until_empty(house)
        await house.deliver(*(Record(one.topic, 0, 2, one.key, one.headers, one.value) for one in last[:1]))
        assert [post.event["type"] for post in house.receiver.posts[1:]] == ["tongche.subscription.ended.v1"]

    play(scene)


def test_the_last_word_is_told_under_no_grant() -> None:
    """All else is told under one: it stands in the source."""
    plain = (("ce_specversion", b"1.0"), ("ce_id", b"m-1"), ("ce_source", b"urn:tongche:projection:g-1"))
    rest = (("ce_subject", b"c"), ("ce_time", b"2026-11-21T04:00:00Z"), ("ce_dataschema", b"urn:x"))

    def grant_of(type_: bytes) -> str | None:
        return letter(Record("to.x.sale.events", 0, 0, "k", (*plain, *rest, ("ce_type", type_)), b"{}")).grant

    assert grant_of(b"tongche.sale.confirmed.v2") == "g-1"
    assert grant_of(b"tongche.subscription.withheld.v1") == "g-1"
    assert grant_of(b"tongche.subscription.ended.v1") is None


# -- a receiver that is away, and operators


async def _ask_for_a_day(house: House) -> None:
    """The first post is answered so; from then on all are taken, by a receiver that has nothing posted to it."""
    house.receiver.says = lambda _: web.Response(status=503, headers={"Retry-After": "86400"})
    await house.deliver(*await house.tell(*numbered(1)))
    house.receiver.says = lambda _: 204


def test_who_asks_for_a_day_is_left_alone_for_an_hour_and_that_is_shown(play: Callable[[Scene], None]) -> None:
    """Until when nothing is posted, who asked for it, when what waits is tried; a longer pause is nobody's to ask."""

    async def scene(house: House) -> None:
        assert (await house.shown())["held"] is None
        await _ask_for_a_day(house)
        told, now = await house.shown(), house.stage.clock.now().timestamp()
        assert (told["state"], told["failure"], told["held"]["why"]) == ("failing", "http-503", "http-503 Retry-After")
        assert now + 3000 < told["held"]["until"] <= told["again"] <= now + 3600
        assert told["waiting"] == 1

    play(scene)


def test_resuming_has_one_letter_go_whatever_pause_was_asked_for(play: Callable[[Scene], None]) -> None:
    """It works once that was taken, and not before."""

    async def scene(house: House) -> None:
        await _ask_for_a_day(house)
        await house.posting.resume(NAME)
        told = await house.shown()
        assert (told["held"], told["again"]) == (None, None)
        await until(lambda: house.receiver.ids == ["m-1", "m-1"])
        await until_empty(house)
        assert (await house.shown())["state"] == "working"

    play(scene)


def test_who_was_resumed_works_only_once_it_takes_something(play: Callable[[Scene], None]) -> None:
    """Until then nobody says so; what it misses then is what is shown."""

    async def scene(house: House) -> None:
        await house.deliver(*await house.tell(*numbered(1)))
        await house.posting.resume(NAME)
        assert (await house.shown())["state"] == "working"
        await house.posting.pause(NAME, "li", "they are moving house")
        await house.posting.resume(NAME)
        assert ((await house.shown())["state"], (await house.shown())["failure"]) == ("resumed", None)
        house.receiver.says = lambda _: 404
        await house.deliver(*await house.tell(*numbered(2)))
        assert (await house.shown())["state"] == "failing"
        house.receiver.says = lambda _: 204
        await house.deliver(*await house.tell(*numbered(3, car="b")))
        assert (await house.shown())["state"] == "working"

    play(scene)


def test_who_is_gone_is_paused_and_nothing_is_lost(play: Callable[[Scene], None]) -> None:
    """410 ends the posting; once it is resumed what waited goes at once."""

    async def scene(house: House) -> None:
        house.receiver.says = lambda _: 410
        await house.deliver(*await house.tell(*numbered(1)))
        told = await house.shown()
        assert (told["state"], told["who"], told["waiting"]) == ("paused", "tongche", 1)
        assert "410" in told["reason"]
        house.receiver.says = lambda _: 204
        await house.posting.resume(NAME)
        house.endpoint.look()
        await until(lambda: house.receiver.ids == ["m-1", "m-1"])
        await until_empty(house)
        assert (await house.shown())["state"] == "working"

    play(scene)


def test_an_address_works_once_something_was_taken_there(either: Settings) -> None:
    """Never before, and another one not for the first one's sake; one that is forbidden is known as that at once."""

    async def played() -> None:
        async with receiving() as receiver:
            async with posting(either, receiver) as house:
                assert (await house.shown())["state"] == "never-posted"
                await house.deliver(*await house.tell(*numbered(1)))
                assert (await house.shown())["state"] == "working"
            async with posting(either, receiver, is_new=False) as house:
                told = await house.shown()
                assert (told["state"], told["failure"], "address" in told) == ("working", None, False)
                await house.stage.write(dealer(receiver.url + "-moved"))
                assert (await house.shown())["state"] == "never-posted"
                await house.stage.write(dealer("https://169.254.169.254/hook"))
                told = await house.shown()
                assert (told["state"], told["failure"]) == ("forbidden", "address-forbidden")

    asyncio.run(played())


def test_who_takes_nothing_for_days_is_paused_and_shown(play: Callable[[Scene], None]) -> None:
    """Until then it is shown as failing, since when and why; a single yes ends that."""

    async def scene(house: House) -> None:
        house.receiver.says = lambda _: 500
        await house.deliver(*await house.tell(*numbered(1)))
        told = await house.shown()
        assert (told["state"], told["failure"]) == ("failing", "http-500")
        house.receiver.says = lambda _: 204
        await house.deliver(*await house.tell(*numbered(2, car="b")))
        assert (await house.shown())["state"] == "working"
        house.receiver.says = lambda _: 500
        await house.deliver(*await house.tell(*numbered(3, car="c")))
        await house.stage.pass_(PAUSED_AFTER.total_seconds() - 60)
        await house.deliver(*await house.tell(*numbered(4, car="d")))
        assert (await house.shown())["state"] == "failing"
        await house.stage.pass_(60)
        await house.deliver(*await house.tell(*numbered(5, car="e")))
        told = await house.shown()
        assert (told["state"], told["who"]) == ("paused", "tongche")
        assert told["waiting"] >= 4

    play(scene)


def test_what_an_operator_pauses_stays_so_for_the_next_process(either: Settings) -> None:
    """With who and why; only `resume` ends it."""

    async def played() -> None:
        async with receiving() as receiver:
            async with posting(either, receiver) as house:
                await house.posting.pause(NAME, "li", "they are moving house")
            async with posting(either, receiver, is_new=False) as house:
                told = await house.shown()
                assert (told["state"], told["who"], told["reason"]) == ("paused", "li", "they are moving house")
                await house.posting.pause(NAME, "wang", "again")
                assert (await house.shown())["who"] == "li"
                await house.posting.resume(NAME)
                told = await house.shown()
                assert (told["state"], told["who"]) == ("never-posted", None)
                with pytest.raises(UnknownWebhook):
                    await house.posting.pause("nobody", "li", "why")

    asyncio.run(played())


def test_while_a_secret_changes_two_of_them_sign(play: Callable[[Scene], None]) -> None:
    """The new one from now on, the old one until its time is over; an operator is told until when."""

    async def scene(house: House) -> None:
        before = house.posting.secret(NAME)
        after = await house.posting.rotate(NAME, timedelta(hours=2))
        assert after != before
        old, new = secret_of(SECRET, NAME, 0), secret_of(SECRET, NAME, 1)
        assert (shown(old), shown(new), house.posting.secret(NAME)) == (before, after, after)
        await house.deliver(*await house.tell(*numbered(1)))
        assert (await house.shown())["secrets"] == 2
        await house.stage.pass_(2 * 3600)
        await house.deliver(*await house.tell(*numbered(2)))
        both, alone = house.receiver.posts
        assert (_verified(both, old), _verified(both, new)) == (True, True)
        assert (_verified(alone, old), _verified(alone, new)) == (False, True)
        assert (await house.shown())["secrets"] == 1

    play(scene)


def test_no_third_secret_is_made_while_two_sign(play: Callable[[Scene], None]) -> None:
    """The subscriber may still hold the older; only who wants no overlap at all ends both at once."""

    async def scene(house: House) -> None:
        await house.posting.rotate(NAME, timedelta(hours=2))
        with pytest.raises(StillTwo) as two:
            await house.posting.rotate(NAME)
        assert two.value.until == house.stage.clock.now().timestamp() + 7200
        await house.deliver(*await house.tell(*numbered(1)))
        assert _verified(house.receiver.posts[-1], secret_of(SECRET, NAME, 0))
        await house.posting.rotate(NAME, timedelta())
        await house.deliver(*await house.tell(*numbered(2)))
        signed_by = [
            number for number in range(3) if _verified(house.receiver.posts[-1], secret_of(SECRET, NAME, number))
        ]
        assert signed_by == [2]
        await house.posting.rotate(NAME, timedelta(hours=1))
        await house.stage.pass_(3600)
        await house.posting.rotate(NAME)

    play(scene)


def test_a_replay_posts_again_under_the_same_ids_in_order(play: Callable[[Scene], None]) -> None:
    """What comes of a car meanwhile stands behind; asked for twice it is queued once."""

    async def scene(house: House) -> None:
        await house.deliver(*await house.tell(*numbered(1, 2), *numbered(3, car="b")))
        house.receiver.posts.clear()
        house.receiver.says = lambda _: 503
        since = datetime(2026, 11, 21, tzinfo=UTC)
        assert await house.posting.replay(NAME, since) == 3
        assert await house.posting.replay(NAME, since) == 0
        house.receiver.says = lambda _: 204
        await house.deliver(*await house.tell(*numbered(4)))
        house.endpoint.look()
        await until(lambda: len(set(house.receiver.ids)) == 4)
        await until_empty(house)
        of_the_car = [id_ for id_ in house.receiver.taken if id_ != "m-3"]
        assert list(dict.fromkeys(of_the_car)) == ["m-1", "m-2", "m-4"]

    play(scene)


# -- who may be posted to is read from the file


@pytest.mark.parametrize(
    "url",
    [
        "http://dealer.example/hook",
        "ftp://dealer.example/hook",
        "https://",
        "https://li:secret@dealer.example/hook",
        "https://dealer.example/hook#part",
        "https://dealer.example:99999/hook",
        "https://a..example/hook",
        f"https://{'a' * 64}.example/hook",
        "https://dealer.example/a hook",
        "https://dealer.example/\u5355",
        "dealer.example/hook",
    ],
)
def test_an_address_that_is_none_is_refused_when_it_is_written(url: str) -> None:
    """Before anybody relies on it; what stood there is not repeated."""
    with pytest.raises(ValidationError) as wrong:
        dealer(url)
    assert "secret" not in str(wrong.value)


def test_a_receiver_is_asked_once_for_what_it_takes(play: Callable[[Scene], None]) -> None:
    """One post a message, whatever goes on around it."""

    async def scene(house: House) -> None:
        await house.deliver(*await house.tell(*((f"m-{number}", f"{number % 5}" * 32) for number in range(40))))
        assert sorted(house.receiver.ids) == sorted(f"m-{number}" for number in range(40))
        assert (await house.shown())["waiting"] == 0

    play(scene)
