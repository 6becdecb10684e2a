"""One process at a time, by a lock file. A lock ends with the process that holds it, also where that is killed.

Beside the lock file stands who holds it (`sync.lock.json`), so that whoever waits in vain is told.
"""

from __future__ import annotations

import json
import os
import shlex
import socket
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from metier.core.atomic import write_text
from metier.core.disk import writing_to
from metier.core.errors import InputError
from metier.core.permissions import file_mode, make_state_folder

Check = Callable[[], None]
SYNCING = "another sync is running on this expert"
_LOOK_AGAIN = 0.05  # seconds between two looks at a lock that another holds
_SHOWN = 80  # characters of a command


@contextmanager
def exclusive(path: Path, patience: float = 0.0, busy: str = SYNCING) -> Iterator[Check]:
    """Hold the lock file at `path`. Gives what raises where it is held no more, which no file's is. Raises `InputError`
    (that `busy`, and by whom) if another still holds it after `patience` seconds, -1 = wait until it is free;
    `Unwritable` where the disk is full or read-only."""
    from filelock import FileLock, Timeout

    note = path.with_name(f"{path.name}.json")
    with writing_to(path.parent):
        make_state_folder(path.parent)
        lock = FileLock(path, mode=file_mode(path))
        try:
            lock.acquire(timeout=patience, poll_interval=_LOOK_AGAIN)
        except Timeout:
            raise InputError(f"{busy}{_holder(note)}", where=str(path.parent), hint="Wait until it is done.") from None
    try:
        with suppress(OSError):  # a full disk; what is done under the lock says so
            write_text(note, json.dumps(this_process()))
        yield lambda: None
    finally:
        with suppress(OSError):
            note.unlink()
        lock.release()


def shortened(command: Sequence[str]) -> str:
    """A command in a line of at most 80 characters."""
    return textwrap.shorten(shlex.join(command), _SHOWN, placeholder=" …")


def this_process() -> dict[str, str | int]:
    """As whoever waits for it is told of it, by `named`."""
    now = datetime.now().astimezone().isoformat(" ", "seconds")
    return {
        "pid": os.getpid(),
        "command": shortened([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "host": socket.gethostname(),
        "since": now,
    }


def named(process: Mapping[str, object]) -> str:
    """A process as the rest of a sentence."""
    return f": `{process['command']}`, process {process['pid']} on {process['host']}, since {process['since']}"


def _holder(note: Path) -> str:
    """Who holds the lock, as the rest of a sentence; "" where nobody has said."""
    try:
        return named(json.loads(note.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return ""
