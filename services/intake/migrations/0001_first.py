"""The door's first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "intake_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "submissions",
        sa.Column("id", sa.Text, primary_key=True, comment="the ce_id under which it was published"),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("sourceid", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("vin", sa.Text, nullable=False),
        sa.Column("order_no", sa.Text),
        sa.Column("content", sa.Text, nullable=False, comment="SHA-256 of the content as the source wrote it"),
        sa.Column("accepted_at", sa.Text, nullable=False),
        sa.UniqueConstraint("source", "sourceid", name="submissions_once"),
    )
    op.create_index("submissions_by_vin", "submissions", ["vin"])
    op.create_index("submissions_by_order", "submissions", ["order_no"])
    op.create_table(
        "acknowledged",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("publisher", sa.Text, primary_key=True),
    )
    op.create_table(
        "cases",
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("refused", sa.Boolean, nullable=False),
        sa.Column("snapshot", sa.Text, nullable=False, comment="case.changed as JSON"),
    )
