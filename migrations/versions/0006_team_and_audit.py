"""teams of stores, restricted keys, chained audit entries, security events"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
JSON = postgresql.JSONB(astext_type=sa.Text())

# What is signed is text whose form no setting of a connection can change: a time as microseconds.
HASH = """
CREATE FUNCTION audit_hash(given audit_entry) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT encode(sha256(convert_to(given.previous_hash || jsonb_build_object(
        'store', given.store_id, 'seq', given.seq, 'livemode', given.livemode,
        'actor', given.actor, 'address', given.address, 'action', given.action,
        'target', given.target, 'details', given.details,
        'at', (extract(epoch FROM given.created_at) * 1000000)::bigint
    )::text, 'UTF8')), 'hex')
$$
"""

# In the database, so that nothing writes an entry past it; one at a time per store.
CHAIN = """
CREATE FUNCTION chain_audit_entry() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    newest audit_entry;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('audit' || chr(31) || NEW.store_id, 0));
    SELECT * INTO newest FROM audit_entry WHERE store_id = NEW.store_id
        ORDER BY seq DESC LIMIT 1;
    NEW.seq := coalesce(newest.seq, 0) + 1;
    NEW.previous_hash := coalesce(newest.hash, '');
    NEW.created_at := clock_timestamp();
    NEW.hash := audit_hash(NEW);
    RETURN NEW;
END $$
"""

CHAIN_OLD = """
DO $$
DECLARE
    found audit_entry;
    newest audit_entry;
BEGIN
    FOR found IN SELECT * FROM audit_entry ORDER BY store_id, id LOOP
        IF newest.store_id IS DISTINCT FROM found.store_id THEN
            newest.seq := 0;
            newest.hash := '';
        END IF;
        found.seq := newest.seq + 1;
        found.previous_hash := newest.hash;
        found.hash := audit_hash(found);
        UPDATE audit_entry SET seq = found.seq, previous_hash = found.previous_hash,
            hash = found.hash WHERE id = found.id;
        newest := found;
    END LOOP;
END $$
"""


def upgrade() -> None:
    _chain_audit()
    op.create_table(
        "security_event",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("store_id", sa.Text(), nullable=True),
        sa.Column("livemode", sa.Boolean(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("details", JSON, server_default="{}", nullable=False),
        sa.Column("created_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_security_event")),
    )
    op.create_index("ix_security_event_list", "security_event", ["store_id", "id"])
    op.create_index("ix_security_event_age", "security_event", ["created_at"])
    op.create_table(
        "membership",
        sa.Column("store_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "role IN ('owner', 'admin', 'support', 'viewer')", name=op.f("ck_membership_role")
        ),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("fk_membership_store_id")),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name=op.f("fk_membership_user_id")),
        sa.PrimaryKeyConstraint("store_id", "user_id", name=op.f("pk_membership")),
    )
    op.create_index("ix_membership_user_id", "membership", ["user_id"])
    op.create_table(
        "invitation",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("store_id", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("invited_by", sa.Text(), nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("accepted_at", TIME, nullable=True),
        sa.Column("revoked_at", TIME, nullable=True),
        sa.Column("created_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "role IN ('owner', 'admin', 'support', 'viewer')", name=op.f("ck_invitation_role")
        ),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("fk_invitation_store_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitation_token_hash")),
    )
    op.create_index(
        "uq_invitation_open",
        "invitation",
        ["store_id", "email"],
        unique=True,
        postgresql_where=sa.text("accepted_at IS NULL AND revoked_at IS NULL"),
    )
    op.add_column("api_key", sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=True))
    op.add_column("customer", sa.Column("deleted_at", TIME, nullable=True))


def _chain_audit() -> None:
    op.add_column("audit_entry", sa.Column("livemode", sa.Boolean(), nullable=True))
    op.add_column("audit_entry", sa.Column("address", sa.Text(), nullable=True))
    for name, kind in (("seq", sa.BigInteger()), ("previous_hash", sa.Text()), ("hash", sa.Text())):
        op.add_column("audit_entry", sa.Column(name, kind, nullable=True))
    op.execute(HASH)
    op.execute("ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_append_only")
    op.execute(CHAIN_OLD)
    op.execute("ALTER TABLE audit_entry ENABLE TRIGGER audit_entry_append_only")
    op.execute(CHAIN)
    op.execute(
        "CREATE TRIGGER audit_entry_chained BEFORE INSERT ON audit_entry"
        " FOR EACH ROW EXECUTE FUNCTION chain_audit_entry()"
    )
    for name in ("seq", "previous_hash", "hash"):
        op.alter_column("audit_entry", name, nullable=False)
    op.create_unique_constraint(
        op.f("uq_audit_entry_store_id_seq"), "audit_entry", ["store_id", "seq"]
    )
    op.create_index("ix_audit_entry_target", "audit_entry", ["store_id", "target", "id"])


def downgrade() -> None:
    op.drop_column("customer", "deleted_at")
    op.drop_column("api_key", "scopes")
    for table in ("invitation", "membership", "security_event"):
        op.drop_table(table)
    op.drop_index("ix_audit_entry_target", table_name="audit_entry")
    op.drop_constraint(op.f("uq_audit_entry_store_id_seq"), "audit_entry")
    op.execute("DROP TRIGGER audit_entry_chained ON audit_entry")
    op.execute("DROP FUNCTION chain_audit_entry()")
    op.execute("DROP FUNCTION audit_hash(audit_entry)")
    for name in ("hash", "previous_hash", "seq", "address", "livemode"):
        op.drop_column("audit_entry", name)
