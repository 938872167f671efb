"""What a merchant waits for when there are a million payments: lists, a record, the overview,
and what an export of all of them costs in memory.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from bench.figures import Limit, Report, at_most
from bench.load import Load, request, run_load
from bench.processes import rss_bytes
from bench.run import Run
from bench.shop import Shop, call, copy_rows, filling, make_shop, make_waiting
from bench.stack import Installation, installation, settle_down
from checkout.core.clock import utc_now
from checkout.core.db import unit_of_work
from checkout.merchants.access import cookie_name
from checkout.merchants.accounts import register_user
from checkout.merchants.members import add_member
from checkout.merchants.sign_ins import RequestFacts, sign_in_browser

LIST_MS = at_most(100)
GROWTH_MIB = at_most(40)
"""What an export may add to the process that makes it."""
_PART = 100_000
_SECONDS_APART = 20
"""Between two payments: a million are the better part of a year."""
_SYMBOLS = "0123456789abcdefghjkmnpqrstvwxyz"


def measure(run: Run) -> Report:
    """One client, one page after another, as its p95; then one export of everything at a time."""
    report = Report("dashboard")
    size = run.pick(1_000_000, 20_000)
    with installation(run.cluster, "dashboard", "web", "worker", "scheduler") as place:
        shop = make_shop(place)
        session_id = _settle_one(place, shop)
        with place.connect() as connection:
            for start in range(0, size, _PART):
                run.progress.say(f"dashboard: filling in payments, {start} of {size} are there")
                _fill(connection, session_id, start, min(size, start + _PART))
            settle_down(connection)
        root = f"/dashboard/{shop.store_id}/live"
        for name, path in _pages(session_id).items():
            run.progress.say(f"dashboard: {name}")
            _measure_page(report, place, shop, name, root + path, run.pick(100, 30))
        for format_ in ("csv", "xlsx"):
            run.progress.say(f"dashboard: all {size} payments as {format_}")
            _measure_export(report, place, shop, f"{root}/payments/export", format_, size)
    return report


def _pages(session_id: str) -> Mapping[str, str]:
    today = utc_now().date()
    return {
        "payments": "/payments",
        "payments of one rail and currency": "/payments?rail=vietqr&currency=VND",
        "the few refunded ones": "/payments?status=refunded",
        "two filters that nothing fits": "/payments?rail=zalopay&status=refunded",
        "late ones of this month": f"/payments?late=true&from={today.replace(day=1)}",
        "by an amount that is everywhere": "/payments?q=150.000",
        "by an amount, refunded": "/payments?q=150000&status=refunded",
        "by a reference": "/payments?q=BK-4711",
        "by an address nobody has": f"/payments?q={quote('nobody@shop.example')}",
        "by a word that is nowhere": "/payments?q=nothing",
        "sessions": "/sessions?status=completed",
        "sessions by an amount": "/sessions?q=150000&payment_status=paid",
        "a session with its story": f"/sessions/{session_id}",
    }


def _settle_one(place: Installation, shop: Shop) -> str:
    """A session that is paid, to be copied; returns its id."""
    session_id, attempt_id = make_waiting(place, shop)
    attempt = call(place, shop, f"/checkout/attempts/{attempt_id}")
    notice = shop.hook_request(900_000_000, attempt["code"])
    run_load(Load(place.address, [notice], 1, 10, once=True))
    return session_id


def _fill(connection, session_id: str, start: int, end: int) -> None:  # type: ignore[no-untyped-def]  # psycopg's
    """Paid sessions and their payments, back from now; a few are refunded, a few late."""
    source = f"generate_series({start + 1}, {end}) AS source (n)"
    at = f"now() - source.n * interval '{_SECONDS_APART} seconds'"
    (payment_id,) = connection.execute(
        "SELECT id FROM payment WHERE session_id = %s", (session_id,)
    ).fetchone()
    common = {"reference": "'BK-' || source.n", "created_at": at}
    with filling(connection):
        copy_rows(connection, "checkout_session", session_id, source, {"id": _id("cs"), **common})
        copy_rows(
            connection,
            "payment",
            payment_id,
            source,
            {
                "id": _id("pay"),
                "session_id": _id("cs"),
                "rail": "CASE WHEN source.n % 3 = 0 THEN 'zalopay' ELSE 'vietqr' END",
                "status": "CASE WHEN source.n % 60000 = 7 THEN 'refunded' ELSE 'succeeded' END",
                "late": "source.n % 997 = 0",
                "paid_at": at,
                **common,
            },
        )


def _id(prefix: str) -> str:
    """SQL for an id of the time that the row has: ten symbols of milliseconds, then a number."""
    milliseconds = (
        f"((extract(epoch FROM now()) * 1000)::bigint - source.n * {_SECONDS_APART * 1000}::bigint)"
    )
    symbols = " || ".join(
        f"substr('{_SYMBOLS}', (({milliseconds} << 2) >> {45 - 5 * place} & 31)::int + 1, 1)"
        for place in range(10)
    )
    return f"'{prefix}_' || {symbols} || lpad(source.n::text, 18, '0')"


def _measure_page(
    report: Report, place: Installation, shop: Shop, name: str, path: str, calls: int
) -> None:
    page = request("GET", path, headers=_sign_in(place, shop, name))
    run_load(Load(place.address, [page] * 5, 1, 60, once=True))
    answers = run_load(Load(place.address, [page] * calls, 1, 120, once=True))
    report.faults += answers.faults(name, 200)
    report.add(f"{name}: p95", answers.ms(95), "ms", LIST_MS, Limit("the median", answers.ms(50)))


def _sign_in(place: Installation, shop: Shop, name: str) -> dict[str, str]:
    """The cookie of a member of its own, so that nobody's limit is reached."""
    words = "".join(letter for letter in name if letter.isalpha())
    with place.app.app_context():
        with unit_of_work():
            user = register_user(f"{words}@bench.example", "a benchmark has to sign in", "B", "vi")
            add_member(shop.store_id, user.id, "owner")
            cookie = sign_in_browser(user.id, RequestFacts("bench", "127.0.0.1"))
        return {"Cookie": f"{cookie_name()}={cookie}"}


@dataclass(slots=True)
class _Peak:
    """The most memory that processes have had since it was started."""

    pids: list[int]
    bytes: int = 0
    running: bool = True

    def watch(self) -> None:
        while self.running:
            self.bytes = max(self.bytes, rss_bytes(self.pids))
            time.sleep(0.1)


def _measure_export(
    report: Report, place: Installation, shop: Shop, path: str, format_: str, size: int
) -> None:
    headers = _sign_in(place, shop, f"export {format_}")
    pids = place.pids("web")
    before = rss_bytes(pids)
    peak = _Peak(pids)
    watcher = threading.Thread(target=peak.watch)
    watcher.start()
    started = time.monotonic()
    try:
        status, received = _download(place, f"{path}?format={format_}", headers)
    finally:
        peak.running = False
        watcher.join()
    seconds = time.monotonic() - started
    report.expect(status == 200 and received > size, f"{format_}: {status}, {received} bytes")
    report.add(f"{format_} of {size:,}: memory", (peak.bytes - before) / 2**20, "MiB", GROWTH_MIB)
    report.add(f"{format_} of {size:,}: time", seconds, "s")
    report.notes.append(f"{format_}: {received / 2**20:.1f} MiB")


def _download(place: Installation, path: str, headers: dict[str, str]) -> tuple[int, int]:
    connection = http.client.HTTPConnection(*place.address, timeout=600)
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        received = 0
        while piece := response.read(1 << 16):
            received += len(piece)
        return response.status, received
    finally:
        connection.close()
