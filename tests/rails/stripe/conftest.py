from __future__ import annotations

import pytest
import stripe


@pytest.fixture(autouse=True)
def impatient_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK waits half a second before it tries again; nobody here has to."""
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0)
