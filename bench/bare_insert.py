"""What database and driver do at most: one row, one commit, as often as it goes."""

from __future__ import annotations

import threading
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import psycopg

from bench.child import child, cpu_now
from bench.load import Answers

TABLE = (
    "CREATE TABLE IF NOT EXISTS bench_row"
    " (id bigserial PRIMARY KEY, body text NOT NULL, at timestamptz NOT NULL DEFAULT now())"
)
INSERT = "INSERT INTO bench_row (body) VALUES (%s)"
ROW = "x" * 1_400
"""As many bytes as a session and its event take."""


@dataclass(frozen=True, slots=True)
class Inserts:
    """Where, how many at once, how long."""

    database_url: str
    clients: int
    seconds: float


def run_inserts(inserts: Inserts) -> Answers:
    """Insert and commit in a process of its own."""
    with psycopg.connect(inserts.database_url, autocommit=True) as connection:
        connection.execute(TABLE)
    with child(_main, inserts) as client:
        answers: Answers = client.receive(seconds=inserts.seconds + 30)
        return answers


def _main(connection: Connection, inserts: Inserts) -> None:
    connections = [
        psycopg.connect(inserts.database_url, autocommit=True) for _ in range(inserts.clients)
    ]
    cpu, started = cpu_now(), time.perf_counter()
    lists = _insert_all(connections, started + inserts.seconds)
    answers = Answers(seconds=time.perf_counter() - started, client_cpu_seconds=cpu_now() - cpu)
    for latencies_ms in lists:
        answers.latencies_ms.extend(latencies_ms)
    connection.send(answers)


def _insert_all(
    connections: Sequence[psycopg.Connection[Any]], ends_at: float
) -> list[array[float]]:
    lists = [array("d") for _ in connections]
    threads = [
        threading.Thread(target=_insert_until, args=(connection, ends_at, latencies_ms))
        for connection, latencies_ms in zip(connections, lists, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return lists


def _insert_until(
    connection: psycopg.Connection[Any], ends_at: float, latencies_ms: array[float]
) -> None:
    while (started := time.perf_counter()) < ends_at:
        connection.execute(INSERT, (ROW,))
        latencies_ms.append((time.perf_counter() - started) * 1000)
