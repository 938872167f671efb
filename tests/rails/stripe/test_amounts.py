from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from checkout.core.money import exponent
from checkout.rails.stripe.amounts import (
    CURRENCIES,
    MAXIMUM,
    MINIMUM,
    WrongAmount,
    from_stripe,
    to_stripe,
)
from tests.rails.kit import load_vectors


@pytest.mark.parametrize("vector", load_vectors("stripe_amounts"), ids=lambda one: one["name"])
def test_amounts_go_out_and_come_back_by_stripes_table(vector: dict[str, Any]) -> None:
    currency = vector["input"]["currency"].upper()
    amount = Decimal(vector["input"]["amount_major"]).scaleb(exponent(currency))

    assert to_stripe(int(amount), currency) == vector["expected"]["amount"]
    assert from_stripe(vector["expected"]["amount"], currency) == amount


@pytest.mark.parametrize("currency", CURRENCIES)
def test_the_table_knows_how_the_product_counts(currency: str) -> None:
    one_whole = 10 ** exponent(currency)

    assert to_stripe(one_whole, currency) in (1, 100)
    assert from_stripe(to_stripe(one_whole, currency), currency) == one_whole
    assert 1 <= MINIMUM[currency] < MAXIMUM[currency]
    assert to_stripe(MAXIMUM[currency], currency) <= 99_999_999


def test_the_largest_riel_sum_has_two_digits_less() -> None:
    assert (MAXIMUM["VND"], MAXIMUM["KHR"], MAXIMUM["USD"]) == (99_999_999, 999_999, 99_999_999)


@pytest.mark.parametrize(("amount", "currency"), [(400_050, "KHR"), (1, "KHR"), (5, "XYZ")])
def test_what_is_no_whole_amount_of_ours_is_said(amount: int, currency: str) -> None:
    with pytest.raises(WrongAmount):
        from_stripe(amount, currency)
