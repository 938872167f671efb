"""An application with operations of its own, to test what all operations have in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Blueprint, Flask
from flask.testing import FlaskClient
from pydantic import BaseModel

from checkout import create_app
from checkout.core.api import OPERATIONS, Call, operation
from checkout.core.body import Body
from checkout.core.db import db, execute, one, unit_of_work
from checkout.core.errors import conflict, provider_problem
from checkout.core.fields import Amount, Currency, Metadata
from checkout.core.ids import new_id
from checkout.core.lists import ListOf, ListQuery, list_page
from tests.factories.stores import Shop, make_shop
from tests.support.database import empty_database
from tests.support.settings import make_config


class ThingGiven(Body):
    amount: Amount
    currency: Currency = "VND"
    name: str | None = None
    metadata: Metadata = {}  # noqa: RUF012 - pydantic copies it


class Thing(BaseModel):
    id: str
    amount: int


def make_operations(blueprint: Blueprint) -> None:
    """Things are kept as customers' rows: a table with a store, a mode and an id."""

    def insert(call: Call) -> str:
        thing_id = new_id("cus")
        execute(
            "INSERT INTO customer (id, store_id, livemode, name)"
            " VALUES (%(id)s, %(store_id)s, %(livemode)s, %(name)s)",
            id=thing_id,
            store_id=call.scope.store_id,
            livemode=call.scope.livemode,
            name=call.body.name,
        )
        return thing_id

    def told(name: str, **more: Any) -> Any:
        return {"summary": name, "answer": Thing, "tag": "things", "body": ThingGiven, **more}

    @operation(blueprint, "POST", "/things", **told("Make", status=201))
    def make_thing(call: Call) -> dict[str, Any]:
        if call.body.name == "conflict":
            insert(call)
            raise conflict("thing_taken", "taken")
        if call.body.name == "crash":
            insert(call)
            raise ZeroDivisionError
        if call.body.name == "provider":
            raise provider_problem("provider_unavailable", "away")
        return {"id": insert(call), "amount": call.body.amount}

    @operation(blueprint, "POST", "/outside-things", **told("Make outside", outside=True))
    def make_outside(call: Call) -> dict[str, Any]:
        with unit_of_work():
            thing_id = insert(call)
        answer = {"id": thing_id, "amount": call.body.amount}
        if call.body.name == "keep":
            with unit_of_work():
                call.keep(answer)
        return answer

    @operation(
        blueprint, "GET", "/things", summary="L", answer=ListOf[Thing], tag="t", query=ListQuery
    )
    def list_things(call: Call) -> dict[str, Any]:
        return list_page(
            table="customer", scope=call.scope, query=call.query, render=lambda row: {"id": row.id}
        )

    @operation(blueprint, "GET", "/things/<thing_id>", summary="Read", answer=Thing, tag="t")
    def read_thing(call: Call, thing_id: str) -> dict[str, Any]:
        return {"id": thing_id, "amount": 1}

    @operation(blueprint, "POST", "/things/<thing_id>/poke", summary="P", answer=Thing, tag="t")
    def poke_thing(call: Call, thing_id: str) -> dict[str, Any]:
        return {"id": thing_id, "amount": 1}

    @operation(blueprint, "GET", "/open", summary="Open", answer=Thing, tag="t", surface="public")
    def read_open(call: Call) -> dict[str, Any]:
        return {"id": "open", "amount": 1}


@pytest.fixture(scope="session")
def made_api_app(database_url: str, redis_server: Any) -> Iterator[Flask]:
    app = create_app(make_config(database_url=database_url, redis_url=redis_server.url))
    before = len(OPERATIONS)
    blueprint = Blueprint("things", __name__, url_prefix="/api/v1")
    make_operations(blueprint)
    # They are this application's alone: other tests ask what the product has.
    del OPERATIONS[before:]
    app.register_blueprint(blueprint)
    app.add_url_rule("/page", view_func=lambda: "<p>page</p>", endpoint="page")
    app.add_url_rule("/boom", view_func=lambda: 1 / 0, endpoint="boom")
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def api_app(made_api_app: Flask, database_url: str, redis_server: Any) -> Iterator[Flask]:
    """Without a pushed context, as requests in production have it."""
    import redis

    yield made_api_app
    empty_database(database_url)
    made_api_app.extensions["checkout_limits"].__init__()
    made_api_app.extensions["checkout_refusals"].clear()
    made_api_app.extensions["checkout_redis"].down_until = 0.0
    with redis.Redis.from_url(redis_server.url) as connection:
        connection.flushdb()


@pytest.fixture
def api(api_app: Flask) -> FlaskClient:
    return api_app.test_client()


@pytest.fixture
def shop(api_app: Flask) -> Shop:
    with api_app.app_context():
        return make_shop()


@pytest.fixture
def count_things(api_app: Flask) -> Any:
    def count() -> int:
        with api_app.app_context():
            row = one("SELECT count(*) AS found FROM customer")
            return int(row.found) if row is not None else 0

    return count
