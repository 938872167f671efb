"""Anything in any order: the product and a small reference model must tell the same story."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from checkout.core.db import unit_of_work
from checkout.core.dispatch import dispatch_events
from checkout.core.errors import Problem
from checkout.sessions.end import abandon_session
from tests.factories.books import balances, check_books, read
from tests.factories.till import Till, make_till
from tests.payments.model import FEE_BPS, Attempt, Refused, Session, Shop, Transfer

MANGLED = (
    lambda memo: memo,
    str.lower,
    lambda memo: f"{memo[:2]}-{memo[2:]}",
    lambda memo: f"MBVCB.3278.{memo}.CT tu 0123 NGUYEN VAN A",
    lambda memo: f"{memo[:2]} {memo[2:]} chuyen tien",
)


def refusal(step: Callable[..., None], *values: Any, **more: Any) -> str | None:
    """With what the model refuses a step, or None."""
    try:
        step(*values, **more)
    except Refused as no:
        return str(no)
    return None


class TillMachine(RuleBasedStateMachine):
    """Every rule does a thing to both and compares what they say."""

    sessions = Bundle("sessions")
    attempts = Bundle("attempts")
    transfers = Bundle("transfers")

    def __init__(self, app: Flask) -> None:
        super().__init__()
        self.till: Till = make_till(
            app.test_client(), fee_bps=FEE_BPS, bounds={"VND": {"min": 1, "max": 10**9}}
        )
        self.shop = Shop()
        self.notices: dict[str, dict[str, Any]] = {}

    @initialize(target=attempts)
    def a_first_attempt(self) -> Any:
        return self._start(self._create(70_000, 30, 3), retry=False)

    @precondition(lambda self: len(self.shop.sessions) < 4)
    @rule(
        target=attempts,
        amount=st.sampled_from((1, 3_333, 70_000)),
        minutes=st.sampled_from((10, 30, 60)),
        max_attempts=st.integers(1, 3),
    )
    def create_and_start(self, amount: int, minutes: int, max_attempts: int) -> Any:
        return self._start(self._create(amount, minutes, max_attempts), retry=False)

    @precondition(lambda self: len(self.shop.sessions) < 4)
    @rule(target=sessions, amount=st.sampled_from((1_000, 70_000)))
    def create(self, amount: int) -> Session:
        return self._create(amount, 30, 1)

    def _create(self, amount: int, minutes: int, max_attempts: int) -> Session:
        made = self.till.make_session(amount, duration_minutes=minutes, max_attempts=max_attempts)
        self.shop.create(made["id"], amount, minutes, max_attempts)
        return self.shop.sessions[made["id"]]

    @rule(target=sessions, attempt=attempts)
    def look_at(self, attempt: Any) -> Session:
        return attempt[0]

    @rule(target=attempts, session=sessions, retry=st.booleans())
    def start(self, session: Session, retry: bool) -> Any:
        return self._start(session, retry=retry)

    def _start(self, session: Session, *, retry: bool) -> Any:
        call, body = ("retry", {}) if retry else ("attempts", {"rail": "vietqr"})
        status, answer = self.till.call("POST", f"/checkout/sessions/{session.id}/{call}", body)
        no = refusal(self.shop.start, session, retry=retry)
        if no is not None:
            assert (status, answer["error"]["code"]) == (409, no)
            return multiple()
        assert status == 201, answer
        assert answer["amount"] == session.due
        self.shop.started(session, answer["id"])
        return (session, session.attempts[-1], answer["transfer_memo"])

    @rule(target=transfers, attempt=attempts, mangle=st.sampled_from(MANGLED))
    def pay_exactly(self, attempt: Any, mangle: Any) -> Transfer:
        return self._pay_for(attempt, 100, mangle=mangle)

    @rule(target=transfers, attempt=attempts, percent=st.sampled_from((1, 50, 99)))
    def pay_short(self, attempt: Any, percent: int) -> Transfer:
        return self._pay_for(attempt, percent)

    @rule(target=transfers, attempt=attempts)
    def pay_too_much(self, attempt: Any) -> Transfer:
        return self._pay_for(attempt, 130)

    @rule(
        target=transfers,
        attempt=attempts,
        percent=st.sampled_from((50, 100, 130)),
        edge=st.sampled_from((-5, 0, 10, 15)),
        heard=st.sampled_from((0, 0, 60)),
        sweep=st.booleans(),
    )
    def pay_at_the_edge(
        self, attempt: Any, percent: int, edge: int, heard: int, sweep: bool
    ) -> Transfer:
        """Money dated about the deadline or the end of the grace, heard of then or later."""
        dated = attempt[0].late_from + edge
        if dated + heard > self.shop.now:
            self.advance(dated + heard - self.shop.now, sweep)
        return self._pay_for(attempt, percent, ago=max(0, self.shop.now - dated))

    def _pay_for(
        self, attempt: Any, percent: int, *, ago: int = 0, mangle: Any = MANGLED[0]
    ) -> Transfer:
        session, tried, memo = attempt
        amount = max(1, (session.due or session.amount) * percent // 100)
        return self._pay(mangle(memo), amount, ago, session, tried)

    @rule(target=transfers, amount=st.sampled_from((1, 1_000, 70_000)))
    def pay_without_a_code(self, amount: int) -> Transfer:
        return self._pay("tien nha thang nay", amount, 0, None, None)

    def _pay(
        self, memo: str, amount: int, ago: int, session: Session | None, tried: Attempt | None
    ) -> Transfer:
        at = self.till.now() - timedelta(minutes=ago)
        notice = self.till.notice(memo, amount, at=at)
        told = self.till.tell(notice)
        assert told.get_json() == {"success": True}
        reference = str(notice["id"])
        self.notices[reference] = notice
        self.shop.pay(reference, amount, self.shop.now - ago, session, tried)
        return self.shop.transfers[reference]

    @rule(transfer=transfers)
    def hear_it_again(self, transfer: Transfer) -> None:
        assert self.till.tell(self.notices[transfer.reference]).status_code == 200

    @rule(attempt=attempts, word=st.sampled_from(("cancel", "expire", "abandon")))
    def end(self, attempt: Any, word: str) -> None:
        session = attempt[0]
        found = self._leave(session) if word == "abandon" else self._post_end(session, word)
        assert found == refusal(self.shop.end, session, word)

    def _post_end(self, session: Session, word: str) -> str | None:
        status, answer = self.till.call("POST", f"/checkout/sessions/{session.id}/{word}")
        return None if status == 200 else str(answer["error"]["code"])

    def _leave(self, session: Session) -> str | None:
        try:
            with unit_of_work():
                abandon_session(session.id)
        except Problem as problem:
            return problem.code
        return None

    @rule(minutes=st.sampled_from((5, 15)), sweep=st.booleans())
    def advance_a_little(self, minutes: int, sweep: bool) -> None:
        self.advance(minutes, sweep)

    def advance(self, minutes: int, sweep: bool) -> None:
        if sweep:
            self.till.advance_and_sweep(minutes * 60)
        else:
            self.till.advance(minutes * 60)
        self.shop.advance(minutes, sweep=sweep)

    @rule(
        transfer=transfers,
        action=st.sampled_from(("accept", "write_off", "assign")),
        attempt=attempts,
    )
    def resolve(self, transfer: Transfer, action: str, attempt: Any) -> None:
        home = attempt[0]
        trf = self.till.transfer(transfer.reference)["id"]
        fields = {"session": home.id} if action == "assign" else {}
        status, answer = self.till.resolve(trf, action, **fields)
        no = refusal(self.shop.resolve, transfer, action, home)
        if no is not None:
            assert status in (409, 422)
            assert answer["error"]["code"] == no
        else:
            assert status == 200, answer
            assert answer["amount_held"] == transfer.held

    @invariant()
    def they_tell_the_same(self) -> None:
        assert balances(self.till.shop.store.id) == self.shop.balances()
        assert self._sessions_told() == {
            session.id: (
                session.status,
                session.payment_status,
                session.received,
                session.attempts_used,
                session.expired_reason,
                session.paid,
                session.paid_late if session.paid is not None else None,
                [attempt.status for attempt in session.attempts],
            )
            for session in self.shop.sessions.values()
        }
        assert self._transfers_told() == {
            transfer.reference: (
                transfer.disposition,
                transfer.held,
                transfer.session and transfer.session.id,
                transfer.attempt and transfer.attempt.id,
            )
            for transfer in self.shop.transfers.values()
        }

    def _sessions_told(self) -> dict[str, Any]:
        rows = read(
            "SELECT session.id, session.status, session.payment_status, session.amount_received,"
            " session.attempts, session.expired_reason, payment.amount, payment.late,"
            " ARRAY(SELECT attempt.status FROM attempt WHERE attempt.session_id = session.id"
            " ORDER BY number) AS tried FROM checkout_session AS session"
            " LEFT JOIN payment ON payment.session_id = session.id"
            " WHERE session.store_id = %(id)s",
            id=self.till.shop.store.id,
        )
        return {row.id: tuple(row[1:]) for row in rows}

    def _transfers_told(self) -> dict[str, Any]:
        rows = read(
            "SELECT provider_reference, disposition, held, session_id, attempt_id FROM transfer"
            " WHERE store_id = %(id)s",
            id=self.till.shop.store.id,
        )
        return {row.provider_reference: tuple(row[1:]) for row in rows}

    def teardown(self) -> None:
        # No worker runs here; events of many examples would else wait longer than a minute.
        while dispatch_events():
            pass
        check_books()


def test_the_product_and_the_model_agree(app, db_clean):
    run_state_machine_as_test(
        lambda: TillMachine(app),
        settings=settings(
            max_examples=40,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
