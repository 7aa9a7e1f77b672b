"""The first that contradicted an answer, for when that turns out to be none."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "dispatch_0008"
down_revision = "dispatch_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "rivals",
        sa.Column("organisation", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
    )
    op.create_index("rivals_by_moment", "rivals", ["at"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("rivals")
