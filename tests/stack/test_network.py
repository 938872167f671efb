"""The tests' own guard: nothing leaves this machine."""

from __future__ import annotations

import socket

import pytest

from tests.support.network import NetworkClosed


def test_outside_addresses_are_refused():
    with socket.socket() as connection, pytest.raises(NetworkClosed):
        connection.connect(("192.0.2.1", 80))


def test_outside_names_are_not_resolved():
    with pytest.raises(NetworkClosed):
        socket.getaddrinfo("shop.example.com", 443)
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("nowhere.invalid", 443)


def test_this_machine_is_open():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
