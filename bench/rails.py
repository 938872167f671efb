"""Notices settled per second on every rail that is told of money, through the rail's own hook."""

from __future__ import annotations

from typing import Any

from bench.figures import Limit, Report
from bench.load import Load, request, run_load
from bench.run import Run
from bench.shop import AMOUNT, Shop, make_shop
from bench.stack import Installation, installation
from checkout.core import clock, ids
from checkout.core.db import one, unit_of_work
from checkout.merchants.rail_accounts import configure_rail, load_account
from checkout.merchants.stores import load_store
from checkout.payments.facts import attempt_facts
from checkout.payments.shelf import DatabaseShelf
from checkout.payments.start import start_attempt
from checkout.rails.registry import folders, get_fake, get_rail
from checkout.sessions.create import create_session
from checkout.sessions.schemas import CreateSession

CLIENTS = 32
FIRST = "vietqr"
"""The rail with which the others are compared."""


def measure(run: Run) -> Report:
    """Every rail's pretend provider tells of money by 32 clients; each is settled once."""
    report = Report("notices of every rail")
    count = run.pick(600, 100)
    compared: Limit | None = None
    with installation(run.cluster, "rails", "web", "worker", "scheduler") as place:
        shop = make_shop(place, livemode=False)
        for rail in sorted(folders(), key=lambda name: name != FIRST):
            run.progress.say(f"rails: {count} attempts on {rail}")
            calls = _make_notices(place, shop, rail, count)
            if not calls:
                continue
            answers = run_load(Load(place.address, calls, CLIENTS, seconds=120, once=True))
            rate = count / answers.seconds
            report.add(f"{rail}: notices settled", rate, "/s", None, *filter(None, [compared]))
            compared = compared or Limit(rail, rate)
            report.faults += answers.faults(rail, 200)
            paid = _count_paid(place, shop, rail)
            report.expect(paid == count, f"{rail}: {paid} payments, {count} expected")
    return report


def _make_notices(place: Installation, shop: Shop, rail: str, count: int) -> list[bytes]:
    """The requests that the rail's pretend provider would send for so many paid attempts.

    Empty for a rail whose provider tells of nothing and has to be asked.
    """
    with place.app.app_context():
        with unit_of_work():
            fields = get_fake(rail).demo_settings(lambda: ids.new_secret(18))
            configure_rail(shop.store_id, False, rail, fields, enabled=True, actor="command")
        notices = []
        for _ in range(count):
            found = _pay(_start(shop, rail))
            if not found:
                return []
            notices += found
        return notices


def _start(shop: Shop, rail: str) -> Any:
    found = get_rail(rail)
    currency = "VND" if "VND" in found.currencies or not found.currencies else found.currencies[0]
    given = CreateSession(amount=AMOUNT, currency=currency, rails=[rail], duration_minutes=60)
    with unit_of_work():
        session, _ = create_session(
            given.model_dump(),
            store_id=shop.store_id,
            livemode=False,
            settings=load_store(shop.store_id).settings,
            actor="command",
        )
    return start_attempt(session["id"], rail, actor="command")


def _pay(attempt: Any) -> list[bytes]:
    with unit_of_work():
        session = one("SELECT * FROM checkout_session WHERE id = %(id)s", id=attempt.session_id)
        _, account = load_account(attempt.rail_account_id)
        calls = get_fake(attempt.rail).pay(
            attempt_facts(attempt, session),
            account,
            DatabaseShelf(account.id),
            amount=attempt.amount,
            memo=None,
            outcome="success",
            now=clock.now(attempt.store_id, livemode=False),
            sent_at=clock.utc_now(),
        )
    return [request(c.method, c.path, body=c.body, headers=dict(c.headers)) for c in calls]


def _count_paid(place: Installation, shop: Shop, rail: str) -> int:
    with place.connect() as connection:
        row = connection.execute(
            "SELECT count(*) FROM payment WHERE store_id = %s AND rail = %s",
            (shop.store_id, rail),
        ).fetchone()
    return int(row[0]) if row else 0
