"""refused sign-ins by the person they were tried for"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_security_event_person",
        "security_event",
        ["actor", "id"],
        postgresql_where=sa.text("store_id IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_security_event_person", table_name="security_event")
