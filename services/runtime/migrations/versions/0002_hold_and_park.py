"""Parked deliveries say whose they are, until when, and who tries them; a breaker says who saw it change."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "runtime_0002"
down_revision = "runtime_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    with op.batch_alter_table("parked") as parked:
        parked.add_column(sa.Column("case_id", sa.Text, nullable=False, server_default=""))
        parked.add_column(sa.Column("command", sa.Text, nullable=False, server_default=""))
        parked.add_column(sa.Column("deadline", sa.Float, nullable=False, server_default="0"))
        parked.add_column(sa.Column("revision", sa.Integer, nullable=False, server_default="1"))
        parked.add_column(sa.Column("decided", sa.Integer, nullable=False, server_default="0"))
        parked.add_column(sa.Column("trying", sa.Text))
        parked.create_index("parked_by_case", ["case_id"])
    with op.batch_alter_table("breaker") as breaker:
        breaker.add_column(sa.Column("who", sa.Text))
