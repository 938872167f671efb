from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from checkout.rails.zalopay.ids import refund_id_of, to_milliseconds, trans_id_of, vietnam_date
from checkout.rails.zalopay.rail import RAIL
from tests.rails.kit import load_vectors
from tests.rails.zalopay.samples import TRANS_ID, make_account, make_attempt, make_refund


@pytest.mark.parametrize("vector", load_vectors("zalopay_ids"), ids=lambda vector: vector["name"])
def test_ids_begin_with_the_day_in_vietnam(vector: dict[str, Any]) -> None:
    moment = datetime.fromisoformat(vector["input"]["utc"])
    attempt = make_attempt(created_at=moment)

    assert trans_id_of(attempt).startswith(vector["expected"]["app_trans_id_prefix"])


def test_the_day_is_vietnams_whatever_zone_a_time_is_told_in() -> None:
    moment = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)

    assert vietnam_date(moment.astimezone(timezone(timedelta(hours=-5)))) == "261121"


def test_an_attempt_has_its_reference_before_anybody_is_called() -> None:
    assert RAIL.reference_of(make_attempt(), make_account()) == TRANS_ID


def test_a_refund_has_one_id_for_ever() -> None:
    refund = make_refund()

    assert refund_id_of(refund, 2553) == "261120_2553_01JCX4Q5T9Z8Y7W6V5U4T3S2R1"
    assert refund_id_of(make_refund(id="re_2"), 2553) == "261120_2553_2"


@pytest.mark.parametrize("app_id", [1, 2553, 999_999_999])
def test_a_refund_id_is_never_too_long(app_id: int) -> None:
    assert len(refund_id_of(make_refund(id="re_" + "A" * 80), app_id)) == 45


def test_times_are_milliseconds() -> None:
    assert to_milliseconds(datetime(2026, 11, 20, 7, 0, tzinfo=UTC)) == 1_795_158_000_000
