from __future__ import annotations

import re

import pytest

from checkout.rails.vietqr.banks import all_banks, find_app, find_bank


def test_the_table_is_whole_and_bins_are_unique() -> None:
    banks = all_banks()

    assert len(banks) == 66
    assert len({bank.bin for bank in banks}) == len(banks)
    assert all(re.fullmatch(r"[0-9]{6}", bank.bin) for bank in banks)
    assert all(bank.code and bank.short_name and bank.legal_name for bank in banks)


def test_app_ids_name_one_bank() -> None:
    ids = [app.id for bank in all_banks() for app in bank.apps]

    assert len(set(ids)) == len(ids)


def test_the_apps_that_fill_in_have_the_month_of_the_announcement() -> None:
    dates = {
        app.id: app.auto_fill_since
        for bank in all_banks()
        for app in bank.apps
        if app.auto_fill_since
    }

    assert dates == {
        "ocb": "2024-05",
        "acb": "2025-10",
        "bidv": "2026-01",
        "icb": "2026-02",
        "mb": "2026-07",
    }


@pytest.mark.parametrize(
    ("text", "bin_"),
    [
        ("970436", "970436"),
        ("VCB", "970436"),
        (" vietcombank ", "970436"),
        ("CTG", "970415"),
        ("vtb", None),
        ("BVB", "970438"),
        ("SCB", "970429"),
        ("NHB HN", "801011"),
        ("Oceanbank", "970414"),
        ("", None),
        ("970437x", None),
    ],
)
def test_banks_are_found_by_bin_code_and_name(text: str, bin_: str | None) -> None:
    bank = find_bank(text)

    assert (bank.bin if bank else None) == bin_


def test_every_bank_is_found_by_its_own_code() -> None:
    for bank in all_banks():
        assert find_bank(bank.code) == bank


def test_an_unknown_app_is_a_key_error() -> None:
    assert find_app("vib-2")[0].code == "VIB"
    with pytest.raises(KeyError):
        find_app("nowhere")
