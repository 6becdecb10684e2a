"""A process that answers questions in one mode and prints the most memory it took, in MiB.

echo "How tight are the bolts?" | python -m metier.memory_probe EXPERT MODE ADAPTER
"""

from __future__ import annotations

import sys
from pathlib import Path

from metier.expert import Expert

_STATUS = Path("/proc/self/status")  # getrusage would count what the parent had when it started this one
_KIB_PER_MIB = 1024


def peak_mb() -> float:
    """Peak resident memory of this process."""
    for line in _STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / _KIB_PER_MIB
    raise OSError(f"{_STATUS} does not tell")


def main() -> None:
    folder, mode, adapter = sys.argv[1:]
    with Expert.open(folder) as expert:
        for question in sys.stdin.read().splitlines():
            expert.ask(
                question, mode=mode, adapter=adapter or None, fresh=True
            )  # so that it counts as no one's question
        print(peak_mb())


if __name__ == "__main__":
    main()
