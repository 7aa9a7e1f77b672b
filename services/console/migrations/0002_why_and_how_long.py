"""Why each step was taken, and how long cases, steps and agencies' answers took."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "console_0002"
down_revision = "console_0001"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add them; what is there already is reckoned again, like everything that changes."""
    op.add_column("steps", sa.Column("source", sa.Text))
    op.add_column("steps", sa.Column("inputs", sa.Text))
    op.add_column("cases", sa.Column("took_ms", _BIG))
    op.add_column("cases", sa.Column("reckoned", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("deliveries", sa.Column("asked_at", sa.Text))
    op.create_index("cases_by_time", "cases", ["kind", "headline", "took_ms", "opened_at"])
    op.create_index("cases_by_wait", "cases", ["kind", "closed_at", "opened_at"])
    op.create_index("cases_to_reckon", "cases", ["reckoned", "changed_at", "case_id"])
    _step_times()
    _answer_times()


def _step_times() -> None:
    op.create_table(
        "step_times",
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("facet", sa.Text, nullable=False),
        sa.Column("took_ms", _BIG, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
    )
    op.create_index("step_times_by_rule", "step_times", ["kind", "rule", "facet", "took_ms", "at"])


def _answer_times() -> None:
    op.create_table(
        "answer_times",
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("delivery_id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("command", sa.Text, nullable=False),
        sa.Column("took_ms", _BIG, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("calling_ms", _BIG, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
    )
    op.create_index(
        "answer_times_by_command",
        "answer_times",
        ["kind", "organisation", "command", "took_ms", "at", "calling_ms", "tries"],
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("answer_times")
    op.drop_table("step_times")
    for index in ("cases_to_reckon", "cases_by_wait", "cases_by_time"):
        op.drop_index(index, "cases")
    for table, column in (
        ("deliveries", "asked_at"),
        ("cases", "reckoned"),
        ("cases", "took_ms"),
        ("steps", "inputs"),
        ("steps", "source"),
    ):
        op.drop_column(table, column)
