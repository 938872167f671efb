"""A store in the middle of its business, and an application that serves it over WSGI."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from flask import Flask
from flask.testing import FlaskClient

from checkout import create_app
from checkout.core.db import db, one, unit_of_work
from checkout.keys.create import create_key
from checkout.merchants.members import add_member
from checkout.merchants.sign_ins import list_sign_ins
from tests.factories.people import bearer, make_user, sign_in
from tests.factories.stores import Shop, make_shop
from tests.factories.till import Till, make_till, memo_of
from tests.support.database import empty_database
from tests.support.settings import make_config
from tests.support.sockets import threaded_server


@dataclass
class Trade:
    """A shop with something of everything in it: what the ids of its things are."""

    till: Till
    user_headers: dict[str, str]
    """Of the store's only owner."""
    ids: dict[str, str]
    """By the name of the path's argument."""
    lists: dict[str, list[str]]
    """Further ids of the same kinds, in other states."""

    @property
    def shop(self) -> Shop:
        return self.till.shop

    @property
    def headers(self) -> dict[str, str]:
        return self.till.shop.headers


def make_trade(client: FlaskClient, *, livemode: bool = False) -> Trade:
    """Sessions of every status, money of several kinds, an endpoint, deliveries, events."""
    till = make_till(client, livemode=livemode, rate_limit_per_minute=60_000)
    endpoint = _endpoint(till)
    paid, short, over, waiting, cancelled = (
        till.make_attempt(reference=f"BK-{number}", customer={"email": f"a{name}@shop.example"})
        for number, name in enumerate("abcab")
    )
    money = [
        till.pay(memo_of(paid), 500_000),
        till.pay(memo_of(short), 200_000),
        till.pay(memo_of(over), 600_000),
        till.pay("RENT FOR MAY", 700_000),
    ]
    till.call("POST", f"/checkout/sessions/{cancelled['session']}/cancel")
    customer = till.session(waiting["session"])["customer"]
    for _ in range(2):
        gift = till.pay("A GIFT", 80_000)
        till.resolve(gift["id"], "credit_wallet", customer=customer)
    plain = till.make_session(reference="plain")
    delivery = till.call("POST", f"/webhook-endpoints/{endpoint}/test")[1]
    payments = till.call("GET", "/payments")[1]["data"]
    owner = make_user()
    with unit_of_work():
        add_member(till.shop.store.id, owner.id, "owner")
    sign_in(owner)
    return Trade(
        till,
        user_headers=bearer(sign_in(owner)),
        ids={
            "session_id": waiting["session"],
            "attempt_id": waiting["id"],
            "transfer_id": money[3]["id"],
            "payment_id": payments[0]["id"],
            "endpoint_id": endpoint,
            "delivery_id": delivery["id"],
            "event_id": delivery["event"],
            "customer_id": customer,
            "sign_in_id": list_sign_ins(owner.id)[-1].id,
        },
        lists={
            "session_id": [plain["id"], *(a["session"] for a in (paid, short, over, cancelled))],
            "attempt_id": [paid["id"], short["id"], cancelled["id"]],
            "transfer_id": [transfer["id"] for transfer in money[:3]],
            "payment_id": [payment["id"] for payment in payments[1:]],
        },
    )


def _endpoint(till: Till) -> str:
    status, endpoint = till.call(
        "POST", "/webhook-endpoints", {"url": "http://127.0.0.1:1/hook", "enabled_events": ["*"]}
    )
    assert status == 201, endpoint
    return str(endpoint["id"])


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
