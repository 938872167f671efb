"""The banks of the VietQR network, read once from banks.json."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class BankApp:
    """A banking app as the deep-link service names it."""

    id: str
    auto_fill_since: str | None
    """Year and month from which the app is announced to fill in the transfer."""


@dataclass(frozen=True, slots=True)
class NativeApp:
    """How a bank's app is named on the phone; the scheme opens it and carries nothing."""

    scheme: str
    android: str
    ios: str


@dataclass(frozen=True, slots=True)
class Bank:
    """One bank, identified by its BIN: codes are neither stable nor unique."""

    bin: str
    code: str
    other_codes: tuple[str, ...]
    short_name: str
    other_names: tuple[str, ...]
    legal_name: str
    receives: bool | None
    """Whether transfers to it by VietQR work; None where nobody says."""
    pays: bool | None
    """Whether its app scans a VietQR and pays; None where nobody says."""
    apps: tuple[BankApp, ...]
    native_app: NativeApp | None


@cache
def all_banks() -> tuple[Bank, ...]:
    """Every bank, ordered by BIN."""
    rows = json.loads(Path(__file__).with_name("banks.json").read_text(encoding="utf-8"))
    return tuple(_read_bank(row) for row in rows)


def find_bank(text: str) -> Bank | None:
    """The bank with that BIN, code or name, without regard to case; None when there is none."""
    return _index().get(text.strip().upper())


def find_app(app_id: str) -> tuple[Bank, BankApp]:
    """A banking app and its bank. Raises KeyError for an id that the table does not have."""
    for bank in all_banks():
        for app in bank.apps:
            if app.id == app_id:
                return bank, app
    raise KeyError(app_id)


@cache
def _index() -> dict[str, Bank]:
    # The same letters may be one bank's code and another's old code (BVB), so the kinds of
    # names are entered by strength and the first entry stays.
    index: dict[str, Bank] = {}
    for names_of in (_bins, _codes, _short_names, _other_names):
        for bank in all_banks():
            for name in names_of(bank):
                index.setdefault(name.upper(), bank)
    return index


def _bins(bank: Bank) -> tuple[str, ...]:
    return (bank.bin,)


def _codes(bank: Bank) -> tuple[str, ...]:
    return (bank.code,)


def _short_names(bank: Bank) -> tuple[str, ...]:
    return (bank.short_name,)


def _other_names(bank: Bank) -> tuple[str, ...]:
    return bank.other_codes + bank.other_names


def _read_bank(row: dict[str, Any]) -> Bank:
    native = row["native_app"]
    return Bank(
        bin=row["bin"],
        code=row["code"],
        other_codes=tuple(row["other_codes"]),
        short_name=row["short_name"],
        other_names=tuple(row["other_names"]),
        legal_name=row["legal_name"],
        receives=row["receives"],
        pays=row["pays"],
        apps=tuple(BankApp(app["id"], app["auto_fill_since"]) for app in row["apps"]),
        native_app=None if native is None else NativeApp(**native),
    )
