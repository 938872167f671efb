"""How migrations run: one at a time over the whole installation, and never blocking for long."""

from __future__ import annotations

from alembic import context
from flask import current_app
from sqlalchemy import text

LOCK = 0x636865636B6F7574
"""The advisory lock that makes two upgrades at once take turns ("checkout" in ASCII)."""


def run_migrations() -> None:
    """Upgrade in one transaction; a statement that cannot get its lock gives up in a second.

    Deployments run this while the old code serves: waiting long for a table's lock would
    stop everybody who queues behind it.
    """
    database = current_app.extensions["migrate"].db
    with database.engine.connect() as connection:
        connection.execute(text("SET lock_timeout = '120s'"))
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
        connection.execute(text("SET lock_timeout = '1s'"))
        connection.commit()
        try:
            context.configure(
                connection=connection, target_metadata=database.metadata, compare_type=True
            )
            with context.begin_transaction():
                context.run_migrations()
            connection.commit()
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK})
            connection.commit()


run_migrations()
