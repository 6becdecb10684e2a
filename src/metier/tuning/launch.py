"""`metier tune --on local:4`: the same command as four workers on this machine, as torchrun would start it.

The first has the terminal. What the others say goes to files, and is told where one of them fails. Where one ends
before its time the others are ended, too.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import regex

from metier.core.errors import InputError, MetierError, ModelError
from metier.tuning.distributed import WorkerLost, World

_ON = regex.compile(r"local(:(?P<count>\d{1,4}))?")
_PARENT = "METIER_LAUNCHER"  # process id of the one that started a worker
_ERRORS = "METIER_WORKER_ERRORS"  # folder in which a worker leaves what went wrong
_LOOK = 0.1  # seconds between two looks at the workers
_GRACE = 10.0  # seconds in which they end by themselves when one has
_TOLD = 2000  # characters of what a worker said
_RUN = "from metier.cli import main; main()"


def workers_of(on: str, gpus: int | None) -> int:
    """How many workers `--on` asks for. `gpus`: on this machine, None = there is none. Raises `InputError`."""
    match = _ON.fullmatch(on)
    if match is None:
        raise InputError(
            f"{on!r} names no workers of this machine",
            where="--on",
            hint="Write local:4 for four. Over several machines, on each: torchrun --nnodes 2 --nproc-per-node 4 "
            "--rdzv-backend c10d --rdzv-endpoint HOST:29400 --no-python metier tune",
        )
    count = int(match["count"]) if match["count"] else gpus
    if not count:
        raise InputError(
            "there is no GPU here, of which each worker would have one" if count is None else "0 are no workers",
            where="--on",
            hint="Write local:2 for two workers on the CPU.",
        )
    return count


def run(workers: int, arguments: Sequence[str]) -> int:
    """Run `metier ARGUMENTS` as so many workers; returns the exit code. Raises `ModelError` where one failed and the
    first has not told why."""
    with tempfile.TemporaryDirectory(prefix="metier-workers-") as place:
        folder = Path(place)
        environments = enumerate(_environments(workers, folder))
        processes = [_start(rank, arguments, folder, environment) for rank, environment in environments]
        try:
            failed = _failed(processes)
        except BaseException:
            _end(processes, _GRACE)  # Ctrl-C has reached them, too
            raise
        _end(processes, _GRACE)
        _raise_why(failed, workers, folder)
    return max(process.returncode for process in processes)


def _environments(workers: int, folder: Path) -> list[dict[str, str]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    threads = os.environ.get("OMP_NUM_THREADS") or str(max(1, (os.cpu_count() or 1) // workers))
    common = {
        "WORLD_SIZE": str(workers), "LOCAL_WORLD_SIZE": str(workers), "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port), "OMP_NUM_THREADS": threads, _PARENT: str(os.getpid()), _ERRORS: str(folder),
    }  # fmt: skip
    return [os.environ | common | {"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(workers)]


def _start(
    rank: int, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", _RUN, *arguments]
    if rank == 0:
        return subprocess.Popen(command, env=environment)  # noqa: S603  # this program, with the words it was given
    with (folder / f"{rank}.log").open("wb") as log:
        return subprocess.Popen(  # noqa: S603  # as above
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log
        )


def _failed(processes: Sequence[subprocess.Popen[bytes]]) -> dict[int, int]:
    """Wait until one has failed, or all are done. The exit codes of those that failed first, by rank."""
    while True:
        codes = {rank: process.poll() for rank, process in enumerate(processes)}
        failed = {rank: code for rank, code in codes.items() if code}
        if failed or None not in codes.values():
            return failed
        time.sleep(_LOOK)


def _end(processes: Sequence[subprocess.Popen[bytes]], patience: float) -> None:
    """Give them time to say what is wrong, then end them. None is left afterwards."""
    until = time.monotonic() + patience
    for process in processes:
        for end in (None, process.terminate, process.kill):
            if end is not None:
                end()
            with suppress(subprocess.TimeoutExpired):
                # One that is killed may take long to give its memory back, and then it is over.
                process.wait(None if end == process.kill else max(1.0, until - time.monotonic()))
                break


def _raise_why(failed: Mapping[int, int], workers: int, folder: Path) -> None:
    """Say why a run failed, where the first worker has not."""
    told = {rank: path.read_text("utf-8") for rank in range(workers) if (path := folder / str(rank)).exists()}
    if not failed or 0 in told:
        return
    for rank, why in told.items():
        raise ModelError(f"worker {rank} of {workers} failed: {why}")
    for rank, code in failed.items():
        if code < 0:
            raise ModelError(
                f"worker {rank} of {workers} was killed ({signal.Signals(-code).name})",
                hint="Where memory ran out, fewer workers or a smaller `[tuning] micro_tokens` help. "
                "`metier tune --resume` goes on from the last checkpoint, with as many workers or others.",
            )
        log = folder / f"{rank}.log"
        if log.exists() and (said := log.read_text("utf-8", errors="replace").strip()):
            raise ModelError(f"worker {rank} of {workers} failed: {said[-_TOLD:]}")


def is_launched() -> bool:
    """Whether this process is a worker that `run` started."""
    return _PARENT in os.environ


def end_with_launcher() -> None:
    """End this worker when the one that started it is gone, however that ended."""
    parent = int(os.environ[_PARENT])

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, name="launcher", daemon=True).start()


def leave(world: World, error: MetierError) -> None:
    """Leave what went wrong for the one that started this worker. That another was lost is no reason."""
    if is_launched() and not isinstance(error, WorkerLost):
        (Path(os.environ[_ERRORS]) / str(world.rank)).write_text(error.message, encoding="utf-8")
