"""Memory of the processes that a process starts, looked at ten times a second (Linux; elsewhere 0)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

INTERVAL_SECONDS = 0.1


def peak_workers_mb(process: subprocess.Popen) -> float:
    """Wait for `process` to end; the highest sum, in MiB, of its descendants' resident memory.

    A descendant counts from the second look on: one that is about to exec still shows its parent's memory.
    """
    peak, known = 0, set()
    while True:
        try:
            process.wait(INTERVAL_SECONDS)
            return peak * os.sysconf("SC_PAGE_SIZE") / 2**20
        except subprocess.TimeoutExpired:
            workers = descendants(process.pid)
            peak = max(peak, sum(resident_pages(pid) for pid in workers & known))
            known = workers


def descendants(pid: int) -> set[int]:
    found: set[int] = set()
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            direct = {int(child) for child in children.read_text().split()}
        except OSError:
            continue  # the thread has ended
        found |= direct.union(*(descendants(child) for child in direct))
    return found


def resident_pages(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0  # has ended
