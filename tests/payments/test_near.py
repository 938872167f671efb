"""Codes one slip away: what people and banks make of a code is read, nothing else is."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout.payments.codes import SYMBOLS, check_symbol, is_sound, new_code
from checkout.payments.near import TEXT_LIMIT, near_codes

DRAWN = st.text(st.sampled_from(SYMBOLS), min_size=6, max_size=6)


def tail_of(drawn):
    return drawn + check_symbol(drawn)


def slips_of(text, *prefixes):
    return {code: near.slip for code, near in near_codes(text, prefixes or ("HM",)).items()}


@given(DRAWN)
def test_the_code_itself(drawn):
    tail = tail_of(drawn)
    for text in (f"HM{tail}", f"hm-{tail.lower()} thanks", f"MBVCB.1 HM {tail[:3]} {tail[3:]}"):
        assert slips_of(text)[f"HM-{tail}"] == "none"


@given(DRAWN, st.integers(0, 6), st.sampled_from(SYMBOLS))
def test_one_wrong_symbol(drawn, place, symbol):
    tail = tail_of(drawn)
    wrong = tail[:place] + symbol + tail[place + 1 :]

    assert slips_of(f"HM{wrong}")[f"HM-{tail}"] in ("none", "other")


@given(DRAWN, st.integers(0, 6), st.sampled_from("01ILO"))
def test_a_symbol_that_no_code_has(drawn, place, symbol):
    tail = tail_of(drawn)

    found = slips_of(f"HM{tail[:place] + symbol + tail[place + 1 :]}")

    assert found[f"HM-{tail}"] == "other"


@given(DRAWN, st.lists(st.integers(0, 6), min_size=2, max_size=2, unique=True))
def test_two_swapped_symbols(drawn, places):
    tail = tail_of(drawn)
    left, right = sorted(places)
    swapped = f"{tail[:left]}{tail[right]}{tail[left + 1 : right]}{tail[left]}{tail[right + 1 :]}"

    found = slips_of(f"HM{swapped}")

    assert found[f"HM-{tail}"] in (("none",) if tail == swapped else ("swapped", "other"))


@given(DRAWN, st.integers(0, 6))
def test_a_symbol_that_is_missing(drawn, place):
    tail = tail_of(drawn)
    assert f"HM-{tail}" in slips_of(f"HM{tail[:place] + tail[place + 1 :]}")


@given(DRAWN, st.integers(0, 7), st.sampled_from(SYMBOLS))
def test_a_symbol_too_many(drawn, place, symbol):
    tail = tail_of(drawn)
    assert f"HM-{tail}" in slips_of(f"HM{tail[:place]}{symbol}{tail[place:]}")


@given(DRAWN)
def test_a_prefix_that_is_lost_or_mistyped(drawn):
    tail = tail_of(drawn)
    for text in (tail, f"MH{tail}", f"chuyen tien {tail[:4]}-{tail[4:]}"):
        assert f"HM-{tail}" in slips_of(text)


@given(DRAWN, st.integers(5, 6))
def test_an_end_that_was_cut_off(drawn, kept):
    tail = tail_of(drawn)
    assert f"HM-{tail}" in slips_of(f"CT DEN HM{tail[:kept]}")


def test_every_prefix_of_the_store_is_read():
    tail = tail_of("7K3QX9")
    assert set(slips_of(f"OLD{tail}", "NEW", "OLD")) >= {f"OLD-{tail}", f"NEW-{tail}"}
    assert slips_of(f"OLD{tail}", "NEW", "OLD")[f"OLD-{tail}"] == "none"


@given(st.text(max_size=600))
def test_only_sound_codes_and_never_many(text):
    found = near_codes(text, ("HM", "AB"))

    assert all(is_sound(code.partition("-")[2]) for code in found)
    assert len(found) < 3000


def test_a_message_without_a_code_says_little():
    assert slips_of("tien an trua thang 5") == {} or len(slips_of("tien an trua thang 5")) < 5
    assert slips_of("") == {}


def test_a_hostile_message_is_cut():
    tail = new_code("HM").partition("-")[2]
    assert f"HM-{tail}" not in slips_of("x" * TEXT_LIMIT + f"HM{tail}")


@pytest.mark.parametrize("seed", range(5))
def test_a_slip_rarely_means_another_code(seed):
    """Of 888 million codes some tens are meant: a store's own code among them is no accident."""
    drawn = "".join(random.Random(seed).choices(SYMBOLS, k=6))
    tail = tail_of(drawn)
    wrong = tail[:2] + random.Random(seed).choice(SYMBOLS) + tail[3:]

    assert len(slips_of(f"HM{wrong}")) < 80
