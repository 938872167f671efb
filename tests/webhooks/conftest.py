import pytest


@pytest.fixture(autouse=True, scope="package")
def _sweepers(session_app):
    """Workers import the sweepers, the application itself does not."""
    from checkout import areas

    areas.import_jobs()
