"""Effects that began stand in a table of their own; before, they stood among the outcomes under another name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "runtime_0003"
down_revision = "runtime_0002"
branch_labels = None
depends_on = None

_SUFFIX = ".begun"


def upgrade() -> None:
    """Create the table and carry over what is there."""
    begun = op.create_table(
        "begun",
        sa.Column("consumer", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("at", sa.Float, nullable=False, comment="when its last call began"),
    )
    ledger = sa.table("ledger", *map(sa.column, ("consumer", "id", "outputs", "at")))
    noted = ledger.c.consumer.endswith(_SUFFIX, autoescape=True) & ledger.c.outputs.is_(None)
    name = sa.func.substr(ledger.c.consumer, 1, sa.func.length(ledger.c.consumer) - len(_SUFFIX))
    op.execute(
        sa.insert(begun).from_select(["consumer", "id", "at"], sa.select(name, ledger.c.id, ledger.c.at).where(noted))
    )
    op.execute(sa.delete(ledger).where(noted))
