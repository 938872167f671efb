"""Who may open what: every screen as nobody, as a stranger, in each role, with foreign ids,
with forged forms. A new screen is tried by being there.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from checkout.core.db import execute, unit_of_work
from checkout.core.ids import new_id
from checkout.merchants.roles import ROLE_NAMES, ROLES, may
from checkout.merchants.screens import HOME, SCREENS, SIGN_IN
from tests.dashboard.conftest import (
    arguments_of,
    changed,
    fill,
    label,
    screens,
    snapshot,
)
from tests.factories.desks import DeskBrowser, make_desk
from tests.factories.trades import OF_BOTH_MODES, PREFIXES, Trade, make_trade

METHODS = ("GET", "POST")
MINE = ("user", "member")
_addresses = itertools.count(1)


@pytest.fixture
def trade(bare_app: Flask) -> Trade:
    with bare_app.app_context():
        return make_trade(bare_app.test_client())


@pytest.fixture
def desk(bare_app: Flask) -> Callable[..., DeskBrowser]:
    """Makes a member's browser, which has seen one page and so knows its form's token."""

    def make(role: str = "owner", store_id: str | None = None, mode: str = "test") -> DeskBrowser:
        with bare_app.app_context():
            made = make_desk(role, store_id, mode)
        made.token()
        return made

    return make


@pytest.fixture
def nobodys_ids() -> dict[str, str]:
    return {name: new_id(prefix) for name, prefix in PREFIXES.items()}


def send(client: Any, method: str, path: str, **form: str) -> Any:
    """Each guest's call comes from an address of its own, so that no limit ends a long run."""
    number = next(_addresses)
    return client.open(
        path,
        method=method,
        data=form if method == "POST" else None,
        environ_base={"REMOTE_ADDR": f"10.1.{number >> 8 & 255}.{number & 255}"},
    )


def knock(desk: DeskBrowser, method: str, path: str) -> Any:
    """As the member, with the form's right token and nothing else in it."""
    return send(desk.client, method, path, **({"csrf": desk.token()} if method == "POST" else {}))


def test_every_address_of_the_dashboard_is_a_screen(session_app):
    rules = {
        (method, rule.rule)
        for rule in session_app.url_map.iter_rules()
        if rule.rule.startswith(HOME)
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }

    assert rules == {(screen.method, screen.rule) for screen in SCREENS}
    assert len(rules) == len(SCREENS)


def test_every_screen_of_a_store_names_an_action_of_the_table(session_app):
    for screen in SCREENS:
        assert screen.action == "" or screen.action in ROLES, label(screen)
        assert screen.action == "" or screen.who == "member", label(screen)
        assert screen.method == "GET" or not screen.action.endswith(".read"), label(screen)
        assert screen.method == "POST" or not screen.recent, label(screen)


@pytest.mark.parametrize("method", METHODS)
def test_nobody_is_asked_to_sign_in(bare_app, trade, method):
    client, before = bare_app.test_client(), snapshot(bare_app)
    for screen in screens(method, who=MINE):
        answer = send(client, method, fill(screen, trade.store_id, "test", trade.ids))
        assert answer.status_code == 303, label(screen)
        assert answer.location.startswith(f"{SIGN_IN}?next={HOME}"), label(screen)
    assert changed(before, snapshot(bare_app)) == []


@pytest.mark.parametrize("method", METHODS)
def test_a_stranger_finds_nothing(bare_app, trade, desk, nobodys_ids, method):
    for number, screen in enumerate(screens(method)):
        if number % 50 == 0:
            # One merchant's calls are limited.
            me = desk()
            before = snapshot(bare_app)
        for mode in ("test", "live"):
            for ids in (trade.ids, nobodys_ids):
                answer = knock(me, method, fill(screen, trade.store_id, mode, ids))
                assert answer.status_code == 404, label(screen)
        assert changed(before, snapshot(bare_app)) == [], label(screen)


def test_no_store_and_no_mode_is_a_page_that_is_not_there(desk):
    me = desk()
    for path in (f"{HOME}/{new_id('sto')}/test", f"{HOME}/sto_x/live", f"{HOME}/x/test"):
        assert me.client.get(path).status_code == 404
    assert me.client.get(f"{HOME}/{me.store_id}/demo").status_code == 404


@pytest.mark.parametrize("role", ROLE_NAMES)
def test_each_role_sees_what_the_table_says(trade, desk, role):
    me = desk(role, trade.store_id)
    for screen in screens("GET"):
        answer = knock(me, "GET", fill(screen, trade.store_id, "test", trade.ids))
        if screen.action == "" or may(role, screen.action):
            assert answer.status_code in (200, 303), (label(screen), answer.text)
        else:
            assert answer.status_code == 403, label(screen)
            assert "<h1>" in answer.text, label(screen)


@pytest.mark.parametrize("role", ROLE_NAMES)
def test_each_role_does_what_the_table_says(bare_app, trade, desk, nobodys_ids, role):
    for screen in screens("POST"):
        me = desk(role, trade.store_id)
        before = snapshot(bare_app)
        if screen.action == "" or may(role, screen.action):
            path = fill(screen, trade.store_id, "test", nobodys_ids)
            answer = knock(me, "POST", path)
            assert answer.status_code not in (401, 403), (label(screen), answer.text)
            assert answer.status_code < 500, label(screen)
        else:
            answer = knock(me, "POST", fill(screen, trade.store_id, "test", trade.ids))
            assert answer.status_code == 403, label(screen)
            assert "<h1>" in answer.text, label(screen)
            assert changed(before, snapshot(bare_app)) == [], label(screen)


@pytest.mark.parametrize("method", METHODS)
def test_what_belongs_to_another_store_is_missing(bare_app, trade, desk, method):
    """One foreign id at a time, beside ids that are the store's own."""
    with bare_app.app_context():
        other = make_trade(bare_app.test_client())
    me = desk("owner", trade.store_id)
    before = snapshot(bare_app)
    for screen in screens(method, who=MINE):
        for name in arguments_of(screen):
            if not name.endswith("_id"):
                continue
            ids = trade.ids | {name: other.ids[name]}
            answer = knock(me, method, fill(screen, trade.store_id, "test", ids))
            assert answer.status_code == 404, (label(screen), name, answer.text)
            assert changed(before, snapshot(bare_app)) == [], (label(screen), name)


@pytest.mark.parametrize("method", METHODS)
def test_what_belongs_to_the_other_mode_is_missing(bare_app, trade, desk, method):
    me = desk("owner", trade.store_id)
    before = snapshot(bare_app)
    for screen in screens(method):
        if any(name.endswith("_id") and name not in OF_BOTH_MODES for name in arguments_of(screen)):
            answer = knock(me, method, fill(screen, trade.store_id, "live", trade.ids))
            assert answer.status_code == 404, (label(screen), answer.text)
            assert changed(before, snapshot(bare_app)) == [], label(screen)


FORGED: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "without a token": ({}, {}),
    "with an empty token": ({"csrf": ""}, {}),
    "with a wrong token": ({"csrf": "f" * 64}, {}),
    "with another's token": ({"csrf": "another's"}, {}),
    "from another site": ({"csrf": "mine"}, {"Sec-Fetch-Site": "cross-site"}),
    "from a neighbour": ({"csrf": "mine"}, {"Sec-Fetch-Site": "same-site"}),
    "of another origin": ({"csrf": "mine"}, {"Origin": "https://evil.example"}),
    "of no origin": ({"csrf": "mine"}, {"Origin": "null"}),
}


@pytest.mark.parametrize("how", FORGED)
def test_a_forged_form_does_nothing(bare_app, trade, desk, how):
    form, headers = FORGED[how]
    me, other = desk("owner", trade.store_id), desk()
    tokens = {"mine": me.token(), "another's": other.token()}
    data = {name: tokens.get(value, value) for name, value in form.items()}
    before = snapshot(bare_app)
    for screen in screens("POST", who=MINE):
        path = fill(screen, trade.store_id, "test", trade.ids)
        answer = me.client.post(path, data=data, headers=headers)
        assert answer.status_code == 403, (label(screen), answer.text)
    assert changed(before, snapshot(bare_app)) == []


def test_a_guests_forged_form_does_nothing(bare_app):
    before = snapshot(bare_app)
    form = {"email": "mai@homestay.example", "password": "a password for tests", "name": "Mai"}
    for screen in screens("POST", who=("anybody",)):
        for data, headers in FORGED.values():
            client = bare_app.test_client()
            answer = client.post(
                fill(screen, "", "test", {}),
                data=form | {name: value for name, value in data.items() if value != "mine"},
                headers=headers,
                environ_base={"REMOTE_ADDR": f"10.2.0.{next(_addresses) % 250}"},
            )
            assert answer.status_code == 403, (label(screen), answer.text)
    assert changed(before, snapshot(bare_app)) == []


def test_what_opens_doors_asks_for_the_password_again(bare_app, trade, desk):
    me = desk("owner", trade.store_id)
    with bare_app.app_context(), unit_of_work():
        execute("UPDATE sign_in SET password_at = password_at - interval '11 minutes'")
    from checkout.merchants.access import forget_found_users

    forget_found_users()
    before = snapshot(bare_app)
    asked = [screen for screen in screens("POST", who=MINE) if screen.recent]
    for screen in asked:
        answer = knock(me, "POST", fill(screen, trade.store_id, "test", trade.ids))
        assert answer.status_code == 403, (label(screen), answer.text)
        assert changed(before, snapshot(bare_app)) == [], label(screen)


def test_looking_changes_nothing_and_is_kept_nowhere(bare_app, trade, desk):
    me = desk("owner", trade.store_id)
    before = snapshot(bare_app)
    for screen in screens("GET", who=("anybody", *MINE)):
        for mode in ("test", "live"):
            path = fill(screen, trade.store_id, mode, trade.ids)
            for method in ("GET", "HEAD"):
                answer = send(me.client, method, path)
                assert answer.status_code < 500, (method, path)
                assert answer.headers["Cache-Control"] == "no-store", path
        assert changed(before, snapshot(bare_app)) == [], label(screen)
