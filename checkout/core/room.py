"""How many sockets this process keeps open, of every kind together.

Open sockets must never use up the server: their number is bounded for the process and for
each address, and whoever finds no place asks by itself instead.
"""

from __future__ import annotations

import ipaddress
import resource
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Protocol
from weakref import WeakSet

from flask import Flask, current_app

PLACES_MAX = 12_000
PLACES_PER_ADDRESS = 200


class Full(Exception):
    """This process, or this address, has as many open sockets as it may have."""


class Keeper(Protocol):
    """Whatever keeps sockets open."""

    def close_all(self, code: int) -> None:
        """Let every one of them close with this code."""


_keepers: WeakSet[Keeper] = WeakSet()


class Room:
    """The places of one application in one process."""

    def __init__(self) -> None:
        self.addresses: Counter[str] = Counter()
        self.lock = Lock()

    def check(self, address: str) -> None:
        """Raise Full when one more socket of this address is too many."""
        if self.count() >= places_max():
            raise Full("process")
        if self.addresses[address] >= PLACES_PER_ADDRESS and not stands_for_many(address):
            raise Full("address")

    def count(self) -> int:
        """How many sockets are open here."""
        return self.addresses.total()

    @contextmanager
    def place(self, address: str) -> Iterator[None]:
        """Hold one place as long as the block lasts; raises Full."""
        with self.lock:
            self.check(address)
            self.addresses[address] += 1
        try:
            yield
        finally:
            with self.lock:
                self.addresses[address] -= 1
                if self.addresses[address] <= 0:
                    del self.addresses[address]


def init_room(app: Flask) -> None:
    app.extensions["checkout_room"] = Room()


def room() -> Room:
    """The current application's places."""
    found: Room = current_app.extensions["checkout_room"]
    return found


def add_keeper(keeper: Keeper) -> None:
    """Remember who must close its sockets when this process stops."""
    _keepers.add(keeper)


def close_all(code: int) -> None:
    """Close every open socket of this process."""
    for keeper in list(_keepers):
        keeper.close_all(code)


def places_max() -> int:
    """Sockets never take more than half of the files that this process may open."""
    return min(PLACES_MAX, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)


def stands_for_many(address: str) -> bool:
    """Whether an address is a proxy's or this machine's own rather than one household's."""
    try:
        return ipaddress.ip_network(address).is_private
    except ValueError:
        return True
