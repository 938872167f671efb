"""Members of stores, with the headers of their calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from checkout.core.db import unit_of_work
from checkout.merchants.members import add_member
from tests.factories.people import bearer, make_user, sign_in
from tests.factories.stores import make_store


@dataclass(frozen=True, slots=True)
class Member:
    """A signed-in user of a store."""

    user: Any
    store_id: str
    token: dict[str, str]

    def headers(self, mode: str = "test", store_id: str | None = None) -> dict[str, str]:
        return {**self.token, "X-Store": store_id or self.store_id, "X-Mode": mode}

    @property
    def path(self) -> str:
        return f"/api/v1/stores/{self.store_id}"


def make_member(role: str = "owner", store_id: str | None = None) -> Member:
    """A committed member of a store, which is made where none is given."""
    store_id = store_id or make_store(rate_limit_per_minute=60_000).id
    user = make_user()
    with unit_of_work():
        add_member(store_id, user.id, role)
    return Member(user, store_id, bearer(sign_in(user)))
