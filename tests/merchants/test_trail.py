"""What happened to a merchant's account: told to that merchant, and of the rest to the stores."""

from __future__ import annotations

import re
from html import unescape

import pytest

from checkout.core import audit
from checkout.core.audit import record_security
from checkout.core.db import unit_of_work
from checkout.core.i18n import LOCALES, catalogue
from checkout.core.limits import BLOCK_SECONDS
from checkout.merchants.trail import (
    ACCOUNT_EVENTS,
    AT_THE_DOOR,
    REFUSALS,
    AuditList,
    list_account_events,
    list_trail,
)
from checkout.merchants.two_factor import disable_two_factor
from tests.factories.books import read
from tests.factories.desks import make_desk
from tests.factories.people import PASSWORD, make_user, sign_in, turn_on_two_factor

LIST = "/dashboard/account/sign-ins"
NEW = "a password that is quite new"


@pytest.fixture(autouse=True)
def nothing_seen():
    audit._seen.clear()


@pytest.fixture
def desk(app):
    return make_desk()


def kinds(user) -> list[str]:
    """What the merchant is shown, the newest first."""
    return [event.kind for event in list_account_events(user.id)]


def of_store(store_id: str) -> list[str]:
    found = list_trail(store_id, AuditList(kind="security", include="total_count"))
    assert found["total_count"] == len(found["data"])
    return [event["action"] for event in found["data"]]


def log_in(client, email: str, address: str, password: str = "a wrong password", **more: str):
    given = {"email": email, "password": password, **more}
    return client.post(
        "/api/v1/auth/login", json=given, environ_base={"REMOTE_ADDR": address}
    ).get_json()


@pytest.mark.parametrize("locale", LOCALES)
def test_each_is_told_in_plain_words(locale):
    texts = catalogue(locale)

    assert set(AT_THE_DOOR) <= set(REFUSALS) & set(ACCOUNT_EVENTS)
    assert {f"account_events.kind.{kind}" for kind in ACCOUNT_EVENTS} <= set(texts)


def test_a_new_password_is_told_to_nobody_else(desk):
    colleague = make_desk("owner", desk.store_id)
    form = {"current_password": PASSWORD, "new_password": NEW}

    desk.done("/dashboard/account/password", form)

    page = desk.get(LIST)
    assert "The password was changed" in page
    assert "from 127.0.0.1" in page.partition("The password was changed")[2]
    assert kinds(desk.user) == ["password_changed"]
    assert "The password was changed" not in colleague.get(LIST)
    assert of_store(desk.store_id) == []
    assert "password_changed" not in desk.get("/audit?kind=security")


def test_the_second_factors_life(desk, client):
    _, codes = turn_on_two_factor(desk.user)
    assert kinds(desk.user) == ["two_factor_on"]

    wrong = log_in(client, desk.user.email, "192.0.2.9", PASSWORD, recovery_code="aaaa-aaaa")
    right = log_in(client, desk.user.email, "192.0.2.9", PASSWORD, recovery_code=codes[0])
    desk.post("/dashboard/account/two-factor/recovery-codes")
    desk.done("/dashboard/account/two-factor/end")

    assert wrong["error"]["code"] == "invalid_totp"
    assert "access_token" in right
    assert kinds(desk.user) == [
        "two_factor_off",
        "recovery_codes_renewed",
        "recovery_code_used",
        "log_in_failed",
        "two_factor_on",
    ]
    used = list_account_events(desk.user.id)[2]
    assert (used.address, used.details) == ("192.0.2.9", {"left": 9})
    assert codes[0] not in str(read("SELECT * FROM security_event"))
    assert of_store(desk.store_id) == ["log_in_failed"]


def test_what_is_undone_was_not(desk):
    turn_on_two_factor(desk.user)

    def break_off() -> None:
        with unit_of_work():
            disable_two_factor(desk.user.id)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    assert kinds(desk.user) == ["two_factor_on"]


def test_what_the_operator_did_is_told_so(app, desk):
    done = app.test_cli_runner().invoke(args=["user", "set-password", desk.user.email])

    assert done.exit_code == 0
    events = list_account_events(desk.user.id)
    assert [(event.kind, event.address) for event in events] == [("password_changed", None)]


def test_a_lock_out_is_kept_though_its_try_is_undone(desk, client):
    answers = [log_in(client, desk.user.email, f"192.0.2.{last}") for last in range(1, 14)]

    assert [answer["error"]["code"] for answer in answers[-3:]] == ["too_many_failures"] * 3
    assert kinds(desk.user) == ["account_locked", *["log_in_failed"] * 10]
    assert of_store(desk.store_id) == ["account_locked", *["log_in_failed"] * 10]
    (event,) = [one for one in list_account_events(desk.user.id) if one.kind == "account_locked"]
    assert event.address == "192.0.2.11"
    assert desk.user.email not in str(event)
    assert "locked" in desk.get(LIST)
    assert "was locked out after too many wrong passwords" in desk.get("/audit?kind=security")


def test_the_lock_out_of_nobody_is_nobodys(client):
    for last in range(1, 13):
        log_in(client, "nobody@homestay.example", f"192.0.2.{last}")

    (event,) = read("SELECT * FROM security_event WHERE kind = 'account_locked'")
    assert (event.actor, event.store_id) == ("", None)
    assert "homestay" not in str(event)


def test_a_block_names_whom_it_was_tried_for(desk, client):
    for number in range(11):
        user = desk.user if number == 9 else make_user()
        log_in(client, user.email, "192.0.2.77")

    (event,) = read("SELECT * FROM security_event WHERE kind = 'address_blocked'")
    assert (event.actor, event.address) == (f"user:{desk.user.id}", "192.0.2.77")
    assert event.details["seconds"] == BLOCK_SECONDS
    assert kinds(desk.user) == ["address_blocked", "log_in_failed"]


def test_a_refresh_token_that_comes_twice(desk, client):
    tokens = sign_in(desk.user)
    for _ in range(3):
        client.post("/api/v1/auth/refresh", json={"refresh_token": tokens.refresh_token})

    assert kinds(desk.user) == ["refresh_token_reused"]
    assert "that sign-in was ended" in desk.get(LIST)


def test_the_newest_are_shown(desk):
    for number in range(25):
        audit._seen.clear()
        record_security("log_in_failed", actor=f"user:{desk.user.id}", reason=str(number))

    assert [event.details["reason"] for event in list_account_events(desk.user.id)] == [
        str(number) for number in range(24, 4, -1)
    ]


@pytest.mark.parametrize("locale", LOCALES)
def test_the_list_in_every_language(desk, locale):
    for kind in ACCOUNT_EVENTS:
        record_security(kind, actor=f"user:{desk.user.id}")

    page = desk.get(f"{LIST}?lang={locale}")

    shown = {unescape(words) for words in re.findall(r"<p>([^<]+)</p>", page)}
    texts = catalogue(locale)
    assert {texts[f"account_events.kind.{kind}"] for kind in ACCOUNT_EVENTS} <= shown
    assert texts["account_events.none"] not in page
