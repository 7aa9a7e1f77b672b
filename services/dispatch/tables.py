"""What dispatch keeps of its own: every act of a person, and repairs of many deliveries at once."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Index, Integer, LargeBinary, MetaData, Table, Text

from services.runtime.tables import BIG

metadata = MetaData()

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
    sqlite_autoincrement=True,
)
"""Who did what to which delivery and why: only ever added to. Moments are seconds since 1970."""

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
    Index("repair_items_by_state", "repair", "state", "position"),
    Index("repair_items_by_delivery", "delivery"),
)
"""The deliveries of a repair as they stood when it was planned, in the order in which they are taken."""
