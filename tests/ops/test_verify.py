"""The check of the books: silent on a busy store, and naming each breach that is planted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from flask import Flask

from checkout.core.db import db, execute, run, unit_of_work
from checkout.merchants.delete_store import delete_store
from checkout.ops.checks import CHECKS
from tests.factories.books import read_one
from tests.factories.till import make_till, memo_of
from tests.factories.wallets import (
    fill_wallet,
    make_customer,
    make_session,
    offer_wallet,
    pay_from_wallet,
)

# Check → the statement that breaks its rule and, as far as can be, no other. The names in
# braces are ids of what `store` made.
BREACHES: dict[str, str] = {
    "journal_balanced": (
        "UPDATE entry SET amount = amount + 1 WHERE id = (SELECT max(id) FROM entry)"
    ),
    "journal_has_entries": (
        "INSERT INTO journal (id, store_id, livemode, kind) VALUES ('jrn_empty',"
        " '{store}', false, 'payment')"
    ),
    "journal_in_scope": (
        "UPDATE journal SET livemode = true WHERE id = (SELECT max(id) FROM journal)"
    ),
    "balance_follows": (
        "UPDATE entry SET balance_after = balance_after + 7 WHERE id = (SELECT min(id) FROM entry)"
    ),
    "balance_is_sum": "UPDATE account SET balance = balance + 1 WHERE kind = 'store_balance'",
    "never_below_zero": (
        "UPDATE entry SET balance_after = -1 WHERE id = (SELECT min(entry.id) FROM"
        " entry JOIN account ON account.id = account_id WHERE kind = 'store_balance')"
    ),
    "suspense_is_held": "UPDATE transfer SET held = held + 1 WHERE id = '{unknown}'",
    "clearing_is_received": "UPDATE transfer SET amount = amount + 1 WHERE id = '{unknown}'",
    "notice_has_transfer": "UPDATE transfer SET inbox_id = 'inb_other' WHERE id = '{unknown}'",
    "transfer_has_notice": (
        "DELETE FROM inbox WHERE id = (SELECT inbox_id FROM transfer WHERE id = '{unknown}')"
    ),
    "notice_is_judged": (
        "UPDATE inbox SET judged_at = NULL, received_at = now() - interval '2 minutes'"
        " WHERE id = (SELECT max(id) FROM inbox)"
    ),
    "transfer_has_journal": (
        "UPDATE journal SET transfer_id = NULL WHERE transfer_id = '{unknown}'"
    ),
    "transfer_in_scope": "UPDATE transfer SET livemode = true WHERE id = '{unknown}'",
    "payment_has_journal": "UPDATE journal SET payment_id = NULL WHERE payment_id = '{payment}'",
    "wallet_pays_once": "UPDATE transfer SET amount = amount - 1 WHERE id = '{spent}'",
    "wallet_has_owner": "UPDATE customer SET livemode = true WHERE id = '{customer}'",
    "wallet_moves_are_told": "DELETE FROM outbox WHERE type = 'wallet.debited'",
    "payment_completes": "UPDATE checkout_session SET status = 'expired' WHERE id = '{paid}'",
    "received_is_counted": (
        "UPDATE checkout_session SET amount_received = amount_received + 1 WHERE id = '{short}'"
    ),
    "received_covers_payment": "UPDATE payment SET amount = amount + 1 WHERE id = '{payment}'",
    "history_is_whole": "DELETE FROM session_history WHERE session_id = '{paid}' AND seq = 2",
    "history_is_lawful": (
        "UPDATE session_history SET event = 'abandoned' WHERE session_id = '{paid}' AND seq = 2"
    ),
    "history_ends_here": "UPDATE checkout_session SET status = 'open' WHERE id = '{short}'",
    "payment_status_fits": (
        "UPDATE checkout_session SET payment_status = 'overpaid' WHERE id = '{paid}'"
    ),
    "ends_are_closed": "UPDATE checkout_session SET status = 'expired' WHERE id = '{short}'",
    "deadlines_are_kept": (
        "UPDATE checkout_session SET expires_at = now() - interval '2 minutes' WHERE id = '{short}'"
    ),
    "events_are_dispatched": (
        "UPDATE outbox SET dispatched_at = NULL, created_at = now() - interval '2"
        " minutes', next_try_at = now() - interval '2 minutes' WHERE id = (SELECT"
        " max(id) FROM outbox)"
    ),
    "audit_is_chained": (
        "UPDATE audit_entry SET actor = 'somebody else' WHERE store_id = '{store}' AND seq = 2"
    ),
    "audit_is_complete": (
        "DELETE FROM audit_entry WHERE store_id = '{store}' AND seq ="
        " (SELECT max(seq) FROM audit_entry WHERE store_id = '{store}')"
    ),
    "store_has_owner": (
        "INSERT INTO membership (store_id, user_id, role) VALUES ('{store}', 'usr_x', 'viewer')"
    ),
    "completion_is_told": (
        "DELETE FROM outbox WHERE subject = '{paid}' AND type = 'checkout.session.completed'"
    ),
}


@pytest.fixture
def store(client) -> dict[str, str]:
    """A store with money of every kind; returns ids by name."""
    till = make_till(client)
    paid, short, over, late, cancelled = (till.make_attempt() for _ in range(5))
    transfer = till.pay(memo_of(paid), 500_000)
    till.pay(memo_of(paid), 500_000)
    till.pay(memo_of(short), 100_000)
    till.pay(memo_of(short), 150_000)
    till.pay(memo_of(over), 600_000)
    till.call("POST", f"/checkout/sessions/{cancelled['session']}/cancel")
    held = till.pay(memo_of(cancelled), 500_000)
    till.resolve(held["id"], "accept")
    unknown = till.pay("RENT FOR MAY", 300_000)
    assigned = till.pay("SOMETHING ELSE", 500_000)
    till.resolve(assigned["id"], "assign", session=late["session"])
    written_off = till.pay("A GIFT", 10_000)
    till.resolve(written_off["id"], "write_off")
    offer_wallet(till.shop)
    customer = make_customer(till.shop)
    fill_wallet(till, customer, 400_000)
    bought = make_session(till, customer, 300_000)
    pay_from_wallet(till, bought)
    spent = read_one("SELECT id FROM transfer WHERE session_id = %(id)s", id=bought)
    topup = till.make_session(200_000, mode="topup", customer_id=customer)
    till.pay(memo_of(till.start(topup["id"])), 200_000)
    payment = read_one("SELECT id FROM payment WHERE session_id = %(id)s", id=paid["session"])
    return {
        "store": till.shop.store.id,
        "paid": paid["session"],
        "short": short["session"],
        "payment": payment.id,
        "transfer": transfer["id"],
        "unknown": unknown["id"],
        "customer": customer,
        "spent": spent.id,
    }


@pytest.fixture(scope="module", autouse=True)
def checks_made_whole(database_url: str) -> Iterator[None]:
    """The next tests' tables are checked from their first row on, as migrations left them."""
    yield
    with psycopg.connect(database_url, autocommit=True) as connection:
        for name, table in connection.execute(
            "SELECT format('%I', conname), conrelid::regclass::text FROM pg_constraint"
            " WHERE contype = 'c' AND NOT convalidated"
        ).fetchall():
            connection.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")


@contextmanager
def rules_off(app: Flask) -> Iterator[None]:
    """A transaction in which neither triggers nor foreign keys nor checks watch."""
    dropped = run(
        "SELECT format('%%I', conname) AS name, conrelid::regclass::text AS held_by,"
        " pg_get_constraintdef(oid) AS rule FROM pg_constraint"
        " WHERE contype = 'c' AND connamespace = 'public'::regnamespace"
    )
    db.session.rollback()
    with unit_of_work():
        for row in dropped:
            execute(f"ALTER TABLE {row.held_by} DROP CONSTRAINT {row.name}")
        execute("SET LOCAL session_replication_role = replica")
        yield
    with unit_of_work():
        for row in dropped:
            # What stands stays as it was planted; the next test empties the tables anyhow.
            execute(f"ALTER TABLE {row.held_by} ADD CONSTRAINT {row.name} {row.rule} NOT VALID")


def verify(app: Flask) -> tuple[int, list[str], str]:
    """The command's exit code, the names of the rules that it found broken, and its output."""
    result = app.test_cli_runner().invoke(args=["ops", "verify"])
    lines = result.output.splitlines()
    broken = [line.split()[1].rstrip(":") for line in lines if line.startswith("FAIL")]
    return result.exit_code, broken, result.output


def test_a_busy_store_is_clean(app, store):
    exit_code, broken, output = verify(app)

    assert (exit_code, broken) == (0, []), output
    assert output.splitlines()[-1] == f"{len(CHECKS)} rules checked, 0 breaches."


def test_an_empty_database_is_clean(app):
    assert verify(app)[:2] == (0, [])


def test_every_rule_has_a_breach_here():
    assert set(BREACHES) == {check.name for check in CHECKS}


@pytest.mark.parametrize("name", BREACHES)
def test_a_planted_breach_is_named(app, store, name):
    with rules_off(app):
        execute(BREACHES[name].format(**store))

    exit_code, broken, output = verify(app)

    assert exit_code == 1
    assert name in broken, output
    assert len(broken) <= 4, output


@pytest.mark.parametrize(
    "forgery",
    [
        "DELETE FROM audit_entry WHERE store_id = '{store}' AND seq = 2",
        "DELETE FROM audit_entry WHERE store_id = '{store}' AND seq = 1",
        "UPDATE audit_entry SET details = '{{}}' WHERE store_id = '{store}' AND seq = 3",
        (
            "UPDATE audit_entry SET created_at = created_at - interval '1 hour'"
            " WHERE store_id = '{store}' AND seq = 1"
        ),
        "UPDATE audit_entry SET address = '192.0.2.1' WHERE store_id = '{store}' AND seq = 1",
        # Whoever writes the hash anew as well breaks what follows.
        (
            "UPDATE audit_entry SET (actor, hash) = (SELECT 'x', audit_hash(forged) FROM"
            ' (SELECT (jsonb_populate_record(audit_entry, \'{{"actor": "x"}}\')).*) AS forged)'
            " WHERE store_id = '{store}' AND seq = 2"
        ),
    ],
)
def test_no_forged_audit_entry_goes_unseen(app, store, forgery):
    with rules_off(app):
        execute(forgery.format(**store))

    assert [name for name in verify(app)[1] if name != "audit_is_complete"] == ["audit_is_chained"]


def test_an_audit_entry_that_is_slipped_in_is_seen(app, store):
    with rules_off(app):
        execute(
            "INSERT INTO audit_entry (store_id, actor, action, target, seq, previous_hash, hash)"
            " SELECT store_id, 'x', 'store.changed', store_id, seq + 1, hash, 'f' FROM audit_entry"
            " WHERE store_id = %(store)s ORDER BY seq DESC LIMIT 1",
            store=store["store"],
        )

    assert verify(app)[1] == ["audit_is_chained"]


@pytest.mark.parametrize("kept", [0, 1, 3])
def test_a_cut_off_audit_trail_is_seen(app, store, kept):
    """What is left of it is a sound chain."""
    with rules_off(app):
        execute(
            "DELETE FROM audit_entry WHERE store_id = %(store)s AND seq > %(kept)s",
            store=store["store"],
            kept=kept,
        )

    exit_code, broken, output = verify(app)

    assert (exit_code, broken) == (1, ["audit_is_complete"])
    assert "action=transfer.resolved" in output


def test_a_deleted_stores_keys_ended_with_it(app, store):
    with unit_of_work():
        execute("UPDATE checkout_session SET status = 'cancelled' WHERE livemode")
        delete_store(store["store"], actor="command")

    assert verify(app)[:2] == (0, [])


def test_many_breaches_are_counted_and_not_all_shown(app, store):
    with rules_off(app):
        execute(
            "INSERT INTO journal (id, store_id, livemode, kind)"
            " SELECT 'jrn_' || n, %(store)s, false, 'payment' FROM generate_series(1, 50) AS n",
            store=store["store"],
        )

    exit_code, broken, output = verify(app)

    assert (exit_code, broken) == (1, ["journal_has_entries"])
    assert "… and 30 more" in output
    assert output.splitlines()[-1].endswith("50 breaches.")


def test_what_is_under_way_breaks_nothing(app, client):
    till = make_till(client)
    till.make_attempt()
    till.make_session()

    assert verify(app)[:2] == (0, [])
