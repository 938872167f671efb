"""Reading the books: balances, journals, events, and whether everything adds up."""

from __future__ import annotations

from typing import Any

from checkout.core.db import run, unit_of_work
from checkout.ops.verify import verify


def read(statement: str, **params: Any) -> list[Any]:
    """Rows, read in a transaction of their own."""
    with unit_of_work():
        return run(statement, **params)


def read_one(statement: str, **params: Any) -> Any:
    """The only row of a statement."""
    (row,) = read(statement, **params)
    return row


def balances(store_id: str) -> dict[str, int]:
    """Kind of account → balance, without those that are empty."""
    rows = read("SELECT kind, balance FROM account WHERE store_id = %(id)s", id=store_id)
    return {row.kind: row.balance for row in rows if row.balance}


def journals_of(transfer_id: str) -> list[tuple[str, dict[str, int]]]:
    """The journals of a transfer, oldest first: kind and what went to or left each account."""
    rows = read(
        "SELECT journal.id, journal.kind, account.kind AS account, entry.amount FROM journal"
        " JOIN entry ON entry.journal_id = journal.id"
        " JOIN account ON account.id = entry.account_id"
        " WHERE journal.transfer_id = %(id)s ORDER BY entry.id",
        id=transfer_id,
    )
    found: dict[str, tuple[str, dict[str, int]]] = {}
    for row in rows:
        found.setdefault(row.id, (row.kind, {}))[1][row.account] = row.amount
    return list(found.values())


def events_of(store_id: str, *subjects: str) -> list[str]:
    """The types of a store's events (of some subjects only), oldest first."""
    rows = read(
        "SELECT type FROM outbox WHERE store_id = %(id)s"
        " AND (subject = ANY(%(subjects)s) OR cardinality(%(subjects)s::text[]) = 0) ORDER BY id",
        id=store_id,
        subjects=list(subjects),
    )
    return [row.type for row in rows]


# Written apart from the product's own check of the books, so that each watches the other.
RULES = {
    "a journal does not sum to zero": (
        "SELECT journal_id FROM entry GROUP BY journal_id HAVING sum(amount) <> 0"
    ),
    "an account is not the sum of its entries, or not its newest entry's balance": (
        "SELECT account.id, account.kind, account.balance FROM account WHERE account.balance <>"
        " coalesce((SELECT sum(amount) FROM entry WHERE account_id = account.id), 0)"
        " OR account.balance <> coalesce((SELECT balance_after FROM entry"
        " WHERE account_id = account.id ORDER BY id DESC LIMIT 1), 0)"
    ),
    "an account that may not is below zero": (
        "SELECT id FROM account WHERE balance < 0 AND kind NOT LIKE 'clearing:%%'"
    ),
    "suspense is not what transfers hold": (
        "SELECT id FROM account WHERE kind = 'suspense' AND balance <>"
        " (SELECT coalesce(sum(held), 0) FROM transfer WHERE transfer.store_id = account.store_id"
        " AND transfer.livemode = account.livemode AND transfer.currency = account.currency)"
    ),
    "a session has two payments": (
        "SELECT session_id FROM payment GROUP BY session_id HAVING count(*) > 1"
    ),
    "a payment has not one journal": (
        "SELECT id FROM payment WHERE"
        " (SELECT count(*) FROM journal WHERE journal.payment_id = payment.id) <> 1"
    ),
    "completed and paid differ": (
        "SELECT session.id FROM checkout_session AS session LEFT JOIN payment"
        " ON payment.session_id = session.id"
        " WHERE (session.status = 'completed') <> (payment.id IS NOT NULL)"
    ),
    "an unpaid session received something else than its parts": (
        "SELECT id FROM checkout_session AS session WHERE status <> 'completed'"
        " AND amount_received <> (SELECT coalesce(sum(held), 0) FROM transfer"
        " WHERE transfer.part_of = session.id)"
    ),
    "a status of payment does not fit the sum": (
        "SELECT id, status, payment_status, amount, amount_received FROM checkout_session WHERE"
        " payment_status <> CASE WHEN status = 'completed' THEN"
        " CASE WHEN amount_received > amount THEN 'overpaid' ELSE 'paid' END"
        " WHEN amount_received > 0 THEN 'partially_paid' ELSE 'unpaid' END"
    ),
    "a history has a gap or another end than its session": (
        "SELECT session.id FROM checkout_session AS session JOIN session_history AS history"
        " ON history.session_id = session.id GROUP BY session.id"
        " HAVING array_agg(history.seq ORDER BY history.id) <>"
        " (SELECT array_agg(n) FROM generate_series(1, session.seq) AS n)"
        " OR (array_agg(history.to_status ORDER BY history.id DESC))[1] <> session.status"
    ),
    "a history row does not go on from the one before it": (
        "SELECT session_id, seq FROM (SELECT session_id, seq, from_status, lag(to_status)"
        " OVER (PARTITION BY session_id ORDER BY seq) AS before FROM session_history) AS steps"
        " WHERE from_status IS DISTINCT FROM before"
    ),
    "a session has two live attempts": (
        "SELECT session_id FROM attempt WHERE status IN ('pending', 'requires_action')"
        " GROUP BY session_id HAVING count(*) > 1"
    ),
    "an ended session has a live attempt": (
        "SELECT attempt.id FROM attempt JOIN checkout_session AS session"
        " ON session.id = attempt.session_id WHERE attempt.status IN ('pending',"
        " 'requires_action') AND session.status IN ('completed', 'expired', 'abandoned',"
        " 'cancelled')"
    ),
    "a notice was judged without a trace": (
        "SELECT id FROM inbox WHERE judged_at IS NOT NULL"
        " AND result NOT IN ('ignored', 'failed', 'unknown_attempt') AND NOT EXISTS"
        " (SELECT FROM transfer WHERE transfer.store_id = inbox.store_id"
        " AND inbox.provider_reference IN (transfer.provider_reference, transfer.twin_reference))"
    ),
}


def check_books() -> None:
    """Everything that must hold at every moment, over the whole database."""
    broken = {rule: rows for rule, query in RULES.items() if (rows := read(query))}
    assert not broken, broken
    with unit_of_work():
        found = {result.check.name: result.breaches for result in verify() if result.count}
    assert not found, found
