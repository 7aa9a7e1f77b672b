"""The runtime's first tables: ledger, outbox, owner, parked, breaker."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "runtime_0001"
down_revision = None
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "ledger",
        sa.Column("consumer", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("outputs", sa.LargeBinary, comment="what to send again when the input comes again"),
        sa.Column("at", sa.Float, nullable=False),
    )
    op.create_table(
        "outbox",
        sa.Column("seq", _BIG, primary_key=True, autoincrement=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("headers", sa.LargeBinary, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("outbox_by_id", "outbox", ["id"])
    op.create_table(
        "owner",
        sa.Column("consumer", sa.Text, primary_key=True),
        sa.Column("topic", sa.Text, primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
    )
    op.create_table(
        "parked",
        sa.Column("consumer", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("offset", _BIG, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("headers", sa.LargeBinary, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.Text, nullable=False, comment="parked, answered or dead"),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("not_before", sa.Float, nullable=False),
        sa.Column("since", sa.Float, nullable=False),
        sa.Column("failure", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("outputs", sa.LargeBinary),
        sa.Column("history", sa.LargeBinary, nullable=False, comment="the attempts so far, as JSON"),
    )
    op.create_index("parked_by_key", "parked", ["consumer", "topic", "partition", "key", "offset"])
    op.create_index("parked_by_state", "parked", ["state"])
    op.create_table(
        "breaker",
        sa.Column("organisation", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("since", sa.Float, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("probe_at", sa.Float),
    )
