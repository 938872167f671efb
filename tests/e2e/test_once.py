"""Impatient fingers: a form of the dashboard that is sent twice."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from checkout.core.db import unit_of_work
from checkout.merchants.access import cookie_name
from checkout.merchants.accounts import sign_in_browser
from checkout.merchants.members import add_member
from tests.factories.books import read
from tests.factories.people import FACTS, make_user
from tests.factories.stores import make_store

pytestmark = pytest.mark.e2e


@pytest.fixture
def page(browser, live_server):
    """Of a new store's owner."""
    with live_server.app.app_context():
        store, user = make_store(), make_user(locale="en")
        with unit_of_work():
            add_member(store.id, user.id, "owner")
            cookie = {"name": cookie_name(), "value": sign_in_browser(user.id, FACTS)}
    context = browser.new_context(base_url=f"{live_server.url}/dashboard/{store.id}/test/")
    context.add_cookies([{**cookie, "url": live_server.url}])
    page = context.new_page()
    page.store_id = store.id
    yield page
    context.close()


def test_two_quick_clicks_make_one_key(page, live_server):
    page.goto("keys/new")
    page.get_by_label("Name", exact=True).fill("My shop")
    # As if the line were slow: the first form is on its way when the second click comes.
    held = []

    def hold(route):
        held.append(route)

    page.route("**/keys", hold)
    button = page.get_by_role("button", name="Make the key")
    button.scroll_into_view_if_needed()
    box = button.bounding_box()

    for _ in range(2):
        page.mouse.click(box["x"] + 5, box["y"] + 5)
        page.wait_for_timeout(200)
    assert len(held) == 1
    for route in held:
        route.continue_()

    expect(page.locator(".code").first).to_contain_text("sk_test_")
    with live_server.app.app_context():
        made = "SELECT id FROM api_key WHERE store_id = %(id)s"
        assert len(read(made, id=page.store_id)) == 1


def test_who_goes_back_can_send_the_form_again(page, live_server):
    page.goto("keys/new")
    for name in ("First", "Second"):
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_role("button", name="Make the key").click()
        expect(page.locator(".code").first).to_contain_text("sk_test_")
        page.go_back()

    with live_server.app.app_context():
        made = "SELECT id FROM api_key WHERE store_id = %(id)s"
        assert len(read(made, id=page.store_id)) == 2
