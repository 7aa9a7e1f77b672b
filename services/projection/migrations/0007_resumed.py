"""Since when a subscriber is posted to again, as long as nothing has come of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "projection_0007"
down_revision = "projection_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column(
        "webhooks",
        sa.Column("resumed_at", sa.Float, comment="when somebody had it posted again; none once that came to anything"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_column("webhooks", "resumed_at")
