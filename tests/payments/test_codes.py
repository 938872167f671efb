"""Payment codes: the check symbol notices every wrong symbol and every two that are swapped."""

from __future__ import annotations

import itertools
import re

import pytest

from checkout.payments.codes import LENGTH, SYMBOLS, check_symbol, is_sound, new_code, with_hyphen

DRAWN = ["AAAAAA", "7K3QX9", "ZYXWVU", "222222", "A9B8C7", "MNPQRS"]


def test_the_symbols_are_those_of_the_contract():
    assert set("ABCDEFGHIJKLMNOPQRSTUVWXYZ23456789") - set("ILO") == set(SYMBOLS)
    assert len(SYMBOLS) == 31


def test_a_code_has_a_prefix_a_hyphen_and_seven_sound_symbols():
    codes = {new_code("HM") for _ in range(500)}

    assert len(codes) == 500
    for code in codes:
        assert re.fullmatch(rf"HM-[{SYMBOLS}]{{7}}", code)
        assert is_sound(code.removeprefix("HM-"))


@pytest.mark.parametrize("drawn", DRAWN)
def test_exactly_one_symbol_completes_a_code(drawn):
    assert [last for last in SYMBOLS if is_sound(drawn + last)] == [check_symbol(drawn)]


@pytest.mark.parametrize("drawn", DRAWN)
def test_every_single_wrong_symbol_is_noticed(drawn):
    tail = drawn + check_symbol(drawn)
    for place, wrong in itertools.product(range(LENGTH), SYMBOLS):
        changed = tail[:place] + wrong + tail[place + 1 :]
        assert is_sound(changed) == (changed == tail)


def test_every_swap_of_two_different_symbols_is_noticed():
    for drawn in (*DRAWN, *(new_code("HM")[3:9] for _ in range(100))):
        tail = drawn + check_symbol(drawn)
        for one, two in itertools.combinations(range(LENGTH), 2):
            swapped = list(tail)
            swapped[one], swapped[two] = tail[two], tail[one]
            assert is_sound("".join(swapped)) == (tail[one] == tail[two])


@pytest.mark.parametrize("tail", ["", "AAAAAA", "AAAAAAAA", "AAAAAA0", "aaaaaaa", "AAAAAAI"])
def test_what_is_no_code_is_not_sound(tail):
    assert not is_sound(tail)


@pytest.mark.parametrize(
    ("bare", "expected"),
    [
        ("HM7K3QX9W", "HM-7K3QX9W"),
        ("SHOPS7K3QX9W", "SHOPS-7K3QX9W"),
        ("HMHMHMHMH", "HM-HMHMHMH"),
        ("H7K3QX9W", None),
        ("HM7K3QX9", None),
        ("TOOLONG7K3QX9W", None),
        ("hm7k3qx9w", None),
        ("HM-7K3QX9W", None),
        ("", None),
    ],
)
def test_the_hyphen_comes_back(bare, expected):
    assert with_hyphen(bare) == expected
