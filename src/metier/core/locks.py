"""One writer at a time to an expert's store, across processes."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from metier.core.errors import InputError

_LOOK_AGAIN = 0.05  # seconds between two looks at a lock that another holds


@contextmanager
def exclusive(path: Path, patience: float = 0.0) -> Iterator[None]:
    """Hold the lock file of whoever writes to an expert's store. Raises `InputError` if another still holds it after
    `patience` seconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + patience
    with path.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise InputError(
                        "another sync is running on this expert",
                        where=str(path.parent),
                        hint="Wait until it is done.",
                    ) from None
            time.sleep(_LOOK_AGAIN)
        yield
