"""What processes cost: CPU seconds and memory, read from /proc."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """The process and everything below it that is alive."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            fields = _stat(int(entry.name))
            if fields:
                children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [pid]
    for parent in found:
        found += children.get(parent, ())
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """CPU time that the processes have used, ended children of theirs included."""
    return sum(sum(map(int, _stat(pid)[11:15])) for pid in pids if _stat(pid)) / _TICKS


def pss_bytes(pids: Iterable[int]) -> int:
    """Memory with shared pages counted in parts, so that a sum over processes is right."""
    return sum(_kilobytes(f"/proc/{pid}/smaps_rollup", "Pss:") for pid in pids) * 1024


def rss_bytes(pids: Iterable[int]) -> int:
    """Resident memory, shared pages counted in full for each process."""
    return sum(_kilobytes(f"/proc/{pid}/status", "VmRSS:") for pid in pids) * 1024


def _stat(pid: int) -> list[str]:
    """The fields after the process's name; none when it is gone or a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return []
    fields = text.rpartition(")")[2].split()
    return [] if fields[0] == "Z" else fields


def _kilobytes(path: str, name: str) -> int:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(name)), 0)
