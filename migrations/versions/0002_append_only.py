"""append-only rows and balanced journals"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY = ("journal", "entry", "session_history", "audit_entry")

REFUSE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are only ever added', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$
"""

# Checked at the commit, when all entries of a journal stand.
BALANCED = """
CREATE FUNCTION refuse_unbalanced_journal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM entry JOIN account ON account.id = entry.account_id
        WHERE entry.journal_id = NEW.id
        GROUP BY account.currency HAVING sum(entry.amount) <> 0
    ) OR NOT EXISTS (SELECT FROM entry WHERE entry.journal_id = NEW.id) THEN
        RAISE EXCEPTION 'journal % does not balance', NEW.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.execute(REFUSE)
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
    op.execute(BALANCED)
    op.execute(
        "CREATE CONSTRAINT TRIGGER journal_balanced AFTER INSERT ON journal"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_unbalanced_journal()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER journal_balanced ON journal")
    op.execute("DROP FUNCTION refuse_unbalanced_journal()")
    for table in APPEND_ONLY:
        op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
    op.execute("DROP FUNCTION refuse_change()")
