from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest

from checkout.rails.base import FakeRequest, RailError, Refund, RefundResult
from checkout.rails.stripe.fake import FAKE
from checkout.rails.stripe.rail import RAIL
from tests.rails.kit import NOW
from tests.rails.stripe.samples import Answers, Stage, answer_of, make_account, make_refund


def _paid(**changes: Any) -> tuple[Stage, str]:
    stage = Stage(**changes)
    (notice,) = stage.hear(stage.pay())
    return stage, notice.provider_reference


def _refund(stage: Stage, refund: Refund) -> RefundResult:
    return RAIL.refund(refund, stage.account, stage.http, NOW)


def _tell(stage: Stage, path: str, status: str) -> None:
    """The pretend bank's word about refunds."""
    headers = {"authorization": "Bearer sk_test_key"}
    request = FakeRequest("POST", path, {}, headers, f"status={status}".encode())
    FAKE.serve(request, stage.account, stage.shelf, now=NOW, sent_at=NOW)


def test_money_is_given_back_under_our_own_id() -> None:
    stage, intent_id = _paid()

    result = _refund(stage, make_refund(intent_id))

    assert result.status == "done"
    assert result.provider_reference is not None
    assert result.provider_reference.startswith("re_")
    sent = dict(parse_qsl(stage.http.calls[-1].body.decode()))
    assert sent == {
        "payment_intent": intent_id,
        "amount": "50000",
        "reason": "requested_by_customer",
        "metadata[refund]": "rf_1",
    }
    assert stage.http.calls[-1].headers["Idempotency-Key"] == "rf_1"


def test_riel_are_given_back_by_stripes_table() -> None:
    stage, intent_id = _paid(currency="KHR", amount=20_000)

    _refund(stage, make_refund(intent_id, currency="KHR", amount=4_000))

    assert stage.shelf.list("refund")[0]["amount"] == 400_000


def test_the_same_refund_twice_is_one() -> None:
    stage, intent_id = _paid()

    first, second = (_refund(stage, make_refund(intent_id)) for _ in range(2))

    assert first == second
    assert len(stage.shelf.list("refund")) == 1


def test_after_stripe_has_forgotten_the_key_the_refund_is_found_first() -> None:
    stage, intent_id = _paid()
    refund = make_refund(intent_id)
    first = _refund(stage, refund)
    stage.shelf.records = {
        key: data for key, data in stage.shelf.records.items() if key[0] != "idempotency"
    }

    later = RAIL.refund(refund, stage.account, stage.http, NOW + timedelta(days=2))

    assert later.provider_reference == first.provider_reference
    assert len(stage.shelf.list("refund")) == 1


def test_more_than_was_paid_is_refused() -> None:
    stage, intent_id = _paid()
    assert _refund(stage, make_refund(intent_id, amount=100_000)).status == "done"

    over = _refund(stage, make_refund(intent_id, id="rf_2", amount=50_001))
    rest = _refund(stage, make_refund(intent_id, id="rf_3", amount=50_000))
    none = _refund(stage, make_refund(intent_id, id="rf_4", amount=1))

    assert (over.status, rest.status, none.status) == ("refused", "done", "refused")
    assert none.code == "charge_already_refunded"
    assert over.message


def test_what_was_no_payment_cannot_be_refunded() -> None:
    stage, _ = _paid()

    for reference in ("cs_test_1", "pi_missing"):
        refund = make_refund(reference, details={})
        assert _refund(stage, refund).status == "refused"


@pytest.mark.parametrize(
    ("status", "stands"),
    [
        ("succeeded", "done"),
        ("pending", "pending"),
        ("requires_action", "pending"),
        ("failed", "refused"),
        ("canceled", "refused"),
    ],
)
def test_every_status_of_stripes_is_read(status: str, stands: str) -> None:
    stage, intent_id = _paid()
    _tell(stage, "/_refunds", status)
    refund = make_refund(intent_id)

    result = _refund(stage, refund)

    assert result.status == stands
    known = make_refund(intent_id, known=result.details)
    assert RAIL.check_refund(known, stage.account, stage.http, NOW).status == stands


def test_a_status_of_tomorrow_is_no_end() -> None:
    http = Answers(answer_of(200, {"id": "re_1", "object": "refund", "status": "something_new"}))

    result = RAIL.refund(make_refund("pi_1"), make_account(), http, NOW)

    assert result.status == "pending"


def test_a_refund_can_fail_later() -> None:
    stage, intent_id = _paid()
    _tell(stage, "/_refunds", "pending")
    first = _refund(stage, make_refund(intent_id))
    _tell(stage, f"/_refunds/{first.provider_reference}", "failed")

    known = make_refund(intent_id, known=first.details)
    later = RAIL.check_refund(known, stage.account, stage.http, NOW)

    assert (later.status, later.code) == ("refused", "declined")
    _tell(stage, "/_refunds", "succeeded")
    again = _refund(stage, make_refund(intent_id, id="rf_2", amount=150_000))
    assert again.status == "done"


def test_a_refund_whose_answer_was_lost_is_found_by_our_id() -> None:
    stage, intent_id = _paid()
    _refund(stage, make_refund(intent_id, id="rf_other", amount=1_000))
    lost = _refund(stage, make_refund(intent_id))

    found = RAIL.check_refund(make_refund(intent_id), stage.account, stage.http, NOW)

    assert found == lost


def test_a_refund_that_stripe_never_saw_waits_and_then_is_refused() -> None:
    stage, intent_id = _paid()
    refund = make_refund(intent_id)

    early = RAIL.check_refund(refund, stage.account, stage.http, NOW)
    late = RAIL.check_refund(refund, stage.account, stage.http, NOW + timedelta(minutes=11))

    assert (early.status, early.code) == ("pending", "not_found")
    assert (late.status, late.code) == ("refused", "not_found")
    assert stage.shelf.list("refund") == []


@pytest.mark.parametrize(("status", "temporary"), [(500, True), (429, True), (409, True)])
def test_no_information_moves_no_refund(status: int, temporary: bool) -> None:
    http = Answers(answer_of(status, {"error": {"type": "api_error", "message": "No."}}))

    for verb in (RAIL.refund, RAIL.check_refund):
        with pytest.raises(RailError) as raised:
            verb(make_refund("pi_1"), make_account(), http, NOW)
        assert raised.value.temporary is temporary


def test_a_refused_key_is_no_refusal_of_the_refund() -> None:
    http = Answers(answer_of(401, {"error": {"type": "invalid_request_error", "message": "No."}}))

    with pytest.raises(RailError) as raised:
        RAIL.refund(make_refund("pi_1"), make_account(), http, NOW)

    assert not raised.value.temporary
