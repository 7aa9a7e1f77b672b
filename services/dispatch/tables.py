"""What dispatch keeps of its own: breakers, what is held, acts of persons, repairs, notices, and call-backs."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Index, Integer, LargeBinary, MetaData, Table, Text

from services.runtime.tables import BIG

metadata = MetaData()

breakers = Table(
    "breakers",
    metadata,
    Column("organisation", Text, primary_key=True),
    Column("version", Integer, nullable=False, comment="how often what calls have shown was changed"),
    Column("state", Text, nullable=False, comment="closed, open or half-open, a person's word apart"),
    Column("since", Float, nullable=False, comment="when this version was written"),
    Column("away_since", Float, comment="when it went away, by the clock of who saw it first; none while there"),
    Column("reason", Text),
    Column("probe_at", Float, nullable=False, comment="when one call may probe, by the clock that wrote since"),
    Column("who", Text, comment="the process that wrote this version; none where a person did"),
    Column("turned", Integer, nullable=False, comment="how often a person paused or resumed"),
    Column("paused_by", Text),
    Column("pause_reason", Text),
    Column("paused_at", Float, comment="there while a person holds it, whatever else stands here"),
)
"""Every organisation's breaker: what calls have shown, and beside it a person's word, each under its own number."""

held = Table(
    "held",
    metadata,
    Column("consumer", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BIG, nullable=False),
    Column("key", Text, nullable=False),
    Column("headers", LargeBinary, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("command", Text, nullable=False),
    Column("since", Float, nullable=False),
    Column(
        "who", Text, nullable=False, comment="who holds it, as the owners' table names them; others' rows are stale"
    ),
    Index("held_by_moment", "since", "id"),
    Index("held_by_key", "consumer", "topic", "partition", "key", "offset"),
)
"""What waits in lanes for an organisation that may not be called, for people in any process to see."""

acts = Table(
    "acts",
    metadata,
    Column("seq", BIG, primary_key=True, autoincrement=True),
    Column("at", Float, nullable=False),
    Column("who", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("organisation", Text),
    Column("delivery", Text),
    Column("repair", Text, comment="the repair of many that acted in the person's name"),
    Column("was", Text, comment="the delivery's state before"),
    Column("revision", Integer, comment="the delivery's revision since"),
    Column("not_carried_out", Boolean, nullable=False, comment="the person vouches that no earlier call was"),
    Column("before", LargeBinary, comment="the command's data before an edit"),
    Column("after", LargeBinary, comment="and after it; or the answer that a person gave"),
    Index("acts_by_delivery", "delivery"),
    Index("acts_by_repair", "repair"),
    Index("acts_by_moment", "at"),
    sqlite_autoincrement=True,
)
"""Who did what to which delivery and why: only ever added to, and kept for years. Moments are seconds since 1970."""

repairs = Table(
    "repairs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("act", Text, nullable=False, comment="retry or cancel"),
    Column("state", Text, nullable=False, comment="planned, running, paused, done or cancelled"),
    Column("who", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("wanted", Text, nullable=False, comment="what was looked for, as JSON; a vehicle by its key"),
    Column("not_carried_out", Boolean, nullable=False),
    Column("planned_at", Float, nullable=False),
    Column("started_at", Float),
    Column("ended_at", Float),
    Column("per_second", Float, nullable=False),
    Column("runner", Text, comment="the process that runs it"),
    Column("lease_until", Float, nullable=False, comment="after this another process may"),
    Index("repairs_by_state", "state"),
)

items = Table(
    "repair_items",
    metadata,
    Column("repair", Text, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("delivery", Text, nullable=False),
    Column("consumer", Text, nullable=False),
    Column("command", Text, nullable=False),
    Column("failure", Text),
    Column("since", Float, nullable=False),
    Column("decided", Integer, nullable=False, comment="how often people had decided about it when it was planned"),
    Column("state", Text, nullable=False, comment="waiting, done or skipped"),
    Column("why", Text, comment="for which reason it was skipped"),
    Column("at", Float),
    Index("repair_items_by_consumer", "repair", "consumer", "state", "position"),
    Index("repair_items_by_delivery", "delivery"),
)
"""The deliveries of a repair as they stood when it was planned, in the order in which they are taken."""

paces = Table(
    "paces",
    metadata,
    Column("consumer", Text, primary_key=True),
    Column("noted_at", Float, nullable=False),
    Column("next_at", Float, nullable=False, comment="no repair acts on its deliveries before this"),
)
"""When repairs may go on with an organisation's deliveries, all of them together; by the database's clock."""

notices = Table(
    "notices",
    metadata,
    Column("organisation", Text, primary_key=True),
    Column("sourceid", Text, primary_key=True, comment="the organisation's own id"),
    Column("id", Text, nullable=False, comment="the ce_id under which it was said"),
    Column("content", Text, nullable=False, comment="SHA-256 of what was sent"),
    Column("at", Float, nullable=False),
)
"""What organisations told of their own accord, once each."""

callbacks = Table(
    "callbacks",
    metadata,
    Column("organisation", Text, primary_key=True),
    Column("key", Text, primary_key=True, comment="the idempotency key of the command that it answers"),
    Column("content", Text, nullable=False, comment="SHA-256 of what it says"),
    Column("raw", LargeBinary, nullable=False, comment="what the organisation has sealed"),
    Column("others", Integer, nullable=False, comment="how many came later that said something else"),
    Column("at", Float, nullable=False),
    Column("other_at", Float, comment="when the last of those came"),
    Column("cleared", Integer, nullable=False, server_default="0", comment="how many of those a person cleared up"),
    Index("callbacks_by_moment", "at"),
    Index("callbacks_contradicted", "other_at"),
)
"""Answers that organisations brought of their own accord, the first for each key."""

rivals = Table(
    "rivals",
    metadata,
    Column("organisation", Text, primary_key=True),
    Column("key", Text, primary_key=True, comment="as that of the answer which it contradicts"),
    Column("content", Text, nullable=False, comment="SHA-256 of what it says"),
    Column("raw", LargeBinary, nullable=False, comment="what the organisation has sealed"),
    Column("at", Float, nullable=False),
    Column("number", Integer, nullable=False, comment="how often it was brought"),
    Index("rivals_by_moment", "at"),
)
"""The first that contradicted an answer, for each key: the answer, where that one turns out to be none when heard."""

refusals = Table(
    "refusals",
    metadata,
    Column("organisation", Text, primary_key=True),
    Column("why", Text, primary_key=True, comment="a word of ours, never anything that was brought"),
    Column("number", BIG, nullable=False),
    Column("since", Float, nullable=False, comment="when the first of them was refused"),
    Column("last_at", Float, nullable=False),
)
"""How often the door for call-backs turned an organisation away, by reason."""
