from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout.rails.emv import (
    VALUE_LIMIT,
    PayloadError,
    crc16,
    has_valid_crc,
    walk_fields,
    write_field,
)
from tests.rails.kit import load_vectors

_fields = st.lists(
    st.tuples(
        st.from_regex(r"[0-9]{2}", fullmatch=True), st.text(min_size=1, max_size=VALUE_LIMIT)
    ),
    max_size=8,
)


@pytest.mark.parametrize("vector", load_vectors("crc16"), ids=lambda vector: vector["name"])
def test_checksums_equal_the_published_ones(vector: dict[str, Any]) -> None:
    assert crc16(vector["input"]["utf8_text"]) == vector["expected"]["crc"]


@given(_fields)
def test_fields_are_read_as_they_were_written(fields: list[tuple[str, str]]) -> None:
    text = "".join(write_field(tag, value) for tag, value in fields)

    assert list(walk_fields(text)) == fields


@pytest.mark.parametrize("value", ["", "x" * 100])
def test_a_value_whose_length_has_not_two_digits_is_refused(value: str) -> None:
    with pytest.raises(PayloadError):
        write_field("62", value)


@pytest.mark.parametrize("text", ["0", "00", "000", "0002", "00021", "x002ab", "00\u0661\u0661a"])
def test_a_string_that_breaks_off_is_refused(text: str) -> None:
    with pytest.raises(PayloadError):
        list(walk_fields(text))


@given(st.text(max_size=60).filter(lambda text: text.isprintable()))
def test_a_string_with_its_own_checksum_is_sound(text: str) -> None:
    whole = f"{text}6304"

    assert has_valid_crc(whole + crc16(whole))
    assert has_valid_crc(whole + crc16(whole).lower())
    assert not has_valid_crc(whole + crc16(whole) + "\n")
