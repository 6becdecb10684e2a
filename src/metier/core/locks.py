"""One process at a time, by a lock file. A lock ends with the process that holds it, also where that is killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from metier.core.errors import InputError

SYNCING = "another sync is running on this expert"
_LOOK_AGAIN = 0.05  # seconds between two looks at a lock that another holds


@contextmanager
def exclusive(path: Path, patience: float = 0.0, busy: str = SYNCING) -> Iterator[None]:
    """Hold the lock file at `path`. Raises `InputError` (that `busy`) if another still holds it after `patience`
    seconds; -1 = wait until it is free."""
    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=patience, poll_interval=_LOOK_AGAIN)
    except Timeout:
        raise InputError(busy, where=str(path.parent), hint="Wait until it is done.") from None
    try:
        yield
    finally:
        lock.release()
