"""`kill -9` in the middle of money: what was told is settled once, whatever died meanwhile."""

from __future__ import annotations

import time

import pytest

from checkout.core.db import execute, unit_of_work
from tests.crash.provider import call, persistent
from tests.factories.books import check_books, read, read_one
from tests.factories.till import make_till, memo_of

pytestmark = pytest.mark.kill
SESSIONS = 240


def count(table: str, where: str = "true") -> int:
    number: int = read_one(f"SELECT count(*) AS n FROM {table} WHERE {where}").n
    return number


def teller(server, till, notice):
    """Sends a notice to the running server; the status."""
    headers = {"Authorization": f"Apikey {till.rail['api_key']}"}
    return lambda: call("POST", f"{server.url}/hooks/vietqr/{till.account}", notice, headers)[0]


def test_web_and_worker_die_while_money_comes_in(own_server, settled):
    server = own_server("web", "worker")
    with server.app.app_context():
        till = make_till(server.app.test_client())
        attempts = [till.make_attempt() for _ in range(SESSIONS)]
        notices = []
        for number, attempt in enumerate(attempts):
            parts = (500_000,) if number % 3 else (200_000, 300_000)
            notices += [till.notice(memo_of(attempt), amount) for amount in parts]

        victims = ("web", "worker", "web", "web", "worker", "web")
        with persistent() as bank:
            for turn, name in enumerate(victims):
                for number, notice in enumerate(notices[turn :: len(victims)]):
                    bank.add(teller(server, till, notice))
                    if number % 5 == 0:
                        # Told twice, as a provider does whose answer got lost.
                        bank.add(teller(server, till, notice))
                time.sleep(0.15)
                server.restart(name)
            assert bank.wait(seconds=60)
            assert 0 in bank.statuses
        assert settled(60)

        assert count("checkout_session", "status = 'completed'") == SESSIONS
        assert count("payment") == SESSIONS
        assert count("transfer") == len(notices)
        assert count("transfer", "held > 0") == 0
        told = "type = 'checkout.session.completed'"
        assert count("outbox", told) == SESSIONS
        check_books()


def test_the_databases_connections_are_cut_while_money_comes_in(own_server, settled):
    server = own_server("web", "worker")
    with server.app.app_context():
        till = make_till(server.app.test_client())
        attempts = [till.make_attempt() for _ in range(SESSIONS)]
        with persistent() as bank:
            for attempt in attempts:
                bank.add(teller(server, till, till.notice(memo_of(attempt), 500_000)))
            for _ in range(8):
                time.sleep(0.1)
                read(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            assert bank.wait(seconds=60)
            assert set(bank.statuses) <= {0, 200, 503}
        assert settled(60)

        assert count("payment") == count("transfer") == SESSIONS
        check_books()


def test_what_a_dead_web_process_had_stored_is_settled_by_the_worker(own_server, settled):
    """Every notice is stored and none is judged: the web process dies between the two."""
    server = own_server("web")
    with server.app.app_context():
        till = make_till(server.app.test_client())
        attempts = [till.make_attempt() for _ in range(30)]
        with unit_of_work():
            execute("LOCK TABLE transfer IN EXCLUSIVE MODE")
            with persistent() as bank:
                for attempt in attempts:
                    bank.add(teller(server, till, till_notice(till, attempt)))
                end = time.monotonic() + 20
                while stored() < 4 and time.monotonic() < end:
                    time.sleep(0.02)
                server.kill("web")
        found = count("inbox")
        assert found >= 4
        assert count("inbox", "judged_at IS NULL") == found
        assert count("transfer") == 0

        server.start("worker")
        assert settled(60)
        assert count("payment") == count("transfer") == found
        check_books()


def till_notice(till, attempt):
    """A notice dated without asking the database, which is locked."""
    moment = attempt["created_at"]
    return {
        "id": int.from_bytes(attempt["id"][-6:].encode()),
        "gateway": "Vietcombank",
        "transactionDate": moment,
        "accountNumber": till.rail["account_number"],
        "code": None,
        "content": memo_of(attempt),
        "transferType": "in",
        "transferAmount": attempt["amount"],
        "referenceCode": f"FT{attempt['id'][-12:]}",
    }


def stored() -> int:
    """Notices that others have committed, seen from within this transaction."""
    from checkout.core.db import run

    return int(run("SELECT count(*) AS n FROM inbox")[0].n)


def test_workers_die_while_sessions_expire(own_server, settled):
    server = own_server("worker", "worker-2")
    with server.app.app_context():
        till = make_till(server.app.test_client())
        ids = [till.make_session()["id"] for _ in range(600)]
        with unit_of_work():
            # A few become due every moment of the next seconds.
            execute(
                "UPDATE checkout_session AS session SET expires_at = clock_timestamp()"
                " + due.number * interval '5 milliseconds' FROM unnest(%(ids)s::text[])"
                " WITH ORDINALITY AS due (id, number) WHERE session.id = due.id",
                ids=ids,
            )
        for name in ("worker", "worker-2", "worker", "worker-2"):
            time.sleep(0.7)
            server.kill(name)
            server.start(name)
        end = time.monotonic() + 60
        while count("checkout_session", "status = 'open'") and time.monotonic() < end:
            time.sleep(0.1)
        assert settled(60)

        assert count("checkout_session", "status = 'expired'") == len(ids)
        assert count("session_history", "event = 'timed_out'") == len(ids)
        assert count("outbox", "type = 'checkout.session.expired'") == len(ids)
        check_books()


def test_a_key_gives_one_session_however_often_web_dies(own_server):
    server = own_server("web")
    with server.app.app_context():
        till = make_till(server.app.test_client())
        answers: dict[str, set[str]] = {}

        def creator(key: str):
            headers = {**till.shop.headers, "Idempotency-Key": key}
            body = {"amount": 500_000, "currency": "VND", "reference": key}

            def create() -> int:
                status, session = call(
                    "POST", f"{server.url}/api/v1/checkout/sessions", body, headers
                )
                if status == 201:
                    answers.setdefault(key, set()).add(session["id"])
                return status

            return create

        def starter(key: str, session_id: str):
            headers = {**till.shop.headers, "Idempotency-Key": key}
            url = f"{server.url}/api/v1/checkout/sessions/{session_id}/attempts"

            def start() -> int:
                status, attempt = call("POST", url, {"rail": "vietqr"}, headers)
                if status == 201:
                    answers.setdefault(key, set()).add(attempt["id"])
                return status

            return start

        keys = [f"key-{number}" for number in range(300)]
        sessions = [till.make_session()["id"] for _ in range(100)]
        with persistent() as merchant:
            for turn in range(5):
                for key in keys[turn::5]:
                    merchant.add(creator(key))
                    merchant.add(creator(key))
                for number, session_id in list(enumerate(sessions))[turn::5]:
                    merchant.add(starter(f"attempt-{number}", session_id))
                    merchant.add(starter(f"attempt-{number}", session_id))
                time.sleep(0.15)
                server.restart("web")
            assert merchant.wait(seconds=60)
            assert set(merchant.statuses) <= {0, 200, 201, 409, 502, 503}

        assert {len(ids) for ids in answers.values()} == {1}
        rows = read(
            "SELECT reference, array_agg(id) AS ids FROM checkout_session"
            " WHERE reference IS NOT NULL GROUP BY reference"
        )
        assert {row.reference: set(row.ids) for row in rows} == {k: answers[k] for k in keys}
        assert count("attempt") == len(sessions)
        check_books()
