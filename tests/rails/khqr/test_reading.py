from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout.rails.emv import PayloadError, crc16, has_valid_crc
from checkout.rails.khqr.payload import CURRENCY_CODES, Khqr, build_payload, write_amount
from checkout.rails.khqr.reading import KhqrContent, find_fault, read_payload
from tests.rails.kit import load_vectors

NAMES = {
    "bakongAccountID": "account_id",
    "merchantID": "merchant_id",
    "accountInformation": "account_information",
    "acquiringBank": "acquiring_bank",
    "payloadFormatIndicator": "payload_format",
    "pointofInitiationMethod": "init_method",
    "unionPayMerchant": "upi_account",
    "merchantCategoryCode": "category_code",
    "transactionCurrency": "currency_code",
    "transactionAmount": "amount",
    "countryCode": "country",
    "merchantName": "name",
    "merchantCity": "city",
    "billNumber": "bill_number",
    "mobileNumber": "mobile_number",
    "storeLabel": "store_label",
    "terminalLabel": "terminal_label",
    "purposeOfTransaction": "purpose",
    "languagePreference": "language",
    "merchantNameAlternateLanguage": "local_name",
    "merchantCityAlternateLanguage": "local_city",
    "creationTimestamp": "created_ms",
    "expirationTimestamp": "expires_ms",
    "crc": "crc",
}
KINDS = {"29": "individual", "30": "merchant"}
CREATED_MS, EXPIRES_MS = 1795132800000, 1795133100000
STATIC = "00020101021129170013sok_dara@abaa5204599953031165802KH5908Sok Dara6010Phnom Penh6304D303"


def with_crc(text: str) -> str:
    return f"{text}6304" + crc16(f"{text}6304")


def dynamic(amount: str, *, times: str = f"0013{CREATED_MS}0113{EXPIRES_MS}") -> str:
    return with_crc(
        "00020101021229170013sok_dara@abaa520459995303116"
        f"54{len(amount):02d}{amount}5802KH5908Sok Dara6010Phnom Penh99{len(times):02d}{times}"
    )


@pytest.mark.parametrize("vector", load_vectors("khqr_decode"), ids=lambda vector: vector["name"])
def test_published_strings_are_read(vector: dict[str, Any]) -> None:
    expected = dict(vector["expected"])

    content = read_payload(vector["input"]["qr"])

    assert content.kind == KINDS[expected.pop("merchantType")]
    assert set(NAMES) >= set(expected)
    for name, field in NAMES.items():
        assert getattr(content, field) == expected.get(name), field


@pytest.mark.parametrize("vector", load_vectors("khqr_verify"), ids=lambda vector: vector["name"])
def test_strings_are_judged_as_published(vector: dict[str, Any]) -> None:
    text, now_ms = vector["input"]["qr"], vector["input"]["now_ms"]

    assert has_valid_crc(text) == vector["expected"]["crc_ok"]
    assert (find_fault(text, now_ms) is None) == vector["expected"]["valid"]


@pytest.mark.parametrize("vector", load_vectors("khqr_verify"), ids=lambda vector: vector["name"])
def test_strings_without_an_end_are_still_read(vector: dict[str, Any]) -> None:
    if vector["expected"].get("ts_khqr_detail_code") == 45:
        assert read_payload(vector["input"]["qr"]).expires_ms is None


@pytest.mark.parametrize(
    ("amount", "fault"),
    [
        ("5000", None),
        ("5000.0", None),
        ("50.5", "decimals"),
        ("0", "zero"),
        ("0.00", "zero"),
        ("abc", "number"),
        ("-5", "number"),
        ("12345678901234", "number"),
    ],
)
def test_the_amount_is_judged_too(amount: str, fault: str | None) -> None:
    found = find_fault(dynamic(amount), CREATED_MS)

    assert (found is None) if fault is None else (found is not None and fault in found)


@pytest.mark.parametrize(
    "times",
    [
        "0013" + str(CREATED_MS),
        f"0010{CREATED_MS // 1000}0110{EXPIRES_MS // 1000}",
        f"0013{EXPIRES_MS}0113{CREATED_MS}",
        f"0010{CREATED_MS // 1000}0113{EXPIRES_MS}",
    ],
)
def test_times_that_are_not_sound_are_found(times: str) -> None:
    assert find_fault(dynamic("5000", times=times), CREATED_MS - 1000) is not None


def test_a_code_is_good_until_its_very_end() -> None:
    assert find_fault(dynamic("5000"), EXPIRES_MS) is None
    assert find_fault(dynamic("5000"), EXPIRES_MS + 1) is not None


def test_order_and_unknown_tags_do_not_matter() -> None:
    text = with_crc(
        "0002015802KH5908Sok Dara6010Phnom Penh5303116520459995102QQ29170013sok_dara@abaa"
        "6212" + "0908Donation"
    )

    content = read_payload(text)

    assert (content.account_id, content.name, content.purpose) == (
        "sok_dara@abaa",
        "Sok Dara",
        None,
    )
    assert find_fault(text, CREATED_MS) is None


@pytest.mark.parametrize(
    "body",
    [
        STATIC[:-8] + "5204",
        STATIC[:-8] + "5908Sok Dora",
        STATIC[:-8] + "30170013sok_dara@abaa",
        STATIC[:-8].replace("29170013sok_dara@abaa", "29170113sok_dara@abaa"),
        STATIC[:-8].replace("0013sok_dara@abaa", "0014sok_dara@abaa"),
        STATIC[:-8] + "62030199",
    ],
)
def test_strings_that_are_no_sound_khqr_are_refused(body: str) -> None:
    with pytest.raises(PayloadError):
        read_payload(with_crc(body))
    assert find_fault(with_crc(body), CREATED_MS) is not None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("5303116", "5303704"),
        ("0013sok_dara@abaa", "0013sok_dara.abaa"),
        ("5802KH", "5803KHM"),
        ("5204", "5205"),
        ("5908Sok Dara", "5900"),
    ],
)
def test_fields_of_another_form_are_found(old: str, new: str) -> None:
    assert find_fault(with_crc(STATIC[:-8].replace(old, new)), CREATED_MS) is not None


@given(st.text(max_size=200))
def test_any_text_is_judged(text: str) -> None:
    for candidate in (text, with_crc(text), with_crc(STATIC[:-8] + text)):
        find_fault(candidate, CREATED_MS)


@given(st.integers(min_value=0, max_value=len(STATIC) - 1), st.sampled_from("0123456789AZ"))
def test_one_changed_character_is_noticed(place: int, symbol: str) -> None:
    changed = STATIC[:place] + symbol + STATIC[place + 1 :]

    assert has_valid_crc(changed) == (changed == STATIC)


_letters = st.characters(min_codepoint=33, max_codepoint=0x17FF).filter(str.isprintable)


def _texts(most: int, least: int = 0) -> st.SearchStrategy[str]:
    return st.text(_letters, min_size=least, max_size=most).filter(
        lambda text: text == text.strip()
    )


@st.composite
def _codes(draw: st.DrawFn) -> Khqr:
    currency = draw(st.sampled_from(sorted(CURRENCY_CODES)))
    amount = draw(st.integers(min_value=1, max_value=999_999_999_999))
    khqr = Khqr(
        kind=draw(st.sampled_from(["individual", "merchant"])),
        account_id="sok@" + draw(st.from_regex(r"[a-z]{1,20}", fullmatch=True)),
        name=draw(_texts(25, 1)),
        currency=currency,
        city=draw(_texts(15, 1)),
        acquiring_bank=draw(_texts(25, 1)),
        category_code=draw(st.from_regex(r"[0-9]{4}", fullmatch=True)),
        amount=write_amount(amount, currency),
        bill_number=draw(_texts(25)),
        store_label=draw(_texts(25)),
        purpose=draw(_texts(25)),
        created_ms=CREATED_MS,
        expires_ms=CREATED_MS + draw(st.integers(min_value=0, max_value=600_000)),
    )
    behind = "merchant_id" if khqr.kind == "merchant" else "account_information"
    khqr = replace(khqr, **{behind: draw(_texts(25, 1))})
    if draw(st.booleans()):
        khqr = replace(khqr, language="km", local_name=draw(_texts(25, 1)))
    return khqr


@given(_codes())
def test_whatever_is_built_is_read_back_and_sound(khqr: Khqr) -> None:
    text = build_payload(khqr)

    content = read_payload(text)

    read_names = {field.name for field in fields(KhqrContent)}
    for field in fields(Khqr):
        if field.name in read_names:
            written = getattr(khqr, field.name)
            found = getattr(content, field.name) or ""
            assert found == ("" if written is None else str(written)), field.name
    assert content.currency == khqr.currency
    assert content.init_method == "12"
    assert find_fault(text, khqr.expires_ms or 0) is None
    assert re.fullmatch(r"[0-9A-F]{4}", content.crc)
