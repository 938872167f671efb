from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from checkout.core.dispatch import dispatch_events
from tests.factories.till import Till, make_till
from tests.support.sockets import threaded_server, wait_for


@pytest.fixture
def till(client: FlaskClient) -> Till:
    """A shop with VietQR."""
    return make_till(client)


@pytest.fixture
def server(app: Flask) -> Iterator[str]:
    """The application on a port; its exchange ends with the test."""
    with threaded_server(app) as address:
        yield address
    if "checkout_exchange" in app.extensions:
        app.extensions.pop("checkout_exchange").listener.stop()


@dataclass
class Buyer:
    """A customer of the till, and what their page needs."""

    till: Till
    id: str
    reference: str | None

    def token(self) -> str:
        status, answer = self.till.call("POST", "/realtime-tokens", {"customer": self.id})
        assert status == 201, answer
        return str(answer["token"])

    def subscribe(self, *channels: str) -> dict[str, Any]:
        """What the page says first."""
        wanted = channels or ("payment_status", "booking_confirmations")
        return {"type": "SUBSCRIBE", "token": self.token(), "channels": list(wanted)}


def make_buyer(till: Till, reference: str | None = "guest-7") -> Buyer:
    given = {"reference": reference} if reference else {"email": "guest@shop.example"}
    session = till.make_session(customer=given)
    dispatch_events()
    return Buyer(till, session["customer"], reference)


@pytest.fixture
def buyer(till: Till) -> Buyer:
    return make_buyer(till)


def listening(app: Flask, count: int = 1) -> None:
    """Return when so many sockets have subscribed and Redis is listened to."""
    wait_for(lambda: "checkout_exchange" in app.extensions)
    exchange = app.extensions["checkout_exchange"]
    assert exchange.listener.subscribed.wait(10)
    wait_for(lambda: sum(map(len, list(exchange.lines.values()))) == count)
