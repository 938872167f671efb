"""`/webhooks`: endpoints in a merchant's browser."""

from __future__ import annotations

import re

import pytest

from checkout.core.db import one, run
from checkout.core.i18n import LOCALES, text
from checkout.core.ids import new_id
from checkout.core.jobs import sweep_until_idle
from tests.factories.desks import make_desk
from tests.factories.stores import make_shop
from tests.factories.webhooks import deliveries, make_endpoint, make_events
from tests.support.receiver import Reply, receiving

URL = "https://shop.example/hooks"
SECRET = re.compile(r"whsec_[A-Za-z0-9+/]+=*")
SWEEPERS = ("dispatch_events", "deliver_webhooks")


@pytest.fixture
def shop(app):
    return make_shop()


@pytest.fixture
def desk(shop):
    return make_desk(store_id=shop.store.id)


def audited(store_id: str) -> list[str]:
    rows = run("SELECT action FROM audit_entry WHERE store_id = %(id)s ORDER BY seq", id=store_id)
    return [row.action for row in rows]


def test_an_endpoint_is_added_and_its_secret_shown_once(desk):
    answer = desk.post(
        "/webhooks/new",
        {"url": URL, "description": "Orders", "enabled_events": ["payment.*", "refund.failed"]},
    )

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert SECRET.search(answer.text)
    row = one("SELECT * FROM endpoint")
    assert (row.url, row.description, row.enabled) == (URL, "Orders", True)
    assert row.enabled_events == ["payment.*", "refund.failed"]
    assert not SECRET.search(desk.get(f"/webhooks/{row.id}"))
    assert URL in desk.get("/webhooks")
    assert "webhook_endpoint.created" in audited(desk.store_id)


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"url": "ftp://shop.example", "enabled_events": "*"}, "url"),
        ({"url": "https://10.0.0.1/", "enabled_events": "*"}, "url"),
        ({"enabled_events": "*"}, "url"),
        ({"url": URL}, "enabled_events"),
        ({"url": URL, "enabled_events": "nothing"}, "enabled_events"),
    ],
)
def test_what_is_wrong_stands_at_its_field(desk, form, field):
    page = desk.refused("/webhooks/new", form)

    assert f'id="e-{field}"' in page
    assert form.get("url", "") in page
    assert one("SELECT count(*) AS n FROM endpoint").n == 0


def test_an_endpoint_is_changed_and_switched(desk, shop):
    row, _ = make_endpoint(shop, URL)
    form = {"url": f"{URL}/new", "description": "", "enabled_events": ["payment.completed"]}

    page = desk.done(f"/webhooks/{row.id}", form)

    assert f"{URL}/new" in page
    changed = one("SELECT * FROM endpoint")
    assert (changed.enabled_events, changed.enabled) == (["payment.completed"], True)
    desk.done(f"/webhooks/{row.id}/enabled", {"enabled": "0"})
    assert not one("SELECT enabled FROM endpoint").enabled
    desk.refused(f"/webhooks/{row.id}/test", status=409)
    desk.done(f"/webhooks/{row.id}/enabled", {"enabled": "1"})
    assert one("SELECT enabled FROM endpoint").enabled


def test_a_new_secret_is_shown_once_and_the_old_one_signs_on(desk, shop):
    row, old = make_endpoint(shop, URL)

    answer = desk.post(f"/webhooks/{row.id}/secret")

    assert answer.status_code == 200
    (secret,) = set(SECRET.findall(answer.text))
    assert secret != old
    page = desk.get(f"/webhooks/{row.id}")
    assert not SECRET.search(page)
    assert "Old secret signs until" in page


def test_a_removed_endpoint_is_gone(desk, shop):
    row, _ = make_endpoint(shop, URL)

    page = desk.done(f"/webhooks/{row.id}/delete")

    assert URL not in page
    desk.get(f"/webhooks/{row.id}", status=404)


def test_a_test_event_shows_what_came_back(desk, shop):
    with receiving(
        lambda _: Reply(202, {"X-Mine": "<i>1</i>"}, b"<script>alert(1)</script>")
    ) as to:
        row, _ = make_endpoint(shop, to.url)
        answer = desk.post(f"/webhooks/{row.id}/test")
        assert 'hx-trigger="every 2s"' in desk.get(answer.location)
        sweep_until_idle(*SWEEPERS)

    page = desk.get(answer.location)
    assert "HTTP 202" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "x-mine: &lt;i&gt;1&lt;/i&gt;" in page.lower()
    assert "<script>alert" not in page
    assert "webhook-signature: v1," in page
    assert "every 2s" not in page


def test_what_did_not_arrive_in_some_days_is_sent_again(desk, shop):
    replies = iter([Reply(500), Reply(410)])
    with receiving(lambda _: next(replies, Reply())) as to:
        row, _ = make_endpoint(shop, to.url)
        make_events(shop, 2)
        sweep_until_idle(*SWEEPERS)
        desk.done(f"/webhooks/{row.id}/enabled", {"enabled": "1"})
        day = one("SELECT (now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date::text AS day").day
        form = {"since": day, "until": day}
        desk.done(f"/webhooks/{row.id}/retries", form)
        sweep_until_idle(*SWEEPERS)
        assert {line.status for line in deliveries()} == {"delivered"}
        sent = len(to.received)
        desk.done(f"/webhooks/{row.id}/retries", form)
        sweep_until_idle(*SWEEPERS)
        assert len(to.received) == sent
        desk.done(f"/webhooks/{row.id}/retries", {**form, "delivered": "1"})
        sweep_until_idle(*SWEEPERS)
        assert len(to.received) == sent + 2
        past = {"since": "2021-01-01", "until": "2021-01-02", "delivered": "1"}
        desk.done(f"/webhooks/{row.id}/retries", past)
        sweep_until_idle(*SWEEPERS)
        assert len(to.received) == sent + 2
    assert audited(desk.store_id).count("webhook_endpoint.deliveries_retried") == 4


@pytest.mark.parametrize("day", ["", "yesterday", "0001-01-01", "9999-12-31"])
def test_a_range_needs_two_days(desk, shop, day):
    row, _ = make_endpoint(shop, URL)

    page = desk.refused(f"/webhooks/{row.id}/retries", {"since": "2026-01-01", "until": day})

    assert 'id="e-until"' in page


@pytest.mark.parametrize("role", ["support", "viewer"])
def test_who_may_only_look_sees_no_forms(shop, role):
    row, _ = make_endpoint(shop, URL)
    desk = make_desk(role, shop.store.id)

    page = desk.get(f"/webhooks/{row.id}")

    assert URL in page
    assert f"/webhooks/{row.id}/secret" not in page
    assert desk.post(f"/webhooks/{row.id}/secret").status_code == 403
    assert desk.client.get(desk.url("/webhooks/new")).status_code == 403
    assert (f"/webhooks/{row.id}/retries" in page) is (role == "support")


def test_another_stores_endpoint_is_missing(desk):
    row, _ = make_endpoint(make_shop(), URL)

    desk.get(f"/webhooks/{row.id}", status=404)
    for rest in ("", "/enabled", "/secret", "/test", "/delete"):
        form = {"url": URL, "enabled_events": "*", "enabled": "0"}
        assert desk.post(f"/webhooks/{row.id}{rest}", form).status_code == 404
    desk.get(f"/webhooks/{new_id('we')}", status=404)


@pytest.mark.parametrize("locale", ["vi", "en", "km"])
def test_every_page_speaks_every_language(shop, locale):
    desk = make_desk(store_id=shop.store.id, locale=locale)
    row, _ = make_endpoint(shop, URL)
    make_events(shop)
    sweep_until_idle("dispatch_events")
    (delivery,) = deliveries()

    for rest in (
        "",
        "/new",
        f"/{row.id}",
        "/deliveries",
        f"/deliveries/{delivery.id}",
        "/events",
        f"/events/{delivery.event_id}",
        "/debug",
    ):
        assert f'<html lang="{locale}">' in desk.get(f"/webhooks{rest}")


def test_the_most_endpoints_a_store_may_have(desk, shop, monkeypatch):
    monkeypatch.setattr("checkout.webhooks.endpoints.MOST_ENDPOINTS", 1)
    make_endpoint(shop, URL)

    page = desk.refused("/webhooks/new", {"url": URL, "enabled_events": "*"}, status=409)

    assert "at most 50" in page


@pytest.mark.parametrize("locale", LOCALES)
def test_a_refused_address_is_told_in_the_merchants_language(shop, locale):
    desk = make_desk(store_id=shop.store.id, locale=locale)

    page = desk.refused("/webhooks/new", {"url": "http://10.0.0.1/hook", "enabled_events": "*"})

    assert text("form.error.invalid_url", locale) in page
