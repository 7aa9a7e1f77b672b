"""What processes must agree on: breakers with a person's word apart, what is held, and the pace of repairs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "dispatch_0002"
down_revision = "dispatch_0001"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_BEFORE = "upgraded"


def upgrade() -> None:
    """Create the tables; a pause that a person gave before stays one."""
    op.create_table(
        "breakers",
        sa.Column("organisation", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("since", sa.Float, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("probe_at", sa.Float, nullable=False),
        sa.Column("who", sa.Text),
        sa.Column("turned", sa.Integer, nullable=False),
        sa.Column("paused_by", sa.Text),
        sa.Column("pause_reason", sa.Text),
        sa.Column("paused_at", sa.Float),
    )
    _take_over()
    op.create_table(
        "held",
        sa.Column("consumer", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("offset", _BIG, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("headers", sa.LargeBinary, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("command", sa.Text, nullable=False),
        sa.Column("since", sa.Float, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
    )
    op.create_index("held_by_moment", "held", ["since", "id"])
    op.create_index("held_by_key", "held", ["consumer", "topic", "partition", "key", "offset"])
    op.create_table(
        "paces",
        sa.Column("consumer", sa.Text, primary_key=True),
        sa.Column("noted_at", sa.Float, nullable=False),
        sa.Column("next_at", sa.Float, nullable=False),
    )
    op.create_index("acts_by_moment", "acts", ["at"])
    op.drop_index("repair_items_by_state", "repair_items")
    op.create_index("repair_items_by_consumer", "repair_items", ["repair", "consumer", "state", "position"])


def _take_over() -> None:
    connection = op.get_bind()
    if not sa.inspect(connection).has_table("breaker"):
        return
    old = sa.table("breaker", *map(sa.column, ("organisation", "state", "since", "reason", "probe_at")))
    new = sa.table("breakers", *map(sa.column, _NAMES))
    # A person's pause was an open breaker with no moment at which it may be probed.
    held = sa.and_(old.c.state == "open", old.c.probe_at.is_(None))
    rows = sa.select(
        old.c.organisation,
        sa.literal(1),
        sa.case((held, "closed"), else_=old.c.state),
        old.c.since,
        sa.case((held, None), else_=old.c.reason),
        sa.func.coalesce(old.c.probe_at, old.c.since),
        sa.case((held, 1), else_=0),
        sa.case((held, _BEFORE)),
        sa.case((held, sa.func.coalesce(old.c.reason, _BEFORE))),
        sa.case((held, old.c.since)),
    )
    connection.execute(sa.insert(new).from_select(_NAMES, rows))


_NAMES = [
    "organisation",
    "version",
    "state",
    "since",
    "reason",
    "probe_at",
    "turned",
    "paused_by",
    "pause_reason",
    "paused_at",
]


def downgrade() -> None:
    """Drop them."""
    op.drop_index("repair_items_by_consumer", "repair_items")
    op.create_index("repair_items_by_state", "repair_items", ["repair", "state", "position"])
    op.drop_index("acts_by_moment", "acts")
    for table in ("paces", "held", "breakers"):
        op.drop_table(table)
