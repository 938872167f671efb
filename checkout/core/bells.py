"""The RQ worker of this project: in a thread, without forks, and for bells only."""

from __future__ import annotations

import logging
from threading import Event
from typing import Any

from redis import Redis
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.timeouts import TimerDeathPenalty

from checkout.core.doorbell import ANSWER, QUEUE
from checkout.core.logs import log

WORKER_TTL_SECONDS = 17
"""RQ waits for jobs 15 seconds less than this at a time, and a stop takes no longer."""


class BellWorker(SimpleWorker):
    """Runs `answer_bell` and nothing else: whoever can write to Redis cannot choose code."""

    death_penalty_class = TimerDeathPenalty
    max_connection_wait_time = 1.0
    log_result_lifespan = False

    def __init__(self, connection: Redis, stop: Event) -> None:
        queue = Queue(QUEUE, connection=connection, serializer=JSONSerializer)
        super().__init__(
            [queue],
            connection=connection,
            serializer=JSONSerializer,
            worker_ttl=WORKER_TTL_SECONDS,
            log_job_description=False,
        )
        self.stop = stop

    def _install_signal_handlers(self) -> None:
        """Signals are for the main thread."""

    def subscribe(self) -> None:
        """RQ's remote commands have no use here."""

    def check_for_suspension(self, burst: bool) -> None:  # noqa: ARG002 - RQ calls it so
        self._stop_requested = self.stop.is_set()

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Called around every wait for a job, also when none came: the place to leave."""
        if self.stop.is_set() and pipeline is None:
            raise StopRequested
        super().heartbeat(timeout, pipeline)

    def execute_job(self, job: Job, queue: Queue) -> None:
        try:
            name = job.func_name
        except Exception:  # noqa: BLE001 - whatever is wrong with it, the next one may be ours
            # A job that cannot even be read was not written by us.
            name = None
        if name != ANSWER:
            log("job_refused", logging.WARNING, job=str(job.id)[:80])
            job.delete()
            return
        super().execute_job(job, queue)
