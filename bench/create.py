"""Creating sessions over the API."""

from __future__ import annotations

from bench.bare_insert import Inserts, run_inserts
from bench.figures import Limit, Report, at_least, at_most
from bench.load import Answers, Load, request, run_load
from bench.run import Run
from bench.shop import Shop, make_shop
from bench.stack import Installation, installation

CLIENTS = (1, 8, 32)
JUDGED = 8
RATE, P99_MS = at_least(500), at_most(40)
_PARTS = ("web", "worker", "postgres", "redis")


def measure(run: Run) -> Report:
    """Requests per second and latency, beside bare inserts and bare routes."""
    report = Report("create a session")
    seconds = run.pick(8, 2)
    with installation(run.cluster, "create") as place:
        limits = {clients: _measure_bare(run, place, clients, seconds) for clients in CLIENTS}
        place.start("web", "worker", "scheduler")
        shop = make_shop(place)
        for clients in CLIENTS:
            run.progress.say(f"create: {clients} clients for {seconds} s")
            _measure_clients(report, place, shop, clients, seconds, limits[clients])
    return report


def _measure_bare(
    run: Run, place: Installation, clients: int, seconds: float
) -> tuple[Answers, Answers, Answers]:
    """Inserts without a server, a route without a database, and both together."""
    run.progress.say(f"create: the limits with {clients} clients")
    seconds = max(1.0, seconds / 2)
    inserts = run_inserts(Inserts(place.database_url, clients, seconds))
    if "bare" not in place.processes:
        place.start("bare")
    answers = []
    for path in ("/bare", "/insert"):
        bare = request("POST", path, body=b'{"amount":150000,"currency":"VND"}')
        answers.append(run_load(Load(place.address, [bare], clients, seconds, warm_seconds=0.5)))
    if clients == CLIENTS[-1]:
        place.stop("bare")
    return inserts, answers[0], answers[1]


def _measure_clients(
    report: Report,
    place: Installation,
    shop: Shop,
    clients: int,
    seconds: float,
    limits: tuple[Answers, Answers, Answers],
) -> None:
    load = Load(place.address, [shop.create_request], clients, seconds)
    run_load(Load(place.address, [shop.create_request], clients, 1.0))
    before = place.cpu(*_PARTS)
    answers = run_load(load)
    used = {name: now - before[name] for name, now in place.cpu(*_PARTS).items()}
    names = ("insert and commit", "bare route", "route with insert")
    rates = [Limit(name, limit.rate) for name, limit in zip(names, limits, strict=True)]
    judged = clients == JUDGED
    at = f"{clients} client{'s' if clients > 1 else ''}"
    report.add(f"{at}: sessions", answers.rate, "/s", RATE if judged else None, *rates)
    report.add(f"{at}: p50", answers.ms(50), "ms", None, Limit(names[2], limits[2].ms(50)))
    report.add(
        f"{at}: p99",
        answers.ms(99),
        "ms",
        P99_MS if judged else None,
        Limit(names[2], limits[2].ms(99)),
    )
    cost = ", ".join(f"{name} {1000 * cpu / answers.count:.2f}" for name, cpu in used.items())
    report.notes.append(
        f"{at}: CPU ms a session: {cost}, the client itself {answers.client_cpu_ms:.3f}"
    )
    report.faults += answers.faults(at, 201)
