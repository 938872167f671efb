"""where shoppers started their attempts from, for a while"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A table of its own and not columns of `attempt`: that is read with its columns prepared by
    # the code that serves meanwhile, and nothing here has to wait for anybody's lock.
    op.create_table(
        "attempt_shopper",
        sa.Column("attempt_id", sa.Text(), nullable=False),
        sa.Column("store_id", sa.Text(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("attempt_id", name="pk_attempt_shopper"),
    )


def downgrade() -> None:
    op.drop_table("attempt_shopper")
