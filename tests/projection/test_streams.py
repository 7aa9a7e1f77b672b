"""Every subscriber gets its own view in its own version, recorded before it is sent, for as long as its grant lasts."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import pytest
from sqlalchemy import event, inspect, select, text

from contracts.concerns import Concerns
from contracts.subscription import SubscriptionEndedV1, SubscriptionWithheldV1
from contracts.views.subscriber import Subscriber
from services.projection.register import AlreadyOver, UnknownGrant
from services.projection.tables import disclosures, grants
from services.runtime.poison import REASON
from services.runtime.record import Outgoing, Record
from services.runtime.settings import Settings
from tests.projection.marked import marked
from tests.projection.people import OTHER_USCC, USCC, grant, subscriber
from tests.projection.stage import NOON, Hands, Held, Stage, content, header, read, staged, told
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
    """The last words among it."""
    return [one for one in sent if header(one, "type") == "tongche.subscription.ended.v1"]


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
    ids=str,
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
    ("headers", "value", "reason"),
    [
        (None, b"{}", b"contract:amount_incl:missing"),
        (None, b"\xff", b"contract::json_invalid"),
        ((), b"{}", b"not-cloudevents-1.0"),
        (((*told().headers[:2], ("ce_id", b"a\0b"), *told().headers[3:])), b"{}", b"attribute-nul"),
    ],
)
def test_poison_is_set_aside_and_shown_to_nobody(
    settings: Settings, headers: tuple[tuple[str, bytes], ...] | None, value: bytes, reason: bytes
) -> None:
    """As everywhere: raw, with the reason; the lane goes on."""

    async def scene(stage: Stage) -> None:
        good = told()
        broken = good._replace(value=value, headers=good.headers if headers is None else headers)
        await stage.tell(broken, good)
        aside, view = sorted(await stage.said(), key=lambda one: one.topic)
        assert (aside.topic, aside.value) == ("sale.events.poison", value)
        assert dict(aside.headers)[REASON] == reason
        assert view.topic == "to.tax.sale.events"

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
        sent = to(await stage.said(), "tax")
        assert [header(one, "type") for one in sent] == ["tongche.sale.confirmed.v3", "tongche.subscription.ended.v1"]
        last = SubscriptionEndedV1.model_validate_json(sent[-1].value)
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
                assert len(await stage.said()) == number
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
        assert [SubscriptionEndedV1.model_validate_json(one.value).why for one in sent[1:]] == ["lapsed"]

    play(settings, scene, tax)


def test_a_grant_begins_by_itself(settings: Settings) -> None:
    """Before its time nothing is sent; nobody is told of anything."""
    since = NOON + timedelta(hours=1)
    tax = subscriber("T", grant("sale.confirmed", 3, id="tax", **{"from": since.isoformat()}), name="tax")

    async def scene(stage: Stage) -> None:
        await stage.tell(told())
        stage.clock.at.append(since)
        await stage.register.look()
        await stage.tell(told(id_="m-2"))
        assert [one.id for one in await stage.said()] == ["m-2"]

    play(settings, scene, tax)


def test_what_is_taken_out_of_the_file_ends_and_does_not_come_back(settings: Settings) -> None:
    """The same name again is the same grant, which is over; a new name is a new one."""

    async def scene(stage: Stage) -> None:
        await stage.write(MAKER)
        await stage.write(MAKER, TAX)
        await stage.tell(told())
        sent = await stage.said()
        assert [SubscriptionEndedV1.model_validate_json(one.value).why for one in ends(sent)] == ["removed"]
        assert len(to(sent, "tax")) == 1
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
        await stage.tell(told())
        sent = await stage.said()
        assert [one.id for one in to(sent, "maker")] == ["m-1"]
        (last,) = to(sent, "tax")
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
