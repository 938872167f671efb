"""The pretend VNPay's page over HTTP, as a shopper's browser sees it."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
import urllib3

from tests.factories.books import check_books
from tests.factories.rails import Stall, make_stall
from tests.support.live import LiveServer


@pytest.fixture
def stall(live_server: LiveServer) -> Any:
    """A shop that takes VNPay; after the test the books must add up."""
    yield make_stall(live_server.url, live_server.app, "vnpay")
    with live_server.app.app_context():
        check_books()


def browse(method: str, url: str, **fields: Any) -> urllib3.BaseHTTPResponse:
    return urllib3.request(method, url, redirect=False, retries=False, timeout=14.0, **fields)


def press(stall: Stall, page: str, choice: str) -> str:
    """Send the form of VNPay's page; where the browser is led."""
    shown = browse("GET", page)
    assert shown.status == 200
    action = re.search(r'action="([^"]+)"', shown.data.decode())
    assert action is not None
    url = stall.url + html.unescape(action[1])
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = browse("POST", url, body=f"choice={choice}", headers=form)
    assert answer.status == 303
    return answer.headers["Location"]


@pytest.mark.parametrize(
    ("choice", "session", "attempt"),
    [
        ("pay", "completed", "succeeded"),
        ("twice", "completed", "succeeded"),
        ("decline", "open", "failed"),
        ("cancel", "open", "failed"),
        ("hold", "awaiting_action", "requires_action"),
        ("leave", "awaiting_action", "requires_action"),
    ],
)
def test_vnpay_has_told_us_before_the_shopper_is_back(
    stall: Stall, choice: str, session: str, attempt: str
) -> None:
    started = stall.start(stall.make_session())

    back = press(stall, started["redirect_url"], choice)

    assert stall.session(started["session"])["status"] == session
    assert stall.attempt(started["id"])["status"] == attempt
    assert back.startswith(f"{stall.url}/return/vnpay/{started['id']}")
    assert browse("GET", back).status == 303


def test_a_shopper_who_failed_may_pay_on_the_same_page(stall: Stall) -> None:
    started = stall.start(stall.make_session())

    press(stall, started["redirect_url"], "decline")
    press(stall, started["redirect_url"], "pay")

    assert stall.session(started["session"])["status"] == "completed"
    assert browse("GET", started["redirect_url"]).status == 303


def test_the_page_ends_with_the_attempt(stall: Stall) -> None:
    started = stall.start(stall.make_session())
    stall.advance(16 * 60)

    assert browse("GET", started["redirect_url"]).status == 400
