"""The database: one session a request, plain statements on it, one commit a unit of work.

Models declare the schema and serve screens; the roads where every microsecond counts use
`run` and `execute`, plain SQL on the very same connection and transaction.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any, TypeVar

import psycopg
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from psycopg.rows import namedtuple_row
from psycopg.types.json import Jsonb, JsonbDumper
from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

from checkout.core.config import Config

CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

TIMEOUTS = (
    "-c statement_timeout=5000 -c lock_timeout=4000 -c idle_in_transaction_session_timeout=60000"
)

# Over a network, a server that vanished without a word is noticed by these; a socket file
# has no use for them.
VANISHED = {
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 8000,
}

Bell = TypeVar("Bell", bound=Callable[[], None])

HAS_ROWS = psycopg.pq.ExecStatus.TUPLES_OK
DRIVER, BELLS = "checkout_driver", "checkout_bells"
"""What the current session keeps for its unit of work."""


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=CONVENTION)


db = SQLAlchemy(model_class=Base, disable_autonaming=True)

# Everywhere in this project a dict that goes to the database is a JSON document.
psycopg.adapters.register_dumper(dict, JsonbDumper)


def init_db(app: Flask, config: Config) -> None:
    """Bind the application to its database; connections are opened on first use."""
    app.config["SQLALCHEMY_DATABASE_URI"] = config.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {
        "pool_size": config.database_pool,
        # A connection beyond the pool would be opened for one use and thrown away.
        "max_overflow": 0,
        "pool_timeout": 4,
        "pool_pre_ping": True,
        # The connection used last is the warmest: its statements are prepared, its caches full.
        "pool_use_lifo": True,
        "connect_args": {"options": TIMEOUTS, "connect_timeout": 4, **VANISHED},
    }
    db.init_app(app)

    def forget_inherited_connections() -> None:
        with app.app_context():
            db.engine.dispose(close=False)

    os.register_at_fork(after_in_child=forget_inherited_connections)


def jsonb(value: Any) -> Jsonb:
    """A list (or scalar) that is meant as JSON and not as an SQL array."""
    return Jsonb(value)


def driver() -> psycopg.Connection[Any]:
    """The psycopg connection that carries the current session's transaction."""
    held: psycopg.Connection[Any] | None = db.session.info.get(DRIVER)
    if held is not None:
        return held
    connection: psycopg.Connection[Any] = db.session.connection().connection.driver_connection  # type: ignore[assignment]  # always psycopg here
    return connection


def run(statement: str, /, **params: Any) -> list[Any]:
    """Execute one statement and return its rows, columns readable as attributes."""
    with driver().cursor(row_factory=namedtuple_row) as cursor:
        cursor.execute(statement, params)
        return _rows(cursor)


def later(statement: str, /, **params: Any) -> Callable[[], list[Any]]:
    """Execute inside `pipeline`, without waiting; the rows are to be had after it."""
    cursor = driver().cursor(row_factory=namedtuple_row)
    cursor.execute(statement, params)
    return partial(_rows, cursor)


def _rows(cursor: psycopg.Cursor[Any]) -> list[Any]:
    # Cheaper than cursor.description, which makes an object for every column.
    result = cursor.pgresult
    return cursor.fetchall() if result is not None and result.status == HAS_ROWS else []


def one(statement: str, /, **params: Any) -> Any | None:
    """The first row of a statement, or None."""
    rows = run(statement, **params)
    return rows[0] if rows else None


def execute(statement: str, /, **params: Any) -> None:
    """Execute a statement whose rows nobody needs; inside `pipeline` it does not wait."""
    driver().execute(statement, params)


def plan_anew() -> None:
    """Plan what the rest of this transaction executes for the tables as they are now.

    For sweeps that join many rows: a plan that the connection has kept from when the tables were
    small reads one of them whole for every row of the other, until somebody analyses them.
    """
    execute("SET LOCAL plan_cache_mode = force_custom_plan")


def pipeline() -> AbstractContextManager[Any]:
    """Statements executed inside travel together and cost one round trip."""
    return driver().pipeline()


def after_commit(bell: Bell, key: object = None) -> Bell:
    """Call `bell` once the current unit of work has committed, never when it rolls back.

    Bells of the same key ring once; the one that will ring is returned. They only wake
    somebody up: what must not be lost is a row, and a sweep finds it.
    """
    bells: dict[object, Any] = db.session.info.setdefault(BELLS, {})
    ringing: Bell = bells.setdefault(key if key is not None else bell, bell)
    return ringing


@contextmanager
def unit_of_work() -> Iterator[None]:
    """One transaction: commits at the end, rolls back on any error, then rings the bells."""
    info = db.session.info
    info.pop(BELLS, None)
    # Looking the connection up costs as much as a small statement: once is enough.
    info[DRIVER] = driver()
    try:
        yield
        db.session.commit()
    except BaseException:
        info.pop(BELLS, None)
        db.session.rollback()
        raise
    finally:
        info.pop(DRIVER, None)
    for bell in info.pop(BELLS, {}).values():
        bell()
