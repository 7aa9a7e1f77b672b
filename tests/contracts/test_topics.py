"""The topics table, walked."""

from __future__ import annotations

import re
from collections.abc import Collection

import pytest

from adapters.organisations import ORGANISATIONS
from contracts import topics
from contracts.fields import PARTY_OF
from contracts.topics import AGENCIES, LARGEST_MESSAGE, Topic, all_topics

PUBLISHERS = ("platform", "byd", "saic-vw")
TABLE = {topic.name: topic for topic in all_topics(ORGANISATIONS, PUBLISHERS)}
SERVICES = {"intake", "journey", "dispatch", "observability", "runtime"}

GROUPS: dict[str, Collection[str]] = {
    "journey": ("sale.events", "delivery.events", *(f"{agency}.events" for agency in AGENCIES)),
    "console": ("case.events", "delivery.events"),
    "simulator.makers": ("sale.events", "bank.events"),
    "intake.submit": tuple(f"submit.{name}" for name in PUBLISHERS),
    "dispatch": tuple(f"{name}.commands" for name in ORGANISATIONS),
}
"""What one consumer group reads together."""

every_topic = pytest.mark.parametrize("topic", TABLE.values(), ids=list(TABLE))


def test_no_topic_stands_twice() -> None:
    """One name, one row."""
    assert len(list(all_topics(ORGANISATIONS, PUBLISHERS))) == len(TABLE)


@every_topic
def test_a_name_is_legal_for_kafka(topic: Topic) -> None:
    """Kafka's own rule, and no underscore: Kafka's metrics cannot tell it from a dot."""
    assert re.fullmatch(r"[a-zA-Z0-9.-]{1,249}", topic.name)


@every_topic
def test_a_topic_says_who_writes_it_and_how_long_it_keeps(topic: Topic) -> None:
    """An owner that exists, a purpose, at least one partition, some time to read it."""
    assert topic.owner in SERVICES | set(PUBLISHERS)
    assert topic.purpose
    assert topic.partitions >= 1
    assert topic.retention.total_seconds() > 0
    assert topic.settings["retention.ms"] == str(topic.retention.days * 86_400_000)


@every_topic
def test_a_topic_takes_whatever_a_producer_may_send(topic: Topic) -> None:
    """A batch that the broker refused could poison its partition for the producer."""
    assert int(topic.settings["max.message.bytes"]) > LARGEST_MESSAGE


@pytest.mark.parametrize("group", GROUPS)
def test_what_is_read_together_is_partitioned_alike(group: str) -> None:
    """So that one vehicle is one partition number in all of them."""
    assert len({TABLE[name].partitions for name in GROUPS[group]}) == 1


def test_every_consumed_topic_has_a_poison_topic() -> None:
    """Bytes that are no message have somewhere to go."""
    consumed = {name for group in GROUPS.values() for name in group} | {"telemetry.spans"}
    assert {f"{name}.poison" for name in consumed} <= set(TABLE)


def test_every_poison_topic_belongs_to_a_topic() -> None:
    """And poison has no poison."""
    for name in TABLE:
        if name.endswith(".poison"):
            assert name.removesuffix(".poison") in TABLE
            assert not name.removesuffix(".poison").endswith(".poison")


def test_every_organisation_has_its_own_commands_and_dead_letters() -> None:
    """One that is down never stops another."""
    for organisation in ORGANISATIONS:
        assert TABLE[f"{organisation}.commands"] == topics.commands(organisation)
        assert TABLE[f"{organisation}.dead"] == topics.dead(organisation)


def test_every_publisher_is_heard_and_answered() -> None:
    """Where it produces is its own, where it reads refusals is ours."""
    for publisher in PUBLISHERS:
        assert TABLE[f"submit.{publisher}"].owner == publisher
        assert TABLE[f"refused.{publisher}"].owner == "intake"


def test_the_agencies_are_the_parties_of_the_matrix() -> None:
    """Each has its topic of events and its column of the visibility matrix."""
    assert set(AGENCIES) == set(PARTY_OF) == {organisation.agency for organisation in ORGANISATIONS.values()}
    assert {f"{agency}.events" for agency in AGENCIES} <= set(TABLE)
