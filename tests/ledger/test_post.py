"""Posting: balanced, in order, never below zero, and only ever added to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from sqlalchemy.exc import IntegrityError

from checkout.core.db import execute, unit_of_work
from checkout.core.ids import new_id
from checkout.ledger.post import (
    FEES,
    STORE_BALANCE,
    SUSPENSE,
    WALLET,
    LedgerError,
    Line,
    Posting,
    clearing,
    post,
)
from tests.factories.books import balances, read, read_one

BANK = clearing("vietqr")
AT = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)


@pytest.fixture
def store_id(app: Any) -> str:
    return new_id("sto")


def posting(store_id: str, *lines: Line, **fields: Any) -> Posting:
    given: dict[str, Any] = {"currency": "VND", "livemode": False, "kind": "test", "at": AT}
    return Posting(store_id=store_id, lines=lines, **(given | fields))


def book(*postings: Posting) -> list[str]:
    with unit_of_work():
        return post(postings)


def entries(store_id: str, kind: str) -> list[tuple[int, int]]:
    rows = read(
        "SELECT entry.amount, entry.balance_after FROM entry JOIN account"
        " ON account.id = entry.account_id WHERE account.store_id = %(id)s"
        " AND account.kind = %(kind)s ORDER BY entry.id",
        id=store_id,
        kind=kind,
    )
    return [(row.amount, row.balance_after) for row in rows]


def test_money_moves_and_balances_follow(store_id):
    first = posting(store_id, Line(BANK, -500), Line(STORE_BALANCE, 490), Line(FEES, 10))
    second = posting(store_id, Line(BANK, -7), Line(SUSPENSE, 7))
    third = posting(store_id, Line(SUSPENSE, -7), Line(STORE_BALANCE, 7))

    ids = book(first, second)
    book(third)

    assert len(set(ids)) == 2
    assert all(id_.startswith("jrn_") for id_ in ids)
    assert balances(store_id) == {BANK: -507, STORE_BALANCE: 497, FEES: 10}
    assert entries(store_id, STORE_BALANCE) == [(490, 490), (7, 497)]
    assert entries(store_id, SUSPENSE) == [(7, 7), (-7, 0)]
    assert entries(store_id, BANK) == [(-500, -500), (-7, -507)]


def test_what_a_journal_is_of_stands_on_it(store_id):
    (journal_id,) = book(
        posting(
            store_id,
            Line(BANK, -1),
            Line(STORE_BALANCE, 1),
            kind="payment",
            payment_id="pay_1",
            transfer_id="trf_1",
            note="by hand",
        )
    )

    row = read_one("SELECT * FROM journal WHERE id = %(id)s", id=journal_id)
    assert (row.kind, row.payment_id, row.transfer_id) == ("payment", "pay_1", "trf_1")
    assert (row.note, row.created_at) == ("by hand", AT)


def test_nothing_to_post_is_nothing(store_id):
    assert book() == []


def test_an_unbalanced_posting_is_refused_before_anything_is_written(store_id):
    good = posting(store_id, Line(BANK, -5), Line(SUSPENSE, 5))
    for lines in ((Line(BANK, -5), Line(SUSPENSE, 4)), (Line(SUSPENSE, 1),)):
        with pytest.raises(LedgerError, match="balance"):
            book(good, posting(store_id, *lines))

    assert balances(store_id) == {}


@pytest.mark.parametrize("kind", [STORE_BALANCE, FEES, SUSPENSE, WALLET])
def test_only_clearing_may_be_below_zero(store_id, kind):
    book(posting(store_id, Line(BANK, -5), Line(kind, 5)))
    with pytest.raises(LedgerError, match=kind):
        book(posting(store_id, Line(kind, -6), Line(BANK, 6)))

    assert balances(store_id) == {BANK: -5, kind: 5}


def test_not_for_a_moment_within_a_batch(store_id):
    take = posting(store_id, Line(SUSPENSE, -5), Line(STORE_BALANCE, 5))
    give = posting(store_id, Line(BANK, -5), Line(SUSPENSE, 5))

    with pytest.raises(LedgerError, match=SUSPENSE):
        book(take, give)
    book(give, take)
    assert balances(store_id) == {BANK: -5, STORE_BALANCE: 5}


def test_stores_modes_currencies_and_customers_are_apart(store_id):
    other = new_id("sto")
    lines = (Line(BANK, -5), Line(WALLET, 5, "cus_a"))
    book(
        posting(store_id, *lines),
        posting(store_id, *lines, livemode=True),
        posting(store_id, *lines, currency="USD"),
        posting(store_id, Line(BANK, -9), Line(WALLET, 9, "cus_b")),
        posting(other, *lines),
    )

    rows = read(
        "SELECT store_id, livemode, currency, customer_id, balance FROM account"
        " WHERE kind = 'wallet'"
    )
    assert {tuple(row) for row in rows} == {
        (store_id, False, "VND", "cus_a", 5),
        (store_id, True, "VND", "cus_a", 5),
        (store_id, False, "USD", "cus_a", 5),
        (store_id, False, "VND", "cus_b", 9),
        (other, False, "VND", "cus_a", 5),
    }


def test_a_rollback_leaves_no_trace(store_id):
    with pytest.raises(ZeroDivisionError), unit_of_work():  # noqa: PT012
        post([posting(store_id, Line(BANK, -5), Line(SUSPENSE, 5))])
        raise ZeroDivisionError

    assert read("SELECT 1 FROM account") == read("SELECT 1 FROM journal") == []


def test_a_payment_has_one_journal(store_id):
    lines = (Line(BANK, -1), Line(STORE_BALANCE, 1))
    book(posting(store_id, *lines, payment_id="pay_1"))

    with pytest.raises(psycopg.errors.UniqueViolation):
        book(posting(store_id, *lines, payment_id="pay_1"))
    assert balances(store_id) == {BANK: -1, STORE_BALANCE: 1}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET amount = amount + 1",
        "DELETE FROM entry",
        "UPDATE journal SET note = 'other'",
        "DELETE FROM journal",
        "UPDATE session_history SET reason = 'other'",
        "DELETE FROM session_history",
    ],
)
def test_what_is_written_stays_written(store_id, statement, client):
    from tests.factories.till import make_till

    make_till(client).make_session()
    book(posting(store_id, Line(BANK, -1), Line(STORE_BALANCE, 1)))

    with pytest.raises(psycopg.errors.RestrictViolation), unit_of_work():
        execute(statement)


def test_the_database_itself_refuses_a_journal_that_does_not_balance(store_id):
    book(posting(store_id, Line(BANK, -1), Line(STORE_BALANCE, 1)))
    insert = (
        "INSERT INTO journal (id, store_id, livemode, kind) VALUES ('jrn_x', 'sto', false, 'x')"
    )
    entry = (
        "INSERT INTO entry (journal_id, account_id, amount, balance_after, created_at)"
        " SELECT 'jrn_x', id, 1, 2, now() FROM account WHERE kind = 'store_balance'"
    )

    for statements in ((insert,), (insert, entry)):
        # The constraint speaks at the commit, which is SQLAlchemy's.
        with pytest.raises(IntegrityError, match="CheckViolation"), unit_of_work():  # noqa: PT012
            for statement in statements:
                execute(statement)
    with pytest.raises(psycopg.errors.CheckViolation), unit_of_work():
        execute("UPDATE account SET balance = -1 WHERE kind = 'store_balance'")
