"""How gunicorn serves the product. Read by `gunicorn --config gunicorn.conf.py wsgi:app`."""

from __future__ import annotations

from gevent import monkey

# Before anything else is imported, so that sockets and locks are the cooperative ones.
monkey.patch_all()

import gc  # noqa: E402 - see above
import os  # noqa: E402
import resource  # noqa: E402
import shutil  # noqa: E402
import tempfile  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

# One open page is one file; the rest of the limit is for the database, Redis and logs.
_FILES_FOR_OTHERS = 256


def _raise_file_limit() -> int:
    """The soft limit becomes the hard one; returns how many files may be open."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


bind = os.environ.get("BIND", "127.0.0.1:8000")
workers = int(os.environ.get("WEB_PROCESSES", "1"))
worker_class = "checkout.ops.gunicorn_worker.Worker"
worker_connections = max(128, min(20000, _raise_file_limit() - _FILES_FOR_OTHERS))
backlog = 2048

# The whole header of a request must arrive within this time, the first one on a connection
# and every later one; an idle connection is closed after it.
keepalive = int(os.environ.get("HEADER_SECONDS", "10"))
timeout = 60
graceful_timeout = 10

# The pulse of the workers is a file; on a disk that is busy writing it would stand still.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - made by gunicorn
control_socket_disable = True
# Forwarded headers are believed from configured proxies only, which the application does.
forwarded_allow_ips = ""
forwarder_headers = ""
errorlog = "-"
loglevel = os.environ.get("LOG_LEVEL", "info").lower()

# Several processes behind one address count their requests together, in files of this folder.
_counts = tempfile.mkdtemp(prefix="checkout-metrics-") if workers > 1 else None
if _counts is not None:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = _counts


def child_exit(server: Any, worker: Any) -> None:  # noqa: ARG001 - gunicorn calls it so
    """What a process counted stays; that it has open sockets is no longer true."""
    if _counts is not None:
        from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415 - for few

        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # it has no types


def on_exit(server: Any) -> None:  # noqa: ARG001 - gunicorn calls it so
    """A new start counts from nothing."""
    if _counts is not None:
        shutil.rmtree(_counts, ignore_errors=True)


def post_worker_init(worker: Any) -> None:  # noqa: ARG001 - gunicorn calls it so
    """Thousands of idle sockets are thousands of objects that the collector need not visit.

    With the defaults a full collection over them makes single requests wait 100 ms.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
