"""`python -m checkout.ops.alive worker`: whether this machine's worker lives, for containers.

Exit code 0 when a process of that kind on this host has shown itself in the last 30 seconds.
"""

from __future__ import annotations

import os
import socket
import sys

import psycopg

_RECENT = """
SELECT 1 FROM heartbeat
WHERE kind = %s AND starts_with(name, %s) AND at > clock_timestamp() - interval '30 seconds'
LIMIT 1
"""


def is_alive(kind: str, *, database_url: str, host: str) -> bool:
    """Whether a `kind` ("worker", "scheduler") of `host` wrote its heartbeat lately."""
    address = database_url.replace("postgresql+psycopg://", "postgresql://", 1)
    with psycopg.connect(address, connect_timeout=4) as connection:
        return connection.execute(_RECENT, (kind, f"{host}:")).fetchone() is not None


def main(arguments: list[str]) -> int:
    """0 alive, 1 not or not known, 2 wrong call."""
    if arguments not in (["worker"], ["scheduler"]):
        print("usage: python -m checkout.ops.alive worker|scheduler", file=sys.stderr)  # noqa: T201
        return 2
    try:
        alive = is_alive(
            arguments[0], database_url=os.environ["DATABASE_URL"], host=socket.gethostname()
        )
    except psycopg.Error as error:
        print(type(error).__name__, file=sys.stderr)  # noqa: T201
        return 1
    return 0 if alive else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
