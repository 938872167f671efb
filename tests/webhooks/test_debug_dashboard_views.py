"""`/webhooks/debug`: the form, and that nothing of it is kept."""

from __future__ import annotations

import base64
import logging

import pytest

from checkout.core.db import one, unit_of_work
from checkout.core.jobs import sweep_until_idle
from checkout.webhooks.endpoints import rotate_secret
from tests.factories.desks import make_desk
from tests.factories.stores import make_shop
from tests.factories.webhooks import make_endpoint, make_events
from tests.support.receiver import Reply, receiving


@pytest.fixture
def shop(app):
    return make_shop()


@pytest.fixture
def desk(shop):
    return make_desk(store_id=shop.store.id)


@pytest.fixture
def received(shop):
    """A delivery as the merchant's server got it, and the endpoint's secret."""
    with receiving(lambda _: Reply()) as receiver:
        row, secret = make_endpoint(shop, receiver.url)
        make_events(shop)
        sweep_until_idle("dispatch_events", "deliver_webhooks")
    (message,) = receiver.received
    lines = "\n".join(f"{name}: {value}" for name, value in message.headers.items())
    return {"row": row, "secret": secret, "headers": lines, "body": message.body}


def form(received, **changes):
    keys = ("secret", "headers", "body")
    return {name: received[name] for name in keys} | {"encoding": "text"} | changes


def test_what_was_received_is_found_right(desk, received):
    answer = desk.post("/webhooks/debug", form(received))

    assert answer.status_code == 200
    assert "The signature fits this secret" in answer.text


def test_bytes_can_be_pasted_as_base64(desk, received):
    body = base64.b64encode(received["body"] + b"\n").decode()

    answer = desk.post("/webhooks/debug", form(received, body=body, encoding="base64"))

    assert "has a line end at its end" in answer.text
    desk.refused("/webhooks/debug", form(received, body="no base64!", encoding="base64"))


def test_blanks_at_the_end_of_the_body_are_kept(desk, received):
    text = received["body"].decode() + "\r\n"

    answer = desk.post("/webhooks/debug", form(received, body=text))

    assert "has a line end at its end" in answer.text


def test_the_old_secret_of_a_rotated_pair_is_known(desk, shop, received):
    old = received["secret"]
    with unit_of_work():
        _, new = rotate_secret(shop.scope, received["row"].id)

    answer = desk.post("/webhooks/debug", form(received, secret=new))

    assert "is newer than the message" in answer.text
    assert old not in answer.text
    assert new not in answer.text


def test_nothing_is_kept_logged_or_shown_of_the_secret(desk, received, caplog):
    with caplog.at_level(logging.DEBUG):
        answer = desk.post("/webhooks/debug", form(received))

    assert received["secret"] not in answer.text
    assert received["secret"] not in caplog.text
    assert one("SELECT count(*) AS n FROM audit_entry WHERE details::text LIKE '%%whsec%%'").n == 0


def test_what_is_pasted_is_shown_as_text(desk):
    evil = '</textarea><script>alert(1)</script>"'
    answer = desk.post(
        "/webhooks/debug",
        {"secret": evil, "headers": f"webhook-id: {evil}\nwebhook-signature: {evil}", "body": evil},
    )

    assert answer.status_code == 200
    assert "<script>alert" not in answer.text


@pytest.mark.parametrize(
    ("name", "value"), [("headers", "\0: \0"), ("body", "\0"), ("secret", "\0"), ("headers", "x")]
)
def test_odd_texts_do_not_break_it(desk, received, name, value):
    assert desk.post("/webhooks/debug", form(received, **{name: value})).status_code == 200


def test_too_many_headers_are_refused(desk):
    desk.refused("/webhooks/debug", {"headers": "a: b\n" * 20_000})


def test_an_event_of_another_store_tells_nothing(received):
    stranger = make_desk()

    answer = stranger.post("/webhooks/debug", form(received, body="{}", secret=""))

    assert received["row"].url not in answer.text
    assert "The body was changed" not in answer.text


def test_viewers_have_no_use_for_it(shop):
    desk = make_desk("viewer", shop.store.id)

    assert desk.client.get(desk.url("/webhooks/debug")).status_code == 403
    assert "/webhooks/debug" not in desk.get("/webhooks")
