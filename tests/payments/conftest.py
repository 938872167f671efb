from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from checkout.core.http import HttpAnswer
from checkout.payments import simulate
from checkout.rails import client as rails_client
from checkout.rails import registry
from tests.factories.asking import NAME, AskedRail
from tests.factories.books import check_books
from tests.factories.till import Till, make_till


@pytest.fixture
def till(client: FlaskClient) -> Iterator[Till]:
    """A shop with VietQR; after the test the books must add up."""
    yield make_till(client)
    check_books()


@pytest.fixture
def asked(session_app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Carries calls between us and the pretend providers without a network.

    Gives the paths that the rails have asked for.
    """
    paths: list[str] = []

    def carry(
        method: str, url: str, *, headers: Any = None, body: bytes | None = None, **_: Any
    ) -> HttpAnswer:
        parts = urlsplit(url)
        with session_app.app_context():
            answer = session_app.test_client().open(
                f"{parts.path}?{parts.query}", method=method, headers=dict(headers), data=body
            )
        lower = {name.lower(): value for name, value in answer.headers.items()}
        return HttpAnswer(answer.status_code, lower, answer.data)

    def ask(method: str, url: str, **fields: Any) -> HttpAnswer:
        paths.append(urlsplit(url).path)
        return carry(method, url, **fields)

    monkeypatch.setattr(rails_client, "send", ask)
    monkeypatch.setattr(simulate, "send", carry)
    return paths


@pytest.fixture
def provider() -> Iterator[AskedRail]:
    """A way to pay whose provider only answers questions."""
    rail = AskedRail()
    registry.add_rail(rail)
    yield rail
    rail.hold.set()
    del registry._own[NAME]
