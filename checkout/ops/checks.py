"""The rules of money, each as a query that finds its breaches."""

from __future__ import annotations

from dataclasses import dataclass

from checkout.sessions.states import TABLE, Rule

CREATED = "('', 'created', 'open')"


@dataclass(frozen=True, slots=True)
class Check:
    """A rule in words and the query whose rows break it; the first column names the culprit."""

    name: str
    rule: str
    query: str


def _lawful_steps() -> str:
    """Every step that the table of states allows, as SQL rows of from, event and to."""
    steps = [CREATED]
    for status, outcomes in TABLE.items():
        for event, outcome in outcomes.items():
            if outcome is Rule.STAY:
                steps.append(f"('{status}', '{event}', '{status}')")
            elif not isinstance(outcome, Rule):
                steps.append(f"('{status}', '{event}', '{outcome}')")
    return ", ".join(steps)


CHECKS = (
    Check(
        "journal_balanced",
        "each journal sums to zero in each currency",
        "SELECT entry.journal_id AS id, account.currency, sum(entry.amount) AS off_by FROM entry"
        " JOIN account ON account.id = entry.account_id"
        " GROUP BY entry.journal_id, account.currency HAVING sum(entry.amount) <> 0",
    ),
    Check(
        "journal_has_entries",
        "no journal is empty",
        "SELECT id FROM journal WHERE NOT EXISTS"
        " (SELECT FROM entry WHERE entry.journal_id = journal.id)",
    ),
    Check(
        "journal_in_scope",
        "a journal moves money only between accounts of its own store and mode",
        "SELECT journal.id, entry.id AS entry FROM journal"
        " JOIN entry ON entry.journal_id = journal.id"
        " JOIN account ON account.id = entry.account_id"
        " WHERE (account.store_id, account.livemode) <> (journal.store_id, journal.livemode)",
    ),
    Check(
        "balance_follows",
        "each entry's balance follows from the entry before it",
        "SELECT id, account_id, balance_after, expected FROM (SELECT id, account_id,"
        " balance_after, sum(amount) OVER (PARTITION BY account_id ORDER BY id) AS expected"
        " FROM entry) AS entries WHERE balance_after <> expected",
    ),
    Check(
        "balance_is_sum",
        "each account's balance is the sum of its entries",
        "SELECT account.id, account.kind, account.balance, coalesce(sum(entry.amount), 0) AS sum"
        " FROM account LEFT JOIN entry ON entry.account_id = account.id"
        " GROUP BY account.id HAVING account.balance <> coalesce(sum(entry.amount), 0)",
    ),
    Check(
        "never_below_zero",
        "no account but clearing was ever below zero",
        "SELECT entry.id, account.kind, entry.balance_after FROM entry"
        " JOIN account ON account.id = entry.account_id"
        " WHERE entry.balance_after < 0 AND left(account.kind, 9) <> 'clearing:'",
    ),
    Check(
        "suspense_is_held",
        "suspense holds exactly what transfers hold",
        "SELECT store_id AS id, livemode, currency, sum(held) AS held, sum(suspense) AS suspense"
        " FROM (SELECT store_id, livemode, currency, held, 0 AS suspense FROM transfer"
        " WHERE held > 0 UNION ALL SELECT store_id, livemode, currency, 0, balance FROM account"
        " WHERE kind = 'suspense') AS both_sides"
        " GROUP BY store_id, livemode, currency HAVING sum(held) <> sum(suspense)",
    ),
    Check(
        "clearing_is_received",
        "clearing has sent on exactly what transfers brought, less what was written off",
        "SELECT store_id AS id, livemode, currency, kind, sum(brought) AS brought,"
        " sum(cleared) AS cleared FROM (SELECT store_id, livemode, currency,"
        " 'clearing:' || rail AS kind, amount AS brought, 0 AS cleared FROM transfer"
        " WHERE amount IS NOT NULL AND source <> 'wallet'"
        " UNION ALL SELECT account.store_id, account.livemode, account.currency, account.kind,"
        " -entry.amount, 0 FROM entry JOIN account ON account.id = entry.account_id"
        " JOIN journal ON journal.id = entry.journal_id"
        " WHERE left(account.kind, 9) = 'clearing:' AND journal.kind = 'write_off'"
        " UNION ALL SELECT store_id, livemode, currency, kind, 0, -balance FROM account"
        " WHERE left(kind, 9) = 'clearing:') AS both_sides"
        " GROUP BY store_id, livemode, currency, kind HAVING sum(brought) <> sum(cleared)",
    ),
    Check(
        "notice_has_transfer",
        "every judged notice of money has its transfer",
        "SELECT inbox.id, inbox.result FROM inbox WHERE judged_at IS NOT NULL"
        " AND result NOT IN ('ignored', 'repeated', 'failed', 'unknown_attempt') AND NOT EXISTS"
        " (SELECT FROM transfer WHERE transfer.inbox_id = inbox.id)",
    ),
    Check(
        "transfer_has_notice",
        "every transfer but a wallet's own comes of a stored notice",
        "SELECT id FROM transfer WHERE (source <> 'wallet' AND NOT EXISTS"
        " (SELECT FROM inbox WHERE inbox.id = transfer.inbox_id))"
        " OR (source = 'wallet' AND inbox_id IS NOT NULL)",
    ),
    Check(
        "notice_is_judged",
        "no notice waits longer than a minute to be judged",
        "SELECT id, tries, last_error FROM inbox WHERE judged_at IS NULL"
        " AND received_at < clock_timestamp() - interval '1 minute'",
    ),
    Check(
        "transfer_has_journal",
        "every transfer of money is in the ledger",
        "SELECT id FROM transfer WHERE amount > 0 AND NOT EXISTS"
        " (SELECT FROM journal WHERE journal.transfer_id = transfer.id)",
    ),
    Check(
        "transfer_in_scope",
        "money touches only sessions of the store and mode that owns the rail account",
        "SELECT transfer.id FROM transfer"
        " JOIN rail_account AS owner ON owner.id = transfer.rail_account_id"
        " LEFT JOIN checkout_session AS session ON session.id = transfer.session_id"
        " WHERE (owner.store_id, owner.livemode) <> (transfer.store_id, transfer.livemode)"
        " OR (session.store_id, session.livemode) <> (transfer.store_id, transfer.livemode)",
    ),
    Check(
        "payment_has_journal",
        "each payment has exactly one journal, of its amount",
        "SELECT payment.id, count(DISTINCT journal.id) AS journals, sum(entry.amount) AS booked,"
        " payment.amount FROM payment LEFT JOIN journal ON journal.payment_id = payment.id"
        " LEFT JOIN (entry JOIN account ON account.id = entry.account_id"
        " AND (account.kind IN ('store_balance', 'fees')"
        # What leaves a wallet pays; what enters one is a top-up's payment.
        " OR (account.kind = 'wallet' AND entry.amount > 0)))"
        " ON entry.journal_id = journal.id GROUP BY payment.id"
        " HAVING count(DISTINCT journal.id) <> 1"
        " OR coalesce(sum(entry.amount), 0) <> payment.amount",
    ),
    Check(
        "wallet_pays_once",
        "a payment from a wallet takes its transfer's amount from its customer's wallet, once",
        "SELECT transfer.id, transfer.amount, count(DISTINCT journal.id) AS journals,"
        " sum(entry.amount) AS moved FROM transfer"
        " JOIN checkout_session AS session ON session.id = transfer.session_id"
        " LEFT JOIN journal ON journal.transfer_id = transfer.id"
        " LEFT JOIN (entry JOIN account ON account.id = entry.account_id"
        " AND account.kind = 'wallet') ON entry.journal_id = journal.id"
        " AND account.customer_id = session.customer_id WHERE transfer.source = 'wallet'"
        " GROUP BY transfer.id HAVING count(DISTINCT journal.id) <> 1"
        " OR coalesce(sum(entry.amount), 0) <> -transfer.amount",
    ),
    Check(
        "wallet_has_owner",
        "every wallet belongs to a customer of its own store and mode",
        "SELECT account.id, account.customer_id FROM account LEFT JOIN customer"
        " ON customer.id = account.customer_id AND customer.store_id = account.store_id"
        " AND customer.livemode = account.livemode"
        " WHERE (account.kind = 'wallet') <> (account.customer_id IS NOT NULL)"
        " OR (account.kind = 'wallet' AND customer.id IS NULL)",
    ),
    Check(
        "wallet_moves_are_told",
        "whatever moved a wallet has its event",
        "SELECT entry.id, journal.id AS journal FROM entry"
        " JOIN account ON account.id = entry.account_id AND account.kind = 'wallet'"
        " JOIN journal ON journal.id = entry.journal_id WHERE NOT EXISTS (SELECT FROM outbox"
        " WHERE outbox.subject = 'txn' || substr(journal.id, 4) AND outbox.type ="
        " CASE WHEN entry.amount > 0 THEN 'wallet.credited' ELSE 'wallet.debited' END)",
    ),
    Check(
        "payment_completes",
        "a session is completed exactly when it has a payment",
        "SELECT coalesce(session.id, payment.session_id) AS id, session.status, payment.id AS"
        " payment FROM (SELECT * FROM checkout_session WHERE status = 'completed') AS session"
        " FULL JOIN payment ON payment.session_id = session.id"
        " WHERE session.id IS NULL OR payment.id IS NULL",
    ),
    Check(
        "received_is_counted",
        "an unpaid session has received exactly the parts that name it",
        "SELECT session.id, session.amount_received, coalesce(sum(transfer.held), 0) AS counted"
        " FROM checkout_session AS session"
        " LEFT JOIN transfer ON transfer.part_of = session.id"
        " WHERE session.status <> 'completed' AND (session.amount_received > 0"
        " OR transfer.id IS NOT NULL) GROUP BY session.id"
        " HAVING session.amount_received <> coalesce(sum(transfer.held), 0)",
    ),
    Check(
        "received_covers_payment",
        "a payment is no more than its session received",
        "SELECT payment.id, payment.amount, session.amount_received FROM payment"
        " JOIN checkout_session AS session ON session.id = payment.session_id"
        " WHERE payment.amount > session.amount_received",
    ),
    Check(
        "history_is_whole",
        "a session's history tells every step up to its seq",
        "SELECT session.id, session.seq, count(history.id) AS steps FROM checkout_session AS"
        " session LEFT JOIN session_history AS history ON history.session_id = session.id"
        " GROUP BY session.id HAVING count(DISTINCT history.seq) <> session.seq"
        " OR count(history.id) <> session.seq OR max(history.seq) <> session.seq",
    ),
    Check(
        "history_is_lawful",
        "every step of a session's history goes on from the one before it, as the states allow",
        "SELECT session_id AS id, seq, from_status, event, to_status FROM ("  # noqa: S608 - see below
        "SELECT *, lag(to_status) OVER (PARTITION BY session_id ORDER BY seq) AS before"
        " FROM session_history) AS steps WHERE from_status IS DISTINCT FROM before"
        " OR (coalesce(from_status, ''), event, to_status)"
        f" NOT IN (VALUES {_lawful_steps()})",  # made of the table of states
    ),
    Check(
        "history_ends_here",
        "a session's newest step led to the status that it has",
        "SELECT session.id, session.status, history.to_status FROM checkout_session AS session"
        " JOIN session_history AS history ON history.session_id = session.id"
        " AND history.seq = session.seq WHERE history.to_status <> session.status",
    ),
    Check(
        "payment_status_fits",
        "a session is called paid, overpaid or partially paid as its sums say",
        "SELECT id, status, payment_status, amount, amount_received FROM checkout_session"
        " WHERE payment_status NOT IN ('partially_refunded', 'refunded') AND payment_status <>"
        " CASE WHEN status = 'completed' AND amount_received > amount THEN 'overpaid'"
        " WHEN status = 'completed' THEN 'paid' WHEN amount_received > 0 THEN 'partially_paid'"
        " ELSE 'unpaid' END",
    ),
    Check(
        "ends_are_closed",
        "an ended session has no live attempt",
        "SELECT attempt.id, session.status FROM attempt"
        " JOIN checkout_session AS session ON session.id = attempt.session_id"
        " WHERE attempt.status IN ('pending', 'requires_action')"
        " AND session.status NOT IN ('open', 'processing', 'awaiting_action')",
    ),
    Check(
        "deadlines_are_kept",
        "no session stays open a minute past its deadline",
        "SELECT session.id FROM checkout_session AS session"
        " WHERE session.status IN ('open', 'processing', 'awaiting_action')"
        " AND session.expires_at < clock_timestamp() - interval '1 minute'",
    ),
    Check(
        "events_are_dispatched",
        "no event waits longer than a minute to be dispatched",
        "SELECT id, type FROM outbox WHERE dispatched_at IS NULL"
        " AND created_at < clock_timestamp() - interval '1 minute'"
        " AND next_try_at < clock_timestamp() - interval '1 minute'",
    ),
    Check(
        "audit_is_chained",
        "each audit entry is what was written, and follows the store's entry before it",
        "SELECT id, store_id, seq FROM (SELECT audit_entry.*, audit_hash(audit_entry) AS made,"
        " lag(hash, 1, '') OVER chain AS before, lag(seq, 1, 0) OVER chain AS seq_before"
        " FROM audit_entry WINDOW chain AS (PARTITION BY store_id ORDER BY seq)) AS entries"
        " WHERE hash <> made OR previous_hash <> before OR seq <> seq_before + 1",
    ),
    # A chain does not show that its end is gone; what the entries there told of does.
    Check(
        "audit_is_complete",
        "what was made, ended or resolved stands in the store's audit trail",
        "SELECT target AS id, store_id, action FROM ("
        "SELECT id AS target, id AS store_id, 'store.created' AS action FROM store"
        " UNION ALL SELECT store_id, store_id, 'store.logo_set' FROM store_logo"
        " UNION ALL SELECT id, store_id, 'key.created' FROM api_key"
        " UNION ALL SELECT id, store_id, 'key.revoked' FROM api_key WHERE revoked_at IS NOT NULL"
        " UNION ALL SELECT id, store_id, 'rail.configured' FROM rail_account"
        " UNION ALL SELECT id, store_id, 'member.invited' FROM invitation"
        " UNION ALL SELECT id, store_id, 'webhook_endpoint.created' FROM endpoint"
        " UNION ALL SELECT id, store_id, 'webhook_endpoint.deleted' FROM endpoint"
        " WHERE deleted_at IS NOT NULL"
        " UNION ALL SELECT id, store_id, 'transfer.resolved' FROM transfer"
        " WHERE resolution IS NOT NULL) AS done WHERE NOT EXISTS (SELECT FROM audit_entry AS told"
        " WHERE told.store_id = done.store_id AND told.target = done.target"
        " AND told.action = done.action)"
        # Who deletes a store revokes its keys with it.
        " AND NOT (action = 'key.revoked' AND EXISTS (SELECT FROM audit_entry AS told"
        " WHERE told.store_id = done.store_id AND told.target = done.store_id"
        " AND told.action = 'store.deleted'))",
    ),
    Check(
        "store_has_owner",
        "a store with a team has an owner",
        "SELECT store_id AS id, count(*) AS members FROM membership GROUP BY store_id"
        " HAVING count(*) FILTER (WHERE role = 'owner') = 0",
    ),
    Check(
        "completion_is_told",
        "every completed session has its event",
        "SELECT session.id FROM checkout_session AS session WHERE session.status = 'completed'"
        " AND NOT EXISTS (SELECT FROM outbox WHERE outbox.subject = session.id"
        " AND outbox.type = 'checkout.session.completed')",
    ),
)
