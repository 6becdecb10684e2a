"""What `--on` says: which cluster.

ray://HOST[:PORT]   the cluster whose head node is there; this machine is one of its nodes
auto                the cluster that this machine's RAY_ADDRESS names, or that runs on it
local[:N]           one of its own on this machine, with N workers (default 1), which ends with the work
"""

from __future__ import annotations

from dataclasses import dataclass

import regex

from metier.core.errors import InputError

PORT = 6379  # of the head node
CLIENT_PORT = 10001  # of Ray Client, which is not used: files would go through one process of the head node
_FORMS = "Give ray://HOST:PORT, auto, local, or local:N with N workers."
_REMOTE = regex.compile(r"ray://(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s/:@\[\]]+)(?::(?P<port>\d{1,5}))?/?")
_LOCAL = regex.compile(r"local(?::(?P<workers>\d{1,4}))?")


@dataclass(frozen=True, slots=True)
class ClusterAddress:
    """`host`, `port`: "" and 0 where none is named. `workers`: of a cluster of one's own, 0 = it is no such one."""

    host: str = ""
    port: int = 0
    workers: int = 0

    @classmethod
    def of(cls, on: str) -> ClusterAddress:
        """Raises `InputError` for what names no cluster."""
        if on == "auto":
            return cls()
        if (match := _LOCAL.fullmatch(on)) and (workers := int(match["workers"] or 1)):
            return cls(workers=workers)
        match = _REMOTE.fullmatch(on)
        port = int(match["port"] or PORT) if match else 0
        if match is None or not 0 < port < 65_536:
            raise InputError(f"{on!r} names no cluster", where="--on", hint=_FORMS)
        if port == CLIENT_PORT:
            raise InputError(
                f"port {port} is that of Ray Client, which is not used: this machine has to be a node of the cluster",
                where="--on",
                hint=f"Run metier on a node of the cluster, and give the port of its head node: "
                f"`--on ray://{match['host']}:{PORT}`.",
            )
        return cls(match["host"].strip("[]"), port)

    def __str__(self) -> str:
        if self.workers:
            return f"local:{self.workers}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"ray://{host}:{self.port}" if host else "auto"

    @property
    def for_ray(self) -> str:
        """As `ray.init` takes it."""
        return "local" if self.workers else f"{self.host}:{self.port}" if self.host else "auto"
