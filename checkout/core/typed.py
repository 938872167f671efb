"""Amounts and shares as people type them: `500.000 ₫`, `12.50 USD`, `1,5`."""

from __future__ import annotations

import re
from functools import cache

from babel import Locale
from babel.numbers import get_currency_symbol

from checkout.core.money import MAXIMUM, exponent

BLANKS = re.compile(r"\s+")
NUMBER = re.compile(r"[0-9][0-9.,' ]*")
GROUPED = re.compile(r"[0-9]{1,3}([.,' ])[0-9]{3}(\1[0-9]{3})*")
DIGITS = re.compile(r"[0-9]{1,15}")
PERCENT = re.compile(r"([0-9]{1,3})(?:[.,]([0-9]{1,2}))?\s*%?")
SIGNS = {"VND": ("đ", "Đ", "vnđ"), "KHR": ("riel", "រៀល"), "USD": ("us$",)}
"""Further words for what people are used to, beside the code and its usual signs."""


def read_amount(text: str, currency: str, locale: str = "en") -> int:
    """An amount in the currency's own unit as minor units; raises ValueError,
    and KeyError for what is no currency.

    Points and commas are read by what they can mean: groups have three digits, decimals as
    many as the currency has. Where both are possible the language decides.
    """
    digits = exponent(currency)
    number = _without_sign(text, currency)
    if not NUMBER.fullmatch(number):
        raise ValueError(f"{text!r} is not an amount of {currency}")
    whole, part = _split(number, digits, locale)
    if not DIGITS.fullmatch(whole) or (part and not DIGITS.fullmatch(part)):
        raise ValueError(f"{text!r} is not an amount of {currency}")
    amount = int(whole + part.ljust(digits, "0"))
    if amount > MAXIMUM:
        raise ValueError(f"{text!r} is more than can be asked")
    return amount


def read_percent(text: str) -> int:
    """A share in percent, with up to two decimals, as basis points; raises ValueError."""
    found = PERCENT.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a percentage")
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))


def show_percent(bps: int, locale: str) -> str:
    """Basis points as a percentage to be typed over, such as 1.5."""
    whole, part = divmod(bps, 100)
    decimals = f"{part:02d}".rstrip("0")
    return f"{whole}{_symbols(locale)[0]}{decimals}" if decimals else str(whole)


def _without_sign(text: str, currency: str) -> str:
    """The number alone: the currency's own code or sign may stand before or behind it."""
    number = BLANKS.sub(" ", text.strip())
    for sign in _signs(currency):
        if number.casefold().startswith(sign):
            return number[len(sign) :].strip()
        if number.casefold().endswith(sign):
            return number[: -len(sign)].strip()
    return number


def _split(number: str, digits: int, locale: str) -> tuple[str, str]:
    """The whole part and the decimals, without separators."""
    marks = [mark for mark in number if mark in ".,"]
    last = number.rfind(marks[-1]) if marks else -1
    decimals = number[last + 1 :] if marks else ""
    if not marks or marks.count(marks[-1]) > 1 or not _are_decimals(decimals, digits):
        return _ungroup(number), ""
    grouped = GROUPED.fullmatch(number) is not None
    if grouped and marks[-1] != _symbols(locale)[0]:
        return _ungroup(number), ""
    return _ungroup(number[:last]), decimals


def _are_decimals(text: str, digits: int) -> bool:
    return 1 <= len(text) <= digits


def _ungroup(text: str) -> str:
    """A whole number without its separators; what is not grouped by three is no number."""
    return re.sub(r"[^0-9]", "", text) if GROUPED.fullmatch(text) else text


@cache
def _signs(currency: str) -> tuple[str, ...]:
    """What may stand beside a number of the currency, the longest first."""
    shown = {get_currency_symbol(currency, locale=locale) for locale in ("vi", "en", "km")}
    known = {currency, *shown, *SIGNS.get(currency, ())}
    return tuple(sorted((sign.casefold() for sign in known), key=lambda sign: -len(sign)))


@cache
def _symbols(locale: str) -> tuple[str, str]:
    numbers = Locale.parse(locale).number_symbols["latn"]
    return str(numbers["decimal"]), str(numbers["group"])
