from __future__ import annotations

import pytest

from checkout.core.limits import Limits, forget_failed_authentications

WRONG = {"Authorization": "Bearer sk_test_wrong"}


def fail(api, times, address="192.0.2.1"):
    return [
        api.get("/api/v1/things", headers=WRONG, environ_base={"REMOTE_ADDR": address})
        for _ in range(times)
    ]


@pytest.fixture
def redis_gone(api_app):
    connection = api_app.extensions["checkout_redis"]
    kept = connection.client, connection.url
    connection.client, connection.url = None, "redis://127.0.0.1:1/0"
    yield
    connection.client, connection.url = kept
    connection.down_until = 0.0


def get(api, shop, address="192.0.2.1"):
    return api.get("/api/v1/things", headers=shop.headers, environ_base={"REMOTE_ADDR": address})


def assert_blocked(response):
    assert response.status_code == 429
    assert response.get_json()["error"]["code"] == "ip_blocked"
    assert 0 < int(response.headers["Retry-After"]) <= 900


def test_ten_failures_block_the_address_and_no_other(api, shop):
    assert [answer.status_code for answer in fail(api, 10)] == [401] * 10

    assert_blocked(fail(api, 1)[0])
    assert_blocked(get(api, shop))
    assert get(api, shop, "192.0.2.2").status_code == 200


def test_nine_failures_do_not(api, shop):
    fail(api, 9)

    assert get(api, shop).status_code == 200


def test_a_missing_key_is_not_a_failure(api, shop):
    for _ in range(12):
        api.get("/api/v1/things", environ_base={"REMOTE_ADDR": "192.0.2.1"})

    assert get(api, shop).status_code == 200


def test_an_ipv6_network_is_one_address(api, shop):
    for last in range(10):
        fail(api, 1, f"2001:db8:0:1::{last:x}")

    assert_blocked(get(api, shop, "2001:db8:0:1:ffff::1"))
    assert get(api, shop, "2001:db8:0:2::1").status_code == 200


def test_another_process_blocks_too(api, api_app, shop):
    fail(api, 10)
    api_app.extensions["checkout_limits"].__init__()

    assert_blocked(get(api, shop))


def test_a_lifted_block_is_lifted_in_every_process(api, api_app, shop):
    fail(api, 10)
    assert_blocked(get(api, shop))
    other = Limits()
    here = api_app.extensions["checkout_limits"]
    with api_app.app_context():
        api_app.extensions["checkout_limits"] = other
        forget_failed_authentications("192.0.2.1")
        api_app.extensions["checkout_limits"] = here
    here.asked_at.clear()

    assert get(api, shop).status_code == 200
    assert [answer.status_code for answer in fail(api, 10)] == [401] * 10
    assert_blocked(get(api, shop))


def test_the_block_holds_without_redis(api, shop, redis_gone):
    fail(api, 10)

    assert_blocked(get(api, shop))


def test_calls_are_limited_without_redis(api, redis_gone):
    answers = [api.get("/api/v1/open") for _ in range(31)]

    assert answers[0].status_code == 200
    assert answers[30].status_code == 429
    assert answers[30].get_json()["error"]["code"] == "rate_limited"


def test_a_dead_redis_is_left_alone_for_a_while(api, api_app, shop, redis_gone):
    assert get(api, shop).status_code == 200
    connection = api_app.extensions["checkout_redis"]
    assert connection.down_until > 0

    connection.url = "unix:///nowhere"
    connection.client = None
    assert get(api, shop).status_code == 200
    assert connection.client is None
