"""Stripe's own table of minor units, beside ours: KHR has two decimals there and none here."""

from __future__ import annotations

from collections.abc import Mapping

# Stripe counts these in whole units; every other currency of its table in hundredths.
ZERO_DECIMAL = frozenset(
    (
        *("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA"),
        *("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"),
    )
)
LARGEST_AT_STRIPE = 99_999_999
"""Stripe takes eight digits of nearly every currency."""

# In our minor units. Stripe refuses less than about half a dollar: where its documents name no
# figure of its own the equivalent stands here, rounded up so that an exchange rate may move.
MINIMUM: Mapping[str, int] = {
    "AUD": 50,
    "CAD": 50,
    "CHF": 50,
    "DKK": 250,
    "EUR": 50,
    "GBP": 30,
    "HKD": 400,
    "JPY": 50,
    "KHR": 2_200,
    "KRW": 800,
    "MYR": 200,
    "NOK": 300,
    "NZD": 50,
    "PHP": 3_200,
    "SEK": 300,
    "SGD": 50,
    "THB": 1_800,
    "USD": 50,
    "VND": 14_000,
}
CURRENCIES = ("VND", "USD", "KHR", *sorted(MINIMUM.keys() - {"VND", "USD", "KHR"}))


class WrongAmount(ValueError):
    """An amount of Stripe's that is no whole amount of ours."""


def to_stripe(amount: int, currency: str) -> int:
    """Our minor units as Stripe counts them: 4 000 riel are 400 000. Raises WrongAmount."""
    return amount * _units(currency)


def from_stripe(amount: int, currency: str) -> int:
    """Stripe's amount in our minor units. Raises WrongAmount where that is no whole number."""
    whole, rest = divmod(amount, _units(currency))
    if rest:
        raise WrongAmount(f"{amount} at Stripe is no whole amount of {currency}")
    return whole


def _units(currency: str) -> int:
    """How many of Stripe's units one of our minor units is."""
    if currency not in MINIMUM:
        raise WrongAmount(f"{currency} is not taken here")
    at_stripe = 0 if currency in ZERO_DECIMAL else 2
    here = 0 if currency in ZERO_DECIMAL or currency == "KHR" else 2
    return int(10 ** (at_stripe - here))


MAXIMUM: Mapping[str, int] = {
    currency: LARGEST_AT_STRIPE // _units(currency) for currency in CURRENCIES
}
