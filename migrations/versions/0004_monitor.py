"""whom the monitor asks, which references are closed, when an account is listed again"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
ASKED = "done_at IS NULL AND next_ask_at IS NOT NULL"
UNCLOSED = "done_at IS NULL AND closed_at IS NULL"


def upgrade() -> None:
    op.add_column("attempt_reference", sa.Column("leased_until", TIME, nullable=True))
    op.add_column("attempt_reference", sa.Column("closed_at", TIME, nullable=True))
    op.alter_column("attempt_reference", "next_ask_at", existing_type=TIME, nullable=True)
    op.drop_index("ix_attempt_reference_due", table_name="attempt_reference")
    op.create_index(
        "ix_attempt_reference_due",
        "attempt_reference",
        ["rail_account_id", "next_ask_at"],
        postgresql_where=sa.text(ASKED),
    )
    op.create_index(
        "ix_attempt_reference_unclosed",
        "attempt_reference",
        ["rail", "ask_until"],
        postgresql_where=sa.text(UNCLOSED),
    )
    op.add_column("rail_health", sa.Column("next_backfill_at", TIME, nullable=True))


def downgrade() -> None:
    op.drop_column("rail_health", "next_backfill_at")
    op.drop_index("ix_attempt_reference_unclosed", table_name="attempt_reference")
    op.drop_index("ix_attempt_reference_due", table_name="attempt_reference")
    op.execute("UPDATE attempt_reference SET next_ask_at = ask_until WHERE next_ask_at IS NULL")
    op.alter_column("attempt_reference", "next_ask_at", existing_type=TIME, nullable=False)
    op.create_index(
        "ix_attempt_reference_due",
        "attempt_reference",
        ["rail_account_id", "next_ask_at"],
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.drop_column("attempt_reference", "closed_at")
    op.drop_column("attempt_reference", "leased_until")
