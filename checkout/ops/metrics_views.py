"""`/metrics` for Prometheus: this process's requests and the queues that all processes share."""

from __future__ import annotations

import time

from flask import Blueprint, Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from checkout.core.config import config
from checkout.core.crypto import same
from checkout.core.db import one
from checkout.core.errors import unauthorized
from checkout.core.exchange import ignored
from checkout.core.room import room

blueprint = Blueprint("metrics", __name__)
REGISTRY = CollectorRegistry()
REQUESTS = Counter(
    "checkout_requests", "Requests answered.", ("method", "route", "status"), registry=REGISTRY
)
SECONDS = Histogram(
    "checkout_request_seconds",
    "Time to answer.",
    ("route",),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)
WAITING = Gauge(
    "checkout_waiting", "Rows that wait for background work.", ("queue",), registry=REGISTRY
)
OPEN_SESSIONS = Gauge("checkout_open_sessions", "Sessions that can be paid.", registry=REGISTRY)
HELD_TRANSFERS = Gauge(
    "checkout_held_transfers", "Transfers that wait for a person.", registry=REGISTRY
)

SOCKETS = Gauge("checkout_open_sockets", "Sockets open in this process.", registry=REGISTRY)
IGNORED = Gauge(
    "checkout_ignored_messages", "Messages of clients that meant nothing.", registry=REGISTRY
)

_COUNTS = """
SELECT (SELECT count(*) FROM inbox WHERE judged_at IS NULL) AS inbox,
    (SELECT count(*) FROM outbox WHERE dispatched_at IS NULL) AS outbox,
    (SELECT count(*) FROM delivery WHERE status = 'waiting') AS deliveries,
    (SELECT count(*) FROM mail WHERE status = 'waiting') AS mail,
    (SELECT count(*) FROM checkout_session
        WHERE status IN ('open', 'processing', 'awaiting_action')) AS open_sessions,
    (SELECT count(*) FROM transfer
        WHERE resolved_at IS NULL AND (held > 0 OR amount IS NULL)) AS held_transfers
"""


def register(app: Flask) -> None:
    """Count every request; the numbers are per process, a scraper adds them up."""
    app.register_blueprint(blueprint)
    app.before_request(_start)
    app.after_request(_count)


@blueprint.get("/metrics")
def get_metrics() -> Response:
    """Text for Prometheus, with `Authorization: Bearer <METRICS_TOKEN>`; closed without one."""
    authorization = request.authorization
    given = authorization.token if authorization and authorization.type == "bearer" else None
    expected = config().metrics_token
    if not expected or not given or not same(given, expected):
        raise unauthorized("invalid_token", "Metrics need their token.")
    _read_counts()
    return Response(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)


def _read_counts() -> None:
    row = one(_COUNTS)
    if row is None:
        return
    for queue in ("inbox", "outbox", "deliveries", "mail"):
        WAITING.labels(queue).set(getattr(row, queue))
    OPEN_SESSIONS.set(row.open_sessions)
    HELD_TRANSFERS.set(row.held_transfers)
    SOCKETS.set(room().count())
    IGNORED.set(ignored.total())


def _start() -> None:
    g.metrics_started = time.perf_counter()


def _count(response: Response) -> Response:
    route = request.url_rule.rule if request.url_rule is not None else "none"
    REQUESTS.labels(request.method, route, response.status_code).inc()
    started = g.get("metrics_started")
    if started is not None:
        SECONDS.labels(route).observe(time.perf_counter() - started)
    return response
