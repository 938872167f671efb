from __future__ import annotations

import json
from dataclasses import replace

import pytest

from checkout.core.db import execute, unit_of_work
from checkout.keys.revoke import revoke_key
from checkout.merchants.passwords import hash_password, verify_password
from checkout.rails.registry import folders, names
from tests.factories.books import check_books, read, read_one
from tests.factories.desks import CSRF

BASE = "http://127.0.0.1:8123"


@pytest.fixture
def make(app, tmp_path, monkeypatch):
    """`make()` runs the command as `bin/run` does; returns demo.json."""
    config = app.extensions["checkout_config"]
    monkeypatch.setitem(
        app.extensions, "checkout_config", replace(config, var_dir=tmp_path / "var")
    )

    def run(*words: str):
        result = app.test_cli_runner().invoke(args=["ops", "demo", "--base-url", BASE, *words])
        assert result.exit_code == 0, result.output
        return json.loads((tmp_path / "var" / "demo.json").read_text())

    return run


def test_what_it_says_works(make, client, tmp_path):
    demo = make()

    assert set(demo) == {
        "base_url",
        "dashboard_url",
        "login",
        "secret_key",
        "publishable_key",
        "store",
        "page_url",
        "rails",
    }
    vietqr = demo["rails"]["vietqr"]
    assert set(demo["rails"]) == set(folders())
    assert {"rail_account", "hook_url", "api_key", "account_number"} <= set(vietqr)
    assert demo["base_url"] == BASE
    assert demo["page_url"].startswith(f"{BASE}/pay/cs_")
    assert demo["secret_key"].startswith("sk_test_")
    assert demo["publishable_key"].startswith("pk_test_")
    assert (tmp_path / "var" / "demo.json").stat().st_mode & 0o777 == 0o600

    headers = {"Authorization": f"Bearer {demo['secret_key']}"}
    page = client.get(demo["page_url"].removeprefix(BASE))
    assert page.status_code == 200
    made = client.post(
        "/api/v1/checkout/sessions", json={"amount": 5000, "currency": "VND"}, headers=headers
    )
    assert made.status_code == 201
    assert made.headers["RateLimit-Limit"] == "60000"
    session = client.get(
        f"/api/v1/checkout/sessions/{demo['page_url'].rpartition('/')[2]}", headers=headers
    ).get_json()
    told = client.post(
        vietqr["hook_url"].removeprefix(BASE),
        json={
            "id": 1,
            "gateway": "TPBank",
            "transactionDate": "2026-01-31 08:00:00",
            "accountNumber": vietqr["account_number"],
            "content": session["current_attempt"]["transfer_memo"],
            "transferType": "in",
            "transferAmount": session["amount"],
        },
        headers={"Authorization": f"Apikey {vietqr['api_key']}"},
    )
    assert told.get_json() == {"success": True}
    check_books()


def test_a_second_start_keeps_keys_and_gives_a_fresh_page(make):
    first, second = make(), make()

    assert first["page_url"] != second["page_url"]
    assert {**first, "page_url": ""} == {**second, "page_url": ""}
    assert read_one("SELECT count(*) AS n FROM store").n == 1
    assert read_one("SELECT count(*) AS n FROM api_key").n == 2
    assert read_one("SELECT count(*) AS n FROM rail_account").n == len(names())


def test_a_lost_or_damaged_file_means_new_keys(make, tmp_path):
    first = make()
    (tmp_path / "var" / "demo.json").write_text("{ half")
    second = make()

    assert first["secret_key"] != second["secret_key"]
    assert first["store"] == second["store"]


def test_its_owner_signs_in(make, client):
    login = make()["login"]

    page = client.get("/dashboard/sign-in").text
    answer = client.post("/dashboard/sign-in", data={"csrf": CSRF.search(page)[1], **login})

    assert (answer.status_code, answer.location) == (303, "/dashboard")
    (member,) = read("SELECT role FROM membership")
    assert member.role == "owner"
    assert len(login["password"]) >= 12
    assert make()["login"] == login


def test_a_lost_file_means_a_new_password(make, tmp_path):
    first = make()["login"]
    (tmp_path / "var" / "demo.json").unlink()
    second = make()["login"]

    assert first["password"] != second["password"]
    user = read_one("SELECT password_hash FROM app_user")
    assert verify_password(user.password_hash, second["password"])


def test_a_password_that_the_owner_has_chosen_stays(make):
    login = make()["login"]
    chosen = hash_password("a password for tests")
    with unit_of_work():
        execute("UPDATE app_user SET password_hash = %(hash)s", hash=chosen)

    for _ in range(2):
        assert make()["login"] == {**login, "password": None}
    assert read_one("SELECT password_hash FROM app_user").password_hash == chosen


def test_a_revoked_key_is_replaced(make):
    first = make()
    key = read_one("SELECT id, store_id FROM api_key WHERE kind = 'secret'")
    with unit_of_work():
        revoke_key(key.store_id, key.id)

    assert make()["secret_key"] != first["secret_key"]


def test_not_in_production(app, monkeypatch):
    config = app.extensions["checkout_config"]
    monkeypatch.setitem(
        app.extensions, "checkout_config", replace(config, environment="production")
    )

    result = app.test_cli_runner().invoke(args=["ops", "demo"])

    assert (result.exit_code, result.output) == (
        1,
        "Error: The demo store is not for production.\n",
    )
    assert read("SELECT id FROM store") == []
