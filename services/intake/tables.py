"""What the door remembers. Of a sale's content only the VIN, the order number and a digest: the rest goes to Kafka."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, MetaData, Table, Text, UniqueConstraint

metadata = MetaData()

submissions = Table(
    "submissions",
    metadata,
    Column("id", Text, primary_key=True, comment="the ce_id under which it was published"),
    Column("source", Text, nullable=False),
    Column("sourceid", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("vin", Text, nullable=False),
    Column("order_no", Text),
    Column("content", Text, nullable=False, comment="SHA-256 of the content as the source wrote it"),
    Column("accepted_at", Text, nullable=False),
    Column("concerns", Text, comment="whose business a sale is; what changes it later concerns the same"),
    UniqueConstraint("source", "sourceid", name="submissions_once"),
    Index("submissions_by_vin", "vin"),
    Index("submissions_by_order", "order_no"),
)
"""Everything that was acknowledged; (source, sourceid) is the de-duplication key and never expires."""

acknowledged = Table(
    "acknowledged",
    metadata,
    Column("id", Text, primary_key=True),
    Column("publisher", Text, primary_key=True),
)
"""To whom: a dealer's sale may be reported by more than one publisher entitled to it."""

cases = Table(
    "cases",
    metadata,
    Column("case_id", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("refused", Boolean, nullable=False),
    Column("snapshot", Text, nullable=False, comment="case.changed as JSON"),
)
"""The newest snapshot of every case, for publishers who ask what became of their sale."""

notices = Table(
    "notices",
    metadata,
    Column("case_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False, comment="of the case, with which it came"),
    Column("at", Text, nullable=False),
    Column("code", Text, nullable=False),
)
"""What a case's publisher is told though it did not ask; a version says it once."""
