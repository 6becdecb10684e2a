"""How much memory this process holds, and how much it could still have, as Linux tells."""

from __future__ import annotations

from pathlib import Path

_STATUS = Path("/proc/self/status")
_MACHINE = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")  # of a container, version 2
_KIB = 1024


def has_room_for_as_much_again() -> bool:
    """Whether what this process holds would fit into the memory a second time. False where nothing tells."""
    try:
        return free_bytes() > held_bytes()
    except (OSError, ValueError):
        return False


def held_bytes() -> int:
    return _line(_STATUS, "VmRSS:")


def free_bytes() -> int:
    """What the machine has left, and what a container's limit leaves of it."""
    free = _line(_MACHINE, "MemAvailable:")
    try:
        most, used = ((_GROUP / name).read_text(encoding="ascii").strip() for name in ("memory.max", "memory.current"))
    except OSError:
        return free  # no container, or one without a limit
    if most == "max":
        return free
    return min(free, int(most) - int(used) + _reclaimable())


def _reclaimable() -> int:
    """Files in memory that can be read again, which count as used."""
    for line in (_GROUP / "memory.stat").read_text(encoding="ascii").splitlines():
        if line.startswith("inactive_file "):
            return int(line.split()[1])
    return 0


def _line(path: Path, name: str) -> int:
    for line in path.read_text(encoding="ascii").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * _KIB
    raise ValueError(f"{path} does not tell {name}")
