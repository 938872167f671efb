from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout.rails.vietqr.body import FIELDS_LIMIT, read_fields

FIELDS = {"id": "92704", "content": "chuyển tiền & HM-7K2M9QX", "subAccount": ""}
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=----x7f"


def _multipart(boundary: str = "----x7f") -> bytes:
    parts = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in FIELDS.items()
    )
    return f"{parts}--{boundary}--\r\n".encode()


def test_json_is_the_default_form() -> None:
    body = b'\xef\xbb\xbf{"id": 92704, "transferAmount": 150000.00, "newField": {"a": 1}}'

    for content_type in ("", "application/json", "Application/JSON; charset=utf-8", "text/plain"):
        assert read_fields(body, content_type) == {
            "id": 92704,
            "transferAmount": "150000.00",
            "newField": {"a": 1},
        }


def test_a_form_is_read() -> None:
    assert read_fields(urlencode(FIELDS).encode(), FORM) == FIELDS


@pytest.mark.parametrize("content_type", [MULTIPART, 'multipart/form-data; boundary="----x7f"'])
def test_a_multipart_form_is_read(content_type: str) -> None:
    assert read_fields(_multipart(), content_type) == FIELDS


def test_broken_characters_do_not_stop_a_notice() -> None:
    assert read_fields(b'{"content": "HM7K2M9QX \xff\xfe"}', "") == {
        "content": "HM7K2M9QX \ufffd\ufffd"
    }


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"id":1', ""),
        (b"", ""),
        (b"[]", ""),
        (b'"text"', ""),
        (b"null", ""),
        (b"[" * 100_000, ""),
        (b'{"id":' + b"9" * 5_000 + b"}", ""),
        (b"", FORM),
        (b"a=1&" * (FIELDS_LIMIT + 1), FORM),
        (b"", MULTIPART),
        (b"no parts", "multipart/form-data"),
        (_multipart("other"), MULTIPART),
    ],
)
def test_what_is_no_notice_is_none(body: bytes, content_type: str) -> None:
    assert read_fields(body, content_type) is None


@given(
    st.binary(max_size=500),
    st.sampled_from(["", FORM, MULTIPART, "multipart/form-data; boundary=\ud800"])
    | st.text(max_size=60),
)
def test_any_body_is_read_or_none(body: bytes, content_type: str) -> None:
    fields = read_fields(body, content_type)

    assert fields is None or all(isinstance(name, str) for name in fields)
