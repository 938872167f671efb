"""Merchants hear by mail of what needs them: once, and not more often than every hour."""

from __future__ import annotations

import threading
import time

import pytest

from checkout.areas import import_jobs
from checkout.core.db import execute, one, unit_of_work
from checkout.core.jobs import sweep_until_idle
from checkout.merchants import attention
from checkout.merchants.attention import tell_stores
from checkout.merchants.members import add_member
from checkout.merchants.news import note_news
from checkout.merchants.stores import change_store, find_store
from checkout.payments.health import MOST_FAILURES, note_answer, note_failure
from checkout.payments.tokens import _note_failed
from checkout.rails.base import RailError
from tests.factories.books import read, read_one
from tests.factories.people import bearer, make_user, sign_in
from tests.factories.till import make_till, memo_of
from tests.factories.webhooks import make_endpoint

SILENCE = RailError("provider_timeout", "No answer", temporary=True)


@pytest.fixture(autouse=True)
def jobs():
    import_jobs()


@pytest.fixture
def till(client):
    return make_till(client, livemode=True, contact_email="lan@shop.example", locale="en")


def pass_minutes(minutes):
    """What was noted or told lies so much further back."""
    with unit_of_work():
        execute(
            "UPDATE heartbeat SET at = at - make_interval(mins => %(minutes)s)"
            " WHERE kind IN ('news', 'told')",
            minutes=minutes,
        )


def hear(minutes=5):
    """The mails that are written after so many minutes, and not before."""
    sweep_until_idle("dispatch_events")
    tell_stores()
    before = len(letters())
    pass_minutes(minutes)
    tell_stores()
    return letters()[before:]


def letters():
    return read("SELECT * FROM mail WHERE purpose = 'attention' ORDER BY id")


def rest(account):
    for _ in range(MOST_FAILURES):
        note_failure(account, SILENCE)


def test_held_money_is_told_with_its_page(till):
    till.pay("no code at all", 100_000)
    till.pay("nor here", 50_000)

    (letter,) = hear()

    assert (letter.recipient, letter.locale, letter.livemode) == ("lan@shop.example", "en", True)
    assert letter.subject == f"{till.shop.store.name}: 2 transfers need a decision"
    page = f"/dashboard/{till.shop.store.id}/live/transfers"
    assert f"{page}\n" in letter.text_body
    assert f'{page}"' in letter.html_body
    assert f"/dashboard/{till.shop.store.id}/live/settings" in letter.text_body


def test_a_mail_is_written_once_and_again_only_for_something_new(till):
    till.pay("no code at all", 100_000)
    assert len(hear()) == 1

    assert hear(minutes=120) == []

    till.pay("another one", 30_000)
    (letter,) = hear()
    assert "2 transfers" in letter.subject


def test_there_is_an_hour_between_two_mails(till):
    till.pay("no code at all", 100_000)
    assert len(hear()) == 1
    till.pay("another one", 30_000)
    till.pay("and another", 30_000)

    assert hear(minutes=59) == []
    (letter,) = hear(minutes=1)

    assert "3 transfers" in letter.subject


def test_what_was_put_right_meanwhile_is_not_told(till):
    transfer = till.pay("no code at all", 100_000)
    sweep_until_idle("dispatch_events")
    assert till.resolve(transfer["id"], "write_off")[0] == 200

    assert hear() == []

    till.pay("another one", 30_000)
    assert len(hear()) == 1


def test_test_money_wakes_nobody(client):
    till = make_till(client, contact_email="lan@shop.example")
    till.pay("no code at all", 100_000)
    rest(till.account)

    assert hear() == []
    assert read("SELECT * FROM heartbeat WHERE kind = 'news'") == []


def test_a_part_is_told_when_nobody_can_send_the_rest_any_more(till):
    attempt = till.make_attempt(500_000)
    part = till.pay(memo_of(attempt), 200_000)
    assert part["disposition"] == "partial"
    assert hear() == []

    session = attempt["session"]
    assert till.call("POST", f"/checkout/sessions/{session}/cancel")[0] == 200

    (letter,) = hear()
    assert "1 transfer needs" in letter.subject


def test_a_provider_that_does_not_answer_is_told_once_for_each_rest(till):
    for _ in range(MOST_FAILURES - 1):
        note_failure(till.account, SILENCE)
    assert hear() == []
    note_failure(till.account, SILENCE)

    (letter,) = hear()
    assert "1 way to pay does not answer" in letter.subject
    assert f"/dashboard/{till.shop.store.id}/live/rails" in letter.text_body

    note_failure(till.account, SILENCE)
    assert hear(minutes=120) == []
    note_answer(till.account)
    assert hear(minutes=120) == []
    rest(till.account)
    assert len(hear(minutes=120)) == 1


def test_a_rest_that_ends_by_itself_is_not_told(till):
    rest(till.account)
    tell_stores()
    note_answer(till.account)

    assert hear() == []


def test_a_token_that_is_not_renewed_is_told_each_time_it_was_tried(till):
    _note_failed(till.account)

    (letter,) = hear()
    assert "token of 1 provider could not be renewed" in letter.text_body
    assert hear(minutes=120) == []

    _note_failed(till.account)
    assert len(hear()) == 1


def test_an_account_that_was_replaced_or_switched_off_is_nobodys_news(till):
    rest(till.account)
    _note_failed(till.account)
    with unit_of_work():
        execute("UPDATE rail_account SET superseded_at = now() WHERE id = %(id)s", id=till.account)

    assert hear() == []


def test_what_waits_besides_is_listed(till):
    endpoint, _ = make_endpoint(till.shop, "https://shop.example/hook")
    with unit_of_work():
        execute(
            "UPDATE endpoint SET enabled = false, disabled_reason = 'gone' WHERE id = %(id)s",
            id=endpoint.id,
        )
    assert hear() == []
    till.pay("no code at all", 100_000)

    (letter,) = hear()

    assert "1 webhook endpoint was switched off" in letter.text_body
    assert letter.text_body.index("transfer") < letter.text_body.index("webhook endpoint")


def test_without_a_contact_address_each_owner_reads_in_their_language(client):
    till = make_till(client, livemode=True)
    owners = [make_user(locale="km"), make_user(locale="vi")]
    with unit_of_work():
        for owner in owners:
            add_member(till.shop.store.id, owner.id, "owner")
        add_member(till.shop.store.id, make_user().id, "admin")
    till.pay("no code at all", 100_000)

    found = {letter.recipient: letter for letter in hear()}

    assert set(found) == {owner.email for owner in owners}
    assert "ប្រាក់ចូល" in found[owners[0].email].text_body
    assert "khoản tiền" in found[owners[1].email].text_body


def test_a_store_that_wants_no_mails_gets_none_and_is_not_told_of_old_things_later(till):
    with unit_of_work():
        change_store(till.shop.store.id, {"notify_by_email": False}, actor="test")
    till.pay("no code at all", 100_000)
    assert hear() == []

    with unit_of_work():
        change_store(till.shop.store.id, {"notify_by_email": True}, actor="test")
    assert hear(minutes=120) == []
    till.pay("another one", 30_000)
    assert len(hear()) == 1


def test_a_crash_while_writing_loses_nothing_and_repeats_nothing(till, monkeypatch):
    till.pay("no code at all", 100_000)
    sweep_until_idle("dispatch_events")
    pass_minutes(5)

    def crash(_store_id):
        raise RuntimeError("the process ends here")

    with monkeypatch.context() as patch:
        patch.setattr(attention, "mark_told", crash)
        with pytest.raises(RuntimeError):
            tell_stores()
    assert letters() == []

    tell_stores()
    tell_stores()
    assert len(letters()) == 1


def test_two_who_tell_at_once_write_one_mail_and_lose_no_news(till, app):
    """News that come while a mail is being written wait for it, and are told later."""
    till.pay("no code at all", 100_000)
    sweep_until_idle("dispatch_events")
    pass_minutes(5)
    with unit_of_work():
        assert attention.take_due(10) == [till.shop.store.id]
        other = threading.Thread(target=in_context(app, tell_stores))
        other.start()
        other.join(20)
        assert not other.is_alive()
        noted = threading.Thread(
            target=in_context(app, lambda: note(till.shop.store.id)), daemon=True
        )
        noted.start()
        wait_for_lock()
    noted.join(20)

    assert letters() == []
    assert read_one("SELECT name FROM heartbeat WHERE kind = 'news'").name == till.shop.store.id


def note(store_id):
    with unit_of_work():
        note_news([store_id])


def in_context(app, function):
    def call():
        with app.app_context():
            function()

    return call


def wait_for_lock():
    for _ in range(500):
        waiting = one(
            "SELECT count(*) AS found FROM pg_locks WHERE NOT granted"
            " AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        if waiting.found:
            return
        time.sleep(0.01)
    raise AssertionError("nobody waited")


def test_the_setting_is_changed_over_the_api(client, till):
    user = make_user()
    with unit_of_work():
        add_member(till.shop.store.id, user.id, "admin")

    answer = client.patch(
        f"/api/v1/stores/{till.shop.store.id}",
        json={"notify_by_email": False},
        headers=bearer(sign_in(user)),
    )

    assert answer.status_code == 200, answer.get_json()
    assert answer.get_json()["notify_by_email"] is False
    assert not find_store(till.shop.store.id).settings.notify_by_email
