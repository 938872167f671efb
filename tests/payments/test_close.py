"""What has ended unpaid is closed at its provider: once, and its money is not lost."""

from __future__ import annotations

import pytest

from checkout.payments.close import close_ended
from checkout.rails.base import RailError
from tests.factories.asking import make_account, pass_time
from tests.factories.books import read_one


@pytest.fixture
def start(till, provider, monkeypatch):
    """Start an attempt with a provider that closes, as the API shows it."""
    monkeypatch.setattr(type(provider), "closes", True)
    make_account(till.shop)

    def start(**fields):
        session = till.make_session(**fields)
        path = f"/checkout/sessions/{session['id']}/attempts"
        status, attempt = till.call("POST", path, {"rail": "asked"})
        assert status == 201, attempt
        return attempt

    return start


def references(*attempts):
    return [attempt["provider_reference"] for attempt in attempts]


def test_live_and_paid_attempts_stay_open(till, provider, start):
    live, paid = start(), start()
    provider.paid[references(paid)[0]] = "succeeded"
    till.call("POST", f"/checkout/attempts/{paid['id']}/check")

    assert till.session(paid["session"])["status"] == "completed"
    assert close_ended() == 0
    assert till.attempt(live["id"])["status"] == "pending"


def test_whatever_ended_unpaid_is_closed_once(till, provider, start):
    superseded, cancelled, lapsed, expired = (
        start(duration_minutes=60),
        start(duration_minutes=60),
        start(duration_minutes=60),
        start(duration_minutes=16),
    )
    till.start(superseded["session"])
    till.call("POST", f"/checkout/sessions/{cancelled['session']}/cancel")
    till.advance_and_sweep(17 * 60)
    assert till.attempt(lapsed["id"])["status"] == "expired"
    assert close_ended() == 4

    assert sorted(provider.closed) == sorted(references(superseded, cancelled, lapsed, expired))
    pass_time(60)
    assert close_ended() == 0


def test_money_that_was_faster_than_the_end_still_counts(till, provider, start):
    attempt = start()
    provider.paid[references(attempt)[0]] = "succeeded"
    till.call("POST", f"/checkout/sessions/{attempt['session']}/cancel")
    close_ended()

    assert read_one("SELECT disposition FROM transfer").disposition == "late"
    assert read_one("SELECT done_at IS NOT NULL AS done FROM attempt_reference").done


def test_a_provider_that_does_not_answer_is_told_again(till, provider, start):
    attempt = start()
    till.call("POST", f"/checkout/sessions/{attempt['session']}/cancel")
    provider.error = RailError("provider_timeout", "No answer", temporary=True)
    assert close_ended() == 1
    assert close_ended() == 0

    pass_time(31)
    provider.error = None
    assert close_ended() == 1
    assert provider.closed == references(attempt) * 2
    pass_time(31)
    assert close_ended() == 0


def test_a_provider_that_will_not_is_not_told_again(till, provider, start):
    attempt = start()
    till.call("POST", f"/checkout/sessions/{attempt['session']}/cancel")
    provider.error = RailError("provider_rejected", "Unknown order", temporary=False)
    assert close_ended() == 1

    pass_time(31)
    assert close_ended() == 0
