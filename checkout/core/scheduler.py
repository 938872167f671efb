"""The scheduler: rings for periodic tasks when they are due, and needs little more than that.

It runs without the application: what there is to do, and when, workers write down beside the
heartbeats. Any number of schedulers does no harm, and without one the workers look themselves
every few seconds.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from threading import Event

import psycopg
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from checkout.core.config import Config
from checkout.core.doorbell import press

PERIODIC = "periodic_tasks"
LOOK_SECONDS = 1.0
HEARTBEAT_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 15.0

_DUE = "SELECT EXISTS (SELECT 1 FROM heartbeat WHERE kind = 'periodic' AND at <= clock_timestamp())"
_BEAT = (
    "INSERT INTO heartbeat (kind, name, at) VALUES ('scheduler', %s, clock_timestamp())"
    " ON CONFLICT (kind, name) DO UPDATE SET at = excluded.at"
)
_TIDY = (
    "DELETE FROM heartbeat WHERE kind = 'scheduler' AND at < clock_timestamp() - interval '1 day'"
)
_LEAVE = "DELETE FROM heartbeat WHERE kind = 'scheduler' AND name = %s"


def run_scheduler(config: Config, stop: Event) -> None:
    """Look every second until `stop`; a database or Redis that is away is waited for."""
    scheduler = _Scheduler(config)
    pause = LOOK_SECONDS
    while not stop.wait(pause):
        try:
            scheduler.look()
            pause = LOOK_SECONDS
        except (psycopg.Error, RedisError, OSError) as error:
            sys.stderr.write(f'{{"event":"scheduler_waits","error":"{type(error).__name__}"}}\n')
            pause = min(LONGEST_PAUSE_SECONDS, pause * 2)
    scheduler.leave()


class _Scheduler:
    def __init__(self, config: Config) -> None:
        self.database_url = config.database_url.replace("postgresql+psycopg://", "postgresql://", 1)
        self.redis: Redis = Redis.from_url(
            config.redis_url,
            socket_timeout=1.0,
            socket_connect_timeout=1.0,
            retry=Retry(NoBackoff(), 1),
        )
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self.connection: psycopg.Connection[tuple[bool]] | None = None
        self.beat_at = 0.0

    def look(self) -> None:
        """Show that this process lives, and ring if anything is due."""
        try:
            connection = self._connected()
            if time.monotonic() >= self.beat_at:
                connection.execute(_BEAT, (self.name,))
                connection.execute(_TIDY)
                self.beat_at = time.monotonic() + HEARTBEAT_SECONDS
            row = connection.execute(_DUE).fetchone()
        except psycopg.Error:
            self._disconnect()
            raise
        if row is not None and row[0]:
            press(self.redis, PERIODIC)

    def leave(self) -> None:
        """Take the heartbeat away, so that nobody counts on this process."""
        try:
            self._connected().execute(_LEAVE, (self.name,))
        except psycopg.Error as error:
            sys.stderr.write(f'{{"event":"scheduler_left","error":"{type(error).__name__}"}}\n')
        self._disconnect()

    def _connected(self) -> psycopg.Connection[tuple[bool]]:
        if self.connection is None:
            self.connection = psycopg.connect(
                self.database_url,
                autocommit=True,
                connect_timeout=4,
                options="-c statement_timeout=4000",
            )
        return self.connection

    def _disconnect(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None
