"""Every subscriber gets its own view in its own version, recorded before it is sent, for as long as its grant lasts."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from types import SimpleNamespace
from typing import Final, cast

import pytest
from sqlalchemy import Connection, event, inspect, select, text

from contracts.concerns import Concerns
from contracts.subscription import SubscriptionEndedV1, SubscriptionWithheldV1
from contracts.topics import VIEW_PARTITIONS, Topic
from contracts.views.subscriber import Subscriber
from services.projection.disclosures import Book, Disclosure, Key
from services.projection.register import STEADY_S, AlreadyOver, UnknownGrant
from services.projection.tables import disclosures, grants
from services.runtime.producer import partition_of
from services.runtime.record import Outgoing, Record
from services.runtime.settings import Settings
from services.runtime.topics import TopicsRefused
from tests.projection.marked import marked
from tests.projection.people import OTHER_USCC, USCC, grant, subscriber
from tests.projection.stage import NOON, Hands, Held, Stage, content, header, read, staged, told, toml
from tests.runtime.bench import Outage

MAKER: Final = subscriber(
    "O", grant("sale.confirmed", 1, "vin", "motor_no", "price", "buyer_name", id="maker"), name="maker"
)
POLICE: Final = subscriber(
    "P",
    grant("sale.confirmed", 2, "vin", "motor_no", "buyer_id_no", "region", id="police"),
    name="police",
    jurisdiction=["31"],
)
TAX: Final = subscriber(
    "T", grant("sale.confirmed", 3, "vin", "motor_nos", "amount_incl", "phone", id="tax"), name="tax"
)


def play(settings: Settings, scene: Callable[[Stage], Awaitable[None]], *subscribers: Subscriber) -> None:
    """A scene with one process."""

    async def run() -> None:
        async with staged(settings, *subscribers) as stage:
            await scene(stage)

    asyncio.run(run())


def to(sent: list[Outgoing], name: str, topic: str = "sale.events") -> list[Outgoing]:
    """What one subscriber got."""
    return [one for one in sent if one.topic == f"to.{name}.{topic}"]


def ends(sent: list[Outgoing]) -> list[Outgoing]:
    """The last words among it, each as a reader knows it: once, however many partitions it stands in."""
    said = [one for one in sent if header(one, "type") == "tongche.subscription.ended.v1"]
    return list({(one.topic, header(one, "id")): one for one in said}.values())


# -- views


def test_one_publisher_feeds_three_versions(settings: Settings) -> None:
    """A sale in v3 reaches each in the version it pinned, under the same id and key; what that cost is named."""

    async def scene(stage: Stage) -> None:
        await stage.tell(told(key="k" * 32))
        sent = await stage.said()
        assert {(one.id, one.key) for one in sent} == {("m-1", "k" * 32)}
        old, middle, new = (to(sent, name)[0] for name in ("maker", "police", "tax"))
        assert content(old).keys() == {"vin", "motor_no", "price", "sealed"}
        assert read(old).data.buyer_name == "王样本"
        assert read(old).lost == ("motor_nos",)
        assert content(middle)["motor_no"] == "TZ213XS0001"
        assert read(middle).data.buyer.buyer_id_no == "11010519491231002X"
        assert content(new)["motor_nos"] == ["TZ213XS0001", "TZ213XS0002"]
        assert content(new)["buyer"] == {"phone": "154****4561"}
        assert header(new, "lost") is None

    play(settings, scene, MAKER, POLICE, TAX)


def test_the_envelope_is_the_subscribers_own(settings: Settings) -> None:
    """Type and schema of its view, purpose of its grant; nothing that says who published or whom it concerns."""

    async def scene(stage: Stage) -> None:
        await stage.tell(told())
        (sent,) = await stage.said()
        named = {name.removeprefix("ce_"): value.decode() for name, value in sent.headers}
        assert named == {
            "content-type": "application/json",
            "specversion": "1.0",
            "id": "m-1",
            "source": "urn:tongche:projection:tax",
            "type": "tongche.sale.confirmed.v3",
            "subject": "case-of-m-1",
            "correlationid": "case-of-m-1",
            "time": "2026-11-21T04:00:00.000Z",
            "dataschema": "urn:tongche:schema:to.tax.tongche.sale.confirmed.v3",
            "dataclassification": "G3",
            "purpose": "a test",
            "grant": "tax",
        }

    play(settings, scene, TAX)


@pytest.mark.parametrize(
    ("concerns", "reached"),
    [
        (None, set()),
        (Concerns(), set()),
        (Concerns("320100", OTHER_USCC, OTHER_USCC), {"tax"}),
        (Concerns("310115", OTHER_USCC, OTHER_USCC), {"tax", "police"}),
        (Concerns("320100", USCC, OTHER_USCC), {"tax", "maker"}),
        (Concerns("310115", insurer=USCC, lender=USCC), {"tax", "police"}),
    ],
    ids=lambda given: " ".join(sorted(given)) if isinstance(given, set) else str(given),
)
def test_a_message_reaches_those_whom_it_concerns(
    settings: Settings, concerns: Concerns | None, reached: set[str]
) -> None:
    """Sellers and makers their own, offices their jurisdiction; and without a word about that nobody gets anything."""

    async def scene(stage: Stage) -> None:
        await stage.tell(told(concerns=concerns))
        assert {one.topic for one in await stage.said()} == {f"to.{name}.sale.events" for name in reached}

    play(settings, scene, MAKER, POLICE, TAX)


def test_a_message_that_the_pinned_version_cannot_say_is_not_passed_over_in_silence(settings: Settings) -> None:
    """An export for who pinned v1: its id and type are told, under the same key, and nothing of its content."""

    async def scene(stage: Stage) -> None:
        export = told(nth=1)
        await stage.tell(export)
        (sent,) = to(await stage.said(), "maker")
        said = SubscriptionWithheldV1.model_validate_json(sent.value)
        assert (said.subscriber, said.grant_id) == ("maker", "maker")
        assert (said.message_id, said.message_type) == ("m-1", "tongche.sale.confirmed.v3")
        assert sent.key == export.key
        assert sent.id != "m-1"
        assert b"LZZTEST" not in sent.value
        await stage.tell(export)
        assert [one.id for one in to(await stage.said(), "maker")] == [sent.id, sent.id]

    play(settings, scene, MAKER)


@pytest.mark.parametrize(
    ("headers", "value"),
    [
        (None, b"{}"),
        (None, b"\xff"),
        ((), b"{}"),
        (((*told().headers[:2], ("ce_id", b"a\0b"), *told().headers[3:])), b"{}"),
    ],
)
def test_poison_is_shown_to_nobody_and_left_to_whose_topic_it_is(
    settings: Settings, headers: tuple[tuple[str, bytes], ...] | None, value: bytes
) -> None:
    """Its own reader sets it aside; twice there would look like two faults. The lane goes on."""

    async def scene(stage: Stage) -> None:
        good = told()
        broken = good._replace(value=value, headers=good.headers if headers is None else headers)
        await stage.tell(broken, good)
        assert [one.topic for one in await stage.said()] == ["to.tax.sale.events"]

    play(settings, scene, TAX)


# -- the record


async def _recorded(stage: Stage) -> list[tuple[str, str]]:
    query = select(disclosures.c.message, disclosures.c.subscriber)
    return sorted((row.message, row.subscriber) for row in await stage.store.read(lambda c: c.execute(query).all()))


def test_a_disclosure_is_on_record_before_it_is_sent(either: Settings) -> None:
    """The process dies between the two: the message comes again, is sent under its id, and counts once."""

    async def run() -> None:
        post = Held()
        async with staged(either, TAX, MAKER, post=post) as stage:
            post.open.clear()
            dying = asyncio.create_task(stage.tell(told()))
            await post.asked.wait()
            assert await _recorded(stage) == [("m-1", "maker"), ("m-1", "tax")]
            assert post.sent == []
            dying.cancel()
            await asyncio.gather(dying, return_exceptions=True)
        async with staged(either) as stage:
            await stage.tell(told(), told(offset=5))
            assert Counter(one.topic for one in await stage.said()) == {
                "to.tax.sale.events": 2,
                "to.maker.sale.events": 2,
            }
            assert {one.id for one in stage.post.sent} == {"m-1"}
            assert await _recorded(stage) == [("m-1", "maker"), ("m-1", "tax")]

    asyncio.run(run())


def test_nothing_is_sent_while_it_cannot_be_recorded(settings: Settings) -> None:
    """A store that refuses to write holds back every view, and loses none."""

    async def scene(stage: Stage) -> None:
        outage = Outage()
        event.listen(stage.store.writer, "commit", outage.strike)
        outage.left = 3
        await stage.tell(told())
        assert outage.refused == 3
        assert [one.id for one in await stage.said()] == ["m-1"]

    play(settings, scene, TAX)


def test_many_disclosures_share_a_transaction(either: Settings) -> None:
    """Three hundred messages that come at once take a handful."""

    async def scene(stage: Stage) -> None:
        commits: list[object] = []
        event.listen(stage.store.writer, "commit", commits.append)
        await stage.tell(*(told(id_=f"m-{number}", offset=number) for number in range(300)))
        assert len(await _recorded(stage)) == 300
        assert len(commits) < 10

    play(either, scene, TAX)


def test_no_value_of_a_field_is_kept(settings: Settings) -> None:
    """In no column of no table, whatever was shown."""

    async def scene(stage: Stage) -> None:
        await stage.tell(told(), told(id_="m-2", nth=1))
        values = [str(value) for values in marked("sale.confirmed", 3).marks.values() for value in values]
        values += ["LZZTEST", "王样本", "22600000", "11010519491231002X", "15487604561", "TZ213XS"]

        def dump(connection: object) -> str:
            tables = inspect(stage.store.reader).get_table_names()
            return "".join(str(connection.execute(text(f'select * from "{name}"')).all()) for name in tables)  # type: ignore[attr-defined] # noqa: S608 - names of our own tables

        kept = await stage.store.read(dump)
        assert "m-2" in kept
        assert [value for value in values if value in kept] == []

    play(settings, scene, TAX, MAKER, POLICE)


# -- grants that end


def test_a_revoked_grant_ends_with_one_word_after_all_that_was_on_its_way(either: Settings) -> None:
    """What was recorded before still arrives; then the end; then nothing, however much was fetched."""

    async def scene(stage: Stage) -> None:
        stage.post.open.clear()
        going = asyncio.create_task(stage.tell(told()))
        await stage.post.asked.wait()
        await stage.register.revoke("tax", "li", "the agreement is over")
        await stage.tell(told(id_="m-2"))
        await stage.register.look()
        assert stage.post.sent == []
        ended_at = select(grants.c.ended_at)
        assert await stage.store.read(lambda connection: connection.execute(ended_at).scalar_one()) is None
        stage.post.open.set()
        await going
        await stage.register.look()
        await stage.tell(told(id_="m-3"))
        await stage.register.look()
        first, *rest = to(await stage.said(), "tax")
        assert header(first, "type") == "tongche.sale.confirmed.v3"
        assert {header(one, "type") for one in rest} == {"tongche.subscription.ended.v1"}
        last = SubscriptionEndedV1.model_validate_json(rest[-1].value)
        assert (last.grant_id, last.contract, last.why) == ("tax", "sale.confirmed", "revoked")
        assert await _recorded(stage) == [("m-1", "tax")]
        with pytest.raises(AlreadyOver):
            await stage.register.revoke("tax", "li", "again")
        with pytest.raises(UnknownGrant):
            await stage.register.revoke("unknown", "li", "why not")

    play(either, scene, TAX)


def test_a_crash_between_a_revocation_and_its_word_changes_nothing(either: Settings) -> None:
    """The process dies while something is on its way: the next one sends nothing of the grant, and tells its end."""

    async def run() -> None:
        post = Held()
        async with staged(either, TAX, post=post) as stage:
            post.open.clear()
            dying = asyncio.create_task(stage.tell(told()))
            await post.asked.wait()
            await stage.register.revoke("tax", "li", "over")
            dying.cancel()
            await asyncio.gather(dying, return_exceptions=True)
            assert ends(post.sent) == []
        for number in (1, 0):
            async with staged(either) as stage:
                await stage.tell(told())
                assert len({header(one, "id") for one in await stage.said()}) == number
                assert len(ends(stage.post.sent)) == number

    asyncio.run(run())


def test_a_grant_lapses_by_itself(settings: Settings) -> None:
    """To the moment, for messages that were fetched before as well; its subscriber is told."""
    until = NOON + timedelta(hours=1)
    tax = subscriber("T", grant("sale.confirmed", 3, id="tax", until=until.isoformat()), name="tax")

    async def scene(stage: Stage) -> None:
        stage.clock.at.append(until - timedelta(milliseconds=1))
        await stage.tell(told())
        stage.clock.at.append(until)
        await stage.tell(told(id_="m-2"))
        await stage.register.look()
        sent = await stage.said()
        assert [one.id for one in sent][:1] == ["m-1"]
        assert [SubscriptionEndedV1.model_validate_json(one.value).why for one in ends(sent)] == ["lapsed"]
        assert to(sent, "tax")[1:] == [one for one in sent if header(one, "id") == header(ends(sent)[0], "id")]

    play(settings, scene, tax)


def test_a_grant_begins_by_itself(settings: Settings) -> None:
    """Before its time nothing is sent; then at once, without waiting for a look."""
    since = NOON + timedelta(hours=1)
    tax = subscriber("T", grant("sale.confirmed", 3, id="tax", **{"from": since.isoformat()}), name="tax")

    async def scene(stage: Stage) -> None:
        await stage.tell(told(at=since))
        stage.clock.at.append(since)
        await stage.tell(told(id_="m-2", at=since))
        assert [one.id for one in await stage.said()] == ["m-2"]

    play(settings, scene, tax)


def test_what_is_taken_out_of_the_file_ends_and_does_not_come_back(settings: Settings) -> None:
    """The same name again is the same grant, which is over; a new name is a new one."""

    async def scene(stage: Stage) -> None:
        await stage.write(MAKER)
        await stage.pass_(STEADY_S)
        await stage.write(MAKER, TAX)
        await stage.tell(told())
        sent = await stage.said()
        assert [SubscriptionEndedV1.model_validate_json(one.value).why for one in ends(sent)] == ["removed"]
        assert {header(one, "type") for one in to(sent, "tax")} == {"tongche.subscription.ended.v1"}
        again = grant("sale.confirmed", 3, "vin", id="tax-again")
        await stage.write(MAKER, TAX.model_copy(update={"grants": (again,)}))
        await stage.tell(told(id_="m-2"))
        assert to(await stage.said(), "tax")[-1].id == "m-2"

    play(settings, scene, MAKER, TAX)


def test_a_new_grant_takes_effect_while_we_run(settings: Settings) -> None:
    """Its topic is made before anything is sent to it; the others go on."""

    async def scene(stage: Stage) -> None:
        assert [topic.name for topic in stage.made] == ["to.maker.sale.events"]
        await stage.write(MAKER, TAX)
        assert [topic.name for topic in stage.made] == ["to.maker.sale.events", "to.tax.sale.events"]
        await stage.tell(told())
        assert {one.topic for one in await stage.said()} == {"to.maker.sale.events", "to.tax.sale.events"}

    play(settings, scene, MAKER)


def test_other_fields_take_effect_while_we_run(settings: Settings) -> None:
    """From the next message on, and they are on record as other terms."""

    async def scene(stage: Stage) -> None:
        await stage.tell(told())
        await stage.write(TAX.model_copy(update={"grants": (grant("sale.confirmed", 3, "vin", id="tax"),)}))
        await stage.tell(told(id_="m-2"))
        first, second = await stage.said()
        assert content(first).keys() == {"vin", "motor_nos", "amount_incl", "buyer"}
        assert content(second).keys() == {"vin"}

    play(settings, scene, TAX)


def test_a_grant_that_asks_for_too_much_is_refused_and_the_others_are_not(settings: Settings) -> None:
    """Nothing is sent for it, not even what it may see; one that asked for less before is ended, and told so."""
    greedy = grant("sale.confirmed", 3, "vin", "loan_amount", id="tax")

    async def scene(stage: Stage) -> None:
        await stage.write(MAKER, TAX.model_copy(update={"grants": (greedy,)}))
        await stage.pass_(STEADY_S)
        await stage.tell(told())
        sent = await stage.said()
        assert [one.id for one in to(sent, "maker")] == ["m-1"]
        (last,) = ends(to(sent, "tax"))
        assert SubscriptionEndedV1.model_validate_json(last.value).why == "refused"
        states = {judged.grant.id: (state, judged.denials) for judged, _, state in stage.register.all() if judged}
        assert states["maker"][0] == "in-force"
        assert [(denial.field, denial.why) for denial in states["tax"][1]] == [("loan_amount", "denied")]

    play(settings, scene, MAKER, TAX)


@pytest.mark.parametrize("broken", ["[[subscribers", "[[subscribers]]\nname = 7\n", "nobody = 1\n"])
def test_a_broken_file_changes_nothing_and_says_so(settings: Settings, broken: str) -> None:
    """The last good one stays in force until a good one comes."""

    async def scene(stage: Stage) -> None:
        await stage.write_text(broken)
        assert stage.register.file.problem is not None
        await stage.tell(told())
        assert [one.id for one in await stage.said()] == ["m-1"]
        await stage.write(TAX, MAKER)
        assert stage.register.file.problem is None

    play(settings, scene, TAX)


def test_a_file_that_is_away_for_a_moment_changes_nothing(settings: Settings) -> None:
    """An editor that replaces it leaves a moment without one."""

    async def scene(stage: Stage) -> None:
        stage.file.unlink()
        await stage.register.look()
        await stage.tell(told())
        assert [one.id for one in await stage.said()] == ["m-1"]

    play(settings, scene, TAX)


def test_once_a_revocation_is_durable_no_process_records_any_more(either: Settings) -> None:
    """Also one that has not heard of it: it looks in the transaction itself, and sends nothing."""

    async def scene(stage: Stage) -> None:
        revoked = grants.update().where(grants.c.id == "tax").values(revoked_at=1.0, who="li", reason="elsewhere")
        await stage.store.run(lambda connection: connection.execute(revoked).rowcount)
        await stage.tell(told())
        assert {one.topic for one in await stage.said()} == {"to.maker.sale.events"}
        assert await _recorded(stage) == [("m-1", "maker")]

    play(either, scene, MAKER, TAX)


def test_an_end_that_another_process_has_told_is_not_told_again(settings: Settings) -> None:
    """Whoever comes first tells it: the book decides, not what a process remembers."""

    async def scene(stage: Stage) -> None:
        ended = grants.update().where(grants.c.id == "tax").values(ended_at=1.0, why="lapsed")
        await stage.store.run(lambda connection: connection.execute(ended).rowcount)
        await stage.write(MAKER)
        await stage.pass_(STEADY_S)
        assert ends(await stage.said()) == []

    play(settings, scene, MAKER, TAX)


def test_a_refusal_goes_to_the_agencys_own_party_alone(settings: Settings) -> None:
    """What the bank refused of the same car is not told to the tax office; nor is an end, where it read nothing."""
    refusals = subscriber("T", grant("agency.refused", 1, "vin", "code", id="refusals"), name="tax")

    async def scene(stage: Stage) -> None:
        await stage.tell(told("tongche.agency.refused.v1", topic="bank.events"))
        await stage.tell(told("tongche.agency.refused.v1", "m-2", topic="tax.events"))
        assert [(one.id, one.topic) for one in await stage.said()] == [("m-2", "to.tax.tax.events")]
        await stage.register.revoke("refusals", "li", "over")
        await stage.register.look()
        assert {one.topic for one in ends(await stage.said())} == {"to.tax.tax.events"}

    play(settings, scene, refusals)


def test_a_save_that_goes_wrong_ends_nothing(settings: Settings) -> None:
    """Emptied, half written, written for good: all goes on meanwhile, and nobody is told of an end."""

    async def scene(stage: Stage) -> None:
        whole = stage.file.read_text(encoding="utf-8")
        half = whole[: whole.index("[[subscribers]]", 1)]
        for number, said in enumerate(("", half, half, "subscribers = []\n", whole)):
            stage.file.write_text(said, encoding="utf-8")
            await stage.pass_(STEADY_S * 0.4)
            await stage.tell(told(id_=f"m-{number}"))
        await stage.pass_(2 * STEADY_S)
        sent = await stage.said()
        assert len(to(sent, "maker")) == len(to(sent, "tax")) == 5
        assert ends(sent) == []

    play(settings, scene, MAKER, TAX)


def test_what_one_look_found_alone_does_not_count(settings: Settings) -> None:
    """A part of a file can be read as well as the whole; whoever saves it is done by the next look."""

    async def scene(stage: Stage) -> None:
        whole = stage.file.read_text(encoding="utf-8")
        stage.file.write_text(toml([MAKER]), encoding="utf-8")
        await stage.register.look()
        assert [state for *_, state in stage.register.all()] == ["in-force", "in-force"]
        stage.file.write_text(whole, encoding="utf-8")
        await stage.register.look()
        assert not stage.register.file.is_settled
        await stage.register.look()
        assert stage.register.file.is_settled

    play(settings, scene, MAKER, TAX)


def test_a_file_without_the_word_subscribers_is_not_one(settings: Settings) -> None:
    """An empty one would end every grant for good; who wants nobody says so."""

    async def scene(stage: Stage) -> None:
        await stage.write_text("")
        assert stage.register.file.problem is not None
        await stage.write_text("subscribers = []\n")
        assert stage.register.file.problem is None

    play(settings, scene, TAX)


def test_what_is_about_to_end_is_told_and_goes_on_until_then(settings: Settings) -> None:
    """A grant that stands in the file no more ends when the file has stood so for a while."""

    async def scene(stage: Stage) -> None:
        await stage.write(MAKER)
        assert {known.id: state for _, known, state in stage.register.all() if known} == {
            "maker": "in-force",
            "tax": "ending",
        }
        await stage.tell(told())
        await stage.pass_(STEADY_S)
        await stage.tell(told(id_="m-2"))
        views = [one.id for one in to(await stage.said(), "tax") if header(one, "type") == "tongche.sale.confirmed.v3"]
        assert views == ["m-1"]

    play(settings, scene, MAKER, TAX)


def test_a_process_that_starts_while_the_file_is_being_saved_waits(settings: Settings) -> None:
    """It serves nobody before it is sure that whoever is missing there is meant to be."""

    async def run() -> None:
        async with staged(settings, MAKER, TAX):
            pass
        settings.subscribers.write_text(toml([MAKER]), encoding="utf-8")
        hands = Hands()
        starting = asyncio.create_task(_started(settings, hands))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(starting), 1.0)
        hands.at.append(NOON + timedelta(seconds=STEADY_S))
        assert await starting == ["removed"]

    asyncio.run(run())


async def _started(settings: Settings, hands: Hands) -> list[str]:
    async with staged(settings, clock=hands) as stage:
        return [SubscriptionEndedV1.model_validate_json(one.value).why for one in ends(await stage.said())]


@pytest.mark.parametrize("change", ["lapsed", "dropped"])
def test_what_ends_while_the_store_is_away_is_not_recorded_afterwards(settings: Settings, change: str) -> None:
    """What counts is the moment of the transaction, however long it was waited for."""
    until = NOON + timedelta(hours=1)
    tax = subscriber("T", grant("sale.confirmed", 3, id="tax", until=until.isoformat()), name="tax")
    less = subscriber("T", grant("sale.confirmed", 3, "region", id="tax", until=until.isoformat()), name="tax")

    async def scene(stage: Stage) -> None:
        outage, struck, loop = Outage(), asyncio.Event(), asyncio.get_running_loop()

        def strike(connection: Connection) -> None:
            try:
                outage.strike(connection)
            finally:
                loop.call_soon_threadsafe(struck.set)

        event.listen(stage.store.writer, "commit", strike)
        outage.left = 1_000_000
        going = asyncio.create_task(stage.tell(told()))
        await struck.wait()
        if change == "lapsed":
            stage.clock.at.append(until)
            await stage.register.look()
        else:
            await stage.write(less)
        outage.left = 0
        await going
        await stage.register.look()
        views = [content(one) for one in await stage.said() if header(one, "type") == "tongche.sale.confirmed.v3"]
        assert views == ([] if change == "lapsed" else [{"buyer": {"region": "110105"}}])
        assert await _recorded(stage) == [("m-1", "tax")] * len(views)

    play(settings, scene, tax)


def test_what_was_recorded_is_not_sent_once_its_grant_is_taken_back(settings: Settings) -> None:
    """Asked again right before the send: here it is revoked between the two."""

    async def scene(stage: Stage) -> None:
        record = stage.work.book.record

        async def then_revoked(rows: Iterable[Disclosure]) -> frozenset[Key]:
            done = await record(rows)
            await stage.register.revoke("tax", "li", "over")
            return done

        stage.work.book = cast("Book", SimpleNamespace(record=then_revoked))
        await stage.tell(told())
        await stage.register.look()
        sent = await stage.said()
        assert {header(one, "type") for one in sent} == {"tongche.subscription.ended.v1"}

    play(settings, scene, TAX)


def test_the_last_word_stands_in_every_partition(settings: Settings) -> None:
    """Partitions are read at paces of their own; to its reader it is one message, with one id."""

    async def scene(stage: Stage) -> None:
        await stage.register.revoke("tax", "li", "over")
        sent = await stage.said()
        assert sorted(partition_of(one.key, VIEW_PARTITIONS) for one in sent) == list(range(VIEW_PARTITIONS))
        assert len({one.id for one in sent}) == VIEW_PARTITIONS
        ((id_,),) = ({header(one, "id") for one in sent},)
        assert id_ is not None
        assert uuid.UUID(id_).version == 5

    play(settings, scene, TAX)


def test_a_message_from_before_a_grant_is_not_shown_under_it(settings: Settings) -> None:
    """Whatever the clock says when it comes: what counts is when it was said."""
    tax = subscriber("T", grant("sale.confirmed", 3, id="tax", **{"from": NOON.isoformat()}), name="tax")

    async def scene(stage: Stage) -> None:
        await stage.tell(told(at=NOON - timedelta(days=30)), told(id_="m-2"))
        assert [one.id for one in await stage.said()] == ["m-2"]

    play(settings, scene, tax)


def test_a_topic_that_kafka_refuses_holds_back_its_own_grant_alone(settings: Settings) -> None:
    """It is said, and tried again; the others go on, and begin."""

    async def scene(stage: Stage) -> None:
        provide = stage.register.provide

        async def refusing(topics: Sequence[Topic]) -> None:
            if any("police" in topic.name for topic in topics):
                raise TopicsRefused("PolicyViolationError")
            await provide(topics)

        stage.register.provide = refusing
        await stage.write(POLICE, MAKER, TAX)
        states = {judged.grant.id: state for judged, _, state in stage.register.all() if judged}
        assert states == {"maker": "in-force", "police": "no-topic", "tax": "in-force"}
        stage.register.provide = provide
        await stage.register.look()
        await stage.tell(told())
        assert len(await stage.said()) == 3

    play(settings, scene, MAKER)


def test_a_kafka_that_makes_no_topics_does_not_hold_up_what_ends(settings: Settings) -> None:
    """Taking back does not wait for giving."""

    async def scene(stage: Stage) -> None:
        never = asyncio.Event()

        async def waiting(_: Sequence[Topic]) -> None:
            await never.wait()

        stage.register.provide = waiting
        await stage.write(MAKER, TAX)
        await stage.register.revoke("maker", "li", "over")
        assert len(ends(await stage.said())) == 1
        never.set()

    play(settings, scene, MAKER)


def test_a_clock_that_is_put_back_does_not_open_what_has_ended(settings: Settings) -> None:
    """Over is over."""
    until = NOON + timedelta(hours=1)
    tax = subscriber("T", grant("sale.confirmed", 3, id="tax", until=until.isoformat()), name="tax")

    async def run() -> None:
        hands = Hands()
        async with staged(settings, tax, clock=hands) as stage:
            hands.at.append(until)
            await stage.register.look()
        hands.at.append(NOON)
        async with staged(settings, clock=hands) as stage:
            await stage.tell(told())
            assert await stage.said() == []

    asyncio.run(run())


def test_records_of_other_contracts_cost_nothing_and_tell_nothing(settings: Settings) -> None:
    """What nobody subscribes to is not even read."""

    async def scene(stage: Stage) -> None:
        other: Record = told("tongche.sale.cancelled.v1")
        await stage.tell(other, other._replace(value=b"not json"))
        assert await stage.said() == []

    play(settings, scene, TAX)
