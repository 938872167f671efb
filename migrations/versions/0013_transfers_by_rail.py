"""the transfers inbox by way to pay, however rare one is"""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_transfer_rail", "transfer", ["store_id", "livemode", "rail", "id"])


def downgrade() -> None:
    op.drop_index("ix_transfer_rail", table_name="transfer")
