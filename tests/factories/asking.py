"""A pretend way to pay whose provider only answers questions, and time that passes at will."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from checkout.core import ids
from checkout.core.db import execute, unit_of_work
from checkout.merchants.rail_accounts import configure_rail
from checkout.rails.base import (
    Account,
    Attempt,
    HttpClient,
    Match,
    Notice,
    Prompt,
    Rail,
    RailError,
    Setting,
)
from tests.factories.books import read
from tests.factories.stores import Shop

NAME = "asked"


class AskedRail(Rail):
    """Knows what was paid under which reference, and tells only who asks."""

    name = NAME
    label = "Asked"
    currencies = ("VND",)
    settings = (Setting("token", kind="secret", required=True),)
    ask_seconds: ClassVar[tuple[int, ...]] = (2, 4, 8, 16, 30)
    ask_at_once: ClassVar[int] = 50
    asks_per_minute: ClassVar[int] = 60
    renews: ClassVar[bool] = True
    closes: ClassVar[bool] = False

    def __init__(self) -> None:
        self.paid: dict[str, str] = {}
        """Reference → outcome that the provider tells of it."""
        self.everything: str | None = None
        """The outcome of every reference, without naming them."""
        self.error: RailError | None = None
        self.calls: list[list[str]] = []
        self.closed: list[str] = []
        self.tokens: list[str] = []
        """With which token each call came."""
        self.fresh_token: str | None = None
        self.hold = threading.Event()
        self.hold.set()
        self._lock = threading.Lock()

    def provider_url(self, settings: Mapping[str, Any], livemode: bool) -> str:
        return "https://asked.example"

    def accounts_of(self, account: Account) -> frozenset[str]:
        return frozenset()

    def reference_of(self, attempt: Attempt, account: Account) -> str | None:
        return f"ref-{attempt.memo}"

    def open(self, attempt: Attempt, account: Account, http: HttpClient, now: datetime) -> Prompt:
        return Prompt(kind="transfer", provider_reference=f"ref-{attempt.memo}")

    def check(
        self, attempts: Sequence[Attempt], account: Account, http: HttpClient, now: datetime
    ) -> Sequence[Notice]:
        with self._lock:
            self.calls.append([str(attempt.provider_reference) for attempt in attempts])
            self.tokens.append(str(account.settings["token"]))
        self.hold.wait(10)
        if self.error is not None and self.tokens[-1] != self.fresh_token:
            raise self.error
        return [notice for attempt in attempts if (notice := self._notice(attempt)) is not None]

    def close(
        self, attempt: Attempt, account: Account, http: HttpClient, now: datetime
    ) -> Sequence[Notice]:
        self.closed.append(str(attempt.provider_reference))
        if self.error is not None:
            raise self.error
        notice = self._notice(attempt)
        return [] if notice is None else [notice]

    def renew_settings(
        self, account: Account, http: HttpClient, now: datetime
    ) -> Mapping[str, Any]:
        return {} if self.fresh_token is None else {"token": self.fresh_token}

    def probe(self, account: Account, http: HttpClient, now: datetime) -> str:
        if self.error is not None:
            raise self.error
        return "It answers."

    def _notice(self, attempt: Attempt) -> Notice | None:
        reference = str(attempt.provider_reference)
        outcome = self.paid.get(reference) or self.everything
        if outcome is None:
            return None
        return Notice(
            provider_reference=f"hash-{reference}",
            source="list",
            outcome=outcome,  # type: ignore[arg-type]  # the tests name outcomes only
            raw=reference.encode(),
            amount=attempt.amount,
            currency=attempt.currency,
            matches=(Match("reference", reference),),
        )

    def asked(self) -> list[str]:
        """Every reference asked about so far, as often as it was."""
        return [reference for call in self.calls for reference in call]


def make_account(shop: Shop) -> str:
    """The shop's account on the asked rail; its id."""
    with unit_of_work():
        return configure_rail(
            shop.store.id, shop.livemode, NAME, {"token": "first"}, enabled=True, actor="test"
        )


def copy_attempts(attempt_id: str, count: int) -> None:
    """So many more attempts like this one, each of a session of its own, with references."""
    given = {
        "attempt_id": attempt_id,
        "sessions": [ids.new_id("cs") for _ in range(count)],
        "attempts": [ids.new_id("att") for _ in range(count)],
    }
    rows = "unnest(%(sessions)s::text[], %(attempts)s::text[]) WITH ORDINALITY AS new (s, a, n)"
    session = "SELECT session_id FROM attempt WHERE id = %(attempt_id)s"
    changes = {
        "checkout_session": ({"id": "new.s"}, f"id = ({session})"),
        "session_history": ({"id": None, "session_id": "new.s"}, f"session_id = ({session})"),
        "attempt": (
            {
                "id": "new.a",
                "session_id": "new.s",
                "code": "'QQ-' || lpad(new.n::text, 7, '0')",
                "provider_reference": "'ref-copy-' || new.n",
            },
            "id = %(attempt_id)s",
        ),
        "attempt_reference": (
            {"id": None, "attempt_id": "new.a", "reference": "'ref-copy-' || new.n"},
            "attempt_id = %(attempt_id)s",
        ),
    }
    with unit_of_work():
        for table, (changed, where) in changes.items():
            columns = [name for name in _columns(table) if changed.get(name, "") is not None]
            values = [changed.get(name) or f"old.{name}" for name in columns]
            execute(
                f"INSERT INTO {table} ({', '.join(columns)})"
                f" SELECT {', '.join(values)} FROM {table} AS old, {rows}"
                f" WHERE old.{where}",
                **given,
            )


def pass_time(seconds: float, *tables: str) -> None:
    """Let real time pass for the monitor: its own moments move back, or those of some tables."""
    moved = {
        "attempt_reference": ("next_ask_at", "ask_until", "leased_until"),
        "rail_health": ("next_call_at", "resting_until", "next_backfill_at", "backfilled_until"),
    }
    with unit_of_work():
        for table in tables or moved:
            changes = ", ".join(
                f"{name} = {name} - %(seconds)s * interval '1 second'" for name in moved[table]
            )
            execute(f"UPDATE {table} SET {changes}", seconds=seconds)


def _columns(table: str) -> list[str]:
    rows = read(
        "SELECT column_name AS name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name = %(table)s ORDER BY ordinal_position",
        table=table,
    )
    return [row.name for row in rows]
