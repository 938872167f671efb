"""Redis gone or emptied under a running installation: limits hold, deliveries go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import redis

from bin.stack.processes import wait_until
from tests.factories.stores import make_shop
from tests.factories.webhooks import make_endpoint
from tests.faults.conftest import Installation, start_installation
from tests.support.receiver import receiving
from tests.support.sockets import Browser

pytestmark = pytest.mark.kill

Fault = Callable[[Installation], None]


def kill_redis(made: Installation) -> None:
    made.server.redis.kill()


def empty_redis(made: Installation) -> None:
    with redis.Redis.from_url(made.server.redis.url) as connection:
        connection.flushall()


@pytest.fixture
def made(run_stack) -> Iterator[Installation]:
    """Web and worker on the run's PostgreSQL, behind a proxy that names the caller's address."""
    made = start_installation(run_stack, "fault_redis", "web", "worker", TRUSTED_PROXIES="1")
    with made.server.app.app_context():
        yield made
    made.server.close()


def ask(made: Installation, key: str, address: str) -> int:
    answer = made.call(
        "GET",
        "/api/v1/payments",
        headers={"Authorization": f"Bearer {key}", "X-Forwarded-For": address},
    )
    return answer.status


def fail(made: Installation, address: str, times: int) -> list[int]:
    return [ask(made, "sk_test_wrong", address) for _ in range(times)]


@pytest.mark.parametrize("fault", [kill_redis, empty_redis])
def test_a_block_stays_and_new_ones_are_made(made, fault):
    key = made.till.shop.key
    assert fail(made, "192.0.2.1", 10) == [401] * 10
    assert fail(made, "192.0.2.2", 6) == [401] * 6
    assert ask(made, key, "192.0.2.1") == 429

    fault(made)

    assert ask(made, key, "192.0.2.1") == 429
    # What was counted before still counts: four more are enough.
    assert fail(made, "192.0.2.2", 4) == [401] * 4
    assert ask(made, key, "192.0.2.2") == 429
    assert fail(made, "192.0.2.3", 11) == [401] * 10 + [429]
    assert ask(made, key, "192.0.2.4") == 200


@pytest.mark.parametrize("fault", [kill_redis, empty_redis])
def test_calls_stay_limited(made, fault):
    shop = make_shop(rate_limit_per_minute=5)
    fault(made)

    statuses = [ask(made, shop.key, "192.0.2.9") for _ in range(16)]

    # The window is the clock's minute, of which there may be two in this test.
    assert 5 <= statuses.count(200) <= 10
    assert set(statuses) == {200, 429}


def test_events_reach_the_merchant_without_redis(made):
    with receiving() as merchant:
        make_endpoint(made.till.shop, merchant.url, ["checkout.session.created"])
        kill_redis(made)
        for number in range(5):
            answer = made.api(
                "POST",
                "/checkout/sessions",
                json={"amount": 5000 + number, "currency": "VND"},
            )
            assert answer.status == 201

        merchant.wait_for(5, seconds=15)

        made.server.redis.start()
        answer = made.api("POST", "/checkout/sessions", json={"amount": 1, "currency": "VND"})
        merchant.wait_for(6, seconds=15)
        assert made.call("GET", "/health").json()["redis"]["status"] == "ok"


def test_a_page_without_redis_is_right_and_so_is_its_socket(made):

    attempt = made.till.make_attempt()
    session = attempt["session"]
    address = f"{made.server.url.replace('http', 'ws', 1)}/pay/{session}/live"
    kill_redis(made)
    page = Browser.connect(address, headers={"Origin": made.server.url})
    assert "panel" in page.receive(timeout=15)

    told = made.tell(made.till.notice(attempt["transfer_memo"], 500_000))

    assert (told.status, told.json()) == (200, {"success": True})
    panel = made.call("GET", f"/pay/{session}/panel")
    assert panel.status == 200
    assert attempt["transfer_memo"].encode() not in panel.data
    made.server.redis.start()
    assert wait_until(
        lambda: made.call("GET", "/health").json()["redis"]["status"] == "ok", seconds=15
    )
    page.close()
