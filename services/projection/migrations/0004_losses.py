"""What Kafka kept no more before it could be posted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "projection_0004"
down_revision = "projection_0003"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "webhook_losses",
        sa.Column("subscriber", sa.Text, primary_key=True),
        sa.Column("topic", sa.Text, primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True),
        sa.Column("first", _BIG, primary_key=True, comment="offset of the first that is gone"),
        sa.Column("last", _BIG, nullable=False, comment="and of the last"),
        sa.Column("message", sa.Text, comment="the ce_id, where one alone is gone and had been read"),
        sa.Column("since", sa.Float, comment="since when it waited; none where it was never read"),
        sa.Column("noted_at", sa.Float, nullable=False),
        sa.Column("seen_at", sa.Float, comment="when a person acknowledged it"),
        sa.Column("who", sa.Text, comment="who did"),
        sa.Column("reason", sa.Text, comment="and what was done about it"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("webhook_losses")
