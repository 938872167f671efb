"""What receivers answered ends after a month; that and when they answered stays."""

from __future__ import annotations

import pytest

from checkout.core.db import execute, unit_of_work
from checkout.core.jobs import sweep_until_idle
from checkout.webhooks.forget import KEPT_DAYS, forget_answers
from tests.factories.desks import make_desk
from tests.factories.stores import make_shop
from tests.factories.webhooks import attempts_of, deliveries, make_endpoint, make_events
from tests.support.receiver import Reply, receiving

GONE = "The answer is no longer kept."


@pytest.fixture
def shop(app):
    return make_shop()


@pytest.fixture
def delivery(shop):
    """A delivery that a receiver answered."""
    with receiving(
        lambda _: Reply(200, {"X-Said": "thanks"}, b"we know lan@khach.example")
    ) as found:
        make_endpoint(shop, found.url)
        make_events(shop)
        sweep_until_idle("dispatch_events", "deliver_webhooks")
    return deliveries()[0]


def make_older(days: float) -> None:
    with unit_of_work():
        execute(
            "UPDATE delivery_attempt SET at = at - make_interval(secs => %(secs)s)",
            secs=days * 86_400,
        )


def test_old_answers_are_emptied_and_the_log_of_tries_stays(delivery):
    (before,) = attempts_of(delivery.id)
    make_older(KEPT_DAYS - 1)
    forget_answers()
    assert attempts_of(delivery.id)[0].response_body == "we know lan@khach.example"

    make_older(2)
    forget_answers()

    (after,) = attempts_of(delivery.id)
    gone = (after.request_headers, after.response_headers, after.response_body)
    assert gone == (None, None, None)
    assert (after.number, after.response_status, after.duration_ms, after.url) == (
        before.number,
        before.response_status,
        before.duration_ms,
        before.url,
    )
    assert deliveries()[0] == delivery


def test_the_page_says_that_it_is_no_longer_kept(shop, delivery):
    desk = make_desk(store_id=shop.store.id)
    path = f"/webhooks/deliveries/{delivery.id}"
    assert "we know lan@khach.example" in desk.get(path)
    assert GONE not in desk.get(path)

    make_older(KEPT_DAYS + 1)
    forget_answers()

    page = desk.get(path)
    assert GONE in page
    assert "we know" not in page


def test_over_the_api_the_try_is_still_there(app, shop, delivery):
    make_older(KEPT_DAYS + 1)
    forget_answers()

    answer = app.test_client().get(
        f"/api/v1/webhook-endpoints/{delivery.endpoint_id}/deliveries", headers=shop.headers
    )

    (attempt,) = answer.get_json()["data"][0]["attempts"]
    assert (attempt["response_status"], attempt["response_body"]) == (200, None)
