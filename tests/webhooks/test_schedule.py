from datetime import UTC, datetime

import pytest

from checkout.webhooks.schedule import RETRY_SECONDS, next_wait_seconds

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
HOUR = 3600


def test_the_waits_are_the_contract_s():
    assert (
        *(1, 2, 4, 60, 120, 240, 480, 960),
        *(HOUR, 4 * HOUR, 12 * HOUR, 24 * HOUR, 24 * HOUR, 36 * HOUR),
    ) == RETRY_SECONDS
    assert 101 <= sum(RETRY_SECONDS) / HOUR < 102


@pytest.mark.parametrize("tries", range(1, 15))
def test_each_wait_is_within_a_fifth_of_its_figure(tries):
    waits = [next_wait_seconds(tries, {}) for _ in range(300)]
    figure = RETRY_SECONDS[tries - 1]
    assert all(0.8 * figure <= wait <= 1.2 * figure for wait in waits)
    assert max(waits) - min(waits) > 0.2 * figure


@pytest.mark.parametrize("tries", [15, 16, 99])
def test_after_the_last_there_is_none(tries):
    assert next_wait_seconds(tries, {"retry-after": "5"}) is None


def test_retry_after_makes_a_wait_longer_within_reason_and_never_shorter():
    assert next_wait_seconds(1, {"retry-after": "300"}) == 300
    assert next_wait_seconds(14, {"retry-after": "1"}) >= 0.8 * 36 * HOUR
    assert next_wait_seconds(1, {"retry-after": "99999999"}) == 48 * HOUR
