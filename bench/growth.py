"""What creating, matching and listing cost when there are more and more sessions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg

from bench.bare_insert import Inserts, run_inserts
from bench.figures import Limit, Report, at_most, ratio
from bench.load import Answers, Load, request, run_load
from bench.run import Run
from bench.shop import (
    Shop,
    call,
    copy_rows,
    copy_waiting,
    filling,
    make_shop,
    make_waiting,
    notices_for,
    tail,
)
from bench.stack import Installation, installation, settle_down

SIZES = (1_000, 100_000, 1_000_000)
QUICK_SIZES = (1_000, 20_000)
GROWTH = at_most(1.3)
BARE = "a bare insert and commit, for comparison"
FILLED_FROM = 100_000_000
"""Numbers of the rows that only take up room."""
_PART = 100_000


def measure(run: Run) -> Report:
    """One client, one call after another: the median tells the cost, not the queueing."""
    report = Report("growth")
    sizes = QUICK_SIZES if run.quick else SIZES
    calls = run.pick(1_000, 200)
    costs: dict[str, list[float]] = {}
    with installation(run.cluster, "growth", "web", "worker", "scheduler") as place:
        shop = make_shop(place)
        settled = _settle_one(place, shop)
        original = make_waiting(place, shop)
        filled = 0
        _warm_up(place, shop)
        with place.connect() as connection:
            for number, size in enumerate(sizes):
                _fill(run, connection, settled, filled, size)
                filled = size
                waiting = copy_waiting(connection, original, calls, first=number * calls)
                settle_down(connection)
                run.progress.say(f"growth: {calls} calls of each kind at {size} sessions")
                match = notices_for(shop, waiting, first=1 + number * calls)
                for name, load in _loads(place, shop, match, calls, filled).items():
                    answers = run_load(load)
                    costs.setdefault(name, []).append(answers.ms(50))
                    _check(report, name, answers)
                inserts = run_inserts(Inserts(place.database_url, 1, 1.0))
                costs.setdefault(BARE, []).append(inserts.ms(50))
    _add_figures(report, sizes, costs)
    return report


def _warm_up(place: Installation, shop: Shop) -> None:
    """Connections, prepared statements and caches: the first size must not pay for them."""
    run_load(Load(place.address, [shop.create_request], 1, 2))
    newest = request("GET", "/api/v1/checkout/sessions?limit=20", headers=shop.headers)
    run_load(Load(place.address, [newest], 1, 1))


def _settle_one(place: Installation, shop: Shop) -> str:
    """A session that is paid, to be copied with all its rows; returns its id."""
    session_id, attempt_id = make_waiting(place, shop)
    attempt = call(place, shop, f"/checkout/attempts/{attempt_id}")
    notice = shop.hook_request(900_000_000, attempt["code"])
    run_load(Load(place.address, [notice], 1, 10, once=True))
    return session_id


def _fill(
    run: Run, connection: psycopg.Connection[Any], session_id: str, filled: int, size: int
) -> None:
    """Paid sessions with their attempt, transfer, payment, history, event and notice."""
    originals = _originals(connection, session_id)
    for start in range(filled, size, _PART):
        run.progress.say(f"growth: filling in sessions, {start} of {size} are there")
        end = min(size, start + _PART)
        source = f"generate_series({FILLED_FROM + start}, {FILLED_FROM + end - 1}) AS source (n)"
        with filling(connection):
            for table, changes in _CHANGES.items():
                copy_rows(connection, table, originals[table], source, changes)


_CHANGES: Mapping[str, Mapping[str, str]] = {
    "checkout_session": {"id": tail("cs"), "reference": "'BK-' || source.n"},
    "attempt": {
        "id": tail("att"),
        "session_id": tail("cs"),
        "code": "'ZZ-' || source.n",
    },
    "session_history": {"session_id": tail("cs")},
    "outbox": {"id": tail("evt"), "subject": tail("cs")},
    "inbox": {"id": tail("inb"), "provider_reference": "'filled-' || source.n"},
    "transfer": {
        "id": tail("trf"),
        "provider_reference": "'filled-' || source.n",
        "fingerprint": "md5(source.n::text)",
        "session_id": tail("cs"),
        "attempt_id": tail("att"),
        "inbox_id": tail("inb"),
    },
    "payment": {
        "id": tail("pay"),
        "session_id": tail("cs"),
        "attempt_id": tail("att"),
        "transfer_id": tail("trf"),
    },
}


def _originals(connection: psycopg.Connection[Any], session_id: str) -> dict[str, str | int]:
    """The id of one row of each table that belongs to the session."""
    found: dict[str, str | int] = {}
    for table in _CHANGES:
        column = {"checkout_session": "id", "outbox": "subject"}.get(table, "session_id")
        statement = f"SELECT max(id) FROM {table} WHERE {column} = %s"
        if table == "inbox":
            statement = "SELECT max(inbox_id) FROM transfer WHERE session_id = %s"
        row = connection.execute(statement, (session_id,)).fetchone()
        assert row is not None
        found[table] = row[0]
    return found


def _loads(
    place: Installation, shop: Shop, match: list[bytes], calls: int, filled: int
) -> dict[str, Load]:
    path = "/api/v1/checkout/sessions"
    middle = call(place, shop, "/checkout/sessions?limit=100&status=completed")["next_cursor"]
    reference = f"BK-{FILLED_FROM + filled // 2}"
    lists = {
        "list the newest": f"{path}?limit=20",
        "list paid ones from a cursor": f"{path}?limit=20&status=completed&cursor={middle}",
        "list by reference": f"{path}?limit=20&reference={reference}",
    }
    loads = {
        "create": Load(place.address, [shop.create_request] * calls, 1, 60, once=True),
        "match and settle": Load(place.address, match, 1, 60, once=True),
    }
    for name, url in lists.items():
        calls_of_list = [request("GET", url, headers=shop.headers)] * (calls // 2)
        loads[name] = Load(place.address, calls_of_list, 1, 60, once=True)
    return loads


def _check(report: Report, name: str, answers: Answers) -> None:
    report.faults += answers.faults(name, 200, 201)
    if name.startswith("list"):
        report.expect(b'"data":[{' in answers.sample, f"{name}: the list is empty")


def _add_figures(report: Report, sizes: tuple[int, ...], costs: Mapping[str, list[float]]) -> None:
    """Each kind's growth, with its median at every size behind it."""
    for name, medians in costs.items():
        shown = ", ".join(f"{ms:.2f} at {size:,}" for size, ms in zip(sizes, medians, strict=True))
        report.add(
            f"{name}: p50 at {sizes[-1]:,} sessions",
            medians[-1],
            "ms",
            None,
            Limit(f"at {sizes[0]:,}", medians[0]),
        )
        target = GROWTH if name != BARE else None
        report.add(f"{name}: growth", ratio(medians[-1], medians[0]), "x", target)
        report.notes.append(f"{name}: ms {shown}")
