"""Where the journey keeps its cases, the VINs that are taken, its timers, and events that fit no case."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text

metadata = MetaData()

BIG = BigInteger().with_variant(Integer, "sqlite")

cases = Table(
    "cases",
    metadata,
    Column("id", Text, primary_key=True),
    Column("vin", Text, nullable=False),
    Column("order_no", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("headline", Text, nullable=False),
    Column("owner", Text),
    Column("version", Integer, nullable=False),
    Column("opened_at", Text, nullable=False),
    Column("changed_at", Text, nullable=False),
    Column("closed_at", Text),
    Column("key", Text, nullable=False, comment="the Kafka key of the vehicle"),
    Column("source", Text, nullable=False, comment="who told the sale"),
    Column("sourceid", Text, comment="the publisher's own id of the sale"),
    Column("traceparent", Text, comment="the trace that the sale began"),
    Column("state", Text, nullable=False, comment="the whole case as JSON"),
    Index("cases_by_vin", "vin"),
    Index("cases_by_key", "key"),
    Index("cases_by_headline", "headline"),
)

live_vin = Table(
    "live_vin",
    metadata,
    Column("vin", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("case_id", Text, nullable=False),
)
"""One row a case that holds its VIN: while it lives, and for good once it registered or exported the car."""

timers = Table(
    "timers",
    metadata,
    Column("case_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("due", Text, nullable=False),
    Index("timers_by_due", "due"),
)

unplaced = Table(
    "unplaced",
    metadata,
    Column("id", Text, primary_key=True),
    Column("type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("topic", Text),
    Column("partition", Integer),
    Column("offset", BIG),
    Column("key", Text),
    Column("headers", LargeBinary),
    Column("value", LargeBinary),
    Index("unplaced_by_subject", "subject"),
)
"""Messages about a case, or a vehicle, that is not here yet; heard, in the order of their ids, when it is opened."""
