"""Own pages and others: by scheme, host and port, never by how an address begins."""

from __future__ import annotations

import pytest

from checkout.core.errors import Problem
from checkout.core.origin import (
    is_own_origin,
    origin_of,
    refuse_foreign_form,
    refuse_foreign_socket,
)


@pytest.mark.parametrize(
    ("origin", "own"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://shop.test", True),
        ("https://shop.test", True),
        ("https://shop.test:443", True),
        ("https://127.0.0.1:8000", False),
        ("http://127.0.0.1:80", False),
        ("http://127.0.0.1:8000.evil.example", False),
        ("http://127.0.0.1:8000@evil.example", False),
        ("https://evil.example", False),
        ("null", False),
        ("", False),
        ("http://[::1", False),
        ("http://shop.test:99999", False),
        ("file://", False),
    ],
)
def test_own_origins(app, origin, own):
    with app.test_request_context("/", base_url="http://shop.test"):
        assert is_own_origin(origin) is own


@pytest.mark.parametrize(
    ("headers", "taken"),
    [
        ({}, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        # What the browser itself says counts more than an origin that privacy has blanked.
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, True),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:8000"}, False),
        ({"Origin": "http://127.0.0.1:8000"}, True),
        ({"Origin": "null"}, False),
        ({"Origin": "https://evil.example"}, False),
    ],
)
def test_forms(app, headers, taken):
    with app.test_request_context("/", headers=headers):
        if taken:
            refuse_foreign_form()
        else:
            with pytest.raises(Problem) as refused:
                refuse_foreign_form()
            assert refused.value.code == "origin_not_allowed"


def test_sockets(app):
    for origin in ({}, {"Origin": "http://127.0.0.1:8000"}):
        with app.test_request_context("/", headers=origin):
            refuse_foreign_socket()
    with app.test_request_context("/", headers={"Origin": "https://evil.example"}):
        with pytest.raises(Problem) as refused:
            refuse_foreign_socket()
        assert refused.value.status == 403


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://shop.example/cart?x=1", "https://shop.example"),
        ("https://shop.example:443/", "https://shop.example"),
        ("http://localhost:3000/x", "http://localhost:3000"),
        ("https://user@shop.example/", "https://shop.example"),
        ("https://[2001:db8::1]:8443/", "https://[2001:db8::1]:8443"),
        ("https://shop.example; script-src *", None),
        ("https://shop.example, 'unsafe-inline'", None),
        ("https://cửahàng.example/x", "https://xn--cahng-tqa2694c.example"),
        ("javascript:alert(1)", None),
        ("//shop.example", None),
    ],
)
def test_the_origin_of_an_address(url, origin):
    assert origin_of(url) == origin
