from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from checkout.rails.base import RailError
from checkout.rails.stripe.client import SaidNo, StripeApi, make_client
from checkout.rails.stripe.fake_http import read_form
from tests.rails.kit import load_vectors
from tests.rails.stripe.samples import Answers, answer_of, make_account, session_object

KEY: Any = {"idempotency_key": "idem-1"}
SESSION: Any = {
    "mode": "payment",
    "line_items": [
        {
            "price_data": {
                "currency": "vnd",
                "unit_amount": 150_000,
                "product_data": {"name": "Ao thun"},
            },
            "quantity": 2,
        }
    ],
    "success_url": "https://pay.example/ok?s={CHECKOUT_SESSION_ID}",
    "cancel_url": "https://pay.example/no",
    "client_reference_id": "ord_1",
    "metadata": {"order_id": "1"},
    "expires_at": 1_795_142_000,
}
INTENT: Any = {
    "amount": 1_050,
    "currency": "usd",
    "automatic_payment_methods": {"enabled": True},
    "metadata": {"order_id": "1"},
}
REFUND: Any = {"payment_intent": "pi_1", "amount": 500, "reason": "requested_by_customer"}
CALLS: dict[str, Callable[[Any], Any]] = {
    "checkout_session_vnd": lambda v1: v1.checkout.sessions.create(SESSION, KEY),
    "payment_intent_usd_auto_methods": lambda v1: v1.payment_intents.create(INTENT, KEY),
    "payment_intent_retrieve": lambda v1: v1.payment_intents.retrieve("pi_1"),
    "payment_intent_cancel": lambda v1: v1.payment_intents.cancel(
        "pi_1", {"cancellation_reason": "abandoned"}, KEY
    ),
    "session_expire": lambda v1: v1.checkout.sessions.expire("cs_1", options=KEY),
    "session_retrieve_expanded": lambda v1: v1.checkout.sessions.retrieve(
        "cs_1", {"expand": ["payment_intent"]}
    ),
    "refund_partial": lambda v1: v1.refunds.create(REFUND, KEY),
    "refund_retrieve": lambda v1: v1.refunds.retrieve("re_1"),
}
BASE = "http://127.0.0.1:8000/fake/stripe/ra_1"


def _api(http: Answers) -> StripeApi:
    return StripeApi(make_account(), http)


def _error(status: int, kind: str, **fields: str) -> Any:
    return answer_of(status, {"error": {"type": kind, "message": "No.", **fields}})


@pytest.mark.parametrize("vector", load_vectors("stripe_wire"), ids=lambda one: one["name"])
def test_the_sdk_says_over_our_client_what_it_says_over_its_own(vector: dict[str, Any]) -> None:
    http = Answers(answer_of(200, {"id": "x", "object": "x"}))
    expected = vector["expected"]["request"]

    CALLS[vector["input"]["call"]](make_client("sk_test_key", BASE + "/", http).v1)

    ((method, url, headers, body),) = http.calls
    assert (method, url) == (expected["method"], BASE + expected["path"])
    assert {name: headers.get(name) for name in expected["headers"]} == expected["headers"]
    assert ("Idempotency-Key" in headers) == ("Idempotency-Key" in expected["headers"])
    assert (body or b"").decode() == expected["body"]
    assert read_form(expected["body"].encode()) == read_form(body or b"")


def test_nothing_about_the_machine_is_told() -> None:
    http = Answers(answer_of(200, {"object": "balance", "livemode": False}))

    _api(http).get_balance()

    ((_, _, headers, _),) = http.calls
    assert "platform" not in headers["X-Stripe-Client-User-Agent"]
    assert "telemetry_id" not in headers["X-Stripe-Client-User-Agent"]


def test_without_a_key_nobody_is_called() -> None:
    with pytest.raises(RailError) as raised:
        StripeApi(make_account(secret_key=None), Answers(answer_of(200, {})))

    assert (raised.value.code, raised.value.temporary) == ("rail_not_configured", False)


REFUSALS = [
    (_error(400, "invalid_request_error", code="amount_too_small"), "amount_too_small", False, 1),
    (_error(400, "invalid_request_error"), "provider_rejected", False, 1),
    (_error(402, "card_error", code="card_declined"), "card_declined", False, 1),
    (_error(404, "invalid_request_error", code="resource_missing"), "resource_missing", False, 1),
    (_error(401, "invalid_request_error"), "provider_unauthorized", False, 1),
    (_error(403, "invalid_request_error"), "provider_unauthorized", False, 1),
    (_error(400, "idempotency_error"), "provider_rejected", False, 1),
    (_error(409, "idempotency_error"), "provider_busy", True, 2),
    (_error(429, "rate_limit_error"), "provider_rate_limited", True, 1),
    (_error(500, "api_error"), "provider_unavailable", True, 2),
    (_error(503, "api_error"), "provider_unavailable", True, 2),
]


@pytest.mark.parametrize(("answer", "code", "temporary", "calls"), REFUSALS)
def test_errors_say_whether_they_pass(answer: Any, code: str, temporary: bool, calls: int) -> None:
    http = Answers(answer)

    with pytest.raises(RailError) as raised:
        _api(http).create_refund(REFUND, "rf_1")

    assert (raised.value.code, raised.value.temporary) == (code, temporary)
    refused = answer.status in (400, 402, 404) and b"idempotency" not in answer.body
    assert isinstance(raised.value, SaidNo) == refused
    assert len(http.calls) == calls
    assert {call[2]["Idempotency-Key"] for call in http.calls} == {"rf_1"}


GARBAGE = [
    b"",
    b"<html>Maintenance</html>",
    b'{"id": "cs_te',
    b"null",
    b"[]",
    b'"text"',
    b"5",
    b"{}",
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"error": "text"}',
    b'{"object": ["checkout.session"]}',
    b'{"object": "checkout.session", "id": 5}',
]


@pytest.mark.parametrize("status", [200, 302, 401, 404, 500, 502])
@pytest.mark.parametrize("body", GARBAGE, ids=range(len(GARBAGE)))
def test_what_is_not_stripes_is_no_information(status: int, body: bytes) -> None:
    http = Answers(answer_of(status, body))

    with pytest.raises(RailError) as raised:
        _api(http).create_session(SESSION, "att_1")

    assert (raised.value.code, raised.value.temporary) == ("provider_unavailable", True)
    assert len(http.calls) <= 2


@pytest.mark.parametrize("status", [200, 500])
def test_an_envelope_of_other_types_is_no_information(status: int) -> None:
    http = Answers(answer_of(status, {"error": {"message": 5, "code": [], "type": {}}}))

    with pytest.raises(RailError) as raised:
        _api(http).get_balance()

    assert (raised.value.code, raised.value.temporary) == ("provider_unavailable", True)


def test_fields_of_other_types_are_no_information() -> None:
    session = session_object(url="https://pay.example/")

    mistyped = {name: [value] for name, value in session.items()}
    for spoilt in (mistyped, [session], session | {"amount_total": "150000"}):
        with pytest.raises(RailError) as raised:
            _api(Answers(answer_of(200, spoilt))).get_session("cs_test_1")
        assert raised.value.temporary


def test_another_objects_answer_is_no_information() -> None:
    with pytest.raises(RailError) as raised:
        _api(Answers(answer_of(200, session_object()))).get_session("cs_test_2")

    assert raised.value.temporary


def test_a_lost_answer_is_asked_for_again_under_the_same_key() -> None:
    lost = RailError("provider_unavailable", "cut", temporary=True)
    session = session_object(url="https://pay.example/")
    http = Answers(lost, answer_of(200, session))

    found = _api(http).create_session(SESSION, "att_1")

    assert found["id"] == "cs_test_1"
    assert [call[2]["Idempotency-Key"] for call in http.calls] == ["att_1", "att_1"]
    assert http.calls[0] == http.calls[1]


def test_a_deadline_that_has_passed_is_not_tried_again() -> None:
    http = Answers(RailError("provider_timeout", "late", temporary=True))

    with pytest.raises(RailError) as raised:
        _api(http).get_session("cs_test_1")

    assert raised.value.code == "provider_timeout"
    assert len(http.calls) == 1


@pytest.mark.parametrize("body", [b"<html>", b'{"message":"Too many requests"}'])
def test_a_request_to_wait_is_passed_on(body: bytes) -> None:
    known = b'{"error": {"type": "rate_limit_error", "message": "Slow down"}}'

    for one in (body, known):
        http = Answers(answer_of(429, one, retry_after="7"))
        with pytest.raises(RailError) as raised:
            _api(http).get_session("cs_test_1")
        assert raised.value.code == "provider_rate_limited"
        assert raised.value.retry_after_seconds == 7


def test_no_message_tells_the_key() -> None:
    http = Answers(_error(401, "invalid_request_error", code="sk_test_key"))

    with pytest.raises(RailError) as raised:
        _api(http).get_balance()

    assert "sk_" not in raised.value.message
