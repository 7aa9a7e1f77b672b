"""The console's own store: the newest snapshot of every case and delivery, the steps, the spans, and what changed."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, Table, Text, false

metadata = MetaData()

BIG = BigInteger().with_variant(Integer, "sqlite")

cases = Table(
    "cases",
    metadata,
    Column("case_id", Text, primary_key=True),
    Column("vin", Text, nullable=False),
    Column("order_no", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("headline", Text, nullable=False),
    Column("owner", Text),
    Column("code", Text),
    Column("opened_at", Text, nullable=False),
    Column("changed_at", Text, nullable=False),
    Column("closed_at", Text),
    Column("unfinished", Boolean, nullable=False, server_default=false(), comment="over, and a hold is somebody's"),
    Column("snapshot", Text, nullable=False, comment="case.changed as JSON, without its steps"),
    Column("took_ms", BIG, comment="from opening to its end; reckoned"),
    Column("reckoned", Boolean, nullable=False, server_default=false(), comment="whether its times are, as it stands"),
    Index("cases_by_vin", "vin"),
    Index("cases_by_order", "order_no"),
    Index("cases_by_headline", "headline", "changed_at"),
    Index("cases_unfinished", "unfinished", "headline", "changed_at"),
    Index("cases_by_change", "changed_at"),
    Index("cases_by_time", "kind", "headline", "took_ms", "opened_at"),
    Index("cases_by_wait", "kind", "closed_at", "opened_at"),
    Index("cases_to_reckon", "reckoned", "changed_at", "case_id"),
)

steps = Table(
    "steps",
    metadata,
    Column("case_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("at", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("facet", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("zh", Text, nullable=False),
    Column("en", Text, nullable=False),
    Column("pack", Text),
    Column("source", Text, comment="what the rule rests on"),
    Column("inputs", Text, comment="what it was decided on: names and digests, as JSON"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("delivery_id", Text, primary_key=True),
    Column("case_id", Text, nullable=False),
    Column("organisation", Text, nullable=False),
    Column("command", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("changed_at", Text, nullable=False),
    Column("snapshot", Text, nullable=False, comment="delivery.changed as JSON"),
    Column("asked_at", Text, comment="when the journey asked"),
    Index("deliveries_by_case", "case_id"),
    Index("deliveries_by_state", "state"),
)

step_times = Table(
    "step_times",
    metadata,
    Column("case_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("facet", Text, nullable=False),
    Column("took_ms", BIG, nullable=False),
    Column("at", Text, nullable=False, comment="when the step happened"),
    Index("step_times_by_rule", "kind", "rule", "facet", "took_ms", "at"),
)
"""How long each step took, narrow and in order, so that a quantile is a place in an index."""

answer_times = Table(
    "answer_times",
    metadata,
    Column("case_id", Text, primary_key=True),
    Column("delivery_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("organisation", Text, nullable=False),
    Column("command", Text, nullable=False),
    Column("took_ms", BIG, nullable=False, comment="from asking to the answer"),
    Column("at", Text, nullable=False, comment="when it was asked"),
    Column("calling_ms", BIG, nullable=False, comment="of that, in calls"),
    Column("tries", Integer, nullable=False),
    Index("answer_times_by_command", "kind", "organisation", "command", "took_ms", "at", "calling_ms", "tries"),
)
"""How long each answer took. The index holds all that is summed: the rows themselves need not be read."""

spans = Table(
    "spans",
    metadata,
    Column("trace_id", Text, primary_key=True),
    Column("span_id", Text, primary_key=True),
    Column("parent_id", Text),
    Column("case_id", Text),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("start_ns", BIG, nullable=False),
    Column("end_ns", BIG, nullable=False),
    Column("status", Text, nullable=False),
    Column("attributes", Text, nullable=False, comment="a JSON object"),
    Column("links", Text, nullable=False, comment="a JSON array of span ids"),
    Index("spans_by_case", "case_id"),
    Index("spans_by_start", "start_ns"),
)

changes = Table(
    "changes",
    metadata,
    Column("seq", BIG, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False, comment="case or delivery"),
    Column("case_id", Text, nullable=False),
    Column("told", Text, nullable=False, comment="what a follower is told, as JSON"),
    sqlite_autoincrement=True,
)
"""What happened, in the order in which the console learned it; `seq` is a follower's place in it."""
