"""What a session costs: from its amount, its line items, or both where they agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from checkout.core.errors import invalid
from checkout.core.money import MAXIMUM, format_money, known_currencies
from checkout.merchants.settings import StoreSettings


def total_amount(amount: int | None, line_items: Sequence[Mapping[str, Any]]) -> int:
    """The amount in minor units; raises 422 where it is missing, too large or contradicted."""
    if not line_items:
        if amount is None:
            raise invalid("missing_required_field", "Give an amount or line items.", "amount")
        return amount
    total: int = sum(item["quantity"] * item["unit_amount"] for item in line_items)
    if amount is not None and amount != total:
        raise invalid(
            "amount_mismatch", f"The amount is {amount}, the line items give {total}.", "amount"
        )
    if not 1 <= total <= MAXIMUM:
        raise invalid(
            "invalid_value", f"The line items must give from 1 to {MAXIMUM}.", "line_items"
        )
    return total


def check_currency(currency: str) -> str:
    """An ISO 4217 code; raises 422 `invalid_value`."""
    if currency not in known_currencies():
        raise invalid("invalid_value", "This is not an ISO 4217 currency code.", "currency")
    return currency


def check_bounds(amount: int, currency: str, mode: str, settings: StoreSettings) -> None:
    """The store's own bounds, those of top-ups for a top-up; raises 422 with the bound."""
    if settings.currencies and currency not in settings.currencies:
        raise invalid("currency_not_allowed", f"This store takes no {currency}.", "currency")
    bounds = settings.topup_bounds if mode == "topup" else settings.bounds
    bound = bounds.get(currency)
    if bound is None:
        return
    if amount < bound.min:
        raise invalid(
            "amount_too_small", f"The least is {format_money(bound.min, currency, 'en')}.", "amount"
        )
    if amount > bound.max:
        raise invalid(
            "amount_too_large", f"The most is {format_money(bound.max, currency, 'en')}.", "amount"
        )
