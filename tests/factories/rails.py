"""A shop with one rail, spoken to over HTTP: whichever rail it is, the same calls."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import urllib3
from flask import Flask

from checkout.core.db import one, run, unit_of_work
from checkout.core.ids import new_secret
from checkout.merchants.rail_accounts import configure_rail, load_account
from checkout.payments.facts import attempt_facts
from checkout.payments.faults import Fault, plan_faults
from checkout.rails.base import Account, Attempt, Refund
from checkout.rails.registry import get_fake, get_rail
from tests.factories.stores import Shop, make_shop

AMOUNTS = {"VND": 500_000, "KHR": 40_000, "USD": 1_250}
ANSWER_SECONDS = 14.0
"""The product answers within twelve seconds whatever a provider does; some more for the test."""


def currencies_of(rail: str) -> tuple[str, ...]:
    """What the rail carries of the currencies that tests know amounts of."""
    known = get_rail(rail).currencies or tuple(AMOUNTS)
    return tuple(currency for currency in AMOUNTS if currency in known)


def make_rail(shop: Shop, rail: str, **changes: Any) -> str:
    """A committed, enabled account at the rail's pretend provider; returns its id."""
    values = get_fake(rail).demo_settings(lambda: new_secret(18)) | changes
    with unit_of_work():
        return configure_rail(
            shop.store.id, shop.livemode, rail, values, enabled=True, actor="test"
        )


@dataclass
class Stall:
    """One rail's account of a shop at a running server."""

    url: str
    app: Flask
    shop: Shop
    rail: str
    account_id: str
    currency: str

    @property
    def amount(self) -> int:
        return AMOUNTS[self.currency]

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        """One API call with the shop's key; status and JSON."""
        answer = urllib3.request(
            method,
            f"{self.url}/api/v1{path}",
            json=body,
            headers=self.shop.headers,
            timeout=ANSWER_SECONDS,
            retries=False,
        )
        return answer.status, answer.json()

    def make_session(self, **fields: Any) -> str:
        """The id of a new session."""
        given = {"amount": self.amount, "currency": self.currency, "rails": [self.rail]}
        status, session = self.call("POST", "/checkout/sessions", given | fields)
        assert status == 201, session
        return str(session["id"])

    def try_to_start(self, session_id: str) -> tuple[int, dict[str, Any]]:
        return self.call("POST", f"/checkout/sessions/{session_id}/attempts", {"rail": self.rail})

    def start(self, session_id: str) -> dict[str, Any]:
        """A new attempt, as the API shows it."""
        status, attempt = self.try_to_start(session_id)
        assert status == 201, attempt
        return attempt

    def pay(self, attempt_id: str, **fields: Any) -> int:
        """Let the pretend provider pay; how many notices it sent."""
        status, answer = self.call("POST", f"/test/attempts/{attempt_id}/pay", fields)
        assert status == 200, answer
        return int(answer["notices"])

    def check(self, attempt_id: str) -> tuple[int, dict[str, Any]]:
        """Ask the provider about an attempt."""
        return self.call("POST", f"/checkout/attempts/{attempt_id}/check")

    def session(self, session_id: str) -> dict[str, Any]:
        status, session = self.call("GET", f"/checkout/sessions/{session_id}")
        assert status == 200, session
        return session

    def attempt(self, attempt_id: str) -> dict[str, Any]:
        status, attempt = self.call("GET", f"/checkout/attempts/{attempt_id}")
        assert status == 200, attempt
        return attempt

    def advance(self, seconds: int) -> None:
        """Move the shop's test clock; what falls due happens."""
        status, answer = self.call("POST", "/test/clock/advance", {"seconds": seconds})
        assert status == 200, answer

    def plan(
        self,
        *,
        next: Sequence[Fault] = (),  # noqa: A002 - the contract's own word
        always: Fault | None = None,
        drop_hooks: int = 0,
    ) -> None:
        """What the pretend provider does wrong from now on."""
        with self.app.app_context(), unit_of_work():
            plan_faults(self.account_id, next=next, always=always, drop_hooks=drop_hooks)

    def read(self, statement: str, **params: Any) -> list[Any]:
        """Rows of the server's database."""
        with self.app.app_context(), unit_of_work():
            return run(statement, **params)

    def account(self) -> Account:
        """The account as a rail's verbs take it."""
        with self.app.app_context():
            return load_account(self.account_id)[1]

    def facts(self, attempt_id: str) -> Attempt:
        """An attempt as a rail's verbs take it."""
        with self.app.app_context():
            attempt = one("SELECT * FROM attempt WHERE id = %(id)s", id=attempt_id)
            assert attempt is not None
            session = one("SELECT * FROM checkout_session WHERE id = %(id)s", id=attempt.session_id)
            return attempt_facts(attempt, session)

    def refund_of(self, session_id: str, refund_id: str, amount: int | None = None) -> Refund:
        """The facts of giving a paid session's money back."""
        (row,) = self.read(
            "SELECT payment.amount, payment.currency, payment.paid_at, attempt.created_at,"
            " transfer.provider_reference, transfer.details,"
            " attempt.provider_reference AS attempt_reference,"
            " clock_timestamp() AS now FROM payment"
            " JOIN attempt ON attempt.id = payment.attempt_id"
            " JOIN transfer ON transfer.attempt_id = attempt.id"
            " WHERE payment.session_id = %(id)s",
            id=session_id,
        )
        return Refund(
            id=refund_id,
            amount=amount or row.amount,
            currency=row.currency,
            payment_amount=row.amount,
            refunded_before=0,
            provider_reference=row.provider_reference,
            attempt_reference=row.attempt_reference,
            attempt_created_at=row.created_at,
            paid_at=row.paid_at,
            created_at=row.now,
            reason="Changed my mind",
            details=row.details,
        )

    def wait(self, holds: Callable[[], bool], seconds: float = 20.0) -> None:
        """Return as soon as it holds; fail when it does not in time."""
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, f"{self.rail}: it did not come about"
            time.sleep(0.05)


def make_stall(url: str, app: Flask, rail: str, currency: str | None = None) -> Stall:
    """A new shop that offers one rail at the server of `url`, whose database `app` is on."""
    with app.app_context():
        shop = make_shop()
        account_id = make_rail(shop, rail)
    return Stall(url, app, shop, rail, account_id, currency or currencies_of(rail)[0])
