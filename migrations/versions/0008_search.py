"""payments and sessions by their facets and amounts, events by what they are about"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

PAYMENT = ["rail", "currency", "status", "late", "id"]
SESSION = ["status", "payment_status", "currency", "id"]


def upgrade() -> None:
    for table, facets in (("payment", PAYMENT), ("checkout_session", SESSION)):
        whose = ["store_id", "livemode"]
        op.create_index(f"ix_{table}_facets", table, [*whose, *facets])
        op.create_index(f"ix_{table}_amount", table, [*whose, "amount", *facets])
    op.create_index("ix_outbox_subject", "outbox", ["subject", "id"])


def downgrade() -> None:
    op.drop_index("ix_outbox_subject", table_name="outbox")
    for table in ("checkout_session", "payment"):
        op.drop_index(f"ix_{table}_amount", table_name=table)
        op.drop_index(f"ix_{table}_facets", table_name=table)
