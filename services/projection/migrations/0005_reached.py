"""Up to where subscribers' topics have been read for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "projection_0005"
down_revision = "projection_0004"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "webhook_reached",
        sa.Column("subscriber", sa.Text, primary_key=True),
        sa.Column("topic", sa.Text, primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True),
        sa.Column("offset", _BIG, nullable=False, comment="all before it was taken, or waits, or is noted as lost"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("webhook_reached")
