"""The projection's first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "projection_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "grants",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("subscriber", sa.Text, nullable=False),
        sa.Column("contract", sa.Text, nullable=False),
        sa.Column(
            "topics",
            sa.Text,
            nullable=False,
            comment="those of its subscriber that it has run on, with blanks between",
        ),
        sa.Column("opened_at", sa.Float, comment="when its stream began; none where it never has"),
        sa.Column("revoked_at", sa.Float),
        sa.Column("who", sa.Text, comment="who revoked it"),
        sa.Column("reason", sa.Text, comment="and why"),
        sa.Column("ended_at", sa.Float, comment="since when nothing of it is sent, and its subscriber has been told"),
        sa.Column("why", sa.Text, comment="lapsed, revoked, removed or refused"),
    )
    op.create_table(
        "terms",
        sa.Column("id", sa.Text, primary_key=True, comment="digest of all the rest but the moment"),
        sa.Column("subscriber", sa.Text, nullable=False),
        sa.Column("grant_id", sa.Text, nullable=False),
        sa.Column("contract", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("fields", sa.Text, nullable=False, comment="what was really shown and how, as JSON: {name: sight}"),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("legal_basis", sa.Text, nullable=False),
        sa.Column("first_at", sa.Float, nullable=False),
    )
    op.create_index("terms_by_grant", "terms", ["grant_id"])
    op.create_table(
        "disclosures",
        sa.Column("message", sa.Text, primary_key=True, comment="the ce_id"),
        sa.Column("terms", sa.Text, primary_key=True),
        sa.Column("subscriber", sa.Text, nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("vehicle", sa.Text, nullable=False, comment="the Kafka key: a keyed hash of the VIN"),
        sa.Column("at", sa.Float, nullable=False),
    )
    op.create_index("disclosures_by_moment", "disclosures", ["at"])
    op.create_index("disclosures_by_vehicle", "disclosures", ["vehicle", "at"])
    op.create_index("disclosures_by_subscriber", "disclosures", ["subscriber", "at"])


def downgrade() -> None:
    """Drop them."""
    for table in ("disclosures", "terms", "grants"):
        op.drop_table(table)
