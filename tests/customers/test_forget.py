"""Who is deleted stands nowhere in the database any more; what they paid does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from checkout.areas import import_jobs
from checkout.core.db import db, execute, run, unit_of_work
from checkout.core.dispatch import dispatch_events
from checkout.core.http import close_idle
from checkout.core.jobs import sweep_until_idle
from checkout.core.mail import send_waiting_mail
from checkout.customers.change import delete_customer
from checkout.sessions.remind import remind_due
from tests.factories.books import check_books, read, read_one
from tests.factories.till import Till, make_till, memo_of
from tests.factories.webhooks import make_endpoint
from tests.support.receiver import Received, Reply, receiving

PERSON: dict[str, Any] = {
    "email": "lanh.tran@khach.example",
    "name": "Trần Thị Lanh",
    "phone": "+84912345678",
    "reference": "KH-77001",
    "metadata": {"cmnd": "012345678901"},
}
WORDS = [*(PERSON[name] for name in ("email", "name", "phone", "reference")), "012345678901"]
WAITING = "SELECT 1 FROM pg_locks WHERE NOT granted"
SWEEPERS = ("dispatch_events", "deliver_webhooks")


@pytest.fixture
def till(client) -> Iterator[Till]:
    import_jobs()
    yield make_till(client)
    close_idle()


def tables_that_say(*words: str) -> set[str]:
    """The tables in any of whose columns one of these words stands."""
    with unit_of_work():
        names = sorted(db.metadata.tables)
    found = " OR ".join(
        f"strpos(lower(rows::text), lower(%(w{n})s)) > 0" for n in range(len(words))
    )
    asked = {f"w{n}": word for n, word in enumerate(words)}
    return {
        name
        for name in names
        if read_one(f'SELECT exists(SELECT FROM "{name}" AS rows WHERE {found}) AS it', **asked).it
    }


def make_customer(till: Till, **fields: Any) -> str:
    headers = {"Idempotency-Key": "make them"}
    status, made = till.call("POST", "/customers", PERSON | fields, **headers)
    assert status == 201, made
    return str(made["id"])


def delete(till: Till, customer: str) -> None:
    assert till.call("DELETE", f"/customers/{customer}")[0] == 200


def echo(received: Received) -> Reply:
    """A receiver that repeats in its answer what it was told."""
    told = json.loads(received.body)["data"]["object"].get("email")
    return Reply(200, {"X-Told": told} if told else {}, received.body)


def test_a_person_leaves_every_table_and_their_money_stays(till):
    with receiving(echo) as receiver:
        make_endpoint(till.shop, receiver.url)
        customer = make_customer(till)
        named = {name: PERSON[name] for name in ("email", "name", "phone", "reference")}
        asked = {"amount": 500_000, "currency": "VND", "customer": named}
        headers = {"Idempotency-Key": "sell them something"}
        _, session = till.call("POST", "/checkout/sessions", asked, **headers)
        assert session["customer"] == customer
        attempt = till.start(session["id"])
        transfer = till.pay(memo_of(attempt), 500_000)
        waiting = till.make_session(customer_id=customer, duration_minutes=15)
        till.advance(605)
        remind_due()
        sweep_until_idle(*SWEEPERS)
    with unit_of_work():
        execute(
            "INSERT INTO fake_record (rail_account_id, kind, key, data)"
            " VALUES (%(account)s, 'session', 'k', %(data)s)",
            account=till.account,
            data={"amount": 5, "customer": {"email": PERSON["email"]}},
        )
    told = {"customer", "outbox", "idempotency_key", "mail", "delivery_attempt", "fake_record"}
    assert tables_that_say(*WORDS) == told
    payments = till.call("GET", "/payments")[1]["data"]

    delete(till, customer)

    assert tables_that_say(*WORDS) == set()
    assert till.call("GET", "/payments")[1]["data"] == payments
    assert payments[0]["customer"] == customer
    assert till.transfer(transfer["provider_reference"]) == transfer
    assert till.session(waiting["id"])["customer"] == customer
    assert read_one("SELECT data FROM fake_record").data == {
        "amount": 5,
        "customer": {"email": None},
    }
    check_books()


def test_the_event_is_still_there_and_says_nothing_of_them(till):
    customer = make_customer(till)
    (before,) = till.call("GET", "/events?type=customer.created")[1]["data"]

    delete(till, customer)

    (after,) = till.call("GET", "/events?type=customer.created")[1]["data"]
    empty = dict.fromkeys(("email", "name", "phone", "reference")) | {"metadata": {}}
    assert after == before | {
        "data": {"object": before["data"]["object"] | empty, "previous": None}
    }
    body = read_one("SELECT body FROM outbox WHERE type = 'customer.created'").body
    assert body == json.dumps(after, ensure_ascii=False, separators=(",", ":"))


def test_an_event_that_waits_is_delivered_without_them(till):
    with receiving() as receiver:
        make_endpoint(till.shop, receiver.url, ["customer.*"])
        customer = make_customer(till)
        delete(till, customer)
        sweep_until_idle(*SWEEPERS)

    (received,) = receiver.received
    told = json.loads(received.body)["data"]["object"]
    assert (told["id"], told["email"], told["metadata"]) == (customer, None, {})


def test_the_key_still_answers_with_the_same_customer(till):
    """A repeat must not make somebody new out of who was deleted."""
    customer = make_customer(till)
    delete(till, customer)

    status, again = till.call("POST", "/customers", PERSON, **{"Idempotency-Key": "make them"})

    assert (status, again["id"], again["email"]) == (201, customer, None)
    assert read_one("SELECT count(*) AS customers FROM customer").customers == 1


def test_a_mail_that_waits_is_not_sent(till):
    customer = make_customer(till)
    till.make_session(customer_id=customer, duration_minutes=15)
    till.advance(605)
    remind_due()
    dispatch_events()
    assert read_one("SELECT recipient FROM mail").recipient == PERSON["email"]

    delete(till, customer)

    send_waiting_mail()
    mail = read_one("SELECT status, recipient, text_body, last_error FROM mail")
    assert mail == ("skipped", "", "", "the customer was deleted")


def test_none_is_written_any_more(till):
    customer = make_customer(till)
    till.make_session(customer_id=customer, duration_minutes=15)
    till.advance(605)
    remind_due()

    delete(till, customer)

    dispatch_events()
    assert read("SELECT id FROM mail") == []


def test_others_keep_what_they_are(till):
    customer = make_customer(till)
    other = till.call("POST", "/customers", {"email": "an@khach.example", "name": "An"})[1]
    theirs = till.call("GET", "/events?type=customer.created")[1]["data"][0]
    till.make_session(customer_id=other["id"], duration_minutes=15)
    till.advance(605)
    remind_due()
    dispatch_events()

    delete(till, customer)

    assert till.call("GET", f"/customers/{other['id']}")[1] == other
    assert till.call("GET", "/events?type=customer.created")[1]["data"][0] == theirs
    assert read_one("SELECT recipient FROM mail").recipient == "an@khach.example"


def test_where_they_were_is_deleted_with_them(till):
    customer = make_customer(till)
    mine = till.make_attempt(customer_id=customer)["id"]
    other = till.make_attempt()["id"]
    with unit_of_work():
        for attempt in (mine, other):
            execute(
                "INSERT INTO attempt_shopper (attempt_id, store_id, livemode, address, user_agent)"
                " VALUES (%(id)s, %(store)s, false, '192.0.2.9', 'Firefox')",
                id=attempt,
                store=till.shop.store.id,
            )

    delete(till, customer)

    assert [row.attempt_id for row in read("SELECT attempt_id FROM attempt_shopper")] == [other]


def test_a_mail_that_is_being_written_meanwhile_is_not(till, app):
    customer = make_customer(till)
    till.make_session(customer_id=customer, duration_minutes=15)
    till.advance(605)
    remind_due()

    def write() -> None:
        with app.app_context():
            dispatch_events()

    writer = threading.Thread(target=write)
    with unit_of_work():
        delete_customer(till.shop.scope, customer)
        writer.start()
        while writer.is_alive() and not run(WAITING):
            writer.join(0.01)
    writer.join(5)

    assert tables_that_say(*WORDS) == set()
