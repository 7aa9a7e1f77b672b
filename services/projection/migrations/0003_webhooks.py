"""Those to whom we post."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "projection_0003"
down_revision = "projection_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "webhooks",
        sa.Column("subscriber", sa.Text, primary_key=True),
        sa.Column("secret", sa.Integer, nullable=False, server_default="0", comment="the number of the secret in use"),
        sa.Column("old_until", sa.Float, comment="until when the one before it signs as well"),
        sa.Column(
            "failing_since",
            sa.Float,
            comment="since when nothing that was posted has been taken; none while it is",
        ),
        sa.Column("failure", sa.Text, comment="why, in a word"),
        sa.Column("paused_at", sa.Float, comment="since when nothing is posted"),
        sa.Column("who", sa.Text, comment="who paused it"),
        sa.Column("reason", sa.Text, comment="and why"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("webhooks")
