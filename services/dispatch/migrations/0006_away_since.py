"""When an organisation went away, which no probe that fails begins anew."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "dispatch_0006"
down_revision = "dispatch_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("breakers", sa.Column("away_since", sa.Float))
    # Of what was away before there was a column for it, the last probe is what is known.
    op.execute("UPDATE breakers SET away_since = since WHERE state <> 'closed'")


def downgrade() -> None:
    """Drop it."""
    with op.batch_alter_table("breakers") as table:
        table.drop_column("away_since")
