"""Whether a message was shown, or its subscriber only told that there is one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "projection_0002"
down_revision = "projection_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; so far what showed no field was withheld, but for views of messages that had none."""
    op.add_column(
        "terms",
        sa.Column(
            "withheld",
            sa.Integer,
            nullable=False,
            server_default="0",
            comment="1: only told that there is a message",
        ),
    )
    op.execute(sa.text("update terms set withheld = 1 where fields = '{}'"))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("terms", "withheld")
