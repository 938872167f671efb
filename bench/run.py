"""What a benchmark is given."""

from __future__ import annotations

from dataclasses import dataclass

from bench.progress import Progress
from bench.stack import Cluster


@dataclass(frozen=True, slots=True)
class Run:
    """One run of `python -m bench`."""

    cluster: Cluster
    progress: Progress
    quick: bool

    def pick(self, full: int, quick: int) -> int:
        """A size, by how thorough this run is."""
        return quick if self.quick else full
