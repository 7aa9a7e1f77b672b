"""At which address a subscriber last took what it was posted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "projection_0006"
down_revision = "projection_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of those before, it is known once they take the next message."""
    op.add_column(
        "webhooks", sa.Column("address", sa.Text, comment="SHA-256 of the address at which anything was taken last")
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_column("webhooks", "address")
