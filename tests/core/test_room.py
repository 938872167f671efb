"""Places for sockets: so many for the process, so many for each address."""

from __future__ import annotations

import pytest

from checkout.core import room as room_module
from checkout.core.room import Full, Room, add_keeper, close_all, stands_for_many


def test_one_household_opens_no_more_than_its_share(monkeypatch):
    monkeypatch.setattr(room_module, "PLACES_PER_ADDRESS", 2)
    monkeypatch.setattr(room_module, "stands_for_many", lambda address: False)
    room = Room()
    with room.place("203.0.113.7"), room.place("203.0.113.7"):
        with pytest.raises(Full), room.place("203.0.113.7"):
            pass
        with room.place("203.0.113.8"):
            assert room.count() == 3
    assert room.count() == 0
    assert not room.addresses


def test_a_proxy_opens_as_many_as_the_process_has(monkeypatch):
    monkeypatch.setattr(room_module, "PLACES_PER_ADDRESS", 1)
    room = Room()
    with room.place("10.0.0.1"), room.place("10.0.0.1"):
        assert room.count() == 2


def test_a_process_opens_no_more_than_its_files_allow(monkeypatch):
    monkeypatch.setattr(room_module, "PLACES_MAX", 1)
    room = Room()
    with room.place("203.0.113.7"), pytest.raises(Full):
        room.check("203.0.113.8")
    room.check("203.0.113.8")


def test_half_of_the_files_are_for_others(monkeypatch):
    monkeypatch.setattr(room_module.resource, "getrlimit", lambda _: (100, 100))
    assert room_module.places_max() == 50


def test_a_place_is_free_again_after_an_error():
    room = Room()
    with pytest.raises(OSError, match="gone"), room.place("203.0.113.7"):
        raise OSError("gone")
    assert room.count() == 0


def test_on_a_stop_everybody_closes():
    class Keeper:
        code = 0

        def close_all(self, code: int) -> None:
            self.code = code

    one, two = Keeper(), Keeper()
    add_keeper(one)
    add_keeper(two)
    close_all(1012)
    assert (one.code, two.code) == (1012, 1012)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "192.168.1.5", "local", "::1"])
def test_a_proxy_stands_for_many(address):
    assert stands_for_many(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "113.161.1.1", "2400:8905::/64"])
def test_a_household_stands_for_itself(address):
    assert not stands_for_many(address)
