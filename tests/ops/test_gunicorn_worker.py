"""The web server itself: slow clients, many connections, a quick stop."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

import pytest

from bin.stack.processes import says_it_lives, spawn, stop, wait_until
from tests.support.live import ROOT, free_port

HALF_HEADER = b"GET / HTTP/1.1\r\nHost: shop\r\nX-Slow: "
HALF_BODY = b"POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 10\r\n\r\nabc"
WHOLE = b"POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 3\r\n\r\nabc"


@dataclass
class Server:
    process: Popen[bytes]
    port: int

    def connect(self, first: bytes) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        connection.sendall(first)
        return connection


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    port = free_port()
    environ = {
        "PATH": os.environ["PATH"],
        "BIND": f"127.0.0.1:{port}",
        "HEADER_SECONDS": "2",
        "BODY_SECONDS": "3",
    }
    command = [sys.executable, "-m", "gunicorn", "--config", "gunicorn.conf.py"]
    process = spawn(
        [*command, "tests.support.bare_app:app"],
        environ=environ,
        log=tmp_path / "web.log",
        folder=ROOT,
    )
    assert wait_until(lambda: says_it_lives(("127.0.0.1", port)), seconds=20)
    yield Server(process, port)
    stop(process, seconds=15)


def read_all(connection: socket.socket) -> bytes:
    with connection:
        parts = []
        while part := connection.recv(4096):
            parts.append(part)
        return b"".join(parts)


def test_fifty_half_requests_are_ended_and_hinder_nobody(server):
    headers = [server.connect(HALF_HEADER) for _ in range(50)]
    bodies = [server.connect(HALF_BODY) for _ in range(50)]

    with server.connect(WHOLE) as quick:
        assert quick.recv(4096).startswith(b"HTTP/1.1 200")

    assert {read_all(connection) for connection in headers} == {b""}
    for connection in bodies:
        assert read_all(connection).startswith(b"HTTP/1.1 408")


def test_a_drip_of_bytes_does_not_move_the_deadline(server):
    dripping = server.connect(HALF_HEADER)
    dripping.settimeout(0.2)

    def is_closed() -> bool:
        try:
            dripping.sendall(b"x")
            return dripping.recv(1) == b""
        except TimeoutError:
            return False
        except OSError:
            return True

    assert wait_until(is_closed, seconds=20)
    dripping.close()


def test_a_stop_does_not_wait_for_idle_connections(server):
    idle = [server.connect(WHOLE) for _ in range(20)]
    for connection in idle:
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")

    # It would take all of HEADER_SECONDS and more if they were waited for one by one.
    assert stop(server.process, seconds=8)
    assert {read_all(connection)[-20:] for connection in idle} <= {b"", b"3"}
