"""references of attempts, health of rails, proven customers, money from wallets"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Defaults that are constants: no table is rewritten, nobody waits.
    op.add_column(
        "checkout_session",
        sa.Column("customer_proven", sa.Boolean(), server_default="false", nullable=False),
    )
    op.alter_column("transfer", "inbox_id", existing_type=sa.Text(), nullable=True)
    op.create_table(
        "attempt_reference",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("attempt_id", sa.Text(), nullable=False),
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("rail_account_id", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asks", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_ask_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ask_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("store_id", sa.Text(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["attempt.id"], name=op.f("fk_attempt_reference_attempt_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt_reference")),
        sa.UniqueConstraint(
            "store_id",
            "livemode",
            "rail",
            "reference",
            name=op.f("uq_attempt_reference_store_id_livemode_rail_reference"),
        ),
    )
    op.create_index("ix_attempt_reference_attempt", "attempt_reference", ["attempt_id"])
    op.create_index(
        "ix_attempt_reference_due",
        "attempt_reference",
        ["rail_account_id", "next_ask_at"],
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_table(
        "rail_health",
        sa.Column("rail_account_id", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("resting_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_call_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("backfilled_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "notes",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default="{}",
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["rail_account_id"],
            ["rail_account.id"],
            name=op.f("fk_rail_health_rail_account_id"),
        ),
        sa.PrimaryKeyConstraint("rail_account_id", name=op.f("pk_rail_health")),
    )


def downgrade() -> None:
    op.drop_table("rail_health")
    op.drop_table("attempt_reference")
    op.alter_column("transfer", "inbox_id", existing_type=sa.Text(), nullable=False)
    op.drop_column("checkout_session", "customer_proven")
