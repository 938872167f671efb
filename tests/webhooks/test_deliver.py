"""From an event to a merchant's server, and what becomes of each answer."""

from __future__ import annotations

import json
from email.utils import format_datetime

import pytest
from standardwebhooks.webhooks import Webhook

from checkout.core import clock
from checkout.core.db import execute, one, run, unit_of_work
from checkout.core.jobs import sweep_until_idle
from checkout.merchants.members import add_member
from checkout.webhooks.retry import retry_delivery, shift_test_deliveries
from tests.factories.people import make_user
from tests.factories.stores import make_shop
from tests.factories.webhooks import (
    attempts_of,
    deliveries,
    make_endpoint,
    make_events,
    seconds_until,
)
from tests.support.receiver import Reply, receiving

SWEEPERS = ("dispatch_events", "deliver_webhooks")


def test_an_event_arrives_signed_and_whole(app):
    shop = make_shop()
    with receiving() as receiver:
        _, secret = make_endpoint(shop, f"{receiver.url}/hooks?for=me")
        (event_id,) = make_events(shop)
        sweep_until_idle(*SWEEPERS)

    (received,) = receiver.received
    assert received.path == "/hooks?for=me"
    assert received.headers["webhook-id"] == event_id
    verified = Webhook(secret).verify(received.body, received.headers)
    assert verified["data"]["object"]["note"] == "Áo thun ភ្នំពេញ"
    stored = one("SELECT body FROM outbox WHERE id = %(id)s", id=event_id)
    assert received.body == stored.body.encode()
    (delivery,) = deliveries()
    assert (delivery.status, delivery.tries, delivery.response_status) == ("delivered", 1, 200)
    (attempt,) = attempts_of(delivery.id)
    assert (attempt.number, attempt.response_body, attempt.manual) == (1, "ok", False)


def test_only_what_an_endpoint_asked_for_reaches_it(app):
    shop, other = make_shop(), make_shop()
    live = make_shop(livemode=True, store=shop.store)
    with receiving() as receiver:
        make_endpoint(shop, f"{receiver.url}/payments", ["payment.*"])
        make_endpoint(shop, f"{receiver.url}/expired", ["checkout.session.expired"])
        make_endpoint(shop, f"{receiver.url}/all")
        make_events(shop, type_="payment.completed")
        make_events(shop, type_="checkout.session.expired")
        make_events(other)
        make_events(live)
        sweep_until_idle(*SWEEPERS)
    seen = sorted((item.path, json.loads(item.body)["type"]) for item in receiver.received)
    assert seen == [
        ("/all", "checkout.session.expired"),
        ("/all", "payment.completed"),
        ("/expired", "checkout.session.expired"),
        ("/payments", "payment.completed"),
    ]


@pytest.mark.parametrize("status", [199 + 101, 302, 404, 500])
def test_anything_but_2xx_is_tried_again(app, status):
    shop = make_shop()
    with receiving(lambda _: Reply(status, {"Location": "/elsewhere"})) as receiver:
        make_endpoint(shop, receiver.url)
        make_events(shop)
        sweep_until_idle(*SWEEPERS)
    assert len(receiver.received) == 1
    (delivery,) = deliveries()
    assert (delivery.status, delivery.last_error) == ("waiting", f"http_{status}")
    assert -0.5 < seconds_until(delivery.next_try_at) < 1.3


def test_every_try_has_the_same_id_and_body_and_a_fresh_time(app):
    shop = make_shop()
    with receiving(lambda _: Reply(503)) as receiver:
        _, secret = make_endpoint(shop, receiver.url)
        make_events(shop)
        for _ in range(3):
            sweep_until_idle(*SWEEPERS)
            _make_all_due()
    first, *others = receiver.received
    for other in others:
        assert other.body == first.body
        assert other.headers["webhook-id"] == first.headers["webhook-id"]
        assert other.headers["x-webhook-signature"] != first.headers["x-webhook-signature"]
        Webhook(secret).verify(other.body, other.headers)


def test_the_schedule_ends_visibly_and_a_hand_can_try_once_more(app):
    shop = make_shop()
    status = 500
    with receiving(lambda _: Reply(status)) as receiver:
        make_endpoint(shop, receiver.url)
        make_events(shop)
        for _ in range(15):
            sweep_until_idle(*SWEEPERS)
            _make_all_due()
        (delivery,) = deliveries()
        assert (delivery.status, delivery.tries) == ("exhausted", 15)
        sweep_until_idle(*SWEEPERS)
        assert len(receiver.received) == 15

        status = 200
        with unit_of_work():
            retry_delivery(shop.scope, delivery.id)
        sweep_until_idle(*SWEEPERS)
    (delivery,) = deliveries()
    assert (delivery.status, delivery.tries) == ("delivered", 16)
    assert attempts_of(delivery.id)[-1].manual


def test_a_delivered_one_that_is_sent_again_in_vain_stays_delivered(app):
    shop = make_shop()
    status = 200
    with receiving(lambda _: Reply(status)) as receiver:
        make_endpoint(shop, receiver.url)
        make_events(shop)
        sweep_until_idle(*SWEEPERS)
        status = 500
        with unit_of_work():
            retry_delivery(shop.scope, deliveries()[0].id)
        sweep_until_idle(*SWEEPERS)
    assert len(receiver.received) == 2
    assert deliveries()[0].status == "delivered"


def test_retry_after_in_seconds_and_as_a_date(app):
    shop = make_shop()
    in_an_hour = format_datetime(clock.utc_now().replace(year=2099), usegmt=True)
    replies = iter([Reply(429, {"Retry-After": "120"}), Reply(503, {"Retry-After": in_an_hour})])
    with receiving(lambda _: next(replies)) as receiver:
        make_endpoint(shop, receiver.url)
        make_events(shop)
        sweep_until_idle(*SWEEPERS)
        assert 100 < seconds_until(deliveries()[0].next_try_at) <= 120
        _make_all_due()
        sweep_until_idle(*SWEEPERS)
    # A date in the far future is honoured as far as is sensible.
    assert 47 * 3600 < seconds_until(deliveries()[0].next_try_at) <= 48 * 3600


def test_410_disables_the_endpoint_and_stops_what_waits(app):
    shop = make_shop()
    with receiving(lambda _: Reply(410)) as receiver:
        endpoint, _ = make_endpoint(shop, receiver.url)
        make_events(shop, 5)
        sweep_until_idle(*SWEEPERS)
    row = one("SELECT enabled, disabled_reason FROM endpoint WHERE id = %(id)s", id=endpoint.id)
    assert (row.enabled, row.disabled_reason) == (False, "gone")
    assert len(receiver.received) < 5
    assert {item.status for item in deliveries()} == {"exhausted"}
    assert {item.last_error for item in deliveries()} == {"http_410", "endpoint_disabled"}
    entry = one("SELECT action, target FROM audit_entry WHERE action LIKE '%%disabled'")
    assert entry.target == endpoint.id


def test_enabling_again_goes_on_with_what_was_stopped(app, client):
    shop = make_shop()
    with receiving() as receiver:
        endpoint, _ = make_endpoint(shop, receiver.url)
        path = f"/api/v1/webhook-endpoints/{endpoint.id}"
        make_events(shop, 3)
        sweep_until_idle("dispatch_events")
        client.patch(path, json={"enabled": False}, headers=shop.headers)
        sweep_until_idle(*SWEEPERS)
        assert not receiver.received
        assert {item.status for item in deliveries()} == {"exhausted"}
        client.patch(path, json={"enabled": True}, headers=shop.headers)
        sweep_until_idle(*SWEEPERS)
    assert {item.status for item in deliveries()} == {"delivered"}
    assert len(receiver.received) == 3


def test_five_days_of_nothing_but_failure_disable_and_tell(app):
    shop = make_shop(contact_email="owner@shop.test")
    with receiving(lambda _: Reply(500)) as receiver:
        endpoint, _ = make_endpoint(shop, receiver.url)
        make_events(shop)
        sweep_until_idle(*SWEEPERS)
        with unit_of_work():
            shift_test_deliveries(shop.store.id, 5 * 86400)
        assert one("SELECT enabled FROM endpoint").enabled
        sweep_until_idle(*SWEEPERS)
    row = one("SELECT enabled, disabled_reason FROM endpoint WHERE id = %(id)s", id=endpoint.id)
    assert (row.enabled, row.disabled_reason) == (False, "failing")
    mail = one("SELECT recipient, text_body FROM mail WHERE purpose = 'endpoint_disabled'")
    assert mail.recipient == "owner@shop.test"
    assert receiver.url in mail.text_body


def test_without_a_contact_address_the_owners_are_told_in_their_language(app):
    shop = make_shop()
    owners = [make_user(locale="km"), make_user(locale="en")]
    with unit_of_work():
        for owner in owners:
            add_member(shop.store.id, owner.id, "owner")
        add_member(shop.store.id, make_user().id, "admin")
    with receiving(lambda _: Reply(410)) as receiver:
        make_endpoint(shop, receiver.url)
        make_events(shop)
        sweep_until_idle(*SWEEPERS)

    letters = run("SELECT recipient, locale FROM mail WHERE purpose = 'endpoint_disabled'")
    assert {(letter.recipient, letter.locale) for letter in letters} == {
        (owner.email, owner.locale) for owner in owners
    }


def test_a_store_that_wants_no_mails_is_not_written_to(app):
    shop = make_shop(contact_email="owner@shop.test", notify_by_email=False)
    with receiving(lambda _: Reply(410)) as receiver:
        make_endpoint(shop, receiver.url)
        make_events(shop)
        sweep_until_idle(*SWEEPERS)

    assert not one("SELECT enabled FROM endpoint").enabled
    assert run("SELECT id FROM mail") == []


def test_one_success_ends_the_count_of_failing_days(app):
    shop = make_shop()
    replies = iter([Reply(500), Reply(200)])
    with receiving(lambda _: next(replies)) as receiver:
        make_endpoint(shop, receiver.url)
        make_events(shop)
        sweep_until_idle(*SWEEPERS)
        assert one("SELECT failing_since FROM endpoint").failing_since is not None
        _make_all_due()
        sweep_until_idle(*SWEEPERS)
    assert one("SELECT failing_since FROM endpoint").failing_since is None


def test_a_large_odd_answer_is_cut_and_kept_readable(app):
    shop = make_shop()
    with receiving(lambda _: Reply(200, {}, b"\0\xff" + b"x" * 100_000)) as receiver:
        make_endpoint(shop, receiver.url)
        make_events(shop)
        sweep_until_idle(*SWEEPERS)
    (delivery,) = deliveries()
    assert delivery.status == "delivered"
    (attempt,) = attempts_of(delivery.id)
    assert attempt.response_body.startswith("\ufffd\ufffdxx")
    assert len(attempt.response_body) == 4096


def test_an_unreachable_endpoint_waits(app):
    shop = make_shop()
    with receiving() as receiver:
        url = receiver.url
    make_endpoint(shop, url)
    make_events(shop)
    sweep_until_idle(*SWEEPERS)
    (delivery,) = deliveries()
    assert (delivery.status, delivery.last_error) == ("waiting", "connect_failed")


def test_an_address_that_is_not_listed_is_never_connected_to(app):
    shop = make_shop()
    endpoint, _ = make_endpoint(shop, "https://shop.example/hooks")
    with unit_of_work():
        execute("UPDATE endpoint SET url = 'http://10.1.2.3/' WHERE id = %(id)s", id=endpoint.id)
    make_events(shop)
    sweep_until_idle(*SWEEPERS)
    assert deliveries()[0].last_error == "address_refused"


def test_moving_the_test_clock_makes_waits_shorter(app):
    shop, other = make_shop(), make_shop()
    with receiving(lambda _: Reply(503, {"Retry-After": "3600"})) as receiver:
        make_endpoint(shop, receiver.url)
        make_endpoint(other, receiver.url)
        make_events(shop)
        make_events(other)
        sweep_until_idle(*SWEEPERS)
        with unit_of_work():
            shift_test_deliveries(shop.store.id, 3600)
        sweep_until_idle(*SWEEPERS)
    assert [item.tries for item in deliveries(store_id=shop.store.id)] == [2]
    assert [item.tries for item in deliveries(store_id=other.store.id)] == [1]


def test_an_event_is_fanned_out_once_however_often_it_is_dispatched(app):
    shop = make_shop()
    with receiving() as receiver:
        make_endpoint(shop, receiver.url)
        make_events(shop, 3)
        sweep_until_idle(*SWEEPERS)
        with unit_of_work():
            execute("UPDATE outbox SET dispatched_at = NULL")
        sweep_until_idle(*SWEEPERS)
    assert len(receiver.received) == 3


def _make_all_due() -> None:
    with unit_of_work():
        run("UPDATE delivery SET next_try_at = clock_timestamp() WHERE status = 'waiting'")
