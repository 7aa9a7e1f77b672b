"""What is asked about parked deliveries every second, or for every page, is found without reading all of them."""

from __future__ import annotations

from alembic import op

revision = "runtime_0004"
down_revision = "runtime_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the indexes."""
    op.create_index("outbox_by_key", "outbox", ["key"])
    op.create_index("parked_by_time", "parked", ["consumer", "not_before"])
    op.create_index("parked_by_consumer", "parked", ["consumer", "state"])
