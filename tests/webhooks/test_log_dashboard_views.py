"""Deliveries and events in a merchant's browser."""

from __future__ import annotations

import shlex

import pytest

from checkout.core.db import execute, one, unit_of_work
from checkout.core.ids import new_id
from checkout.core.jobs import sweep_until_idle
from checkout.webhooks.log import write_curl
from tests.factories.desks import make_desk
from tests.factories.stores import make_shop
from tests.factories.webhooks import attempts_of, deliveries, make_endpoint, make_events
from tests.support.receiver import Reply, receiving

SWEEPERS = ("dispatch_events", "deliver_webhooks")
LINK = "/webhooks/deliveries/whd_"


@pytest.fixture
def shop(app):
    return make_shop()


@pytest.fixture
def desk(shop):
    return make_desk(store_id=shop.store.id)


@pytest.fixture
def receiver():
    with receiving(lambda _: Reply()) as found:
        yield found


def test_the_list_is_filtered_by_what_the_address_says(desk, shop):
    first, _ = make_endpoint(shop, "https://one.example/")
    make_endpoint(shop, "https://two.example/", ["refund.*"])
    make_events(shop, 2)
    make_events(shop, type_="refund.succeeded")
    sweep_until_idle("dispatch_events")
    with unit_of_work():
        execute("UPDATE delivery SET status = 'exhausted' WHERE endpoint_id <> %(id)s", id=first.id)

    def count(query: str) -> int:
        return desk.get(f"/webhooks/deliveries?{query}").count(LINK)

    assert count("") == 4
    assert count(f"endpoint={first.id}") == 3
    assert count("status=exhausted") == 1
    assert count("type=refund.succeeded") == 2
    assert count(f"type=refund.succeeded&endpoint={first.id}") == 1
    assert count("since=2021-01-01") == 4
    assert count("until=2021-01-01") == 0
    assert count(f"endpoint={new_id('we')}") == 0
    assert count("limit=3") == 3


def test_a_page_leads_to_the_older_ones(desk, shop):
    make_endpoint(shop, "https://one.example/")
    make_events(shop, 3)
    sweep_until_idle("dispatch_events")

    page = desk.get("/webhooks/deliveries?limit=2&status=waiting")
    assert 'rel="next"' in page
    older = page.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    assert desk.get(older).count(LINK) == 1


@pytest.mark.parametrize(
    ("query", "field"), [("status=lost", "status"), ("since=now", "since"), ("until=0", "until")]
)
def test_a_filter_that_makes_no_sense_is_told_at_its_field(desk, query, field):
    page = desk.get(f"/webhooks/deliveries?{query}", status=422)

    assert f'id="e-{field}"' in page


def test_a_delivery_shows_what_was_sent_and_each_answer(desk, shop, receiver):
    receiver.answer = lambda _: Reply(500, {"Retry-After": "0", "Set-Cookie": "a=b"}, b"oh & no")
    _, secret = make_endpoint(shop, f"{receiver.url}/a b'c".replace(" ", "%20"))
    make_events(shop)
    sweep_until_idle("dispatch_events")
    sweep_until_idle("deliver_webhooks")
    (delivery,) = deliveries()

    page = desk.get(f"/webhooks/deliveries/{delivery.id}")

    attempt = attempts_of(delivery.id)[0]
    sent = receiver.received[0].headers
    assert attempt.request_headers["webhook-signature"] == sent["webhook-signature"]
    assert attempt.url == f"{receiver.url}/a%20b'c"
    assert attempt.response_headers["retry-after"] == "0"
    assert "set-cookie" not in attempt.response_headers
    assert "oh &amp; no" in page
    assert "HTTP 500" in page
    assert "Áo thun" in page
    assert secret not in page


def test_the_command_sends_the_same_again(desk, shop, receiver):
    make_endpoint(shop, f"{receiver.url}/it's")
    make_events(shop)
    sweep_until_idle(*SWEEPERS)
    (delivery,) = deliveries()
    (attempt,) = attempts_of(delivery.id)
    body = one("SELECT body FROM outbox").body

    command = write_curl(attempt.url, attempt.request_headers, body)

    words = shlex.split(command.replace("\\\n", " "))
    assert words[:4] == ["curl", "-X", "POST", f"{receiver.url}/it's"]
    assert words[-2:] == ["--data-raw", body]
    headers = {words[place + 1] for place, word in enumerate(words) if word == "-H"}
    assert f"webhook-id: {delivery.event_id}" in headers
    assert f"webhook-signature: {attempt.request_headers['webhook-signature']}" in headers


@pytest.mark.parametrize("text", ["$(id)", "`id`", "'; id #", '"', "\\", "a\nb", "!x", "*"])
def test_no_part_of_the_command_is_run(text):
    command = write_curl(f"https://x/{text}", {"a": text}, f'{{"a": "{text}"}}')

    words = shlex.split(command.replace(" \\\n  -", " -"))
    assert words == [
        "curl", "-X", "POST", f"https://x/{text}", "-H", f"a: {text}", "--data-raw",
        f'{{"a": "{text}"}}',
    ]  # fmt: skip


def test_one_is_tried_again_by_hand(desk, shop, receiver):
    make_endpoint(shop, receiver.url)
    make_events(shop)
    sweep_until_idle(*SWEEPERS)
    (delivery,) = deliveries()

    desk.done(f"/webhooks/deliveries/{delivery.id}/retry")
    sweep_until_idle(*SWEEPERS)

    assert len(receiver.received) == 2
    assert "by hand" in desk.get(f"/webhooks/deliveries/{delivery.id}")
    assert one("SELECT count(*) AS n FROM audit_entry WHERE action = 'webhook_delivery.retried'").n


def test_an_event_is_shown_and_sent_to_all_who_want_it(desk, shop, receiver):
    make_endpoint(shop, f"{receiver.url}/had")
    make_events(shop)
    sweep_until_idle(*SWEEPERS)
    make_endpoint(shop, f"{receiver.url}/new")
    make_endpoint(shop, f"{receiver.url}/other", ["refund.*"])
    event = one("SELECT * FROM outbox")
    assert event.type in desk.get("/webhooks/events?type=payment.completed")
    assert event.id not in desk.get("/webhooks/events?type=refund.failed")
    assert "Áo thun" in desk.get(f"/webhooks/events/{event.id}")

    desk.done(f"/webhooks/events/{event.id}/resend")
    sweep_until_idle(*SWEEPERS)

    assert sorted(item.path for item in receiver.received) == ["/had", "/had", "/new"]


def test_an_event_that_nobody_wants_is_not_sent(desk, shop):
    make_endpoint(shop, "https://one.example/", ["refund.*"])
    (event_id,) = make_events(shop)

    page = desk.refused(f"/webhooks/events/{event_id}/resend", status=409)

    assert "No endpoint that is on wants this event." in page
    assert deliveries() == []


def test_a_test_event_is_sent_again_to_its_own_endpoint_alone(desk, shop, receiver):
    row, _ = make_endpoint(shop, f"{receiver.url}/one")
    make_endpoint(shop, f"{receiver.url}/two")
    desk.post(f"/webhooks/{row.id}/test")
    sweep_until_idle(*SWEEPERS)
    (delivery,) = deliveries()

    desk.done(f"/webhooks/events/{delivery.event_id}/resend")
    sweep_until_idle(*SWEEPERS)

    assert [item.path for item in receiver.received] == ["/one", "/one"]


def test_other_stores_and_the_other_mode_have_their_own(shop, receiver):
    stranger = make_desk()
    live = make_desk(store_id=shop.store.id, mode="live")
    make_endpoint(shop, receiver.url)
    make_events(shop)
    sweep_until_idle(*SWEEPERS)
    (delivery,) = deliveries()

    for desk in (stranger, live):
        assert LINK not in desk.get("/webhooks/deliveries")
        desk.get(f"/webhooks/deliveries/{delivery.id}", status=404)
        desk.get(f"/webhooks/events/{delivery.event_id}", status=404)
        retry = desk.post(f"/webhooks/deliveries/{delivery.id}/retry")
        resend = desk.post(f"/webhooks/events/{delivery.event_id}/resend")
        assert (retry.status_code, resend.status_code) == (404, 404)
    assert len(receiver.received) == 1


def test_viewers_look_and_touch_nothing(shop, receiver):
    desk = make_desk("viewer", shop.store.id)
    make_endpoint(shop, receiver.url)
    make_events(shop)
    sweep_until_idle(*SWEEPERS)
    (delivery,) = deliveries()

    assert "/retry" not in desk.get(f"/webhooks/deliveries/{delivery.id}")
    assert desk.post(f"/webhooks/deliveries/{delivery.id}/retry").status_code == 403
    assert "/resend" not in desk.get(f"/webhooks/events/{delivery.event_id}")
    assert desk.post(f"/webhooks/events/{delivery.event_id}/resend").status_code == 403
