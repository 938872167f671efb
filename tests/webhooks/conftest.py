from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="package")
def _sweepers(session_app):
    """Workers import the sweepers, the application itself does not."""
    from checkout import areas

    areas.import_jobs()


@pytest.fixture(autouse=True)
def _no_connection_is_left() -> Iterator[None]:
    yield
    from checkout.core.http import close_idle

    close_idle()
