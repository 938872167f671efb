"""Endpoints, deliveries and events over the API; strangers are refused everywhere."""

from __future__ import annotations

import pytest

from checkout.core.db import execute, one, unit_of_work
from checkout.core.ids import new_id
from checkout.core.jobs import sweep_until_idle
from checkout.webhooks.endpoints import MOST_ENDPOINTS
from tests.factories.stores import make_shop
from tests.factories.webhooks import deliveries, make_endpoint, make_events
from tests.support.receiver import Reply, receiving

PATH = "/api/v1/webhook-endpoints"
URL = "https://shop.example/hooks"


def problem(answer, status: int) -> tuple[str, str | None]:
    assert answer.status_code == status, answer.text
    error = answer.get_json()["error"]
    return error["code"], error["param"]


def test_the_secret_is_shown_once_and_stored_sealed(client):
    shop = make_shop()
    made = client.post(PATH, json={"url": URL}, headers=shop.headers)
    assert made.status_code == 201
    body = made.get_json()
    assert body["object"] == "webhook_endpoint"
    assert body["secret"].startswith("whsec_")
    assert (body["enabled"], body["enabled_events"], body["livemode"]) == (True, ["*"], False)
    read = client.get(f"{PATH}/{body['id']}", headers=shop.headers).get_json()
    assert read == {name: value for name, value in body.items() if name != "secret"}
    stored = bytes(one("SELECT secret FROM endpoint").secret)
    assert body["secret"].encode() not in stored


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/hooks",
        "ftp://shop.example/",
        "https://user:pw@shop.example/",
        "https://shop.example:22/",
        "https://localhost.localdomain.localhost/",
        "https://intranet/",
        "https://printer.local/",
        "https://10.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://169.254.169.254/latest",
        "https://1.2.3.999/",
        "https:///nohost",
        "https://shop.example:0/",
        "not a url",
        "https://shop.example/a b",
    ],
)
def test_addresses_that_nothing_is_sent_to(client, url):
    shop = make_shop()
    answer = client.post(PATH, json={"url": url}, headers=shop.headers)
    assert problem(answer, 422) == ("invalid_url", "url")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "http://localhost:9/x", URL])
def test_listed_addresses_are_for_test_mode_and_https_for_both(client, url):
    test, live = make_shop(), make_shop(livemode=True)
    assert client.post(PATH, json={"url": url}, headers=test.headers).status_code == 201
    answer = client.post(PATH, json={"url": url}, headers=live.headers)
    assert answer.status_code == (201 if url == URL else 422)


@pytest.mark.parametrize(
    ("events", "param"),
    [
        (["nothing"], "enabled_events.0"),
        (["payment.completed", "payment.exploded"], "enabled_events.1"),
        (["payment*"], "enabled_events.0"),
        ([".*"], "enabled_events.0"),
        (["**"], "enabled_events.0"),
    ],
)
def test_unknown_event_types(client, events, param):
    shop = make_shop()
    body = {"url": URL, "enabled_events": events}
    answer = client.post(PATH, json=body, headers=shop.headers)
    assert problem(answer, 422) == ("unknown_event_type", param)


def test_known_types_and_groups_are_kept_once(client):
    shop = make_shop()
    events = ["payment.*", "checkout.session.*", "refund.failed", "payment.*"]
    body = {"url": URL, "enabled_events": events, "description": "Đơn hàng"}
    made = client.post(PATH, json=body, headers=shop.headers).get_json()
    assert made["enabled_events"] == events[:3]
    assert made["description"] == "Đơn hàng"


def test_there_is_a_limit_to_endpoints(client):
    shop = make_shop()
    for _ in range(MOST_ENDPOINTS):
        make_endpoint(shop, URL)
    answer = client.post(PATH, json={"url": URL}, headers=shop.headers)
    assert problem(answer, 409)[0] == "too_many_endpoints"


def test_changing_and_removing(client):
    shop = make_shop()
    endpoint, _ = make_endpoint(shop, URL)
    path = f"{PATH}/{endpoint.id}"
    changes = {"url": "https://new.example/", "enabled_events": ["refund.*"], "enabled": False}
    changed = client.patch(path, json=changes, headers=shop.headers).get_json()
    assert {name: changed[name] for name in changes} == changes
    assert changed["disabled_reason"] == "merchant"
    answer = client.patch(path, json={"url": "https://10.0.0.1/"}, headers=shop.headers)
    assert problem(answer, 422) == ("invalid_url", "url")

    removed = client.delete(path, headers=shop.headers)
    assert removed.get_json() == {
        "id": endpoint.id,
        "object": "webhook_endpoint",
        "deleted": True,
    }
    assert client.get(path, headers=shop.headers).status_code == 404
    assert client.get(PATH, headers=shop.headers).get_json()["data"] == []


def test_removing_cancels_what_waits(client):
    shop = make_shop()
    endpoint, _ = make_endpoint(shop, URL)
    make_events(shop, 2)
    sweep_until_idle("dispatch_events")
    client.delete(f"{PATH}/{endpoint.id}", headers=shop.headers)
    sweep_until_idle("deliver_webhooks")
    assert {item.status for item in deliveries()} == {"cancelled"}


def test_rotation_signs_with_both_secrets_for_a_day(client):
    shop = make_shop()
    with receiving() as receiver:
        endpoint, old = make_endpoint(shop, receiver.url)
        path = f"{PATH}/{endpoint.id}/rotate-secret"
        rotated = client.post(path, headers=shop.headers).get_json()
        assert rotated["secret"] != old
        assert rotated["old_secret_expires_at"]
        make_events(shop)
        sweep_until_idle("dispatch_events", "deliver_webhooks")
        with unit_of_work():
            execute("UPDATE endpoint SET old_secret_until = clock_timestamp()")
        make_events(shop)
        sweep_until_idle("dispatch_events", "deliver_webhooks")
    from standardwebhooks.webhooks import Webhook, WebhookVerificationError

    during, after = receiver.received
    Webhook(old).verify(during.body, during.headers)
    Webhook(rotated["secret"]).verify(during.body, during.headers)
    Webhook(rotated["secret"]).verify(after.body, after.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(after.body, after.headers)
    assert len(after.headers["webhook-signature"].split()) == 1


def test_the_test_event_reaches_this_endpoint_alone(client):
    shop = make_shop()
    with receiving() as receiver:
        endpoint, _ = make_endpoint(shop, f"{receiver.url}/this", ["payment.failed"])
        make_endpoint(shop, f"{receiver.url}/other")
        made = client.post(f"{PATH}/{endpoint.id}/test", headers=shop.headers)
        assert made.status_code == 201
        assert made.get_json()["event_type"] == "webhook_endpoint.test"
        assert made.get_json()["status"] == "waiting"
        sweep_until_idle("dispatch_events", "deliver_webhooks")
    assert [item.path for item in receiver.received] == ["/this"]
    listed = client.get(f"{PATH}/{endpoint.id}/deliveries", headers=shop.headers).get_json()
    (delivery,) = listed["data"]
    assert (delivery["status"], delivery["tries"], delivery["next_try_at"]) == (
        "delivered",
        1,
        None,
    )
    assert delivery["attempts"][0]["response_status"] == 200


def test_a_disabled_endpoint_is_neither_tested_nor_retried(client):
    shop = make_shop()
    with receiving(lambda _: Reply(410)) as receiver:
        endpoint, _ = make_endpoint(shop, receiver.url)
        make_events(shop)
        sweep_until_idle("dispatch_events", "deliver_webhooks")
    answer = client.post(f"{PATH}/{endpoint.id}/test", headers=shop.headers)
    assert problem(answer, 409)[0] == "endpoint_disabled"
    path = f"/api/v1/webhook-deliveries/{deliveries()[0].id}/retry"
    assert problem(client.post(path, headers=shop.headers), 409)[0] == "endpoint_disabled"


def test_a_delivery_under_way_is_not_retried_beside_itself(client):
    shop = make_shop()
    make_endpoint(shop, URL)
    make_events(shop)
    sweep_until_idle("dispatch_events")
    path = f"/api/v1/webhook-deliveries/{deliveries()[0].id}/retry"
    with unit_of_work():
        execute("UPDATE delivery SET lease_until = clock_timestamp() + interval '9 seconds'")
    assert problem(client.post(path, headers=shop.headers), 409)[0] == "delivery_in_progress"
    with unit_of_work():
        execute("UPDATE delivery SET lease_until = clock_timestamp()")
    assert client.post(path, headers=shop.headers).get_json()["status"] == "waiting"


def test_deliveries_are_filtered_and_paged(client):
    shop = make_shop()
    endpoint, _ = make_endpoint(shop, URL)
    event_ids = make_events(shop, 5)
    sweep_until_idle("dispatch_events")
    path = f"{PATH}/{endpoint.id}/deliveries"

    def get(query: str) -> dict:
        return client.get(f"{path}?{query}", headers=shop.headers).get_json()

    assert len(get("status=waiting")["data"]) == 5
    assert get("status=exhausted")["data"] == []
    assert [item["event"] for item in get(f"event={event_ids[2]}")["data"]] == [event_ids[2]]
    first = get("limit=3&include=total_count")
    assert (len(first["data"]), first["has_more"], first["total_count"]) == (3, True, 5)
    assert len(get(f"limit=3&cursor={first['next_cursor']}")["data"]) == 2
    assert get("status=lost")["error"]["param"] == "status"
    assert get(f"event={new_id('evt')}")["error"]["code"] == "resource_missing"


def test_events_are_listed_as_they_were_sent(client):
    shop = make_shop()
    (paid,) = make_events(shop)
    make_events(shop, 2, "customer.created")
    listed = client.get("/api/v1/events?type=payment.completed", headers=shop.headers)
    assert [item["id"] for item in listed.get_json()["data"]] == [paid]
    read = client.get(f"/api/v1/events/{paid}", headers=shop.headers).get_json()
    assert read["object"] == "event"
    assert read["data"]["object"]["note"] == "Áo thun ភ្នំពេញ"
    assert len(client.get("/api/v1/events", headers=shop.headers).get_json()["data"]) == 3


def test_a_stranger_and_the_other_mode_find_nothing(client):
    shop = make_shop()
    endpoint, _ = make_endpoint(shop, URL)
    (event_id,) = make_events(shop)
    sweep_until_idle("dispatch_events")
    delivery_id = deliveries()[0].id
    for foreign in (make_shop(), make_shop(livemode=True, store=shop.store)):
        for method, path in (
            ("GET", f"{PATH}/{endpoint.id}"),
            ("PATCH", f"{PATH}/{endpoint.id}"),
            ("DELETE", f"{PATH}/{endpoint.id}"),
            ("POST", f"{PATH}/{endpoint.id}/rotate-secret"),
            ("POST", f"{PATH}/{endpoint.id}/test"),
            ("GET", f"{PATH}/{endpoint.id}/deliveries"),
            ("POST", f"/api/v1/webhook-deliveries/{delivery_id}/retry"),
            ("GET", f"/api/v1/events/{event_id}"),
        ):
            body = {"json": {}} if method == "PATCH" else {}
            answer = client.open(path, method=method, headers=foreign.headers, **body)
            assert problem(answer, 404)[0] == "resource_missing", path
            assert client.open(path, method=method, **body).status_code == 401
        assert client.get(PATH, headers=foreign.headers).get_json()["data"] == []
        assert client.get("/api/v1/events", headers=foreign.headers).get_json()["data"] == []
