"""Stores, keys and rail accounts for tests."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from checkout.core.db import unit_of_work
from checkout.core.scope import Scope
from checkout.keys.create import create_key
from checkout.merchants.rail_accounts import configure_rail
from checkout.merchants.stores import Store, create_store

_numbers = itertools.count(1)

VIETQR = {
    "bank": "VCB",
    "account_number": "0071000888666",
    "account_name": "HOA MAI",
    "api_key": "pretend-key-for-tests-000000",
}


@dataclass(frozen=True, slots=True)
class Shop:
    """A store with a secret key of one mode."""

    store: Store
    livemode: bool
    key_id: str
    key: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    @property
    def scope(self) -> Scope:
        return Scope(
            self.store.id, self.livemode, self.key_id, f"key:{self.key_id}", self.store.settings
        )


def make_store(**settings: Any) -> Store:
    """A committed store."""
    number = next(_numbers)
    with unit_of_work():
        return create_store(f"Shop {number}", f"shop-{number}", settings, actor="test")


def make_shop(livemode: bool = False, store: Store | None = None, **settings: Any) -> Shop:
    """A committed store with a secret key; calls are limited only far beyond a test's."""
    store = store or make_store(**({"rate_limit_per_minute": 60_000} | settings))
    with unit_of_work():
        row, plain = create_key(store.id, livemode, "secret", "for tests")
    return Shop(store, livemode, row.id, plain)


def make_vietqr(shop: Shop, **values: Any) -> str:
    """A committed, enabled VietQR account of the shop; returns its id."""
    with unit_of_work():
        return configure_rail(
            shop.store.id, shop.livemode, "vietqr", VIETQR | values, enabled=True, actor="test"
        )
