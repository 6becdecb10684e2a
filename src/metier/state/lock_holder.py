"""Which process has locked a file of SQLite, as the system knows it: on Linux; elsewhere nobody says."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from metier.core.locks import shortened

_LOCKS = Path("/proc/locks")  # 1: POSIX  ADVISORY  WRITE 4711 fd:01:2883745 120 120
_STARTED = 19  # field of /proc/PID/stat behind the command: clock ticks since the machine started


def holder(path: Path) -> str:
    """ "`sqlite3 catalog.sqlite`, process 4711, which runs since 12:03:04"; "" where it is not known."""
    return " and ".join(map(_described, sorted(set(_processes(path)))))


def _processes(path: Path) -> Iterator[int]:
    """Who may write to the file at `path`, whose readers' locks stand in the same places."""
    files = set()
    for file in (path, path.with_name(f"{path.name}-shm")):
        with suppress(OSError):
            files.add(str(file.stat().st_ino))
    with suppress(OSError, ValueError, IndexError):
        for line in _LOCKS.read_text(encoding="ascii").splitlines():
            words = line.split()
            if words[1] == "->" or words[3] != "WRITE" or words[5].rpartition(":")[2] not in files:
                continue
            if _has_open(int(words[4]), path):
                yield int(words[4])


def _has_open(process: int, path: Path) -> bool:
    """Inodes repeat on other disks. Who may not look is told what the list says."""
    try:
        opened = os.listdir(f"/proc/{process}/fd")
    except OSError:
        return process > 0
    names = {str(path.resolve()), str(path.resolve().with_name(f"{path.name}-shm"))}
    return any(_link(f"/proc/{process}/fd/{name}") in names for name in opened)


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _described(process: int) -> str:
    command, since = "", ""
    with suppress(OSError, ValueError, IndexError):
        folder = Path(f"/proc/{process}")
        words = folder.joinpath("cmdline").read_bytes().decode("utf-8", "replace").rstrip("\0").split("\0")
        command = f"`{shortened([Path(words[0]).name, *words[1:]])}`, "
        ticks = int(folder.joinpath("stat").read_text(encoding="utf-8").rpartition(")")[2].split()[_STARTED])
        up = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
        started = time.time() - up + ticks / os.sysconf("SC_CLK_TCK")
        since = f", which runs since {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(started))}"
    return f"{command}process {process}{since}"
