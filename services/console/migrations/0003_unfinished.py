"""Cases that are over, though a hold of theirs is still somebody's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "console_0003"
down_revision = "console_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the mark. A case that is over has an owner only where a hold of it is somebody's."""
    op.add_column("cases", sa.Column("unfinished", sa.Boolean, nullable=False, server_default=sa.false()))
    cases = sa.table(
        "cases", sa.column("headline", sa.Text), sa.column("owner", sa.Text), sa.column("unfinished", sa.Boolean)
    )
    over = cases.c.headline.in_(("CLOSED", "CANCELLED", "REFUSED"))
    op.execute(sa.update(cases).where(over, cases.c.owner.is_not(None)).values(unfinished=True))
    op.create_index("cases_unfinished", "cases", ["unfinished", "headline", "changed_at"])


def downgrade() -> None:
    """Take it away."""
    op.drop_index("cases_unfinished", "cases")
    op.drop_column("cases", "unfinished")
