"""The wallet as a way to pay: configured like the others, and nobody stands behind it."""

from __future__ import annotations

import pytest

from checkout.core.errors import Problem
from checkout.merchants.rail_accounts import check_values, enabled_rails, load_account, rail_fits
from checkout.rails import registry
from tests.factories.stores import make_shop
from tests.factories.wallets import fill_wallet, make_session, pay_from_wallet


def test_it_is_one_of_the_ways_and_no_folder(app):
    assert "wallet" in registry.names()
    assert "wallet" not in registry.folders()
    assert registry.get_rail("wallet").instant


def test_a_command_switches_it_on_and_off(app):
    shop = make_shop()
    run = app.test_cli_runner().invoke

    on = run(args=["rail", "configure", shop.store.slug, "wallet"])
    assert on.exit_code == 0, on.output
    assert [offer.rail for offer in enabled_rails(shop.store.id, False)] == ["wallet"]
    assert [offer.rail for offer in enabled_rails(shop.store.id, True)] == []
    assert "wallet test on" in run(args=["rail", "list", shop.store.slug]).output

    off = run(args=["rail", "configure", shop.store.slug, "wallet", "--disable"])
    assert off.exit_code == 0, off.output
    assert enabled_rails(shop.store.id, False) == []


def test_it_has_no_settings():
    with pytest.raises(Problem) as refused:
        check_values(registry.get_rail("wallet"), {}, {"api_key": "x"})

    assert (refused.value.code, refused.value.param) == ("unknown_field", "api_key")


@pytest.mark.parametrize("currency", ["VND", "USD", "KHR"])
def test_every_currency_fits(currency):
    assert rail_fits("wallet", currency, 1)


@pytest.mark.parametrize("livemode", [False, True])
def test_its_account_leads_nowhere(app, livemode):
    shop = make_shop(livemode)
    app.test_cli_runner().invoke(
        args=[
            "rail",
            "configure",
            shop.store.slug,
            "wallet",
            "--mode",
            "live" if livemode else "test",
        ]
    )
    (offer,) = enabled_rails(shop.store.id, livemode)
    rail, (_, account) = registry.get_rail("wallet"), load_account(offer.rail_account_id)

    assert rail.accounts_of(account) == frozenset()
    assert not rail.can_ask(account)
    assert rail.check([], account, None, None) == ()
    assert "nobody" in rail.probe(account, None, None)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_it_has_no_hook_and_no_pretend_provider(till, method):
    (account,) = (
        offer.rail_account_id
        for offer in enabled_rails(till.shop.store.id, False)
        if offer.rail == "wallet"
    )
    for path in (f"/hooks/wallet/{account}", f"/fake/wallet/{account}/pay"):
        assert till.client.open(path, method=method, json={}).status_code == 404


def test_nobody_pays_or_is_asked_about_its_attempts(till, customer):
    fill_wallet(till, customer, 500_000)
    _, attempt = pay_from_wallet(till, make_session(till, customer))

    status, answer = till.call("POST", f"/test/attempts/{attempt['id']}/pay", {})
    assert (status, answer["error"]["code"]) == (422, "rail_not_available")
    status, answer = till.call("POST", f"/checkout/attempts/{attempt['id']}/check")
    assert (status, answer["found"], answer["attempt"]["status"]) == (200, 0, "succeeded")
    assert till.client.get(f"/return/wallet/{attempt['id']}").status_code == 303
