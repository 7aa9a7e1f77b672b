"""Whose business a sale is, so that its corrections reach the same; sales of before do not tell."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "intake_0003"
down_revision = "intake_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("submissions", sa.Column("concerns", sa.Text))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("submissions", "concerns")
