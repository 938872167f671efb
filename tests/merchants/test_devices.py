from __future__ import annotations

import pytest

from checkout.merchants.devices import LONGEST, tell_device

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "told"),
    [
        (
            f"Mozilla/5.0 (Linux; Android 14; SM-A155F) {WEBKIT} Chrome/126.0 Mobile Safari/537.36",
            "Chrome · Android",
        ),
        (
            f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/126.0 Safari/537.36 Edg/126.0",
            "Edge · Windows",
        ),
        (
            f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) {WEBKIT} Safari/604.1",
            "Safari · iPhone",
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
            "Firefox · Linux",
        ),
        ("curl/8.5.0", "curl/8.5.0"),
        ("x" * 300, "x" * LONGEST),
        ("", ""),
    ],
)
def test_a_device_is_told_in_a_few_words(user_agent, told):
    assert tell_device(user_agent) == told
