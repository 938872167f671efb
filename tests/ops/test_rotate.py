from __future__ import annotations

from dataclasses import replace

import pytest

from checkout.core.crypto import SealBroken
from checkout.core.db import execute, unit_of_work
from checkout.merchants.rail_accounts import load_account
from checkout.ops.rotate import SEALED, rotate_seals
from checkout.webhooks.endpoints import rotate_secret
from tests.factories.books import read, read_one
from tests.factories.stores import VIETQR
from tests.factories.till import make_till, memo_of
from tests.factories.webhooks import make_endpoint

OLD = ("t1", bytes(range(32)))
NEW = ("t2", bytes(range(32, 64)))


@pytest.fixture
def keys(app, monkeypatch):
    """`keys(NEW, OLD)` sets the installation's encryption keys for this test."""
    config = app.extensions["checkout_config"]

    def set_keys(*encryption_keys):
        from checkout.merchants.rail_accounts import _accounts

        _accounts.clear()
        monkeypatch.setitem(
            app.extensions, "checkout_config", replace(config, encryption_keys=encryption_keys)
        )

    return set_keys


@pytest.fixture
def sealed(client):
    """A rail account, an endpoint with two secrets and a notice; returns what they hide."""
    till = make_till(client)
    till.pay(memo_of(till.make_attempt()), 500_000)
    row, _ = make_endpoint(till.shop, "http://127.0.0.1:1/")
    with unit_of_work():
        rotate_secret(till.shop.scope, row.id)
    return till


def read_tokens() -> list[bytes]:
    return [
        bytes(row.token)
        for table, column in SEALED
        for row in read(f"SELECT {column} AS token FROM {table} WHERE {column} IS NOT NULL")
    ]


def open_everything() -> int:
    from checkout.core.crypto import unseal

    opened = 0
    for table, column in SEALED:
        rows = read(f"SELECT id, {column} AS token FROM {table} WHERE {column} IS NOT NULL")
        for row in rows:
            assert unseal(row.token, row=row.id, column=f"{table}.{column}")
            opened += 1
    return opened


def test_every_sealed_column_is_known(app):
    rows = read(
        "SELECT table_name || '.' || column_name AS name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND data_type = 'bytea'"
    )
    plain = {"fake_delivery.body", "store_logo.body"}
    """What the pretend provider will send signs nothing real; a logo is for everybody to see."""

    assert {row.name for row in rows} - plain == {f"{table}.{column}" for table, column in SEALED}


def test_everything_opens_with_the_new_key_alone(app, sealed, keys):
    tokens = len(read_tokens())
    keys(NEW, OLD)

    result = app.test_cli_runner().invoke(args=["ops", "rotate-keys"])

    assert result.exit_code == 0, result.output
    assert "rail_account.sealed: 1 sealed anew" in result.output
    assert "endpoint.old_secret: 1 sealed anew" in result.output
    assert tokens >= 4
    assert all(token.startswith(b"t2.") for token in read_tokens())
    keys(NEW)
    assert open_everything() == tokens
    with unit_of_work():
        _, account = load_account(sealed.account)
    assert account.settings["api_key"] == VIETQR["api_key"]
    sealed.pay(memo_of(sealed.make_attempt()), 500_000)


def test_while_both_keys_are_set_old_and_new_open(sealed, keys):
    tokens = len(read_tokens())
    keys(NEW, OLD)
    sealed.pay("SEALED WITH THE NEW ONE", 1000)

    assert open_everything() == tokens + 1


def test_a_second_run_changes_nothing(sealed, keys):
    keys(NEW, OLD)
    list(rotate_seals())
    before = read_tokens()

    assert {changed for _, changed in rotate_seals()} == {0}
    assert read_tokens() == before


def test_more_than_a_batch(sealed, keys, monkeypatch):
    monkeypatch.setattr("checkout.ops.rotate.BATCH", 1)
    for _ in range(3):
        sealed.pay("AGAIN", 1000)
    keys(NEW, OLD)

    assert dict(rotate_seals())["inbox.raw"] == 4
    keys(NEW)
    open_everything()


def test_a_key_whose_name_begins_with_the_other_is_another(sealed, keys):
    keys(("t", bytes(32)), OLD)

    assert dict(rotate_seals())["rail_account.sealed"] == 1


def test_what_no_key_opens_is_named_in_one_line(app, sealed, keys):
    account = read_one("SELECT id FROM rail_account").id
    with unit_of_work():
        execute("UPDATE rail_account SET sealed = 't1.damaged'::bytea")
    keys(NEW, OLD)

    result = app.test_cli_runner().invoke(args=["ops", "rotate-keys"])

    assert result.exit_code == 1
    assert result.output.count("\n") == 1
    assert account in result.output
    with pytest.raises(SealBroken):
        list(rotate_seals())
