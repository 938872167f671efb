from __future__ import annotations

import pytest

from checkout.merchants.rail_accounts import enabled_rails
from checkout.merchants.settings import Bounds, StoreSettings
from checkout.merchants.stores import find_store
from checkout.rails import registry
from checkout.rails.base import RailError
from tests.factories.asking import AskedRail, make_account
from tests.factories.stores import make_shop, make_store


def run(app, *words):
    return app.test_cli_runner().invoke(args=list(words))


def test_a_store_is_made_and_changed(app):
    made = run(app, "store", "create", "Hoa Mai", "--slug", "hoa-mai", "code_prefix=HO")
    assert made.exit_code == 0

    changed = run(
        app,
        "store",
        "set",
        "hoa-mai",
        "rate_limit_per_minute=60000",
        "allowed_hosts=shop.vn, localhost:3000",
        'bounds={"VND": {"min": 1000}}',
    )

    assert changed.exit_code == 0, changed.output
    store = find_store(made.output.strip())
    assert store.settings.code_prefix == "HO"
    assert store.settings.rate_limit_per_minute == 60_000
    assert store.settings.allowed_hosts == ["shop.vn", "localhost:3000"]
    assert store.settings.bounds["VND"].min == 1000
    assert "hoa-mai" in run(app, "store", "list").output
    assert "max_attempts=3" in run(app, "store", "show", "hoa-mai").output


SETTINGS = {
    "code_prefix": [("HO", "HO")],
    "past_code_prefixes": [("AB,CD", ["AB", "CD"]), ("", [])],
    "duration_minutes": [("30", 30)],
    "max_attempts": [("5", 5)],
    "underpayment": [("fail", "fail")],
    "late_grace_minutes": [("0", 0)],
    "fee_bps": [("125", 125)],
    "rate_limit_per_minute": [("600", 600)],
    "allowed_hosts": [("shop.vn, localhost:3000", ["shop.vn", "localhost:3000"])],
    "browser_amounts": [("true", True), ("no", False), ("Yes", True), ("false", False)],
    "currencies": [("VND,USD", ["VND", "USD"])],
    "bounds": [('{"VND": {"min": 1000}}', {"VND": Bounds(min=1000)}), ("{}", {})],
    "topup_bounds": [('{"USD": {"max": 9}}', {"USD": Bounds(max=9)})],
    "time_zone": [("Asia/Phnom_Penh", "Asia/Phnom_Penh")],
    "locale": [("km", "km"), ("", None)],
    "contact_email": [("lan@shop.example", "lan@shop.example"), ("", None)],
    "notify_by_email": [("no", False), ("yes", True)],
    "brand_color": [("#aa3366", "#aa3366")],
}
"""Words of the command line for each setting, and what they mean."""


def test_every_setting_is_set_by_its_type(app):
    store = make_store()
    assert set(SETTINGS) == set(StoreSettings.model_fields)

    for name, examples in SETTINGS.items():
        for word, value in examples:
            result = run(app, "store", "set", store.slug, f"{name}={word}")
            assert result.exit_code == 0, result.output
            assert getattr(find_store(store.slug).settings, name) == value


def test_mistakes_are_one_line_with_the_field(app):
    store = make_store()

    for words, line in [
        (("store", "set", store.slug, "max_attempts=99"), "max_attempts: "),
        (("store", "set", store.slug, "max_attempts=x"), "max_attempts: "),
        (("store", "set", store.slug, "max_attempts=yes"), "max_attempts: "),
        (("store", "set", store.slug, "browser_amounts=1"), "browser_amounts: this is true"),
        (("store", "set", store.slug, "browser_amounts="), "browser_amounts: this is true"),
        (("store", "set", store.slug, "underpayment=yes"), "underpayment: "),
        (("store", "set", store.slug, "bounds={"), "bounds: "),
        (("store", "set", store.slug, "bounds=5"), "bounds: "),
        (("store", "set", store.slug, "colour=red"), "colour: "),
        (("store", "set", store.slug, "colour"), "write it as name=value"),
        (("store", "create", "X", "--slug", store.slug), "slug: "),
        (("rail", "configure", store.slug, "vietqr", "bank=VCB"), "account_number: "),
        (
            ("rail", "configure", store.slug, "vietqr", "bank=VCB", "account_number=00-1"),
            "account_number: account_number must be: a text that fits ",
        ),
        (("rail", "configure", store.slug, "cowries"), "rail: "),
        (("rail", "configure", "nowhere", "vietqr"), "store: "),
    ]:
        result = run(app, *words)
        assert result.exit_code == 1, words
        assert result.output.startswith(f"Error: {line}"), result.output
        assert result.output.count("\n") == 1


def test_a_rail_is_configured_and_listed_without_its_secrets(app):
    store = make_store()
    settings = ("bank=VCB", "account_number=0071000888666", "api_key=very-secret-key-0000")

    result = run(app, "rail", "configure", store.slug, "vietqr", *settings, "--enable")

    assert result.exit_code == 0, result.output
    account_id = result.output.strip()
    assert enabled_rails(store.id, False)[0].rail_account_id == account_id
    listed = run(app, "rail", "list", store.slug).output
    assert listed == f"{account_id} {store.slug} vietqr test on\n"
    assert "secret" not in listed


@pytest.fixture
def provider(monkeypatch):
    """A provider that answers questions, as a way to pay."""
    rail = AskedRail()
    monkeypatch.setitem(registry._own, rail.name, rail)
    return rail


def test_an_account_is_tried_with_one_harmless_call(app, provider):
    shop = make_shop()
    account = make_account(shop)
    result = run(app, "rail", "test", shop.store.slug, "asked")

    assert (result.exit_code, result.output) == (0, f"asked {account} test: It answers.\n")


def test_what_keeps_an_account_from_working_is_said(app, provider):
    shop = make_shop()
    make_account(shop)
    provider.error = RailError("provider_unauthorized", "The key is wrong", temporary=False)
    result = run(app, "rail", "test", shop.store.slug, "asked")
    assert result.exit_code == 1
    assert result.output == "Error: provider_unauthorized: The key is wrong\n"

    provider.error = RailError("provider_timeout", "No answer", temporary=True)
    result = run(app, "rail", "test", shop.store.slug, "asked")
    assert result.output == "Error: provider_timeout (perhaps only for now): No answer\n"


def test_there_must_be_an_account_to_try(app, provider):
    shop = make_shop()
    make_account(shop)
    for words, said in [
        ((shop.store.slug, "asked", "--mode", "live"), "Error: rail: "),
        ((shop.store.slug, "cowries"), "Error: rail: "),
        (("nowhere", "asked"), "Error: store: "),
    ]:
        result = run(app, "rail", "test", *words)
        assert result.exit_code == 1
        assert result.output.startswith(said)
