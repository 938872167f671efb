"""the transfers inbox: what is open, what was resolved, what did not match, by amount"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

OPEN = "resolved_at IS NULL AND (held > 0 OR amount IS NULL)"
UNUSUAL = "disposition <> 'matched'"
INDEXES = {
    "ix_transfer_inbox": (["id"], OPEN),
    "ix_transfer_resolved": (["id"], "resolved_at IS NOT NULL"),
    "ix_transfer_disposition": (["disposition", "id"], UNUSUAL),
    "ix_transfer_amount": (["amount", "id"], UNUSUAL),
}


def upgrade() -> None:
    for name, (columns, which) in INDEXES.items():
        op.create_index(
            name,
            "transfer",
            ["store_id", "livemode", *columns],
            postgresql_where=sa.text(which),
        )


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, table_name="transfer")
