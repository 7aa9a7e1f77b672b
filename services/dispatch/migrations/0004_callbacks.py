"""What organisations brought as an answer, until it is fetched."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "dispatch_0004"
down_revision = "dispatch_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "callbacks",
        sa.Column("organisation", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("others", sa.Integer, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )
    op.create_index("callbacks_by_moment", "callbacks", ["at"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("callbacks")
