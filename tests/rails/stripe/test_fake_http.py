from __future__ import annotations

from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout.rails.base import Answer, FakePage, FakeRequest
from checkout.rails.stripe.fake import FAKE
from checkout.rails.stripe.fake_http import ApiError, items_of, nest, read_form, read_integer
from tests.rails.kit import NOW
from tests.rails.stripe.samples import Stage

STAGE = Stage()
INTENT = STAGE.hear(STAGE.pay())[0].provider_reference
PATHS = (
    "/v1/checkout/sessions",
    f"/v1/checkout/sessions/{STAGE.session_id}",
    f"/v1/checkout/sessions/{STAGE.session_id}/expire",
    f"/v1/payment_intents/{INTENT}",
    "/v1/payment_intents/\x00",
    "/v1/refunds",
    "/v1/refunds/re_1",
    "/v1/events",
    "/v1/balance",
    "/_refunds",
    "/_refunds/re_1",
    "/pay/\x00",
    f"/pay/{STAGE.session_id}",
    "/",
)
NAMES = (
    *(
        "mode",
        "line_items",
        "line_items[0]",
        "line_items[0][price_data]",
        "line_items[0][quantity]",
    ),
    *("line_items[0][price_data][currency]", "line_items[0][price_data][unit_amount]"),
    *("line_items[0][price_data][product_data]", "line_items[0][price_data][product_data][name]"),
    *("success_url", "cancel_url", "client_reference_id", "metadata", "metadata[a]", "expires_at"),
    *("customer_email", "customer_email[a]", "locale", "locale[0]", "payment_intent_data"),
    *("payment_intent_data[metadata]", "payment_intent_data[description][a]"),
    *("payment_method_types", "payment_intent", "payment_intent[a]", "amount", "amount[a]"),
    *("reason", "reason[a]", "status", "status[a]", "types", "types[0][a]", "created", "limit"),
    *("created[gte]", "created[gte][a]", "starting_after", "starting_after[a]", "expand[0][a]"),
    *("choice", "expand", "a[[b]", "[", "\x00"),
)
VALUES = st.one_of(
    st.sampled_from(
        ["payment", "vnd", "USD", "1", "0", "-1", "150000", "9" * 30, "https://a.example", INTENT]
    ),
    st.text(max_size=10),
)
FIELDS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=12)
NEEDED = {
    "mode": "payment",
    "line_items[0][price_data][currency]": "vnd",
    "line_items[0][price_data][unit_amount]": "150000",
    "line_items[0][price_data][product_data][name]": "x",
    "line_items[0][quantity]": "1",
    "success_url": "https://pay.example/ok",
    "cancel_url": "https://pay.example/no",
}


@given(
    method=st.sampled_from(["GET", "POST"]),
    path=st.sampled_from(PATHS),
    fields=st.one_of(FIELDS, FIELDS.map(lambda some: NEEDED | some)),
)
def test_no_request_whatever_breaks_the_pretend_stripe(
    method: str, path: str, fields: dict[str, str]
) -> None:
    body = "&".join(f"{name}={quote_plus(text, errors='replace')}" for name, text in fields.items())
    headers = {"authorization": "Bearer sk_test_key"}
    request = FakeRequest(method, path, fields, headers, body.encode())

    reply = FAKE.serve(request, STAGE.account, STAGE.shelf, now=NOW, sent_at=NOW)

    assert isinstance(reply.answer, FakePage) or reply.answer.status < 500


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"", {}),
        (b"a=1&b=", {"a": "1", "b": ""}),
        (b"a[b][c]=1&a[d]=%C3%81o+x", {"a": {"b": {"c": "1"}, "d": "Áo x"}}),
        (b"a%5B0%5D=x&a%5B1%5D=y", {"a": {"0": "x", "1": "y"}}),
    ],
)
def test_brackets_are_read_as_nests(body: bytes, fields: dict[str, Any]) -> None:
    assert read_form(body) == fields


def test_numbered_fields_are_lists() -> None:
    assert items_of(nest([("a[0]", "x"), ("a[1]", "y")])["a"]) == ["x", "y"]
    assert items_of("x") == []


@pytest.mark.parametrize("text", ["", "1.0", "1e3", " 1", "\N{ARABIC-INDIC DIGIT ONE}", "9" * 16])
def test_integers_are_digits(text: str) -> None:
    with pytest.raises(ApiError) as raised:
        read_integer({"n": text}, "n")

    assert raised.value.error["param"] == "n"
    assert isinstance(raised.value.status, int)


def test_answers_are_json_with_a_request_id() -> None:
    request = FakeRequest("GET", "/v1/balance", {}, {"authorization": "Bearer sk_test_key"}, b"")

    reply = FAKE.serve(request, STAGE.account, STAGE.shelf, now=NOW, sent_at=NOW)

    assert isinstance(reply.answer, Answer)
    assert reply.answer.headers["Request-Id"].startswith("req_")
