"""Dispatch's first tables: people's acts, repairs, and their deliveries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "dispatch_0001"
down_revision = None
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "acts",
        sa.Column("seq", _BIG, primary_key=True, autoincrement=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("act", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("organisation", sa.Text),
        sa.Column("delivery", sa.Text),
        sa.Column("repair", sa.Text, comment="the repair of many that acted in the person's name"),
        sa.Column("was", sa.Text, comment="the delivery's state before"),
        sa.Column("revision", sa.Integer, comment="the delivery's revision since"),
        sa.Column("not_carried_out", sa.Boolean, nullable=False, comment="the person vouches that no earlier call was"),
        sa.Column("before", sa.LargeBinary, comment="the command's data before an edit"),
        sa.Column("after", sa.LargeBinary, comment="and after it; or the answer that a person gave"),
        sqlite_autoincrement=True,
    )
    op.create_index("acts_by_delivery", "acts", ["delivery"])
    op.create_index("acts_by_repair", "acts", ["repair"])
    op.create_table(
        "repairs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("act", sa.Text, nullable=False, comment="retry or cancel"),
        sa.Column("state", sa.Text, nullable=False, comment="planned, running, paused, done or cancelled"),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("wanted", sa.Text, nullable=False, comment="what was looked for, as JSON; a vehicle by its key"),
        sa.Column("not_carried_out", sa.Boolean, nullable=False),
        sa.Column("planned_at", sa.Float, nullable=False),
        sa.Column("started_at", sa.Float),
        sa.Column("ended_at", sa.Float),
        sa.Column("per_second", sa.Float, nullable=False),
        sa.Column("runner", sa.Text, comment="the process that runs it"),
        sa.Column("lease_until", sa.Float, nullable=False, comment="after this another process may"),
    )
    op.create_index("repairs_by_state", "repairs", ["state"])
    op.create_table(
        "repair_items",
        sa.Column("repair", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("delivery", sa.Text, nullable=False),
        sa.Column("consumer", sa.Text, nullable=False),
        sa.Column("command", sa.Text, nullable=False),
        sa.Column("failure", sa.Text),
        sa.Column("since", sa.Float, nullable=False),
        sa.Column("decided", sa.Integer, nullable=False, comment="how often people had decided about it when planned"),
        sa.Column("state", sa.Text, nullable=False, comment="waiting, done or skipped"),
        sa.Column("why", sa.Text, comment="for which reason it was skipped"),
        sa.Column("at", sa.Float),
    )
    op.create_index("repair_items_by_state", "repair_items", ["repair", "state", "position"])
    op.create_index("repair_items_by_delivery", "repair_items", ["delivery"])


def downgrade() -> None:
    """Drop them."""
    for table in ("repair_items", "repairs", "acts"):
        op.drop_table(table)
