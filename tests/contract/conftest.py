"""A store in the middle of its business, and an application that serves it over WSGI."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from flask import Flask
from flask.testing import FlaskClient

from checkout import create_app
from checkout.core.db import db, one, unit_of_work
from checkout.keys.create import create_key
from tests.factories.stores import Shop, make_shop
from tests.factories.trades import Trade, make_trade
from tests.support.database import empty_database
from tests.support.settings import make_config
from tests.support.sockets import threaded_server


class ManyAddresses:
    """Each request comes from an address of its own, so that no block ends a long run."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self._numbers = itertools.count(1)

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        number = next(self._numbers)
        environ["REMOTE_ADDR"] = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        return self.app(environ, start)


@pytest.fixture(scope="session")
def made_contract_app(database_url: str, redis_server: Any) -> Iterator[Flask]:
    app = create_app(make_config(database_url=database_url, redis_url=redis_server.url))
    with threaded_server(app) as address:
        # What test mode plays is sent to this very application.
        config = replace(app.extensions["checkout_config"], self_url=f"http://{address}")
        app.extensions["checkout_config"] = config
        yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def contract_app(made_contract_app: Flask, database_url: str, redis_server: Any) -> Iterator[Flask]:
    """Without a pushed context, as requests in production have it."""
    import redis

    from checkout.core.http import close_idle
    from checkout.keys.authenticate import forget_found_keys

    yield made_contract_app
    close_idle()
    empty_database(database_url)
    forget_found_keys()
    made_contract_app.extensions["checkout_limits"].__init__()
    made_contract_app.extensions["checkout_refusals"].clear()
    made_contract_app.extensions["checkout_redis"].down_until = 0.0
    with redis.Redis.from_url(redis_server.url) as connection:
        connection.flushdb()


@pytest.fixture
def api(contract_app: Flask) -> FlaskClient:
    return contract_app.test_client()


@pytest.fixture
def trade(contract_app: Flask, api: FlaskClient) -> Trade:
    with contract_app.app_context():
        return make_trade(api)


@pytest.fixture
def stranger(contract_app: Flask, api: FlaskClient) -> Trade:
    """Another store with the same kinds of things."""
    with contract_app.app_context():
        return make_trade(api)


@pytest.fixture
def live_key(contract_app: Flask, trade: Trade) -> Shop:
    """A live key of the store whose test data `trade` is."""
    with contract_app.app_context():
        return make_shop(True, store=trade.shop.store)


@pytest.fixture
def publishable_key(contract_app: Flask, trade: Trade) -> str:
    with contract_app.app_context(), unit_of_work():
        return create_key(trade.shop.store.id, False, "publishable", "widget")[1]


def count_rows(app: Flask) -> dict[str, int]:
    """Table → rows, of every table but the one that tells of refusals."""
    with app.app_context():
        names = sorted(db.metadata.tables.keys() - {"security_event"})
        columns = ", ".join(f'(SELECT count(*) FROM "{name}") AS "{name}"' for name in names)
        row = one(f"SELECT {columns}")
        assert row is not None
        return dict(row._asdict())
