"""When an organisation last contradicted itself, and how much of that a person has cleared up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "dispatch_0005"
down_revision = "dispatch_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, and the index by which what is open is found."""
    op.add_column("callbacks", sa.Column("other_at", sa.Float))
    op.add_column("callbacks", sa.Column("cleared", sa.Integer, nullable=False, server_default="0"))
    # Of what came before there was a column for it, the answer's own moment is what is known.
    op.execute("UPDATE callbacks SET other_at = at WHERE others > 0")
    op.create_index("callbacks_contradicted", "callbacks", ["other_at"])


def downgrade() -> None:
    """Drop them."""
    op.drop_index("callbacks_contradicted", "callbacks")
    with op.batch_alter_table("callbacks") as table:
        table.drop_column("cleared")
        table.drop_column("other_at")
