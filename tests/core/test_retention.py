"""Old rows are emptied: from the oldest on, in small batches, each about once."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from checkout.core import retention
from checkout.core.db import execute, run, unit_of_work
from checkout.core.ids import first_id_at, new_id
from checkout.core.mail import KEPT_DAYS, forget_mails, queue_mail
from checkout.core.retention import DAY_SECONDS, NumberedRows, TimedIds, empty_old
from tests.factories.books import read, read_one

DAY = 10
MAILS = TimedIds("mail", "mail")
EVENTS = NumberedRows("security_event", "created_at")


def make_mails(*days_ago: float) -> list[str]:
    """Committed mails of so many days ago, in this order; their ids."""
    made = []
    with unit_of_work():
        for number, days in enumerate(days_ago):
            queue_mail(
                purpose="test",
                subject_id=f"{days} {number}",
                store_id="sto_1",
                livemode=False,
                recipient="lan@khach.example",
                subject="Hello",
                text_body="text",
                html_body="<p>html</p>",
                locale="en",
            )
            tail = new_id("mail")[-18:]
            made.append(first_id_at("mail", time.time() - days * DAY_SECONDS)[:-18] + tail)
            execute(
                "UPDATE mail SET id = %(id)s, status = 'sent' WHERE subject_id = %(subject)s",
                id=made[-1],
                subject=f"{days} {number}",
            )
    return made


def make_events(*days_ago: float) -> list[int]:
    """Committed rows with numbers for ids, and gaps between them."""
    with unit_of_work():
        return [
            row.id
            for days in days_ago
            for row in run(
                "WITH skipped AS (SELECT nextval('security_event_id_seq'))"
                " INSERT INTO security_event (kind, actor, created_at) SELECT 'test', '',"
                " now() - make_interval(secs => %(secs)s) FROM skipped RETURNING id",
                secs=days * DAY_SECONDS,
            )
        ]


class Seen(list[Any]):
    """What was to be emptied, batch by batch."""

    def __call__(self, ids: Any) -> None:
        self.append(list(ids))

    @property
    def all(self) -> list[Any]:
        return [id_ for batch in self for id_ in batch]


@pytest.fixture
def seen() -> Seen:
    return Seen()


def pass_days(monkeypatch: pytest.MonkeyPatch, days: float) -> None:
    """Let it be so many days later."""
    later = SimpleNamespace(time=lambda: time.time() + days * DAY_SECONDS)
    monkeypatch.setattr(retention, "time", later)


@pytest.mark.parametrize(("rows", "make"), [(MAILS, make_mails), (EVENTS, make_events)])
class TestBothKindsOfIds:
    def test_what_is_older_is_met_in_order_and_the_newer_left(self, app, seen, rows, make):
        made = make(40, 30, 20, 11, 9, 1)

        assert empty_old(rows, kept_days=DAY, empty=seen) == 4
        assert seen.all == made[:4]

    def test_nothing_is_no_work_and_leaves_no_trace(self, app, seen, rows, make):
        assert empty_old(rows, kept_days=DAY, empty=seen) == 0
        make(1)
        assert empty_old(rows, kept_days=DAY, empty=seen) == 0
        assert (seen, read("SELECT name FROM heartbeat WHERE kind = 'retention'")) == ([], [])

    def test_batches_are_small_and_nothing_is_met_twice(self, app, seen, rows, make, monkeypatch):
        monkeypatch.setattr(retention, "BATCH", 3)
        made = make(*range(30, 20, -1))

        empty_old(rows, kept_days=DAY, empty=seen)

        assert [len(batch) for batch in seen] == [3, 3, 3, 1]
        assert seen.all == made

    def test_the_next_run_goes_on_from_there(self, app, seen, rows, make, monkeypatch):
        made = make(30, 20, 15, 8, 7, 1)
        empty_old(rows, kept_days=DAY, empty=seen)
        seen.clear()

        pass_days(monkeypatch, 4)
        empty_old(rows, kept_days=DAY, empty=seen)

        # The last one of the run before stands within the overlap.
        assert seen.all == made[2:5]

    def test_a_run_ends_and_the_next_one_does_the_rest(self, app, seen, rows, make, monkeypatch):
        monkeypatch.setattr(retention, "BATCH", 2)
        monkeypatch.setattr(retention, "MOST", 4)
        made = make(*range(30, 20, -1))

        assert empty_old(rows, kept_days=DAY, empty=seen) == 4
        for _ in range(5):
            empty_old(rows, kept_days=DAY, empty=seen)

        assert sorted(set(seen.all)) == made

    def test_a_crash_costs_its_own_batch_alone(self, app, seen, rows, make, monkeypatch):
        monkeypatch.setattr(retention, "BATCH", 2)
        made = make(*range(30, 20, -1))

        def crash(ids: Any) -> None:
            if made[5] in ids:
                raise ZeroDivisionError
            seen(ids)

        with pytest.raises(ZeroDivisionError):
            empty_old(rows, kept_days=DAY, empty=crash)
        assert seen.all == made[:4]
        seen.clear()
        empty_old(rows, kept_days=DAY, empty=seen)
        assert seen.all[-6:] == made[4:]
        assert len(seen.all) <= 8

    def test_a_shorter_time_takes_in_what_lies_between(self, app, seen, rows, make):
        made = make(30, 20, 5, 1)
        empty_old(rows, kept_days=25, empty=seen)
        seen.clear()
        empty_old(rows, kept_days=3, empty=seen)
        assert seen.all[-2:] == made[1:3]

        seen.clear()
        empty_old(rows, kept_days=25, empty=seen)
        assert seen == []


def test_only_the_key_is_walked(app, seen, monkeypatch):
    """However large the table: batches go through the primary key and read no row beyond."""
    asked: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(retention, "BATCH", 50)

    def note(statement: str, /, **params: Any) -> list[Any]:
        asked.append((statement, params))
        return run(statement, **params)

    monkeypatch.setattr(retention, "run", note)
    with unit_of_work():
        execute(
            "INSERT INTO security_event (kind, actor, created_at) SELECT 'test', '',"
            " now() - make_interval(mins => 60 * 24 * 40 - n) FROM generate_series(1, 20000) AS n"
        )
    with unit_of_work():
        execute("ANALYZE security_event")

    empty_old(EVENTS, kept_days=35, empty=seen)

    assert len(seen.all) == pytest.approx(60 * 24 * 5, abs=2)
    for statement, params in (asked[0], asked[-1]):
        (plan,) = read(f"EXPLAIN (FORMAT JSON) {statement}", **params)
        scan = plan[0][0]["Plan"]["Plans"][0]
        assert scan["Index Name"] == "pk_security_event"
        assert scan["Node Type"] in ("Index Only Scan", "Index Scan")


def test_old_mails_say_nothing_of_anybody_and_are_not_written_again(app):
    make_mails(KEPT_DAYS + 2, KEPT_DAYS - 2)
    waiting = make_mails(KEPT_DAYS + 1)[0]
    with unit_of_work():
        execute("UPDATE mail SET status = 'waiting' WHERE id = %(id)s", id=waiting)

    forget_mails()

    rows = read("SELECT recipient, subject, text_body, html_body, status FROM mail ORDER BY id")
    whole = ("lan@khach.example", "Hello", "text", "<p>html</p>")
    assert [tuple(row) for row in rows] == [
        ("", "", "", "", "sent"),
        (*whole, "waiting"),
        (*whole, "sent"),
    ]
    subject = read_one("SELECT subject_id FROM mail WHERE recipient = ''").subject_id
    with unit_of_work():
        assert not queue_mail(
            purpose="test",
            subject_id=subject,
            store_id="sto_1",
            livemode=False,
            recipient="lan@khach.example",
            subject="Hello",
            text_body="text",
            html_body="",
            locale="en",
        )
