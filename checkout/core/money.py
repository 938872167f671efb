"""Money: an integer of the currency's minor unit, always beside its currency."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from babel import Locale
from babel.numbers import get_currency_symbol, get_territory_currencies, list_currencies

MAXIMUM = 999_999_999_999

# ISO 4217 exponents, except KHR: nobody uses sen, so the riel is whole here.
_ZERO = frozenset(
    (
        *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KHR", "KMF", "KRW"),
        *("PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"),
    )
)
_THREE = frozenset(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"))
_FOUR = frozenset(("CLF", "UYW"))


@dataclass(frozen=True, slots=True)
class Money:
    """An amount that cannot be mixed with another currency."""

    amount: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.amount) is not int:
            raise TypeError("an amount is an integer of the minor unit")

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._same(other), self.currency)

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not mix")
        return other.amount


def exponent(currency: str) -> int:
    """Digits after the decimal separator; raises KeyError for what is not a currency."""
    if currency not in known_currencies():
        raise KeyError(currency)
    if currency in _ZERO:
        return 0
    if currency in _THREE:
        return 3
    return 4 if currency in _FOUR else 2


@lru_cache(maxsize=1)
def known_currencies() -> frozenset[str]:
    """The ISO 4217 codes in use as money."""
    territories = [str(name) for name in Locale("en").territories]
    tender = {
        currency
        for territory in territories
        if len(territory) == 2 and territory.isalpha()
        for currency in get_territory_currencies(territory)
    }
    return frozenset(tender & list_currencies())


@lru_cache(maxsize=4096)
def format_money(amount: int, currency: str, locale: str) -> str:
    """An amount as people of that language write it, symbol joined by a no-break space.

    The number of decimals is the product's own (CLDR shows two for the riel).
    """
    digits = exponent(currency)
    whole, part = divmod(abs(amount), 10**digits)
    numbers = Locale.parse(locale).number_symbols["latn"]
    text = f"{whole:,}".replace(",", numbers["group"])
    if digits:
        text += f"{numbers['decimal']}{part:0{digits}d}"
    symbol = get_currency_symbol(currency, locale=locale)
    sign = "\N{MINUS SIGN}" if amount < 0 else ""
    if locale == "en" and currency == "USD":
        return f"{sign}{symbol}{text}"
    return f"{sign}{text}\N{NO-BREAK SPACE}{symbol}"
