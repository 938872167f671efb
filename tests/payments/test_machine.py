"""Anything in any order: the product and a small reference model must tell the same story."""

from __future__ import annotations

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
    rule,
    run_state_machine_as_test,
)

from checkout.core.db import unit_of_work
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

    @initialize(target=sessions, amount=st.sampled_from((1_000, 70_000)))
    def a_first_session(self, amount: int) -> Session:
        return self._create(amount, 30, 3)

    @rule(
        target=sessions,
        amount=st.sampled_from((1, 1_000, 3_333, 70_000)),
        minutes=st.sampled_from((10, 30, 60)),
        max_attempts=st.integers(1, 3),
    )
    def create(self, amount: int, minutes: int, max_attempts: int) -> Session:
        return self._create(amount, minutes, max_attempts)

    def _create(self, amount: int, minutes: int, max_attempts: int) -> Session:
        made = self.till.make_session(amount, duration_minutes=minutes, max_attempts=max_attempts)
        self.shop.create(made["id"], amount, minutes, max_attempts)
        return self.shop.sessions[made["id"]]

    @rule(target=attempts, session=sessions, retry=st.booleans())
    def start(self, session: Session, retry: bool) -> Any:
        call, body = ("retry", {}) if retry else ("attempts", {"rail": "vietqr"})
        status, answer = self.till.call("POST", f"/checkout/sessions/{session.id}/{call}", body)
        try:
            self.shop.start(session, retry=retry)
        except Refused as no:
            assert (status, answer["error"]["code"]) == (409, str(no))
            return multiple()
        assert status == 201, answer
        assert answer["amount"] == session.due
        self.shop.started(session, answer["id"])
        return (session, session.attempts[-1], answer["transfer_memo"])

    @rule(
        target=transfers,
        attempt=attempts,
        percent=st.sampled_from((10, 50, 99, 100, 100, 100, 130)),
        ago=st.sampled_from((0, 0, 0, 5, 20)),
        mangle=st.sampled_from(MANGLED),
    )
    def pay(self, attempt: Any, percent: int, ago: int, mangle: Any) -> Transfer:
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

    @rule(session=sessions, word=st.sampled_from(("cancel", "expire", "abandon")))
    def end(self, session: Session, word: str) -> None:
        found = self._leave(session) if word == "abandon" else self._post_end(session, word)
        try:
            self.shop.end(session, word)
        except Refused as no:
            assert found == str(no)
        else:
            assert found is None

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

    @rule(minutes=st.sampled_from((5, 5, 10, 15, 45)), sweep=st.booleans())
    def advance(self, minutes: int, sweep: bool) -> None:
        if sweep:
            self.till.advance_and_sweep(minutes * 60)
        else:
            self.till.advance(minutes * 60)
        self.shop.advance(minutes, sweep=sweep)

    @rule(
        transfer=transfers,
        action=st.sampled_from(("accept", "write_off", "assign")),
        home=sessions,
    )
    def resolve(self, transfer: Transfer, action: str, home: Session) -> None:
        trf = self.till.transfer(transfer.reference)["id"]
        fields = {"session": home.id} if action == "assign" else {}
        status, answer = self.till.resolve(trf, action, **fields)
        try:
            self.shop.resolve(transfer, action, home)
        except Refused as no:
            assert status in (409, 422)
            assert answer["error"]["code"] == str(no)
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
        check_books()


def test_the_product_and_the_model_agree(app, db_clean):
    run_state_machine_as_test(
        lambda: TillMachine(app),
        settings=settings(
            max_examples=60,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
