"""Settings that providers issue anew; and every account tried with one harmless call."""

from __future__ import annotations

import pytest

from checkout.core.db import execute, unit_of_work
from checkout.merchants.rail_accounts import configure_rail, load_account
from checkout.payments.tokens import renew_account, renew_all, renew_refused
from checkout.rails.base import RailError
from checkout.rails.khqr.rail import KHQR
from checkout.rails.registry import folders
from tests.factories.asking import make_account
from tests.factories.books import read, read_one
from tests.factories.rails import make_rail


def test_what_runs_out_is_renewed_without_a_new_account(till, provider, monkeypatch):
    monkeypatch.setattr("checkout.payments.tokens.folders", lambda: ("asked",))
    account = make_account(till.shop)
    assert renew_all() == 0
    provider.fresh_token = "second"
    assert renew_all() == 1

    row, opened = load_account(account)
    assert (opened.settings["token"], row.enabled, row.superseded_at) == ("second", True, None)
    assert b"second" not in bytes(row.sealed)
    assert read_one("SELECT count(*) AS n FROM rail_account WHERE rail = 'asked'").n == 1
    audit = read_one("SELECT * FROM audit_entry WHERE action = 'rail.refreshed'")
    assert (audit.target, "second" in str(audit)) == (account, False)


def test_accounts_that_live_on_one_token_get_the_new_one_together(till, monkeypatch):
    old = make_rail(till.shop, "khqr")
    shop = (till.shop.store.id, till.shop.livemode, "khqr")
    with unit_of_work():
        new = configure_rail(*shop, {"store_label": "Riverside"}, enabled=None, actor="test")
        own = configure_rail(*shop, {"token": "another"}, enabled=None, actor="test")
    calls = []

    def renew(_rail, account, *_rest):
        calls.append(account.id)
        return {"token": "fresh"}

    monkeypatch.setattr(KHQR, "renew_settings", renew)
    assert renew_account(new)

    tokens = [load_account(one)[1].settings["token"] for one in (old, new, own)]
    assert tokens == ["fresh", "fresh", "another"]
    assert calls == [new]


def test_a_replaced_account_is_renewed_only_while_it_is_asked(till, provider, monkeypatch):
    monkeypatch.setattr("checkout.payments.tokens.folders", lambda: ("asked",))
    make_account(till.shop)
    with unit_of_work():
        execute("UPDATE rail_account SET superseded_at = now() WHERE rail = 'asked'")
    provider.fresh_token = "second"
    assert renew_all() == 0


def test_a_provider_that_will_not_renew_is_told_to_the_operator(
    till, provider, monkeypatch, caplog
):
    def refuse(*_arguments):
        raise RailError("renewal_mailed", "The token was mailed", temporary=False)

    monkeypatch.setattr(type(provider), "renew_settings", refuse)
    account = make_account(till.shop)
    assert not renew_account(account)
    assert "rail_renewal_failed" in caplog.text
    # Each wish may send the merchant another letter: not again before tomorrow.
    monkeypatch.setattr("checkout.payments.tokens.folders", lambda: ("asked",))
    caplog.clear()
    assert not renew_refused(account)
    assert renew_all() == 0
    assert "rail_renewal_failed" not in caplog.text
    with unit_of_work():
        execute("UPDATE rail_health SET notes = jsonb_build_object('renewal_failed_at', 0)")
    assert not renew_refused(account)
    assert "rail_renewal_failed" in caplog.text
    assert read("SELECT 1 FROM audit_entry WHERE action = 'rail.refreshed'") == []


@pytest.mark.parametrize("rail", folders())
def test_every_pretend_provider_answers_a_harmless_call(session_app, till, asked, rail):
    if rail != "vietqr":
        make_rail(till.shop, rail)
    answer = session_app.test_cli_runner().invoke(args=["rail", "test", till.shop.store.slug, rail])

    assert answer.exit_code == 0, answer.output
    assert answer.output.startswith(f"{rail} ra_")
    assert answer.output.count("\n") == 1
    assert len(asked) >= 1
    assert read("SELECT id FROM transfer") == []


@pytest.mark.parametrize("rail", folders())
def test_renewing_never_replaces_an_account(till, asked, rail):
    account = till.account if rail == "vietqr" else make_rail(till.shop, rail)
    renew_account(account)
    assert load_account(account)[0].superseded_at is None
