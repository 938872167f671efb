"""Who looks at the page."""

from __future__ import annotations

import pytest

from checkout.sessions.viewer import Viewer, page_address, read_variant, read_viewer

ATTEMPT = "att_06gzw2ea8rte5jktexdayr8h02v9"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit Mobile/15E148"
DESK = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit Chrome/142"


def look(app, address: str = "/", **headers: str) -> Viewer:
    with app.test_request_context(address, headers=headers):
        return read_viewer()


@pytest.mark.parametrize(
    ("headers", "phone"),
    [
        ({"User-Agent": IPHONE}, True),
        ({"User-Agent": DESK}, False),
        ({"User-Agent": DESK, "Sec-CH-UA-Mobile": "?1"}, True),
        ({"User-Agent": IPHONE, "Sec-CH-UA-Mobile": "?0"}, False),
        ({}, False),
    ],
)
def test_the_device(app, headers, phone):
    assert look(app, **headers).phone is phone


@pytest.mark.parametrize(
    ("cookie", "way"),
    [("way=vietqr", "vietqr"), ("way=gold", ""), ("way=", ""), ("way=a|b|c", ""), ("x=y", "")],
)
def test_the_last_way_is_a_way_or_nothing(app, cookie, way):
    assert look(app, Cookie=cookie).way == way


@pytest.mark.parametrize(
    ("query", "back"),
    [
        (f"back=done&attempt={ATTEMPT}", "done"),
        (f"back=cancelled&attempt={ATTEMPT}", "cancelled"),
        (f"back=paid&attempt={ATTEMPT}", ""),
        ("back=done&attempt=att_1", ""),
        ("back=done", ""),
        (f"attempt={ATTEMPT}", ""),
    ],
)
def test_the_way_back(app, query, back):
    viewer = look(app, f"/?{query}")
    assert (viewer.back, viewer.back_from) == (back, ATTEMPT if back else "")


@pytest.mark.parametrize(
    "viewer", [Viewer(), Viewer(True, "vietqr"), Viewer(False, "", "done", ATTEMPT)]
)
def test_a_variant_says_it_all(viewer):
    assert read_variant(viewer.variant("km")) == ("km", viewer)


def test_the_pages_address():
    assert page_address("cs_1") == "/pay/cs_1"
    assert page_address("cs_1", back="done", attempt="att_1") == "/pay/cs_1?back=done&attempt=att_1"
