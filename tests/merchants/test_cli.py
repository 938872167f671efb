from __future__ import annotations

from checkout.merchants.rail_accounts import enabled_rails
from checkout.merchants.stores import find_store
from tests.factories.stores import make_store


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


def test_mistakes_are_one_line_with_the_field(app):
    store = make_store()

    for words, line in [
        (("store", "set", store.slug, "max_attempts=99"), "max_attempts: "),
        (("store", "set", store.slug, "max_attempts=x"), "max_attempts: "),
        (("store", "set", store.slug, "bounds={"), "bounds: "),
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
