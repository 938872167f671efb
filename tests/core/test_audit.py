"""The audit trail's chain, and what is kept of refusals."""

from __future__ import annotations

import itertools
import threading

import psycopg
import pytest

from checkout.core import audit
from checkout.core.audit import purge_security_events, record_audit, record_security
from checkout.core.db import execute, unit_of_work
from tests.factories.books import read, read_one
from tests.factories.stores import make_shop, make_store

WRITERS, EACH = 8, 10


@pytest.fixture(autouse=True)
def nothing_seen():
    audit._seen.clear()


def entries(store_id: str):
    return read("SELECT * FROM audit_entry WHERE store_id = %(id)s ORDER BY seq", id=store_id)


def test_each_entry_follows_the_one_before_it(app):
    first, second = make_store(), make_store()
    for number in range(3):
        for store in (first, second):
            with unit_of_work():
                record_audit(store.id, "test", "thing.done", f"t{number}", livemode=True, n=number)

    for store in (first, second):
        found = entries(store.id)
        assert [entry.seq for entry in found] == [1, 2, 3, 4]
        assert found[0].previous_hash == ""
        for before, after in itertools.pairwise(found):
            assert after.previous_hash == before.hash
            assert after.created_at >= before.created_at
        assert len({entry.hash for entry in found}) == 4
        assert (found[-1].livemode, found[-1].details) == (True, {"n": 2})


def test_many_at_once_make_one_chain(app, db_clean):
    store = make_store()

    def write(name: str) -> None:
        with app.app_context():
            for number in range(EACH):
                with unit_of_work():
                    record_audit(store.id, name, "thing.done", f"t{number}")

    threads = [threading.Thread(target=write, args=(f"w{n}",)) for n in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = entries(store.id)
    assert [entry.seq for entry in found] == list(range(1, WRITERS * EACH + 2))
    assert (
        read_one(
            "SELECT count(*) AS n FROM (SELECT previous_hash, lag(hash, 1, '') OVER (ORDER BY seq)"
            " AS before FROM audit_entry WHERE store_id = %(id)s) AS chain"
            " WHERE previous_hash <> before",
            id=store.id,
        ).n
        == 0
    )


@pytest.mark.parametrize(
    "change", ["UPDATE audit_entry SET actor = 'x'", "DELETE FROM audit_entry"]
)
def test_no_entry_is_ever_changed(app, change):
    make_store()
    with pytest.raises(psycopg.errors.RestrictViolation), unit_of_work():
        execute(change)


def test_a_request_leaves_its_address(app, client):
    shop = make_shop()
    client.post(
        "/api/v1/webhook-endpoints",
        json={"url": "http://127.0.0.1:1/"},
        headers=shop.headers,
        environ_base={"REMOTE_ADDR": "192.0.2.44"},
    )

    newest = entries(shop.store.id)[-1]
    assert (newest.action, newest.address) == ("webhook_endpoint.created", "192.0.2.44")
    assert newest.actor == f"key:{shop.key_id}"
    assert entries(shop.store.id)[0].address is None


def events():
    return read("SELECT * FROM security_event ORDER BY id")


def test_a_refused_key_is_kept_without_the_key(app, client):
    answer = client.get(
        "/api/v1/payments",
        headers={"Authorization": "Bearer sk_test_guessed"},
        environ_base={"REMOTE_ADDR": "192.0.2.45"},
    )

    assert answer.status_code == 401
    (event,) = events()
    assert (event.kind, event.address, event.store_id) == ("key_refused", "192.0.2.45", None)
    assert "guessed" not in str(event)


def test_the_tenth_failure_is_followed_by_a_block(app, client):
    for _ in range(12):
        client.get("/api/v1/payments", headers={"Authorization": "Bearer sk_test_guessed"})

    assert [event.kind for event in events()] == ["key_refused"] * 10 + ["address_blocked"]


def test_a_flood_is_cut_off(app):
    for _ in range(audit.MOST_PER_MINUTE * 2 + 5):
        record_security("hook_refused", store_id="sto_x", reason="r")
    record_security("another_kind")

    # The window is the clock's minute, of which there may be two in this test.
    kinds = [event.kind for event in events()]
    assert audit.MOST_PER_MINUTE <= kinds.count("hook_refused") <= audit.MOST_PER_MINUTE * 2
    assert kinds.count("another_kind") == 1


def test_a_lost_event_is_no_error(app, monkeypatch, caplog):
    def away(*_: object, **__: object) -> None:
        raise psycopg.OperationalError

    monkeypatch.setattr(audit, "execute", away)

    record_security("key_refused")

    assert "security_event_lost" in caplog.text


def test_old_events_go_and_the_others_stay(app):
    record_security("old")
    record_security("new")
    with unit_of_work():
        execute(
            "UPDATE security_event SET created_at = now() - interval '91 days' WHERE kind='old'"
        )

    assert purge_security_events() == 1
    assert [event.kind for event in events()] == ["new"]
