"""`/metrics` for Prometheus: requests of this web server, and what all processes share.

Where the web server has several processes (`gunicorn.conf.py`), they count into files that
whichever is asked adds up.
"""

from __future__ import annotations

import os
import time

from flask import Blueprint, Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector

from checkout.core.config import config
from checkout.core.crypto import same
from checkout.core.errors import unauthorized
from checkout.core.exchange import ignored
from checkout.core.room import room
from checkout.ops.metrics import SharedNumbers

blueprint = Blueprint("metrics", __name__)
REGISTRY = CollectorRegistry()
SHARED = CollectorRegistry()
SHARED.register(SharedNumbers())
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
SOCKETS = Gauge(
    "checkout_open_sockets",
    "Sockets open in this web server.",
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
IGNORED = Gauge(
    "checkout_ignored_messages",
    "Messages of clients that meant nothing.",
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
MANY = "PROMETHEUS_MULTIPROC_DIR"


def register(app: Flask) -> None:
    """Count every request."""
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
    _note_sockets()
    text = generate_latest(_counted()) + generate_latest(SHARED)
    return Response(text, content_type=CONTENT_TYPE_LATEST)


def _counted() -> CollectorRegistry:
    """What the processes of this web server have counted."""
    if MANY not in os.environ:
        return REGISTRY
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]  # it has no types
    return together


def _note_sockets() -> None:
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
    # Another process may be asked for the numbers, and knows of these sockets from here only.
    _note_sockets()
    return response
