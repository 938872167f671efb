"""Ways to pay that only tests have: at a provider's page, in an app, from a wallet."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Literal

import pytest

from checkout.core.db import one, run, unit_of_work
from checkout.merchants.rail_accounts import configure_rail
from checkout.payments.judge import judge_now
from checkout.payments.notices import store_notices
from checkout.payments.resolve import resolve_transfer
from checkout.rails import registry
from checkout.rails.base import Account, Attempt, HttpClient, Match, Notice, Prompt, Rail
from tests.factories.stores import VIETQR, Shop

PROVIDER = "https://toll.example"


class Toll(Rail):
    """Pays at a page of its provider's."""

    name = "toll"
    label = "Toll"
    currencies: ClassVar[tuple[str, ...]] = ()
    settings = ()
    page = f"{PROVIDER}/pay"

    def page_origins(self, account: Account) -> tuple[str, ...]:
        return (PROVIDER,)

    def open(self, attempt: Attempt, account: Account, http: HttpClient, now: datetime) -> Prompt:
        return Prompt(
            kind="redirect",
            redirect_url=f"{self.page}?order={attempt.memo}&ip={attempt.payer_address}",
        )

    def read_return(
        self, query: Mapping[str, str], account: Account
    ) -> Literal["done", "cancelled", "unknown"]:
        answers: dict[str, Literal["done", "cancelled"]] = {"1": "done", "0": "cancelled"}
        return answers.get(query.get("status", ""), "unknown")


class Bridge(Toll):
    """Pays in an app, by a code that lapses and is renewed."""

    name = "bridge"
    label = "Bridge"
    opens_app = True
    renews = True
    page_origins = Rail.page_origins

    def open(self, attempt: Attempt, account: Account, http: HttpClient, now: datetime) -> Prompt:
        return Prompt(
            kind="transfer",
            qr_payload=f"bridge:{attempt.memo}:{now.timestamp():.0f}",
            transfer_details={"account_number": "shop@bank", "account_name": "HOA MAI"},
            expires_at=now + timedelta(minutes=10),
        )


class Purse(Rail):
    """Pays at once from what the customer has."""

    name = "wallet"
    label = "Purse"
    currencies: ClassVar[tuple[str, ...]] = ()
    settings = ()
    instant = True


def add_ways(monkeypatch: pytest.MonkeyPatch, *rails: Rail) -> None:
    """Let these be ways to pay until the test is over."""
    own = {rail.name: rail for rail in rails}
    monkeypatch.setattr(registry, "_own", {**registry._own, **own})


def offer(shop: Shop, *rails: str) -> None:
    """The shop takes these ways too, where they need no settings."""
    with unit_of_work():
        for rail in rails:
            configure_rail(shop.store.id, shop.livemode, rail, {}, enabled=True, actor="test")


def offer_everything(shop: Shop) -> None:
    """The shop has an account at every pretend provider there is, and takes wallets."""
    with unit_of_work():
        for rail in registry.folders():
            settings = registry.get_fake(rail).demo_settings(lambda: secrets.token_urlsafe(24))
            configure_rail(shop.store.id, shop.livemode, rail, settings, enabled=True, actor="test")
    offer(shop, "wallet")


def fill_wallet(customer_id: str, balance: int, currency: str = "VND") -> None:
    """A wallet that holds so much: money that nobody expected, given to the customer."""
    if balance == 0:
        return
    customer = one("SELECT store_id, livemode FROM customer WHERE id = %(id)s", id=customer_id)
    whose = {"store_id": customer.store_id, "livemode": customer.livemode}
    gift = Notice(
        provider_reference=secrets.token_hex(8),
        source="hook",
        outcome="succeeded",
        amount=balance,
        currency=currency,
        matches=(Match("code", "A GIFT"),),
        occurred_at=datetime.now(UTC),
        raw=b"{}",
    )
    with unit_of_work():
        ((inbox_id, _),) = store_notices(_vietqr_account(whose), [gift])
    judge_now([inbox_id])
    transfer = one("SELECT id FROM transfer WHERE inbox_id = %(id)s", id=inbox_id)
    with unit_of_work():
        resolve_transfer(
            transfer.id,
            action="credit_wallet",
            note="A gift",
            customer_id=customer_id,
            actor="test",
            now=datetime.now(UTC),
            **whose,
        )


def _vietqr_account(whose: Mapping[str, Any]) -> Any:
    """The store's account with a bank, made where there is none."""
    wanted = (
        "SELECT * FROM rail_account WHERE store_id = %(store_id)s AND livemode = %(livemode)s"
        " AND rail = 'vietqr' AND superseded_at IS NULL"
    )
    found = one(wanted, **whose)
    if found is None:
        configure_rail(*whose.values(), "vietqr", VIETQR, enabled=True, actor="test")
        found = one(wanted, **whose)
    return found


def make_slow(shop: Shop, rail: str, *, failures: int = 5, rested_minutes: int = 0) -> None:
    """The provider of the shop's account on a rail has not answered lately."""
    values: dict[str, Any] = {"failures": failures, "minutes": rested_minutes}
    with unit_of_work():
        run(
            "INSERT INTO rail_health (rail_account_id, failures, resting_until)"
            " SELECT id, %(failures)s, clock_timestamp() - make_interval(mins => %(minutes)s)"
            " FROM rail_account WHERE rail = %(rail)s AND store_id = %(store_id)s"
            " ON CONFLICT (rail_account_id) DO UPDATE SET failures = excluded.failures,"
            " resting_until = excluded.resting_until",
            rail=rail,
            store_id=shop.store.id,
            **values,
        )
