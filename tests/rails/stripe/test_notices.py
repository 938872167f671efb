from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout.rails.base import Match, Notice, Refusal
from checkout.rails.stripe.notices import (
    COMPLETED,
    DELAYED_FAILED,
    DELAYED_PAID,
    EVENTS,
    EXPIRED,
    read_event_notices,
    read_session_notices,
)
from tests.rails.kit import NOW
from tests.rails.stripe.samples import event_object, make_account, send_event, session_object


def _notice(event: dict[str, Any]) -> Notice:
    (notice,) = read_event_notices(event, make_account(), source="hook", raw=b"raw")
    return notice


@pytest.mark.parametrize("kind", [COMPLETED, DELAYED_PAID])
def test_a_paid_session_is_money(kind: str) -> None:
    notice = _notice(event_object(kind, session_object()))

    assert notice == Notice(
        provider_reference="pi_1",
        source="hook",
        outcome="succeeded",
        raw=b"raw",
        amount=150_000,
        currency="VND",
        matches=(Match("reference", "cs_test_1"), Match("reference", "att_1")),
        memo="att_1",
        payer={"name": "NGUYEN VAN A"},
        occurred_at=NOW,
        fingerprint="pi_1",
        details={"checkout_session": "cs_test_1", "payment_intent": "pi_1"},
    )


@pytest.mark.parametrize(
    ("currency", "at_stripe", "ours"),
    [("khr", 400_000, 4_000), ("usd", 1_050, 1_050), ("vnd", 150_000, 150_000), ("jpy", 500, 500)],
)
def test_amounts_are_ours_again(currency: str, at_stripe: int, ours: int) -> None:
    session = session_object(currency=currency, amount_total=at_stripe)

    notice = _notice(event_object(COMPLETED, session))

    assert (notice.amount, notice.currency) == (ours, currency.upper())


def test_complete_is_not_paid() -> None:
    event = event_object(COMPLETED, session_object(payment_status="unpaid"))

    notice = _notice(event)

    assert (notice.outcome, notice.provider_reference) == ("pending", "cs_test_1:on_its_way")
    assert notice.amount is None
    assert Match("reference", "att_1") in notice.matches


@pytest.mark.parametrize(("kind", "code"), [(DELAYED_FAILED, "declined"), (EXPIRED, "expired")])
def test_a_session_that_ended_without_money_failed(kind: str, code: str) -> None:
    session = session_object(payment_status="unpaid", payment_intent=None)

    notice = _notice(event_object(kind, session))

    assert (notice.outcome, notice.provider_reference) == ("failed", f"cs_test_1:{code}")
    assert notice.details["failure_code"] == code
    assert Match("reference", "att_1") in notice.matches
    assert notice.amount is None


def test_one_change_told_in_two_events_is_one_movement() -> None:
    first = _notice(event_object(COMPLETED, session_object(), id="evt_1"))
    second = _notice(event_object(COMPLETED, session_object(), id="evt_2"))

    assert first.provider_reference == second.provider_reference


@pytest.mark.parametrize(
    "kind",
    [
        "payment_intent.payment_failed",
        "payment_intent.requires_action",
        "payment_intent.succeeded",
        "charge.refunded",
        "invoice.paid",
        "something.new",
        None,
        5,
    ],
)
def test_other_events_move_nothing(kind: Any) -> None:
    event = event_object(kind, session_object())

    assert read_event_notices(event, make_account(), source="hook", raw=b"") == []


@pytest.mark.parametrize(
    "noted",
    [{}, None, [], {"order": "5"}, {"attempt": "att_9", "code": "ZZ-1234567"}],
    ids=["bare", "null", "list", "other_site", "other_store"],
)
def test_an_accounts_other_sessions_are_left_alone(noted: Any) -> None:
    event = event_object(COMPLETED, session_object(metadata=noted))

    assert read_event_notices(event, make_account(), source="hook", raw=b"") == []


def test_a_prefix_of_former_days_is_still_ours() -> None:
    noted = {"attempt": "att_1", "code": "OLD-7K2M9QX"}

    assert _notice(event_object(COMPLETED, session_object(metadata=noted))).outcome == "succeeded"


@pytest.mark.parametrize(
    ("store", "ours"), [("sto_1", True), ("sto_2", False), ("", True), (None, True)]
)
def test_stores_that_share_a_stripe_account_hear_only_of_their_own(
    store: str | None, ours: bool
) -> None:
    noted = {"attempt": "att_1", "code": "HM-7K2M9QX", "store": store}
    event = event_object(COMPLETED, session_object(metadata=noted))

    notices = read_event_notices(
        event, replace(make_account(), store="sto_1"), source="hook", raw=b""
    )

    assert bool(notices) is ours


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_total": None},
        {"amount_total": "150000"},
        {"amount_total": True},
        {"amount_total": 150_000.0},
        {"amount_total": 0, "payment_status": "no_payment_required"},
        {"amount_total": -5},
        {"amount_total": 10**30},
        {"currency": None},
        {"currency": "xyz"},
        {"currency": "khr", "amount_total": 400_050},
        {"id": None, "payment_intent": None},
    ],
    ids=repr,
)
def test_genuine_money_that_cannot_be_read_is_for_a_person(changes: dict[str, Any]) -> None:
    notice = _notice(event_object(COMPLETED, session_object(**changes)))

    assert notice.outcome == "unreadable"
    # Money that is told whole later is another notice, and no repetition of this one.
    assert notice.provider_reference.endswith(":unreadable")
    assert notice.details["unreadable"]


def test_an_event_without_its_session_is_for_a_person() -> None:
    notice = _notice(event_object(COMPLETED, None))

    assert (notice.outcome, notice.provider_reference) == ("unreadable", "event:evt_1:unreadable")


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(kind=st.sampled_from(EVENTS), field=st.sampled_from(sorted(session_object())), value=_json)
def test_no_signed_event_whatever_raises(kind: str, field: str, value: Any) -> None:
    event = event_object(kind, session_object(**{field: value}), created=value)

    notices = send_event(event)

    assert not isinstance(notices, Refusal)
    assert all(notice.provider_reference for notice in notices)


def _asked(**changes: Any) -> list[Notice]:
    return read_session_notices(session_object(**changes))


def test_an_asked_session_tells_what_its_event_told() -> None:
    told = _notice(event_object(COMPLETED, session_object()))
    later = int((NOW + timedelta(seconds=3)).timestamp())
    intent = {"id": "pi_1", "status": "succeeded", "latest_charge": {"created": later}}

    (asked,) = _asked(payment_intent=intent)

    assert asked.provider_reference == told.provider_reference
    assert (asked.amount, asked.currency, asked.matches) == (
        told.amount,
        told.currency,
        told.matches,
    )
    assert asked.occurred_at == datetime.fromtimestamp(later, UTC)
    assert json.loads(asked.raw)["id"] == "cs_test_1"


@pytest.mark.parametrize("status", ["requires_payment_method", "canceled"])
def test_an_asked_session_whose_delayed_method_failed_has_failed(status: str) -> None:
    (asked,) = _asked(payment_status="unpaid", payment_intent={"id": "pi_1", "status": status})

    told = _notice(event_object(DELAYED_FAILED, session_object(payment_status="unpaid")))
    assert (asked.outcome, asked.provider_reference) == ("failed", told.provider_reference)


def test_an_asked_session_that_has_run_out_has_failed() -> None:
    (asked,) = _asked(status="expired", payment_status="unpaid", payment_intent=None)

    assert (asked.outcome, asked.provider_reference) == ("failed", "cs_test_1:expired")


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "open", "payment_status": "unpaid", "payment_intent": None},
        {"payment_status": "unpaid", "payment_intent": {"id": "pi_1", "status": "processing"}},
        {"payment_status": "unpaid", "payment_intent": "pi_1"},
        {"status": "something_new", "payment_status": "paid"},
    ],
    ids=repr,
)
def test_anything_else_is_no_news(changes: dict[str, Any]) -> None:
    assert _asked(**changes) == []
