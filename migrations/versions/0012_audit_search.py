"""audit entries by action and by actor"""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in ("action", "actor"):
        op.create_index(f"ix_audit_entry_{column}", "audit_entry", ["store_id", column, "id"])


def downgrade() -> None:
    for column in ("actor", "action"):
        op.drop_index(f"ix_audit_entry_{column}", table_name="audit_entry")
