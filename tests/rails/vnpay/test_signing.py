from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout.rails.vnpay.api import ANSWER_NAMES, REQUEST_NAMES
from checkout.rails.vnpay.signing import (
    HASH,
    encode_value,
    form_text,
    is_genuine_form,
    is_genuine_message,
    message_text,
    sign_form,
    sign_message,
    signed_query,
)
from tests.rails.kit import load_vectors
from tests.rails.vnpay.kit import PAID_IPN, SECRET, sign

URLS = load_vectors("vnpay_pay_url")
ENCODINGS = load_vectors("vnpay_encoding")
IPNS = load_vectors("vnpay_ipn")
REQUESTS = load_vectors("vnpay_api")
ANSWERS = load_vectors("vnpay_api_response")


def each(vectors: list[dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("vector", vectors, ids=lambda vector: vector["name"])


@each(URLS)
def test_payment_urls_are_signed_to_the_byte(vector: dict[str, Any]) -> None:
    fields, secret = vector["input"]["params"], vector["input"]["secret"]
    expected = vector["expected"]

    assert form_text(fields) == expected["hash_data"]
    assert sign_form(fields, secret) == expected["secure_hash"]
    page = expected["url"].partition("?")[0]
    assert f"{page}?{signed_query(fields, secret)}" == expected["url"]


@each(ENCODINGS)
def test_characters_on_which_encoders_differ_are_encoded_as_php_does(
    vector: dict[str, Any],
) -> None:
    fields = vector["input"]["params"]
    expected = vector["expected"]["php_urlencode"]

    assert encode_value(fields["vnp_OrderInfo"]) == expected["order_info"]
    assert sign_form(fields, vector["input"]["secret"]) == expected["secure_hash"]


@each(IPNS)
def test_ipns_are_judged_as_published(vector: dict[str, Any]) -> None:
    given_ = vector["input"]
    arrived = dict(parse_qsl(given_["query_string"], keep_blank_values=True))

    assert arrived == given_["query"]
    assert is_genuine_form(arrived, given_["secret"]) == vector["expected"]["signature_valid"]


@each(REQUESTS)
def test_api_requests_are_signed_to_the_byte(vector: dict[str, Any]) -> None:
    given_, expected = vector["input"], vector["expected"]
    fields = {
        "vnp_Version": "2.1.0",
        "vnp_Command": given_["call"],
        "vnp_TmnCode": given_["tmn_code"],
        **given_["fields"],
    }
    names = REQUEST_NAMES[given_["call"]]

    assert message_text(fields, names) == expected["hash_data"]
    assert sign_message(fields, names, given_["secret"]) == expected["secure_hash"]


@each(ANSWERS)
def test_api_answers_are_judged_as_published(vector: dict[str, Any]) -> None:
    given_, expected = vector["input"], vector["expected"]
    names = ANSWER_NAMES[given_["call"]]

    valid = is_genuine_message(given_["body"], names, given_["secret"])

    assert valid == expected["signature_valid"]
    if valid:
        assert message_text(given_["body"], names) == expected["hash_data"]


@pytest.mark.parametrize("name", sorted(PAID_IPN))
@pytest.mark.parametrize("how", ["changed", "emptied", "removed"])
def test_every_field_of_an_ipn_is_signed(name: str, how: str) -> None:
    query = sign(PAID_IPN)
    if how == "removed":
        del query[name]
    else:
        query[name] = f"{query[name]}1" if how == "changed" else ""

    assert not is_genuine_form(query, SECRET)


def test_an_added_field_breaks_the_signature_only_with_vnpays_prefix() -> None:
    query = sign(PAID_IPN)

    assert is_genuine_form(query | {"fbclid": "1", "utm_source": "x"}, SECRET)
    assert is_genuine_form(
        query | {"vnp_SecureHashType": "HMACSHA512", "vnp_Bill_City": ""}, SECRET
    )
    assert not is_genuine_form(query | {"vnp_Bill_City": "Hanoi"}, SECRET)


@pytest.mark.parametrize("signature", ["", "0", "z" * 128, "0" * 127, "0" * 129, "٣" * 128])
def test_a_malformed_signature_is_wrong(signature: str) -> None:
    assert not is_genuine_form(PAID_IPN | {HASH: signature}, SECRET)


def test_an_unset_secret_proves_nothing() -> None:
    assert not is_genuine_form(sign(PAID_IPN, ""), "")
    assert not is_genuine_message({HASH: sign_message({}, (), "")}, (), "")


_values = st.text(max_size=30) | st.sampled_from(
    ["5 * 3", "a~b", "it's (ok)!", "a\nb\tc", "+", "%2B", "đơn hàng #1", "?&=/:@", "\x00", "😀"]
)


@given(value=_values)
def test_what_is_encoded_is_decoded_to_the_same(value: str) -> None:
    encoded = encode_value(value)

    assert encoded.isascii()
    assert not set(encoded) & set(" ~*!'()&=#?/:@")
    assert parse_qsl(f"a={encoded}", keep_blank_values=True) == [("a", value)]


@given(
    fields=st.dictionaries(st.sampled_from(["vnp_A", "vnp_B", "vnp_OrderInfo", "x"]), _values),
    secret=st.text(min_size=1, max_size=40),
)
def test_a_form_survives_its_own_url(fields: dict[str, str], secret: str) -> None:
    arrived = dict(parse_qsl(signed_query(fields, secret), keep_blank_values=True))

    assert is_genuine_form(arrived, secret)
    assert not is_genuine_form(arrived, f"{secret}x")


@given(fields=st.dictionaries(st.text(st.characters(), max_size=20), st.text(st.characters())))
def test_odd_forms_are_no_exception(fields: dict[str, str]) -> None:
    assert not is_genuine_form({"vnp_A": "\ud800", **fields}, SECRET)
