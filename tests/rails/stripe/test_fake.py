from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
import stripe

from checkout.rails.base import Answer, FakePage, FakeReply, FakeRequest, Match
from checkout.rails.stripe.client import make_client
from checkout.rails.stripe.fake import FAKE
from checkout.rails.stripe.notices import COMPLETED
from checkout.rails.stripe.rail import RAIL, SETTINGS
from tests.rails.kit import NOW, load_vectors
from tests.rails.stripe.samples import RETURN_URL, Stage, card_attempt

AUTH = {"authorization": "Bearer sk_test_key"}
GOOD = {
    "mode": "payment",
    "line_items[0][price_data][currency]": "vnd",
    "line_items[0][price_data][unit_amount]": "150000",
    "line_items[0][price_data][product_data][name]": "x",
    "line_items[0][quantity]": "1",
    "success_url": "https://pay.example/ok",
    "cancel_url": "https://pay.example/no",
}


def _call(
    stage: Stage, method: str, path: str, body: Any = b"", **headers: str
) -> tuple[int, dict[str, Any], dict[str, str]]:
    raw = body if isinstance(body, bytes) else urlencode(body).encode()
    sent = AUTH | {name.replace("_", "-"): text for name, text in headers.items()}
    request = FakeRequest(method, path, {}, sent, raw)
    reply = FAKE.serve(request, stage.account, stage.shelf, now=NOW, sent_at=NOW)
    assert isinstance(reply.answer, Answer)
    return reply.answer.status, json.loads(reply.answer.body), dict(reply.answer.headers)


def _location(reply: FakeReply) -> str:
    assert isinstance(reply.answer, Answer)
    assert reply.answer.status == 303
    return reply.answer.headers["Location"]


def _page(reply: FakeReply) -> FakePage:
    assert isinstance(reply.answer, FakePage)
    return reply.answer


def _kinds(reply: FakeReply) -> list[str]:
    return [json.loads(call.body)["type"] for call in reply.calls]


def test_the_page_shows_what_is_to_be_paid() -> None:
    page = _page(Stage(currency="KHR", amount=20_000).visit())

    assert (page.brand, page.amount, page.currency) == ("Stripe", 20_000, "KHR")
    assert page.reference == "att_1"
    assert [choice.name for choice in page.choices] == ["pay", "pay_action", "decline", "cancel"]


def test_paying_tells_the_hook_and_sends_the_browser_back() -> None:
    stage = Stage()

    reply = stage.visit("pay")

    assert _location(reply) == f"{RETURN_URL}?state=done&id={stage.session_id}"
    assert _kinds(reply) == [COMPLETED]
    (notice,) = stage.hear(reply.calls[0])
    assert (notice.outcome, notice.amount) == ("succeeded", 150_000)
    assert notice.matches == (
        Match("reference", stage.session_id),
        Match("reference", "att_1"),
    )
    assert _location(stage.visit()) == _location(reply)
    assert stage.visit("pay").calls == ()


def test_a_card_may_need_an_extra_step() -> None:
    stage = Stage()

    step = stage.visit("pay_action")

    page = _page(step)
    assert page.action == f"/pay/{stage.session_id}?step=bank"
    assert [choice.name for choice in page.choices] == ["pay", "decline", "cancel"]
    assert _kinds(step) == ["payment_intent.requires_action"]
    assert stage.hear(step.calls[0]) == []
    assert stage.check() == []
    assert [choice.name for choice in _page(stage.visit(None, {"step": "bank"})).choices] == [
        choice.name for choice in page.choices
    ]
    paid = stage.visit("pay", {"step": "bank"})
    assert stage.hear(paid.calls[0])[0].outcome == "succeeded"


def test_a_declined_card_may_be_tried_again_on_the_same_intent() -> None:
    stage = Stage()

    declined = stage.visit("decline")
    assert len(_page(declined).choices) == 4
    assert _kinds(declined) == ["payment_intent.payment_failed"]
    assert stage.hear(declined.calls[0]) == []
    assert stage.check() == []

    stage.visit("decline", {"step": "bank"})
    paid = stage.visit("pay")
    intents = stage.shelf.list("intent")
    assert [intent["status"] for intent in intents] == ["succeeded"]
    assert intents[0]["metadata"]["attempt"] == "att_1"
    assert stage.hear(paid.calls[0])[0].provider_reference == intents[0]["id"]


def test_leaving_keeps_the_page_open() -> None:
    stage = Stage()

    assert _location(stage.visit("cancel")) == f"{RETURN_URL}?state=cancelled"
    assert RAIL.read_return({"state": "cancelled"}, stage.account) == "cancelled"
    assert len(_page(stage.visit()).choices) == 4


def test_a_page_that_has_ended_only_leads_back() -> None:
    stage = Stage()
    RAIL.close(stage.attempt, stage.account, stage.http, NOW)

    assert [choice.name for choice in _page(stage.visit()).choices] == ["cancel"]
    assert stage.visit("pay").calls == ()
    assert _location(stage.visit("cancel")).startswith(RETURN_URL)


def test_a_session_ends_by_its_own_clock() -> None:
    stage = Stage()
    later = NOW + timedelta(minutes=31)
    request = FakeRequest("GET", f"/v1/checkout/sessions/{stage.session_id}", {}, AUTH, b"")

    reply = FAKE.serve(request, stage.account, stage.shelf, now=later, sent_at=later)

    assert isinstance(reply.answer, Answer)
    assert json.loads(reply.answer.body)["status"] == "expired"


@pytest.mark.parametrize("choice", ["", "steal", "\N{SNOWMAN}"])
def test_an_unknown_choice_shows_the_page_again(choice: str) -> None:
    assert _page(Stage().visit(choice)).amount == 150_000


def test_a_page_that_never_was_is_missing() -> None:
    stage = Stage()

    status, body, _ = _call(stage, "GET", "/pay/cs_test_none")

    assert (status, body["error"]["code"]) == (404, "resource_missing")


def test_the_simulator_pays_any_amount_and_asking_agrees() -> None:
    stage = Stage()

    told = stage.hear(stage.pay(amount=120_000))

    assert [one.amount for one in told] == [one.amount for one in stage.check()] == [120_000]


def test_the_simulator_pays_twice_as_two_movements() -> None:
    stage = Stage()

    first, second = stage.hear(stage.pay())[0], stage.hear(stage.pay())[0]

    assert first.provider_reference != second.provider_reference
    assert Match("reference", "att_1") in second.matches


def test_the_simulator_can_name_somebody_else() -> None:
    stage = Stage()

    (notice,) = stage.hear(stage.pay(memo="att_nobody"))

    assert notice.memo == "att_nobody"
    assert Match("reference", "att_1") not in notice.matches
    assert Match("reference", stage.session_id) not in notice.matches


def test_the_simulator_can_fail_and_contradict() -> None:
    stage = Stage()
    paid = stage.hear(stage.pay())

    (failed,) = stage.hear(stage.pay(outcome="failure"))

    assert failed.outcome == "failed"
    assert failed.provider_reference != paid[0].provider_reference
    assert [one.outcome for one in stage.check()] == ["succeeded"]


def test_a_failure_is_known_when_asked() -> None:
    stage = Stage()

    (failed,) = stage.hear(stage.pay(outcome="failure"))

    assert [one.provider_reference for one in stage.check()] == [failed.provider_reference]


def test_the_simulator_pays_what_was_never_opened_and_what_is_long_over() -> None:
    stage = Stage()
    RAIL.close(stage.attempt, stage.account, stage.http, NOW)

    late = stage.hear(stage.pay(now=NOW + timedelta(hours=2)))[0]
    stage.attempt = card_attempt()
    unopened = stage.hear(stage.pay())[0]

    assert late.occurred_at == NOW + timedelta(hours=2)
    assert Match("reference", stage.session_id) in late.matches
    assert Match("reference", "att_1") in unopened.matches


def test_a_retry_is_signed_afresh() -> None:
    stage = Stage()
    call = stage.pay()
    later = NOW + timedelta(hours=3)

    renewed = FAKE.renew(call, stage.account, stage.shelf, later)

    assert renewed.body == call.body
    headers = {name.lower(): text for name, text in renewed.headers.items()}
    assert isinstance(RAIL.read_hook(headers, {}, renewed.body, stage.account, later), list)
    assert [FAKE.accepted(status, b"") for status in (200, 204, 301, 400, 500, 0)] == [
        True,
        True,
        False,
        False,
        False,
        False,
    ]


def test_an_event_passes_the_official_check() -> None:
    stage = Stage()
    call = stage.pay()

    assert stripe.WebhookSignature.verify_header(
        call.body, call.headers["Stripe-Signature"], "whsec_dev"
    )


def test_a_repeated_key_repeats_the_answer() -> None:
    stage = Stage()

    first = _call(stage, "POST", "/v1/checkout/sessions", GOOD, idempotency_key="k")
    second = _call(stage, "POST", "/v1/checkout/sessions", GOOD, idempotency_key="k")
    other = _call(stage, "POST", "/v1/checkout/sessions", GOOD, idempotency_key="k2")

    assert first[1] == second[1] != other[1]
    assert "Idempotent-Replayed" not in first[2]
    assert second[2]["Idempotent-Replayed"] == "true"
    assert second[2]["Request-Id"] != first[2]["Request-Id"]


def test_a_repeated_key_with_other_contents_is_an_error() -> None:
    stage = Stage()
    _call(stage, "POST", "/v1/checkout/sessions", GOOD, idempotency_key="k")

    for path, body in (
        ("/v1/checkout/sessions", GOOD | {"locale": "vi"}),
        ("/v1/refunds", GOOD),
    ):
        status, answer, _ = _call(stage, "POST", path, body, idempotency_key="k")
        assert (status, answer["error"]["type"]) == (400, "idempotency_error")


def test_what_was_refused_may_be_put_right_under_the_same_key() -> None:
    stage = Stage()
    bad = GOOD | {"mode": "subscription"}

    refused = _call(stage, "POST", "/v1/checkout/sessions", bad, idempotency_key="k")
    mended = _call(stage, "POST", "/v1/checkout/sessions", GOOD, idempotency_key="k")

    assert (refused[0], mended[0]) == (400, 200)


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer sk_test_other", "Basic sk_test_key"])
def test_only_the_secret_key_opens_the_api(header: str) -> None:
    status, answer, _ = _call(Stage(), "GET", "/v1/balance", authorization=header)

    assert (status, answer["error"]["type"]) == (401, "invalid_request_error")


WRONG: list[tuple[dict[str, str], str]] = [
    ({"line_items[0][quantity]": "0"}, "parameter_invalid_integer"),
    ({"line_items[0][quantity]": "\N{ARABIC-INDIC DIGIT THREE}"}, "parameter_invalid_integer"),
    ({"line_items[0][price_data][unit_amount]": "1.5"}, "parameter_invalid_integer"),
    ({"line_items[0][price_data][unit_amount]": "100"}, "amount_too_small"),
    ({"line_items[0][price_data][unit_amount]": "100000000"}, "amount_too_large"),
    ({"success_url": "javascript:alert(1)"}, "url_invalid"),
    ({"customer_email": "nobody"}, "email_invalid"),
    ({"paid": "true"}, "parameter_unknown"),
]


@pytest.mark.parametrize(("change", "code"), WRONG)
def test_a_wrong_session_is_refused_in_stripes_words(change: dict[str, str], code: str) -> None:
    stage = Stage()

    status, answer, _ = _call(stage, "POST", "/v1/checkout/sessions", GOOD | change)

    assert (status, answer["error"].get("code")) == (400, code)
    assert len(stage.shelf.list("session")) == 1


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"mode": "setup"}, "mode"),
        ({"line_items[0][price_data][currency]": "xyz"}, "currency"),
        ({"client_reference_id": "x" * 201}, "client_reference_id"),
        ({f"metadata[{'x' * 41}]": "1"}, f"metadata[{'x' * 41}]"),
        ({"metadata[a]": "x" * 501}, "metadata[a]"),
        ({"metadata": "x"}, "metadata"),
        ({"expires_at": str(int(NOW.timestamp()) + 29 * 60)}, "expires_at"),
        ({"expires_at": str(int(NOW.timestamp()) + 25 * 3600)}, "expires_at"),
        ({"a[b": "1"}, "a[b"),
        ({"a": "1", "a[b]": "1"}, "a[b]"),
        ({"a" + "[b]" * 9: "1"}, "a" + "[b]" * 9),
    ],
)
def test_a_refusal_names_its_parameter(change: dict[str, str], param: str) -> None:
    status, answer, _ = _call(Stage(), "POST", "/v1/checkout/sessions", GOOD | change)

    assert (status, answer["error"]["param"]) == (400, param)


@pytest.mark.parametrize("body", [b"\xff", b"no form", b"%FF=1", b"&&&"])
def test_a_body_that_is_no_form_is_refused(body: bytes) -> None:
    status, _, _ = _call(Stage(), "POST", "/v1/checkout/sessions", body)

    assert status == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/charges"),
        ("POST", "/v1/balance"),
        ("DELETE", "/v1/balance"),
        ("GET", "/v1/checkout/sessions/"),
        ("GET", "/v1/payment_intents/pi_none"),
        ("GET", "/v1/refunds/re_none"),
        ("POST", "/v1/checkout/sessions/cs_none/expire"),
        ("POST", "/_refunds/re_none"),
    ],
)
def test_what_is_not_there_is_missing(method: str, path: str) -> None:
    body = b"status=failed" if path.startswith("/_refunds") else b""

    assert _call(Stage(), method, path, body)[0] == 404


@pytest.mark.parametrize(
    "vector",
    [
        one
        for one in load_vectors("stripe_wire")
        if one["name"] in ("checkout_session_vnd", "session_expire", "refund_partial")
    ],
    ids=lambda one: one["name"],
)
def test_what_the_official_package_sends_is_taken(vector: dict[str, Any]) -> None:
    stage = Stage()
    sent = vector["expected"]["request"]
    if "refund" in vector["name"]:
        stage.pay()
    intent_id = next((intent["id"] for intent in stage.shelf.list("intent")), "")
    in_an_hour = int(NOW.timestamp()) + 3_600
    path = sent["path"].replace("cs_1", stage.session_id)
    body = sent["body"].replace("pi_1", intent_id).replace("1795142000", str(in_an_hour))

    status, _, _ = _call(stage, sent["method"], path, body.encode())

    assert status == 200


def test_the_sdk_reads_an_intent_of_the_pretend_stripe() -> None:
    stage = Stage(currency="USD", amount=1_050)
    intent_id = stage.hear(stage.pay())[0].provider_reference

    client = make_client("sk_test_key", stage.account.provider_url, stage.http)
    intent = client.v1.payment_intents.retrieve(intent_id)

    assert (intent.status, intent.amount_received, intent.currency) == ("succeeded", 1_050, "usd")
    assert isinstance(intent.latest_charge, str)


def test_the_demo_settings_fit_the_declared_ones() -> None:
    settings = FAKE.demo_settings(lambda: "aB-_9")

    declared = {one.name: one for one in SETTINGS}
    assert {one.name for one in SETTINGS if one.required} <= settings.keys() <= declared.keys()
