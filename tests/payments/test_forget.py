"""Raw notices end after their time; all that money needs of them stays."""

from __future__ import annotations

import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from checkout.core import retention
from checkout.core.db import execute, unit_of_work
from checkout.core.retention import DAY_SECONDS
from checkout.ops.rotate import rotate_seals
from checkout.payments.forget import PRETENDED_DAYS, forget_pretended, forget_raw
from tests.factories.books import check_books, read, read_one
from tests.factories.desks import DeskBrowser, make_desk
from tests.factories.till import Till, memo_of

DAYS = 400


@pytest.fixture
def desk(till: Till) -> DeskBrowser:
    return make_desk(store_id=till.shop.store.id)


def pass_days(monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    later = SimpleNamespace(time=lambda: time.time() + days * DAY_SECONDS)
    monkeypatch.setattr(retention, "time", later)


def has_raw() -> list[bool]:
    """Of each notice, oldest first, whether its raw bytes are there."""
    return [bool(row.raw) for row in read("SELECT raw FROM inbox ORDER BY id")]


def test_raw_bytes_end_after_their_days(till, monkeypatch):
    till.pay(memo_of(till.make_attempt()), 500_000)
    pass_days(monkeypatch, DAYS - 1)
    forget_raw()
    assert has_raw() == [True]

    pass_days(monkeypatch, DAYS + 1)
    forget_raw()
    assert has_raw() == [False]


def test_the_installation_says_how_many(till, app, monkeypatch):
    till.pay(memo_of(till.make_attempt()), 500_000)
    config = replace(app.extensions["checkout_config"], raw_retention_days=7)
    monkeypatch.setitem(app.extensions, "checkout_config", config)

    pass_days(monkeypatch, 8)
    forget_raw()

    assert has_raw() == [False]


def test_everything_else_about_the_money_stays(till, monkeypatch):
    attempt = till.make_attempt()
    notice = till.notice(memo_of(attempt), 500_000)
    till.tell(notice)
    held = till.pay("NOBODY KNOWS", 80_000)
    before = read("SELECT id, notice, result, judged_at FROM inbox ORDER BY id")
    transfers = till.call("GET", "/transfers")[1]["data"]

    pass_days(monkeypatch, DAYS + 1)
    forget_raw()

    assert has_raw() == [False, False]
    assert read("SELECT id, notice, result, judged_at FROM inbox ORDER BY id") == before
    assert till.call("GET", "/transfers")[1]["data"] == transfers
    check_books()
    # Told again, the money is known.
    assert till.tell(notice).status_code == 200
    assert till.call("GET", "/transfers")[1]["data"] == transfers
    assert till.resolve(held["id"], "write_off")[0] == 200


def test_what_nobody_could_read_is_kept_until_somebody_has_looked(till, monkeypatch):
    till.tell(till.notice("HOW MUCH", 1000) | {"transferAmount": "a lot"})
    transfer = till.call("GET", "/transfers?disposition=unreadable")[1]["data"][0]
    pass_days(monkeypatch, DAYS + 1)
    forget_raw()
    assert has_raw() == [True]

    assert till.resolve(transfer["id"], "write_off")[0] == 200
    forget_raw()

    assert has_raw() == [False]


def test_the_pages_say_that_it_is_no_longer_kept(till, desk, monkeypatch):
    attempt = till.make_attempt()
    transfer = till.pay(memo_of(attempt), 500_000)
    pass_days(monkeypatch, DAYS + 1)
    forget_raw()

    page = desk.get(f"/transfers/{transfer['id']}")
    story = desk.get(f"/sessions/{attempt['session']}")

    assert "The original is no longer kept; what was read in it is still here." in page
    assert "does not open" not in page
    assert transfer["provider_reference"] in page
    assert "The original is no longer kept. What was read in it:" in story


def test_keys_are_rotated_past_it(till, app, monkeypatch):
    till.pay("OLD", 1000)
    pass_days(monkeypatch, DAYS + 1)
    forget_raw()
    config = app.extensions["checkout_config"]
    keys = (("t2", bytes(range(32, 64))), *config.encryption_keys)
    till.pay("NEW", 1000)
    monkeypatch.setitem(app.extensions, "checkout_config", replace(config, encryption_keys=keys))

    assert dict(rotate_seals())["inbox.raw"] == 1
    assert dict(rotate_seals())["inbox.raw"] == 0
    assert has_raw() == [False, True]


def test_what_pretend_providers_sent_long_ago_is_deleted(till):
    def add(days_ago: int, **done: Any) -> None:
        with unit_of_work():
            execute(
                "INSERT INTO fake_delivery (store_id, livemode, rail, rail_account_id, call, body,"
                " done_at) VALUES (%(store)s, false, 'vietqr', %(account)s, '{}', '', CASE WHEN"
                " %(done)s THEN now() - make_interval(days => %(days)s) END)",
                store=till.shop.store.id,
                account=till.account,
                days=days_ago,
                done=done.get("done", True),
            )

    add(PRETENDED_DAYS + 1)
    add(PRETENDED_DAYS + 1, done=False)
    add(PRETENDED_DAYS - 1)

    assert forget_pretended() == 1
    assert read_one("SELECT count(*) AS kept FROM fake_delivery").kept == 2
