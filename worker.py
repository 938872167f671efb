"""Background work: `python worker.py` runs the queues, `python worker.py scheduler` the clock."""

from __future__ import annotations

import os
import sys
from threading import Event

from checkout.core.process import stop_on_signal, trim_memory

NICENESS = 5
"""On processors that are shared, a page or notice that somebody waits for goes first."""


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["worker"], ["scheduler"]):
        sys.stderr.write("usage: python worker.py [worker|scheduler]\n")
        return 2
    trim_memory()
    os.nice(NICENESS)
    from checkout.core.config import ConfigError  # noqa: PLC0415 - after the memory is trimmed

    stop = stop_on_signal()
    try:
        if arguments == ["scheduler"]:
            schedule(stop)
        else:
            work(stop)
    except ConfigError as error:
        sys.stderr.write(f"Error: {error}.\n")
        return 3
    return 0


def schedule(stop: Event) -> None:
    from checkout.core.config import load_config  # noqa: PLC0415 - each process loads its own
    from checkout.core.scheduler import run_scheduler  # noqa: PLC0415

    run_scheduler(load_config(os.environ), stop)


def work(stop: Event) -> None:
    from checkout import areas, create_app  # noqa: PLC0415
    from checkout.core.work import run_worker  # noqa: PLC0415

    app = create_app(surfaces=False)
    areas.import_jobs()
    run_worker(app, stop)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
