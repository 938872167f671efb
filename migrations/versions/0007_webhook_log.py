"""what was sent and answered at each try to deliver; lists of deliveries and of events by type"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

JSON = postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    op.add_column("delivery_attempt", sa.Column("url", sa.Text(), nullable=True))
    op.add_column("delivery_attempt", sa.Column("request_headers", JSON, nullable=True))
    op.add_column("delivery_attempt", sa.Column("response_headers", JSON, nullable=True))
    op.create_index("ix_delivery_store", "delivery", ["store_id", "livemode", "id"])
    op.create_index(
        "ix_delivery_undone",
        "delivery",
        ["store_id", "livemode", "status", "id"],
        postgresql_where=sa.text("status <> 'delivered'"),
    )
    op.create_index("ix_outbox_type", "outbox", ["store_id", "livemode", "type", "id"])


def downgrade() -> None:
    op.drop_index("ix_outbox_type", table_name="outbox")
    op.drop_index("ix_delivery_undone", table_name="delivery")
    op.drop_index("ix_delivery_store", table_name="delivery")
    for name in ("response_headers", "request_headers", "url"):
        op.drop_column("delivery_attempt", name)
