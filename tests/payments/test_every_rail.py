"""The one road of money on every rail: over its own hook, or asked for where it has none."""

from __future__ import annotations

from typing import Any

import pytest
import urllib3

from checkout.merchants.rail_accounts import forget_accounts
from checkout.rails.registry import folders, get_rail
from tests.factories.books import check_books
from tests.factories.rails import Stall, currencies_of, make_rail, make_stall
from tests.support.live import LiveServer

PAID = ("completed", "paid")
WAITING = ("open", "processing", "awaiting_action")
MINUTES = 60

every_way = pytest.mark.parametrize(
    ("rail", "currency"), [(rail, money) for rail in folders() for money in currencies_of(rail)]
)
every_rail = pytest.mark.parametrize("rail", folders())


@pytest.fixture
def stall(live_server: LiveServer, request: pytest.FixtureRequest) -> Any:
    """A shop with the test's rail; after the test the books must add up."""
    given = request.node.callspec.params
    yield make_stall(live_server.url, live_server.app, given["rail"], given.get("currency"))
    with live_server.app.app_context():
        check_books()


def start(stall: Stall, **fields: Any) -> dict[str, Any]:
    return stall.start(stall.make_session(**fields))


def status_of(stall: Stall, attempt: dict[str, Any]) -> tuple[str, str]:
    session = stall.session(attempt["session"])
    return session["status"], session["payment_status"]


def hear(stall: Stall, attempt: dict[str, Any], notices: int) -> None:
    """Whatever the provider knows of an attempt is known here: by its hook, else by asking."""
    if notices == 0:
        status, answer = stall.check(attempt["id"])
        assert status == 200, answer
    # The worker may be at it at this moment.
    stall.wait(lambda: not stall.read("SELECT FROM inbox WHERE judged_at IS NULL"))


def pay(stall: Stall, attempt: dict[str, Any], **fields: Any) -> None:
    hear(stall, attempt, stall.pay(attempt["id"], **fields))


def transfers(stall: Stall) -> list[dict[str, Any]]:
    status, answer = stall.call("GET", "/transfers?limit=100")
    assert status == 200, answer
    return list(answer["data"])


def events(stall: Stall) -> list[str]:
    rows = stall.read(
        "SELECT type FROM outbox WHERE store_id = %(id)s ORDER BY id", id=stall.shop.store.id
    )
    return [row.type for row in rows]


def balances(stall: Stall) -> dict[str, int]:
    rows = stall.read(
        "SELECT kind, balance FROM account WHERE store_id = %(id)s AND balance <> 0",
        id=stall.shop.store.id,
    )
    return {row.kind: row.balance for row in rows}


@every_way
def test_money_that_is_exact(stall, rail, currency):
    attempt = start(stall, reference="BK-1")
    assert stall.session(attempt["session"])["status"] in ("processing", "awaiting_action")

    pay(stall, attempt)

    assert status_of(stall, attempt) == PAID
    assert stall.attempt(attempt["id"])["status"] == "succeeded"
    (payment,) = stall.call("GET", "/payments")[1]["data"]
    assert (payment["amount"], payment["currency"]) == (stall.amount, currency)
    assert (payment["rail"], payment["attempt"]) == (rail, attempt["id"])
    assert payment["reference"] == "BK-1"
    (transfer,) = transfers(stall)
    assert (transfer["disposition"], transfer["amount_held"]) == ("matched", 0)
    assert balances(stall) == {f"clearing:{rail}": -stall.amount, "store_balance": stall.amount}
    assert {"checkout.session.completed", "payment.completed"} <= set(events(stall))


@every_way
def test_money_told_again(stall, rail, currency):
    attempt = start(stall)
    pay(stall, attempt)
    stall.check(attempt["id"])
    pay(stall, attempt)

    assert status_of(stall, attempt)[0] == "completed"
    assert events(stall).count("payment.completed") == 1
    assert len(stall.call("GET", "/payments")[1]["data"]) == 1
    # A second movement of money is held for a person; the same one told again is nothing new.
    first, *more = reversed(transfers(stall))
    assert (first["disposition"], first["amount_held"]) == ("matched", 0)
    assert all((t["disposition"], t["amount_held"]) == ("duplicate", stall.amount) for t in more)


@every_rail
def test_money_in_two_movements_at_once(stall, rail):
    attempt = start(stall)
    pay(stall, attempt, times=2)

    assert status_of(stall, attempt)[0] == "completed"
    assert len(stall.call("GET", "/payments")[1]["data"]) == 1
    assert sum(one["disposition"] == "matched" for one in transfers(stall)) == 1


@every_rail
def test_money_that_is_short(stall, rail):
    attempt = start(stall)
    pay(stall, attempt, amount=stall.amount * 4 // 10)

    (transfer,) = transfers(stall)
    if transfer["amount"] == stall.amount:
        # A provider whose orders are paid whole or not at all.
        assert status_of(stall, attempt) == PAID
        return
    assert transfer["disposition"] == "partial"
    session = stall.session(attempt["session"])
    assert (session["status"] in WAITING, session["payment_status"]) == (True, "partially_paid")
    assert session["amount_due"] == stall.amount - transfer["amount"]
    assert stall.call("GET", "/payments")[1]["data"] == []


@every_rail
def test_money_that_is_over(stall, rail):
    attempt = start(stall)
    pay(stall, attempt, amount=stall.amount + stall.amount // 10)

    (transfer,) = transfers(stall)
    assert status_of(stall, attempt)[0] == "completed"
    if transfer["amount"] == stall.amount:
        return
    assert (transfer["disposition"], transfer["amount_held"]) == ("over", stall.amount // 10)
    assert balances(stall)["suspense"] == stall.amount // 10


@every_rail
def test_money_within_the_grace(stall, rail):
    attempt = start(stall)
    stall.advance(16 * MINUTES)
    # Whoever held the session when the clock moved leaves it to the next sweep.
    stall.wait(lambda: status_of(stall, attempt)[0] == "expired")

    pay(stall, attempt)

    assert status_of(stall, attempt) == PAID
    assert stall.session(attempt["session"])["payment"]["late"] is True


@every_rail
def test_money_after_the_grace(stall, rail):
    attempt = start(stall)
    stall.advance(60 * MINUTES)
    pay(stall, attempt)

    # Whoever held the session when the clock moved leaves it to the next sweep.
    stall.wait(lambda: status_of(stall, attempt)[0] == "expired")
    assert [(one["disposition"], one["amount_held"]) for one in transfers(stall)] == [
        ("late", stall.amount)
    ]


@every_rail
def test_a_payment_that_fails(stall, rail):
    attempt = start(stall)
    hear(stall, attempt, stall.pay(attempt["id"], outcome="failure"))

    session = stall.session(attempt["session"])
    assert (session["status"] in WAITING, session["payment_status"]) == (True, "unpaid")
    assert transfers(stall) == []
    shown = stall.attempt(attempt["id"])
    # Rails of plain transfers know no failure: nothing moved, nothing is told.
    if shown["status"] == "failed":
        assert shown["failure"]["code"]
        assert session["attempts"] == 1
        assert "payment.failed" in events(stall)


@every_rail
def test_a_failure_after_the_success_undoes_nothing(stall, rail):
    attempt = start(stall)
    pay(stall, attempt)
    hear(stall, attempt, stall.pay(attempt["id"], outcome="failure"))

    assert status_of(stall, attempt) == PAID
    assert stall.attempt(attempt["id"])["status"] == "succeeded"
    assert "payment.failed" not in events(stall)


@every_rail
def test_a_success_after_the_failure_counts(stall, rail):
    attempt = start(stall)
    hear(stall, attempt, stall.pay(attempt["id"], outcome="failure"))
    pay(stall, attempt)

    assert status_of(stall, attempt) == PAID
    assert stall.attempt(attempt["id"])["status"] == "succeeded"


@pytest.mark.parametrize("rail", [rail for rail in folders() if not get_rail(rail).ends_on_failure])
def test_a_success_that_nobody_told_of_is_found_behind_the_failure(stall, rail):
    attempt = start(stall)
    hear(stall, attempt, stall.pay(attempt["id"], outcome="failure"))
    stall.check(attempt["id"])
    stall.plan(drop_hooks=9)
    stall.pay(attempt["id"])

    hear(stall, attempt, 0)

    assert status_of(stall, attempt) == PAID
    assert stall.attempt(attempt["id"])["status"] == "succeeded"


@every_rail
def test_money_on_an_attempt_that_was_left(stall, rail):
    session = stall.make_session()
    left, live = stall.start(session), stall.start(session)
    assert stall.attempt(left["id"])["status"] == "superseded"

    pay(stall, left)

    assert status_of(stall, left) == PAID
    pay(stall, live)
    assert [one["disposition"] for one in transfers(stall)] == ["duplicate", "matched"]


@pytest.mark.parametrize("rail", [rail for rail in folders() if not get_rail(rail).lists])
def test_money_nobody_told_of_is_found_by_itself(stall, rail):
    attempt = start(stall)
    stall.plan(drop_hooks=9)
    assert stall.pay(attempt["id"]) == 0

    stall.wait(lambda: status_of(stall, attempt) == PAID, seconds=30)


@every_rail
@pytest.mark.parametrize("outcome", ["success", "failure"])
def test_what_is_told_at_the_address_of_an_account_before(stall, rail, outcome):
    """Changed settings make another account; providers go on calling the address they know."""
    first_address = f"/hooks/{rail}/{stall.account_id}"
    with stall.app.app_context():
        stall.account_id = make_rail(stall.shop, rail, attempt_minutes=20)
        forget_accounts()
    attempt = start(stall)
    assert first_address != f"/hooks/{rail}/{stall.account_id}"
    stall.pay(attempt["id"], outcome=outcome, delay_seconds=3_600)

    called = stall.read(
        "SELECT call, body FROM fake_delivery WHERE rail_account_id = %(id)s", id=stall.account_id
    )
    for row in called:
        path = row.call["path"].replace(f"/hooks/{rail}/{stall.account_id}", first_address)
        answer = urllib3.request(
            row.call["method"],
            stall.url + path,
            headers=row.call["headers"],
            body=bytes(row.body) or None,
        )
        assert answer.status == 200, answer.data
    if outcome == "failure":
        # Some providers tell of no failure by themselves.
        assert not called or stall.attempt(attempt["id"])["status"] == "failed"
        return
    hear(stall, attempt, 0)

    assert status_of(stall, attempt) == PAID
    assert [one["disposition"] for one in transfers(stall)] == ["matched"]
