"""The journey's first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "journey_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cases",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("vin", sa.Text, nullable=False),
        sa.Column("order_no", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("headline", sa.Text, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("opened_at", sa.Text, nullable=False),
        sa.Column("changed_at", sa.Text, nullable=False),
        sa.Column("closed_at", sa.Text),
        sa.Column("key", sa.Text, nullable=False, comment="the Kafka key of the vehicle"),
        sa.Column("source", sa.Text, nullable=False, comment="who told the sale"),
        sa.Column("sourceid", sa.Text, comment="the publisher's own id of the sale"),
        sa.Column("traceparent", sa.Text, comment="the trace that the sale began"),
        sa.Column("state", sa.Text, nullable=False, comment="the whole case as JSON"),
    )
    op.create_index("cases_by_vin", "cases", ["vin"])
    op.create_index("cases_by_headline", "cases", ["headline"])
    op.create_table(
        "live_vin",
        sa.Column("vin", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False),
    )
    op.create_table(
        "timers",
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("due", sa.Text, nullable=False),
    )
    op.create_index("timers_by_due", "timers", ["due"])
    op.create_table(
        "unplaced",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
    )


def downgrade() -> None:
    for table in ("unplaced", "timers", "live_vin", "cases"):
        op.drop_table(table)
