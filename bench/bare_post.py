"""What the outgoing client's library does at most: signed bodies, many threads, no database."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection

import urllib3

from bench.child import child
from bench.figures import per_second

BODY = b"x" * 1_600


@dataclass(frozen=True, slots=True)
class Posts:
    """How many calls of which address by how many threads."""

    port: int
    path: str
    count: int
    threads: int


def run_posts(posts: Posts) -> float:
    """Calls per second."""
    with child(_main, posts) as sender:
        rate: float = sender.receive(seconds=120)
        return rate


def _main(connection: Connection, posts: Posts) -> None:
    pool = urllib3.HTTPConnectionPool("127.0.0.1", posts.port, maxsize=posts.threads)

    def post(_: int) -> None:
        pool.urlopen("POST", posts.path, body=BODY, retries=False)

    with ThreadPoolExecutor(posts.threads) as executor:
        started = time.perf_counter()
        list(executor.map(post, range(posts.count)))
        seconds = time.perf_counter() - started
    connection.send(per_second(posts.count, seconds))
