from __future__ import annotations

import pytest

from checkout.core.crypto import SealBroken
from checkout.core.db import execute, one, run, unit_of_work
from checkout.core.errors import Problem
from checkout.merchants.rail_accounts import (
    configure_rail,
    enabled_rails,
    forget_accounts,
    load_account,
    rail_fits,
)
from checkout.merchants.stores import change_store
from tests.factories.stores import VIETQR, make_shop, make_vietqr


def configure(shop, enabled=None, rail="vietqr", **values):
    with unit_of_work():
        return configure_rail(
            shop.store.id, shop.livemode, rail, values, enabled=enabled, actor="test"
        )


def test_an_account_is_opened_with_its_defaults_and_the_pretend_provider(app):
    shop = make_shop()
    account_id = make_vietqr(shop)

    row, account = load_account(account_id)

    assert (row.store_id, row.rail, row.enabled) == (shop.store.id, "vietqr", True)
    assert account.settings["api_key"] == VIETQR["api_key"]
    assert account.settings["auth"] == "apikey"
    assert account.settings["api_token"] is None
    assert account.code_prefixes == ("HM",)
    assert account.provider_url == f"http://127.0.0.1:8000/fake/vietqr/{account_id}"
    assert account.hook_url == f"http://127.0.0.1:8000/hooks/vietqr/{account_id}"


def test_a_live_account_speaks_to_the_real_provider(app):
    _, account = load_account(make_vietqr(make_shop(livemode=True)))

    assert account.provider_url.startswith("https://")


def test_secrets_are_sealed_and_open_in_their_own_row_only(app):
    shop = make_shop()
    account_id = make_vietqr(shop)

    row = one("SELECT * FROM rail_account WHERE id = %(id)s", id=account_id)
    assert row is not None
    assert VIETQR["api_key"] not in str(row)
    assert VIETQR["api_key"] not in str(run("SELECT details FROM audit_entry"))

    other_id = make_vietqr(make_shop(), api_key="another-pretend-key-00000000")
    with unit_of_work():
        execute(
            "UPDATE rail_account AS mine SET sealed = theirs.sealed FROM rail_account AS theirs"
            " WHERE (mine.id, theirs.id) IN ((%(a)s, %(b)s), (%(b)s, %(a)s))",
            a=account_id,
            b=other_id,
        )
    forget_accounts()
    for moved_id in (account_id, other_id):
        with pytest.raises(SealBroken, match=moved_id):
            load_account(moved_id)


def test_a_change_supersedes_and_the_old_account_still_opens(app):
    shop = make_shop()
    old = make_vietqr(shop)
    new = configure(shop, account_number="0071000999777")

    assert new != old
    assert load_account(old)[1].settings["account_number"] == VIETQR["account_number"]
    assert load_account(old)[0].superseded_at is not None
    assert load_account(new)[1].settings["account_number"] == "0071000999777"
    assert load_account(new)[1].settings["api_key"] == VIETQR["api_key"]
    assert [found.rail_account_id for found in enabled_rails(shop.store.id, False)] == [new]


def test_the_same_settings_keep_the_account(app):
    shop = make_shop()
    account_id = make_vietqr(shop)

    assert configure(shop, enabled=False, **VIETQR) == account_id
    assert enabled_rails(shop.store.id, False) == []
    assert configure(shop, enabled=True) == account_id
    assert len(enabled_rails(shop.store.id, False)) == 1


def test_an_empty_value_takes_a_field_away(app):
    shop = make_shop()
    make_vietqr(shop, api_token="token")

    account_id = configure(shop, api_token="")

    assert load_account(account_id)[1].settings["api_token"] is None


def test_modes_are_apart(app):
    shop = make_shop()
    make_vietqr(shop)

    assert enabled_rails(shop.store.id, True) == []


@pytest.mark.parametrize(
    ("values", "code", "param"),
    [
        ({"colour": "red"}, "unknown_field", "colour"),
        ({"account_number": ""}, "missing_required_field", "account_number"),
        ({"account_number": "a b"}, "invalid_value", "account_number"),
        ({"account_number": 5}, "invalid_value", "account_number"),
        ({"auth": "none"}, "invalid_value", "auth"),
        ({"bank": "NOBANK"}, "invalid_value", "bank"),
        ({"attempt_minutes": "x"}, "invalid_value", "attempt_minutes"),
        ({"attempt_minutes": "0"}, "invalid_value", "attempt_minutes"),
        ({"account_name": "a\nb"}, "invalid_value", "account_name"),
    ],
)
def test_each_mistake_names_its_field_and_changes_nothing(app, values, code, param):
    shop = make_shop()

    with pytest.raises(Problem) as raised:
        configure(shop, **(VIETQR | values))

    assert (raised.value.code, raised.value.param) == (code, param)
    assert enabled_rails(shop.store.id, False) == []


def test_an_unknown_rail(app):
    with pytest.raises(Problem) as raised:
        configure(make_shop(), rail="cowries")

    assert (raised.value.code, raised.value.param) == ("unknown_rail", "rail")


def test_an_unknown_account_is_missing(app):
    for account_id in ("ra_x", "ra_" + "0" * 28):
        with pytest.raises(Problem, match="resource_missing"):
            load_account(account_id)


def test_past_prefixes_reach_the_account(app):
    shop = make_shop()
    with unit_of_work():
        change_store(shop.store.id, {"code_prefix": "AB"}, actor="test")

    assert load_account(make_vietqr(shop))[1].code_prefixes == ("AB", "HM")


@pytest.mark.parametrize(
    ("currency", "amount", "fits"), [("VND", 50_000, True), ("USD", 50_000, False)]
)
def test_a_rail_fits_its_currencies(currency, amount, fits):
    assert rail_fits("vietqr", currency, amount) is fits
