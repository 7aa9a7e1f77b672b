"""The embedded Kafka."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from services.runtime.broker import serves
from services.stack import ports
from services.stack.broker import Broker

if TYPE_CHECKING:
    from tests.stack.conftest import Brokers, FakeKafka

TOPIC = "facts"


def produce(bootstrap: str, *values: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    if TOPIC not in admin.list_topics(timeout=60).topics:
        admin.create_topics([NewTopic(TOPIC, 1)])[TOPIC].result(10)
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all"})
    for value in values:
        producer.produce(TOPIC, value)
    assert producer.flush(20) == 0


def consume(bootstrap: str, count: int) -> list[str]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": str(uuid.uuid4()), "enable.auto.commit": False})
    consumer.assign([TopicPartition(TOPIC, 0, 0)])
    messages = consumer.consume(count, timeout=60)
    consumer.close()
    return [(message.value() or b"").decode() for message in messages]


def test_messages_survive_the_death_of_the_broker(brokers: Brokers) -> None:
    """What was acknowledged before kill -9 is there after a new start on the same folder and ports."""
    broker = brokers()
    produce(broker.broker.bootstrap, "one", "two")
    broker.kill()
    again = brokers(broker.broker)
    produce(again.broker.bootstrap, "three")
    assert consume(again.broker.bootstrap, 3) == ["one", "two", "three"]


def test_two_brokers_stand_side_by_side(brokers: Brokers) -> None:
    """Each has its own folder, ports and messages."""
    broker = brokers()
    other = brokers()
    produce(broker.broker.bootstrap, "mine")
    produce(other.broker.bootstrap, "yours")
    assert consume(broker.broker.bootstrap, 1) == ["mine"]
    assert consume(other.broker.bootstrap, 1) == ["yours"]


def test_a_stopped_broker_lets_go_of_everything(brokers: Brokers) -> None:
    """After a clean stop its ports are free and it answers no more."""
    broker = brokers()
    broker.stop()
    assert not serves(broker.broker.bootstrap)
    assert ports.is_free(broker.broker.port)
    assert broker.process.returncode is not None


def test_an_interrupted_format_is_done_again(brokers: Brokers) -> None:
    """A folder that formatting left half done is no obstacle."""

    def cut_off(broker: Broker) -> None:
        (broker.folder / "log").mkdir(parents=True)
        (broker.folder / "log" / "bootstrap.checkpoint").write_bytes(b"half")

    assert serves(brokers(before=cut_off).broker.bootstrap)


def test_a_misspelt_topic_stays_away(brokers: Brokers) -> None:
    """Asking for a topic does not create it."""
    broker = brokers()
    admin = AdminClient({"bootstrap.servers": broker.broker.bootstrap})
    assert admin.list_topics("sale.evnets", timeout=60).topics["sale.evnets"].error is not None
    assert "sale.evnets" not in admin.list_topics(timeout=60).topics


def test_an_open_port_is_not_a_broker(fake_kafka: FakeKafka) -> None:
    """A cluster that names no live broker does not serve, nor does silence."""
    assert serves(fake_kafka.bootstrap)
    fake_kafka.live_brokers = 0
    assert not serves(fake_kafka.bootstrap)
    assert not serves("127.0.0.1:1")
