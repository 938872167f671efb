"""Events out of the outbox: each once, in order, and a bad one apart from the others."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from checkout.core import clock, outbox
from checkout.core.db import execute, one, run, unit_of_work
from checkout.core.dispatch import dispatch_events
from checkout.core.outbox import Event, one_by_one, record_events, set_reactions


@pytest.fixture(autouse=True)
def _own_reactions() -> Iterator[None]:
    before = dict(outbox._reactions)
    yield
    set_reactions(before)


def record(*types: str) -> list[str]:
    with unit_of_work():
        return record_events(
            Event(
                type=type_,
                store_id="sto_1",
                livemode=False,
                subject="subject",
                object={"n": number},
                at=clock.now(),
            )
            for number, type_ in enumerate(types)
        )


def waiting() -> int:
    row = one("SELECT count(*) AS total FROM outbox WHERE dispatched_at IS NULL")
    return int(row.total) if row else 0


def test_each_reaction_gets_what_it_listens_to_in_one_call(app):
    calls: list[tuple[str, list[str]]] = []

    def reaction(name: str) -> Any:
        return lambda rows: calls.append((name, [row.id for row in rows]))

    set_reactions(
        {"a": (reaction("a1"), reaction("a2")), "b": (reaction("b"),), "*": (reaction("all"),)}
    )
    first, second, third, fourth = record("a", "b", "a", "c")
    assert dispatch_events() == 4
    assert sorted(calls) == [
        ("a1", [first, third]),
        ("a2", [first, third]),
        ("all", [first, second, third, fourth]),
        ("b", [second]),
    ]
    assert dispatch_events() == 0


def test_a_reaction_s_rows_commit_with_the_dispatch_or_not_at_all(app):
    def half(rows: list[Any]) -> None:
        execute(
            "INSERT INTO audit_entry (store_id, actor, action, target)"
            " VALUES ('sto_1', 'test', 'half', 'x')"
        )
        raise ValueError

    set_reactions({"a": (half,)})
    record("a")
    dispatch_events()
    assert waiting() == 1
    assert one("SELECT 1 AS found FROM audit_entry WHERE action = 'half'") is None


def test_a_poisoned_event_stops_no_other(app):
    seen: list[str] = []

    def choosy(row: Any) -> None:
        if row.type == "poison":
            raise ValueError
        seen.append(row.id)

    set_reactions({"*": (one_by_one(choosy),)})
    ids = record("good", "poison", "good", "poison", "good")
    assert dispatch_events() == 5
    assert seen[-3:] == [ids[0], ids[2], ids[4]]
    assert waiting() == 2
    # It waits its turn instead of being tried in a circle, ...
    assert dispatch_events() == 0
    tries = run("SELECT tries FROM outbox WHERE dispatched_at IS NULL")
    assert [row.tries for row in tries] == [1, 1]
    # ... and what is new goes on beside it.
    record("good")
    assert dispatch_events() == 1

    set_reactions({})
    with unit_of_work():
        execute("UPDATE outbox SET next_try_at = clock_timestamp()")
    assert dispatch_events() == 2
    assert waiting() == 0


def test_many_dispatchers_at_once_hand_each_event_out_once(app):
    lock = threading.Lock()
    seen: list[str] = []

    def note(rows: list[Any]) -> None:
        with lock:
            seen.extend(row.id for row in rows)

    set_reactions({"*": (note,)})
    ids = record(*["a"] * 1500)

    def work() -> None:
        with app.app_context():
            while dispatch_events():
                pass

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(seen) == sorted(ids)
    assert waiting() == 0
