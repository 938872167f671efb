"""Money that moves while no worker of ours runs is found when one starts."""

from __future__ import annotations

import pytest

from checkout.rails.registry import folders
from tests.factories.books import check_books
from tests.factories.rails import make_stall

pytestmark = pytest.mark.kill


def test_what_was_paid_without_us_is_found_by_the_first_worker(own_server):
    server = own_server("web")
    stalls = [make_stall(server.url, server.app, rail) for rail in folders()]
    sessions = []
    for stall in stalls:
        session_id = stall.make_session()
        attempt = stall.start(session_id)
        stall.plan(drop_hooks=5)
        stall.pay(attempt["id"])
        assert stall.read("SELECT id FROM inbox WHERE rail = %(rail)s", rail=stall.rail) == []
        sessions.append(session_id)
    server.start("worker")

    for stall, session_id in zip(stalls, sessions, strict=True):
        stall.wait(lambda s=stall, id_=session_id: s.session(id_)["status"] == "completed", 60)
    with server.app.app_context():
        check_books()
