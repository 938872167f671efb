from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout.rails.emv import PayloadError, walk_fields
from checkout.rails.khqr.payload import (
    LIMITS,
    Khqr,
    build_payload,
    md5_of,
    write_amount,
)
from tests.rails.kit import load_vectors

FIELDS = {
    "type": "kind",
    "bakong_account_id": "account_id",
    "merchant_name": "name",
    "merchant_city": "city",
    "merchant_category_code": "category_code",
    "upi_merchant_account": "upi_account",
    "purpose_of_transaction": "purpose",
    "language_preference": "language",
    "merchant_name_alternate": "local_name",
    "merchant_city_alternate": "local_city",
}
GENERATED = load_vectors("khqr_generate")
DISAGREEMENTS = {vector["name"]: vector for vector in load_vectors("khqr_disagreements")}
DYNAMIC = Khqr(
    kind="individual",
    account_id="sok_dara@abaa",
    name="Sok Dara",
    currency="USD",
    amount="1",
    created_ms=1795132800000,
    expires_ms=1795133100000,
)


def read_input(given_input: dict[str, Any]) -> Khqr:
    values = {FIELDS.get(name, name): value for name, value in given_input.items()}
    return Khqr(**values | {"amount": str(values.get("amount", ""))})


@pytest.mark.parametrize("vector", GENERATED, ids=lambda vector: vector["name"])
def test_strings_are_built_to_the_byte(vector: dict[str, Any]) -> None:
    text = build_payload(read_input(vector["input"]))

    assert text == vector["expected"]["qr"]
    assert md5_of(text) == vector["expected"]["md5"]
    assert [list(field) for field in walk_fields(text)] == vector["expected"]["tags"]


@pytest.mark.parametrize("vector", load_vectors("khqr_reject"), ids=lambda vector: vector["name"])
def test_what_the_national_banks_package_refuses_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(PayloadError):
        build_payload(read_input(vector["input"]))


@pytest.mark.parametrize("name", [name for name in DISAGREEMENTS if name.startswith("py_")])
def test_where_packages_differ_the_national_banks_own_is_followed(name: str) -> None:
    vector = DISAGREEMENTS[name]
    follows = vector["expected"][vector["expected"]["follows_spec"]]

    text = build_payload(read_input(vector["input"]))

    assert (text, md5_of(text)) == (follows["qr"], follows["md5"])


def test_additional_data_that_is_too_long_altogether_is_refused() -> None:
    given_fields = DISAGREEMENTS["additional_data_total_length_rule"]["input"]["sub_fields"]
    names = {"01": "bill_number", "02": "mobile_number", "03": "store_label"}
    texts = {name: given_fields[tag] for tag, name in names.items()}

    assert build_payload(replace(DYNAMIC, **texts))
    with pytest.raises(PayloadError):
        build_payload(replace(DYNAMIC, **texts, terminal_label=given_fields["07"]))


def test_an_account_template_that_is_too_long_altogether_is_refused() -> None:
    long = "x" * 32
    merchant = replace(DYNAMIC, kind="merchant", merchant_id=long, acquiring_bank=long)

    with pytest.raises(PayloadError):
        build_payload(replace(merchant, account_id="n" * 27 + "@bank"))


@pytest.mark.parametrize(
    "change",
    [
        {"amount": "abc"},
        {"amount": "01"},
        {"amount": "+1"},
        {"amount": "1."},
        {"amount": ".5"},
        {"amount": "1e3"},
        {"amount": "١"},
        {"amount": "12345678901.00"},
        {"currency": "KHR", "amount": "1.00"},
        {"currency": "VND"},
        {"expires_ms": 1795132799999},
        {"created_ms": 1795132800, "expires_ms": 1795133100},
        {"created_ms": None},
        {"name": "Sok 😀"},
        {"store_label": "a\nb"},
        {"name": "\ud800"},
        {"account_id": "@"},
        {"account_id": "a@b@c"},
        {"category_code": "12345"},
        {"language": "km"},
        {"language": "k", "local_name": "ក"},
        {"local_name": "ក"},
        {"local_city": "ភ្នំពេញ"},
        {"language": "km", "local_city": "ភ្នំពេញ"},
    ],
)
def test_what_no_bank_app_could_read_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(PayloadError):
        build_payload(replace(DYNAMIC, **change))


@pytest.mark.parametrize("amount", ["", "0", "0.00"])
def test_no_amount_makes_a_static_code(amount: str) -> None:
    tags = dict(walk_fields(build_payload(replace(DYNAMIC, amount=amount))))

    assert tags["01"] == "11"
    assert "54" not in tags
    assert "99" not in tags


def test_blanks_around_a_text_are_dropped() -> None:
    assert build_payload(replace(DYNAMIC, name="  Sok Dara ")) == build_payload(DYNAMIC)


def test_a_refusal_names_the_field() -> None:
    with pytest.raises(PayloadError) as raised:
        build_payload(replace(DYNAMIC, city="x" * (LIMITS["city"] + 1)))

    assert raised.value.field == "city"


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (4000, "KHR", "4000"),
        (1, "USD", "0.01"),
        (10, "USD", "0.10"),
        (100, "USD", "1"),
        (1050, "USD", "10.50"),
        (999_999_999_999, "USD", "9999999999.99"),
        (9_999_999_999_999, "KHR", "9999999999999"),
    ],
)
def test_amounts_are_written_as_the_national_banks_package_does(
    amount: int, currency: str, text: str
) -> None:
    assert write_amount(amount, currency) == text
    assert build_payload(replace(DYNAMIC, currency=currency, amount=text))


@given(st.text(max_size=30), st.sampled_from(sorted(LIMITS)))
def test_any_text_is_built_or_refused(text: str, name: str) -> None:
    try:
        built = build_payload(replace(DYNAMIC, **{name: text}))
    except PayloadError:
        return
    assert all(len(tag) == 2 for tag, _ in walk_fields(built))
