"""Frames as servers send them, in whatever pieces they arrive."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from bench.sockets import OpenPage

_WELCOME = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"


@pytest.fixture
def page() -> Iterator[OpenPage]:
    with socket.socket() as unused:
        yield OpenPage(unused, "/live")


@pytest.mark.parametrize(
    ("head", "payload"),
    [
        (b"\x81\x05", b"hello"),
        (b"\x81\x7e\x01\x00", b"x" * 256),
        (b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00", b"y" * 65_536),
    ],
)
def test_short_and_long_frames(page: OpenPage, head: bytes, payload: bytes) -> None:
    assert page.feed(_WELCOME + head + payload) == [(1, payload)]


def test_a_frame_in_pieces_and_two_at_once(page: OpenPage) -> None:
    assert page.feed(_WELCOME[:20]) == []
    assert page.feed(_WELCOME[20:] + b"\x81\x03a") == []
    assert page.feed(b"bc\x89\x01p\x81\x01d\x81") == [(1, b"abc"), (9, b"p"), (1, b"d")]


def test_a_refused_handshake_is_an_error(page: OpenPage) -> None:
    with pytest.raises(ConnectionRefusedError, match="403"):
        page.feed(b"HTTP/1.1 403 Forbidden\r\n\r\n")
