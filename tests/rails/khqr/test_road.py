"""KHQR at a running server: codes that follow each other, the bank app's page, the token."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import urllib3

from checkout.core.db import run, unit_of_work
from checkout.payments.shelf import DatabaseShelf
from checkout.rails.khqr.fake_book import Payment, record_payment
from checkout.rails.khqr.reading import read_payload
from checkout.rails.khqr.token import token_end
from tests.factories.books import check_books
from tests.factories.rails import Stall, make_rail, make_stall
from tests.rails.khqr.sample import make_token
from tests.support.live import LiveServer

PAID = ("completed", "paid")


@pytest.fixture
def stall(live_server: LiveServer) -> Iterator[Stall]:
    """A shop that takes dollars by KHQR; after the test the books must add up."""
    yield make_stall(live_server.url, live_server.app, "khqr", "USD")
    with live_server.app.app_context():
        check_books()


def status_of(stall: Stall, attempt: dict[str, Any]) -> tuple[str, str]:
    session = stall.session(attempt["session"])
    return session["status"], session["payment_status"]


def link_of(stall: Stall, attempt: dict[str, Any]) -> str:
    """Where the button of the bank app leads, as soon as it is there."""
    stall.wait(lambda: bool(stall.attempt(attempt["id"])["deeplinks"]))
    (link,) = stall.attempt(attempt["id"])["deeplinks"]
    return str(link["url"])


def let_run_out(stall: Stall, attempt: dict[str, Any]) -> dict[str, Any]:
    """The attempt after its code has been followed by another one."""
    with stall.app.app_context(), unit_of_work():
        run(
            "UPDATE attempt SET prompt = prompt || jsonb_build_object('expires_at',"
            " clock_timestamp() + interval '5 seconds') WHERE id = %(id)s",
            id=attempt["id"],
        )
    before = attempt["provider_reference"]
    stall.wait(lambda: stall.attempt(attempt["id"])["provider_reference"] != before)
    return stall.attempt(attempt["id"])


def press_pay(url: str) -> urllib3.BaseHTTPResponse:
    """What a browser sends when the shopper presses the button of the pretend bank app."""
    return urllib3.request(
        "POST",
        url,
        body=b"choice=pay",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        redirect=False,
    )


def test_money_on_a_code_that_has_been_followed_by_another_counts(stall: Stall) -> None:
    first = stall.start(stall.make_session(duration_minutes=60))
    url = link_of(stall, first)

    second = let_run_out(stall, first)
    page = urllib3.request("GET", url)
    pressed = press_pay(url)
    assert stall.check(first["id"])[0] == 200

    assert second["code"] == first["code"]
    bills = [read_payload(one["qr"]["payload"]).bill_number for one in (first, second)]
    assert bills == [first["transfer_memo"]] * 2
    assert page.status == 200
    assert "12,50" in page.data.decode()
    assert (pressed.status, pressed.headers["Location"]) == (
        303,
        f"{stall.url}/return/khqr/{first['id']}",
    )
    assert status_of(stall, first) == PAID
    assert stall.attempt(first["id"])["status"] == "succeeded"


def test_the_newest_code_is_paid_where_the_payer_sees_it(stall: Stall) -> None:
    attempt = let_run_out(stall, stall.start(stall.make_session(duration_minutes=60)))

    url = link_of(stall, attempt)
    press_pay(url)

    assert url.endswith(attempt["provider_reference"])
    stall.wait(lambda: status_of(stall, attempt) == PAID)


@pytest.mark.parametrize(
    ("currency", "to_account", "disposition"),
    [("KHR", None, "wrong_currency"), ("USD", "someone@else", "wrong_account")],
)
def test_money_that_is_not_what_was_asked_for_is_held(
    stall: Stall, currency: str, to_account: str | None, disposition: str
) -> None:
    attempt = stall.start(stall.make_session())
    md5 = attempt["provider_reference"]
    account = stall.account()
    if to_account:
        settings = {**account.settings, "bakong_account_id": to_account}
        account = replace(account, settings=settings)
    with stall.app.app_context(), unit_of_work():
        paid = Payment(md5, stall.amount, currency, None, datetime.now(UTC))
        record_payment(DatabaseShelf(account.id), paid, account)
    stall.check(attempt["id"])

    stall.wait(lambda: bool(stall.call("GET", "/transfers")[1]["data"]))
    (transfer,) = stall.call("GET", "/transfers")[1]["data"]
    assert (transfer["disposition"], transfer["amount_held"]) == (disposition, stall.amount)
    assert status_of(stall, attempt) == ("processing", "unpaid")


def test_a_token_that_has_run_out_is_renewed_and_kept(stall: Stall) -> None:
    with stall.app.app_context():
        stall.account_id = make_rail(
            stall.shop, "khqr", token=make_token(datetime.now(UTC) - timedelta(days=1))
        )
    attempt = stall.start(stall.make_session())
    stall.pay(attempt["id"])

    # Whoever comes first, this question or the monitor's, has the token renewed.
    stall.check(attempt["id"])
    stall.wait(lambda: status_of(stall, attempt) == PAID)

    ends_at = token_end(str(stall.account().settings["token"]))
    assert ends_at is not None
    assert ends_at > datetime.now(UTC) + timedelta(days=80)
    (row,) = stall.read("SELECT rail_account_id FROM attempt WHERE id = %(id)s", id=attempt["id"])
    assert row.rail_account_id == stall.account_id
