from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.factories.books import check_books
from tests.factories.till import Till, make_till
from tests.races.crowd import Crowd, many_processes


@pytest.fixture
def crowd(app: Flask, db_clean: None) -> Iterator[Crowd]:
    with many_processes():
        crowd = Crowd(app)
        yield crowd
        crowd.close()


@pytest.fixture
def till(app: Flask, crowd: Crowd) -> Iterator[Till]:
    """A shop whose books must add up when the race is over."""
    yield make_till(app.test_client())
    check_books()
