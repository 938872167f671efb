"""Background work: `python worker.py` runs the queues, `python worker.py scheduler` the clock."""

from __future__ import annotations

import sys

from checkout import areas, create_app
from checkout.core import work


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["worker"], ["scheduler"]):
        sys.stderr.write("usage: python worker.py [worker|scheduler]\n")
        return 2
    work.trim_memory()
    app = create_app()
    areas.import_jobs()
    if arguments == ["scheduler"]:
        work.run_scheduler(app)
    else:
        work.run_worker(app)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
