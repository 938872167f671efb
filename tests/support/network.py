"""Closes the network: tests reach this machine and nothing else."""

from __future__ import annotations

import ipaddress
import socket
import sys
from typing import Any

_RESERVED = (".invalid", ".test", ".example")


class NetworkClosed(BaseException):
    """Something tried to leave this machine. Not an Exception, so that no code can hide it."""


def close_network() -> None:
    """Refuse, for the rest of this process, every address that is not this machine."""
    sys.addaudithook(_guard)


def _guard(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        address = arguments[1]
        if isinstance(address, tuple) and not _is_here(str(address[0])):
            raise NetworkClosed(f"a test tried to connect to {address[0]}")
    elif event == "socket.getaddrinfo":
        _guard_name(arguments[0])


def _guard_name(name: Any) -> None:
    text = name.decode() if isinstance(name, bytes) else str(name or "")
    if _is_here(text):
        return
    if text.rstrip(".").endswith(_RESERVED):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    if not _is_address(text):
        raise NetworkClosed(f"a test tried to resolve {text}")


def _is_here(host: str) -> bool:
    if host in ("", "localhost", "0.0.0.0", "::"):
        return True
    return _is_address(host) and ipaddress.ip_address(host.split("%", maxsplit=1)[0]).is_loopback


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.split("%", maxsplit=1)[0])
    except ValueError:
        return False
    return True
