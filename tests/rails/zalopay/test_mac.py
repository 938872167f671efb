from __future__ import annotations

from typing import Any

import pytest

from checkout.rails.zalopay.mac import (
    BANK_LINKS,
    CREATE,
    REFUND_QUERY,
    RETURN,
    is_genuine,
    join_fields,
    join_query,
    make_mac,
    refund_names,
)
from tests.rails.kit import load_vectors
from tests.rails.zalopay.samples import KEY1, KEY2


def _each(name: str) -> Any:
    vectors = load_vectors(name)
    return pytest.mark.parametrize("vector", vectors, ids=[vector["name"] for vector in vectors])


@_each("zalopay_create")
def test_an_order_is_signed_over_its_seven_fields(vector: dict[str, Any]) -> None:
    text = join_fields(vector["input"]["fields"], CREATE)

    assert text == vector["expected"]["mac_input"]
    assert make_mac(vector["input"]["key1"], text) == vector["expected"]["mac"]


@_each("zalopay_query")
def test_a_query_is_signed_with_the_key_inside(vector: dict[str, Any]) -> None:
    given = vector["input"]
    text = join_query(given["app_id"], given["app_trans_id"], given["key1"])

    assert text == vector["expected"]["mac_input"]
    assert make_mac(given["key1"], text) == vector["expected"]["mac"]


@_each("zalopay_refund")
def test_a_refund_is_signed_with_its_fee_where_it_has_one(vector: dict[str, Any]) -> None:
    given = vector["input"]
    fields = given.get("fields")
    names = REFUND_QUERY if fields is None else refund_names(fields)
    text = join_fields(given if fields is None else fields, names)

    assert text == vector["expected"]["mac_input"]
    assert make_mac(given["key1"], text) == vector["expected"]["mac"]


def test_a_fee_of_nothing_is_still_signed() -> None:
    assert "refund_fee_amount" in refund_names({"refund_fee_amount": 0})


@_each("zalopay_deeplinks")
def test_a_question_for_bank_links_is_signed(vector: dict[str, Any]) -> None:
    text = join_fields(vector["input"], BANK_LINKS)

    assert text == vector["expected"]["mac_input"]
    assert make_mac(vector["input"]["key1"], text) == vector["expected"]["mac"]


@_each("zalopay_redirect")
def test_a_checksum_is_right_only_for_its_own_fields(vector: dict[str, Any]) -> None:
    query, valid = vector["input"]["query"], vector["expected"]["valid"]
    text = join_fields(query, RETURN)

    assert is_genuine(query["checksum"], vector["input"]["key2"], text) is valid
    assert (text == vector["expected"]["checksum_input"]) is valid


@_each("zalopay_callback")
def test_a_callback_is_proven_over_its_exact_text(vector: dict[str, Any]) -> None:
    given = vector["input"]

    assert is_genuine(given["mac"], given["key2"], given["data"]) is vector["expected"]["valid"]


def test_the_case_of_hexadecimal_digits_does_not_matter() -> None:
    mac = make_mac(KEY2, "text")

    assert mac == mac.lower()
    assert is_genuine(mac.upper(), KEY2, "text")


@pytest.mark.parametrize(
    "mac", [None, 7, [], "", "00", "g" * 64, "ａ" * 64, make_mac(KEY1, "text"), "0" * 65]
)
def test_what_is_no_right_mac_is_refused_quietly(mac: object) -> None:
    assert not is_genuine(mac, KEY2, "text")


def test_a_key_that_is_not_set_proves_nothing() -> None:
    assert not is_genuine(make_mac("", "text"), "", "text")


def test_odd_text_is_signed_as_any_other() -> None:
    assert is_genuine(make_mac(KEY2, "\ud800|"), KEY2, "\ud800|")
    assert join_fields({"app_id": 1}, ("app_id", "bank_codes", "os_type")) == "1||"
