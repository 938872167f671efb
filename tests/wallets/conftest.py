from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.factories.books import check_books
from tests.factories.till import Till, make_till
from tests.factories.wallets import make_customer, offer_wallet


@pytest.fixture
def till(client) -> Iterator[Till]:
    """A shop that offers VietQR and the wallet, and whose books must add up at the end."""
    till = make_till(client)
    offer_wallet(till.shop)
    yield till
    check_books()


@pytest.fixture
def customer(till) -> str:
    return make_customer(till.shop)
