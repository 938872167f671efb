from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout.rails.emv import PayloadError, crc16, has_valid_crc
from checkout.rails.vietqr.payload import VietQRContent, build_payload, read_payload
from tests.rails.kit import load_vectors

STATIC = (
    "00020101021138540010A00000072701240006970436011010175888880208QRIBFTTA53037045802VN630444E7"
)
CONTENT_FIELDS = VietQRContent.__dataclass_fields__


def _with_crc(text: str) -> str:
    return text + crc16(text)


@pytest.mark.parametrize(
    "vector", load_vectors("vietqr_generate"), ids=lambda vector: vector["name"]
)
def test_strings_are_built_to_the_byte(vector: dict[str, Any]) -> None:
    assert build_payload(**_arguments(vector)) == vector["expected"]["qr"]


@pytest.mark.parametrize(
    "vector", load_vectors("vietqr_generate"), ids=lambda vector: vector["name"]
)
def test_strings_that_were_built_are_read_back(vector: dict[str, Any]) -> None:
    arguments = _arguments(vector)

    content = read_payload(build_payload(**arguments))

    assert (content.bank_bin, content.account) == (arguments["bank_bin"], arguments["account"])
    assert content.service == arguments["service"]
    assert content.amount == (str(arguments["amount"]) if "amount" in arguments else None)
    assert content.memo == arguments.get("memo")


@pytest.mark.parametrize("vector", load_vectors("vietqr_decode"), ids=lambda vector: vector["name"])
def test_published_strings_are_read(vector: dict[str, Any]) -> None:
    text, expected = vector["input"]["qr"], vector["expected"]

    assert has_valid_crc(text) == expected["valid_crc"]
    if not expected["valid_crc"]:
        with pytest.raises(PayloadError):
            read_payload(text)
        return
    content = read_payload(text)
    for field in CONTENT_FIELDS:
        assert getattr(content, field) == expected.get(field), field


@pytest.mark.parametrize("vector", load_vectors("vietqr_traps"), ids=lambda vector: vector["name"])
def test_traps_are_refused_or_made_plain(vector: dict[str, Any]) -> None:
    alternative = vector["expected"].get("accepted_alternative")

    if alternative:
        assert build_payload(**_arguments(vector)) == alternative["qr"]
    else:
        with pytest.raises(PayloadError):
            build_payload(**_arguments(vector))


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 0},
        {"amount": -1},
        {"amount": 1.5},
        {"amount": True},
        {"amount": 10**13},
        {"amount": "1000"},
        {"bank_bin": "97043"},
        {"bank_bin": "97043a"},
        {"bank_bin": "９７０４３６"},
        {"account": ""},
        {"account": "1" * 20},
        {"account": "12-34"},
        {"account": "1234\n"},
        {"account": "970436123", "service": "QRIBFTTC"},
        {"memo": "x" * 96},
        {"memo": ""},
        {"memo": "ផ្ញើប្រាក់"},
        {"memo": "a\nb"},
        {"reference": "x" * 96},
        {"memo": "x" * 60, "bill_number": "y" * 60},
    ],
)
def test_what_no_bank_app_could_read_is_refused(change: dict[str, Any]) -> None:
    arguments: dict[str, Any] = {"bank_bin": "970436", "account": "1017588888", "amount": 1000}

    with pytest.raises(PayloadError):
        build_payload(**(arguments | change))


def test_the_longest_memo_that_fits_is_built() -> None:
    text = build_payload(bank_bin="970436", account="1", amount=1000, memo="x" * 95)

    assert read_payload(text).memo == "x" * 95


@pytest.mark.parametrize(
    "text",
    [
        _with_crc("000201010211389900106304"),
        _with_crc("0002010x02116304"),
        _with_crc("00020126140010A0000007756304"),
        _with_crc("00020138140010A0000007276304"),
        _with_crc("6304"),
        "\ud8006304FFFF",
    ],
)
def test_strings_that_are_no_sound_vietqr_are_refused(text: str) -> None:
    with pytest.raises(PayloadError):
        read_payload(text)


def test_order_and_unknown_tags_do_not_matter() -> None:
    template = "0208QRIBFTTA" + "0124" + "0006970436" + "01101017588888" + "0010A000000727"
    text = _with_crc(f"0002015903ABC38{len(template):02d}{template}53037049902QQ6304")

    content = read_payload(text)

    assert (content.bank_bin, content.account) == ("970436", "1017588888")
    assert content.init_method is None


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    for candidate in (text, STATIC[:-8] + text):
        try:
            read_payload(candidate)
            read_payload(_with_crc(candidate + "6304"))
        except (PayloadError, UnicodeEncodeError):
            continue


@given(st.integers(min_value=0, max_value=len(STATIC) - 1), st.sampled_from("0123456789AZ"))
def test_one_changed_character_is_noticed(place: int, symbol: str) -> None:
    changed = STATIC[:place] + symbol + STATIC[place + 1 :]

    assert has_valid_crc(changed) == (changed == STATIC)


def _arguments(vector: dict[str, Any]) -> dict[str, Any]:
    return dict(vector["input"])
