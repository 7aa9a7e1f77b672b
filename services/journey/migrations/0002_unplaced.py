"""Messages that came before their case are kept whole, to be heard when it is opened; cases are found by vehicle."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "journey_0002"
down_revision = "journey_0001"
branch_labels = None
depends_on = None

_COLUMNS = (
    ("topic", sa.Text),
    ("partition", sa.Integer),
    ("offset", sa.BigInteger().with_variant(sa.Integer, "sqlite")),
    ("key", sa.Text),
    ("headers", sa.LargeBinary),
    ("value", sa.LargeBinary),
)


def upgrade() -> None:
    for name, type_ in _COLUMNS:
        op.add_column("unplaced", sa.Column(name, type_))
    op.create_index("unplaced_by_subject", "unplaced", ["subject"])
    op.create_index("cases_by_key", "cases", ["key"])


def downgrade() -> None:
    op.drop_index("cases_by_key", "cases")
    op.drop_index("unplaced_by_subject", "unplaced")
    with op.batch_alter_table("unplaced") as table:
        for name, _ in _COLUMNS:
            table.drop_column(name)
