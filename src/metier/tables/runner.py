"""Queries run in a process of their own, which is ended when one takes too long."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from metier.core.errors import MetierError
from metier.parsing.core.protocol import Message, pipes_of, receive, send

_SECONDS = 5.0
_GRACE = 2.0  # seconds beyond them, for a query that does not look at the clock
_ROWS, _BYTES = 10_000, 4_000_000
_ANSWER = 64 << 20  # bytes of one answer of the process, as JSON
_MEMORY = 1 << 30
_KEPT = (
    "PATH",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "PYTHONPATH",
    "PYTHONHOME",
    "VIRTUAL_ENV",
    "LD_LIBRARY_PATH",
    "SYSTEMROOT",
)


class QueryError(MetierError):
    """A query that cannot be run, in SQLite's words."""


@dataclass(frozen=True, slots=True)
class Result:
    """`cut`: there would have been more rows."""

    names: tuple[str, ...]
    rows: tuple[tuple[float | int | str | None, ...], ...]
    cut: bool


class QueryRunner:
    """Runs SQL on the file at `path`; safe to call from any thread. `seconds`: that one query may take."""

    def __init__(self, path: Path, seconds: float = _SECONDS) -> None:
        self._path, self._seconds = path, seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._file: tuple[int, int] | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        with self._lock:
            self._stop()

    def run(self, sql: str, tables: Sequence[str]) -> Result:
        """`tables`: those that it may read. Raises `QueryError`."""
        with self._lock:
            answer = self._asked({"sql": sql, "tables": list(tables)})
        if "what" in answer:
            raise QueryError(answer["what"])
        return Result(tuple(answer["names"]), tuple(map(tuple, answer["rows"])), answer["cut"])

    def _asked(self, request: Message) -> Message:
        process = self._running()
        requests, answers = pipes_of(process)
        timer = threading.Timer(self._seconds + _GRACE, process.kill)
        timer.daemon = True
        timer.start()
        answer = None
        try:
            with contextlib.suppress(BrokenPipeError):
                send(requests, request)
                answer = receive(answers, most=_ANSWER)
        finally:
            timer.cancel()
            if answer is None:
                self._stop()
        return answer or {"what": f"the query took longer than {self._seconds:g} s, or too much memory"}

    def _running(self) -> subprocess.Popen[bytes]:
        known = self._path.stat()
        file = (known.st_dev, known.st_ino)
        if self._process is not None and self._process.poll() is None and self._file == file:
            return self._process
        self._stop()
        self._file = file
        self._scratch = tempfile.TemporaryDirectory(prefix="metier-query-", ignore_cleanup_errors=True)
        environment = {name: value for name, value in os.environ.items() if name in _KEPT}
        if "PYTHONPATH" in environment:
            environment["PYTHONPATH"] = os.pathsep.join(
                map(os.path.abspath, environment["PYTHONPATH"].split(os.pathsep))
            )
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "metier.tables.worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment,
            cwd=self._scratch.name,
        )  # fmt: skip
        path = str(self._path.absolute())  # the process has a folder of its own
        limits = {"path": path, "seconds": self._seconds, "rows": _ROWS, "bytes": _BYTES, "memory": _MEMORY}
        send(pipes_of(self._process)[0], limits)
        return self._process

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for stream in pipes_of(process):
                with contextlib.suppress(OSError):
                    stream.close()
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None
