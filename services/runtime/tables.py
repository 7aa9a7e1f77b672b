"""The runtime's own tables; every service's database has them beside the service's."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, LargeBinary, MetaData, Table, Text

metadata = MetaData()

BIG = BigInteger().with_variant(Integer, "sqlite")

ledger = Table(
    "ledger",
    metadata,
    Column("consumer", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("outputs", LargeBinary, comment="what to send again when the input comes again"),
    Column("at", Float, nullable=False),
)
"""One row an input that was dealt with."""

begun = Table(
    "begun",
    metadata,
    Column("consumer", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("at", Float, nullable=False, comment="when its last call began"),
)
"""Inputs whose effect began, and of which nobody has told yet how it ended."""

outbox = Table(
    "outbox",
    metadata,
    Column("seq", BIG, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("headers", LargeBinary, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Index("outbox_by_id", "id"),
    Index("outbox_by_key", "key"),
    sqlite_autoincrement=True,
)
"""What is stored and not yet known to be on Kafka, in the order it must go."""

owner = Table(
    "owner",
    metadata,
    Column("consumer", Text, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("generation", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("who", Text, nullable=False),
)
"""Who may write for a partition. A thawed process finds its epoch gone."""

parked = Table(
    "parked",
    metadata,
    Column("consumer", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BIG, nullable=False),
    Column("key", Text, nullable=False),
    Column("headers", LargeBinary, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("state", Text, nullable=False, comment="parked, answered or dead"),
    Column("tries", Integer, nullable=False),
    Column("not_before", Float, nullable=False),
    Column("since", Float, nullable=False),
    Column("failure", Text),
    Column("reason", Text),
    Column("outputs", LargeBinary),
    Column("history", LargeBinary, nullable=False, comment="the attempts so far, as JSON"),
    Column("case_id", Text, nullable=False, server_default=""),
    Column("command", Text, nullable=False, server_default="", comment="its contract's name"),
    Column("deadline", Float, nullable=False, server_default="0"),
    Column("revision", Integer, nullable=False, server_default="1", comment="how often a person edited it, plus one"),
    Column("decided", Integer, nullable=False, server_default="0", comment="how often a person decided about it"),
    Column("trying", Text, comment="the owner that tries it now"),
    Index("parked_by_key", "consumer", "topic", "partition", "key", "offset"),
    Index("parked_by_time", "consumer", "not_before"),
    Index("parked_by_consumer", "consumer", "state"),
    Index("parked_by_state", "state"),
    Index("parked_by_case", "case_id"),
)
"""Deliveries of one key that wait in order while other keys go on."""

breaker = Table(
    "breaker",
    metadata,
    Column("organisation", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("since", Float, nullable=False),
    Column("reason", Text),
    Column("probe_at", Float, comment="when the next call may probe; none while a person holds it"),
    Column("who", Text, comment="the process that saw it change"),
)
"""Not written any more: dispatch has a table of its own, and takes over what stands here when it is upgraded."""
