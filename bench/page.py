"""The shopper's page while it waits for the money."""

from __future__ import annotations

import gzip
import http.client
import re

from bench.browser import find_browser, see_qr
from bench.figures import Limit, Report, at_least, at_most, percentile
from bench.load import Answers, Load, request, run_load
from bench.run import Run
from bench.shop import Waiting, copy_waiting, make_shop, make_waiting
from bench.stack import Installation, installation, settle_down

CLIENTS = 8
RATE, QR_MS, KILOBYTES = at_least(400), at_most(100), at_most(60)
BROWSER_HEADERS = {"Accept-Encoding": "gzip, deflate, br", "Accept-Language": "vi"}
_STATIC = re.compile(r'(?:src|href)="(/static/[^"]+)"')


def measure(run: Run) -> Report:
    """Pages per second, their CPU and weight; how soon a new browser shows the code."""
    report = Report("the page, waiting for a transfer")
    seconds = run.pick(6, 2)
    with installation(run.cluster, "page", "bare") as place:
        run.progress.say("page: the limit")
        bare = run_load(Load(place.address, [request("GET", "/bare")], CLIENTS, seconds, 0.5))
        place.stop("bare")
        place.start("web", "worker", "scheduler")
        shop = make_shop(place)
        original = make_waiting(place, shop)
        with place.connect() as connection:
            waiting = copy_waiting(connection, original, run.pick(4000, 1200))
            settle_down(connection)
        _measure_rates(run, report, place, waiting, seconds, bare)
        _measure_weight(report, place, waiting[0].session_id)
        _measure_browser(run, report, place, waiting)
    return report


def _measure_rates(
    run: Run,
    report: Report,
    place: Installation,
    waiting: list[Waiting],
    seconds: float,
    bare: Answers,
) -> None:
    pages = [request("GET", f"/pay/{one.session_id}", headers=BROWSER_HEADERS) for one in waiting]
    run_load(Load(place.address, pages[:200], CLIENTS, 1.0))
    limit = Limit("bare route", bare.rate)
    for name, load in (
        ("opened for the first time", Load(place.address, pages[200:], CLIENTS, 30, once=True)),
        ("opened again", Load(place.address, pages[:200], CLIENTS, seconds)),
    ):
        run.progress.say(f"page: {name}")
        before = place.cpu("web", "postgres")
        answers = run_load(load)
        used = {part: now - before[part] for part, now in place.cpu("web", "postgres").items()}
        report.add(f"{name}: pages", answers.rate, "/s", RATE, limit)
        report.add(f"{name}: p50", answers.ms(50), "ms", None, Limit("bare route", bare.ms(50)))
        report.add(f"{name}: p99", answers.ms(99), "ms", None, Limit("bare route", bare.ms(99)))
        for part, cpu in used.items():
            report.add(f"{name}: CPU of {part}", 1000 * cpu / answers.count, "ms a page")
        report.faults += answers.faults(name, 200)


def _measure_weight(report: Report, place: Installation, session_id: str) -> None:
    """What a first load carries: the document and every file that it names."""
    document, weight = _fetch(place, f"/pay/{session_id}")
    report.add("document", len(document) / 1024, "KB")
    report.add("document, gzipped", weight / 1024, "KB")
    names = sorted(set(_STATIC.findall(document.decode())))
    total = weight + sum(_fetch(place, name)[1] for name in names)
    report.add(f"first load with its {len(names)} files, gzipped", total / 1024, "KB", KILOBYTES)


def _fetch(place: Installation, path: str) -> tuple[bytes, int]:
    """The body as text, and how many bytes of it travelled."""
    connection = http.client.HTTPConnection(*place.address, timeout=10)
    try:
        connection.request("GET", path, headers=BROWSER_HEADERS)
        response = connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise RuntimeError(f"{path} answered {response.status}")
        zipped = response.getheader("Content-Encoding") == "gzip"
        return (gzip.decompress(body) if zipped else body), len(body)
    finally:
        connection.close()


def _measure_browser(run: Run, report: Report, place: Installation, waiting: list[Waiting]) -> None:
    program = find_browser()
    if program is None:
        report.notes.append("no browser found: set CHECKOUT_BROWSER to a Chromium to see the QR")
        return
    count = run.pick(7, 3)
    run.progress.say(f"page: the QR in {count} new browsers")
    base = f"http://127.0.0.1:{place.port}/pay/"
    found = see_qr(program, [base + one.session_id for one in waiting[-count:]])
    report.add("QR visible in a new browser: p50", percentile(found, 50), "ms", QR_MS)
    report.add("QR visible in a new browser: slowest", max(found), "ms")
