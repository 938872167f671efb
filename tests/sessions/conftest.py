from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from tests.factories.books import check_books
from tests.factories.till import Till, make_till


@pytest.fixture
def till(client: FlaskClient) -> Iterator[Till]:
    """A shop with VietQR; after the test the books must add up."""
    yield make_till(client)
    check_books()
