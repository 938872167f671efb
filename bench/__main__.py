"""`python -m bench [NAME…] [--quick] [--json FILE]`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import (
    create,
    dashboard,
    deliveries,
    expiry,
    growth,
    kills,
    monitor,
    page,
    push,
    rails,
    settle,
    start,
)
from bench.figures import Report
from bench.progress import Progress
from bench.run import Run
from bench.stack import Cluster
from bench.table import draw_report

BENCHMARKS: dict[str, Callable[[Run], Report]] = {
    "create": create.measure,
    "page": page.measure,
    "settle": settle.measure,
    "rails": rails.measure,
    "monitor": monitor.measure,
    "push": push.measure,
    "expiry": expiry.measure,
    "deliveries": deliveries.measure,
    "growth": growth.measure,
    "dashboard": dashboard.measure,
    "start": start.measure,
    "kills": kills.measure,
}


def main(arguments: list[str]) -> int:
    """0 when everything held, 1 when a target was missed, 2 when something went wrong."""
    options = _parse(arguments)
    # A polite end also when somebody else ends us: the stack must not stay behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    progress = Progress()
    reports: dict[str, Report] = {}
    started_at = time.monotonic()
    print(_machine(), flush=True)
    try:
        progress.say("starting PostgreSQL and Redis")
        with Cluster() as cluster:
            for name in options.names or BENCHMARKS:
                reports[name] = BENCHMARKS[name](Run(cluster, progress, options.quick))
                progress.clear()
                print(f"\n{draw_report(reports[name])}", flush=True)
    except KeyboardInterrupt:
        progress.clear()
        print("\nStopped.", flush=True)
        return 130
    finally:
        if options.json and reports:
            Path(options.json).write_text(
                json.dumps(_as_json(reports, options.quick), indent=1, ensure_ascii=False) + "\n"
            )
    return _sum_up(reports, time.monotonic() - started_at)


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--quick", action="store_true", help="small sizes, at most three minutes")
    parser.add_argument("--json", metavar="FILE", help="write the figures there as well")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"no such benchmark: {', '.join(unknown)} (there are {', '.join(BENCHMARKS)})")
    return options


def _sum_up(reports: dict[str, Report], seconds: float) -> int:
    figures = [figure for report in reports.values() for figure in report.figures]
    judged = [figure for figure in figures if figure.target]
    missed = [
        f"{name}: {figure.name}"
        for name, report in reports.items()
        for figure in report.figures
        if figure.verdict == "missed"
    ]
    faults = sum(len(report.faults) for report in reports.values())
    print(
        f"\n{len(judged) - len(missed)} of {len(judged)} targets met, {faults} faults,"
        f" {seconds:.0f} s"
    )
    for line in missed:
        print(f"  missed  {line}")
    if faults:
        return 2
    return 1 if missed else 0


def _machine() -> str:
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} processors, {platform.system()} {platform.machine()},"
        f" Python {platform.python_version()}, load {load:.1f} before the start"
    )


def _as_json(reports: dict[str, Report], quick: bool) -> dict[str, Any]:
    return {
        "machine": _machine(),
        "quick": quick,
        "benchmarks": {
            name: {
                "figures": [figure.as_json() for figure in report.figures],
                "notes": report.notes,
                "faults": report.faults,
            }
            for name, report in reports.items()
        },
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
