"""Playing the bank: the pretend provider's notices on the road of the real ones."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from checkout.core.db import execute, unit_of_work
from checkout.core.http import HttpAnswer, OutsideError
from checkout.payments import simulate
from checkout.payments.simulate import deliver_pretended, simulate_payment
from tests.factories.books import read, read_one
from tests.factories.till import make_till, memo_of


@pytest.fixture
def sent(session_app, monkeypatch):
    """What the pretend bank sends, carried to the hook without a network; the answers so far."""
    answers: list[int] = []
    failing: list[Exception] = []

    def carry(method: str, url: str, *, headers: Any, body: bytes, **_: Any) -> HttpAnswer:
        if failing:
            raise failing[0]
        with session_app.app_context():
            answer = session_app.test_client().open(
                urlsplit(url).path, method=method, headers=dict(headers), data=body
            )
        answers.append(answer.status_code)
        return HttpAnswer(answer.status_code, {}, answer.data)

    monkeypatch.setattr(simulate, "send", carry)
    carry.answers, carry.failing = answers, failing  # type: ignore[attr-defined]
    return carry


def play(till, attempt, **body):
    return till.call("POST", f"/test/attempts/{attempt['id']}/pay", body)


def dispositions():
    return [row.disposition for row in read("SELECT disposition FROM transfer ORDER BY id")]


def test_paying_exactly_needs_no_amount(till, sent):
    attempt = till.make_attempt()
    status, answer = play(till, attempt)

    assert (status, answer) == (
        200,
        {"object": "simulation", "attempt": attempt["id"], "notices": 1},
    )
    assert sent.answers == [200]
    assert till.session(attempt["session"])["status"] == "completed"


def test_short_then_the_rest(till, sent):
    attempt = till.make_attempt(500_000)
    play(till, attempt, amount=200_000)
    play(till, attempt)

    assert dispositions() == ["partial", "matched"]


def test_over_twice_and_with_another_memo(till, sent):
    attempt = till.make_attempt(500_000)
    play(till, attempt, memo="no code at all")
    play(till, attempt, amount=600_000, times=2)

    assert dispositions() == ["unknown_code", "over", "duplicate"]


def test_a_transfer_that_fails_moves_nothing(till, sent):
    attempt = till.make_attempt()

    assert play(till, attempt, outcome="failure")[1]["notices"] == 0
    assert till.session(attempt["session"])["status"] == "processing"


def test_late_by_the_banks_clock(till, sent):
    attempt = till.make_attempt()
    till.advance_and_sweep(3 * 3600)
    simulate_payment(attempt["id"], late_seconds=3600)
    assert dispositions() == ["late"]

    within = till.make_attempt()
    till.advance_and_sweep(960)
    simulate_payment(within["id"], late_seconds=60)
    assert till.session(within["session"])["payment"]["late"] is True


def test_a_delayed_notice_is_sent_when_it_is_due(till, sent):
    attempt = till.make_attempt()
    play(till, attempt, delay_seconds=600)
    assert (deliver_pretended(), sent.answers) == (0, [])

    with unit_of_work():
        execute("UPDATE fake_delivery SET due_at = clock_timestamp()")
    assert (deliver_pretended(), sent.answers) == (1, [200])
    assert deliver_pretended() == 0
    assert till.session(attempt["session"])["status"] == "completed"


def test_what_is_not_accepted_is_sent_again_as_the_provider_would(till, sent):
    attempt = till.make_attempt()
    sent.failing.append(OutsideError("connect_failed", "down"))
    waits = []
    play(till, attempt)
    for _ in range(6):
        row = read_one(
            "SELECT extract(epoch FROM due_at - clock_timestamp()) AS wait, done_at"
            " FROM fake_delivery"
        )
        waits.append(round(row.wait / 60))
        assert row.done_at is None
        with unit_of_work():
            execute("UPDATE fake_delivery SET due_at = clock_timestamp()")
        deliver_pretended()

    assert waits == [1, 1, 2, 3, 5, 8]
    sent.failing.clear()
    with unit_of_work():
        execute("UPDATE fake_delivery SET due_at = clock_timestamp()")
    deliver_pretended()
    assert read_one("SELECT done_at FROM fake_delivery").done_at is not None
    assert till.session(attempt["session"])["status"] == "completed"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": 1.5}, "amount"),
        ({"times": 0}, "times"),
        ({"times": 11}, "times"),
        ({"delay_seconds": -1}, "delay_seconds"),
        ({"outcome": "perhaps"}, "outcome"),
        ({"memo": "x" * 501}, "memo"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_bad_fields(till, sent, body, param):
    status, answer = play(till, till.make_attempt(), **body)

    assert (status, answer["error"]["param"]) == (422, param)
    assert read("SELECT 1 FROM fake_delivery") == []


def test_live_money_is_never_played(client, sent):
    till = make_till(client, livemode=True)
    status, answer = play(till, till.make_attempt())

    assert (status, answer["error"]["code"]) == (403, "test_mode_only")
    assert read("SELECT 1 FROM fake_delivery") == []


def test_odd_memos_do_no_harm(till, sent):
    attempt = till.make_attempt()
    for memo in ("", "😀" * 200, "\u202e\t", memo_of(attempt)):
        assert play(till, attempt, memo=memo)[0] == 200

    assert dispositions()[-1] == "matched"
