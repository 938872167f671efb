"""Prompts as the page shows them."""

from __future__ import annotations

import pytest

from checkout.sessions.prompt_view import web_url


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://shop.example/x?y=1", True),
        ("http://localhost:3000/", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//shop.example", False),
        ("https:///nowhere", False),
        ("https://[broken", False),
        ("ftp://shop.example", False),
        (None, False),
        (7, False),
    ],
)
def test_links_that_a_page_may_show(app, url, kept):
    assert web_url(url) == (url if kept else None)
