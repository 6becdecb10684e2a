"""Whether an index on object storage can be reached, and written to, by the login that is set here."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass

from metier.core.errors import DatabaseUnavailable, StoreError
from metier.core.locks import named
from metier.core.object_storage import ObjectStorage
from metier.store.lance.leases import LeaseLog
from metier.store.lance.object_files import asked, put


@dataclass(frozen=True, slots=True)
class Reach:
    """`seconds`: until the first answer; `writer`: the process that writes now, as the rest of a sentence, else ""."""

    seconds: float
    is_writable: bool
    writer: str


def reach(address: str, auth_env: str | None) -> Reach:
    """Raises `StoreError` where it cannot be read."""
    storage = ObjectStorage(address, auth_env, StoreError)
    asked(storage, lambda: storage.filesystem)
    began = time.monotonic()
    lease = LeaseLog(storage).latest()
    seconds = time.monotonic() - began
    writer = named(lease.holder) if lease is not None and lease.seconds_left > 0 else ""
    return Reach(seconds, _is_writable(storage), writer)


def _is_writable(storage: ObjectStorage) -> bool:
    """Tried, since rights can be given in many places."""
    path = f"{storage.path}/leases/probe"
    try:
        asked(storage, lambda: put(storage, path, b"metier doctor"))
    except DatabaseUnavailable:
        raise
    except StoreError:
        return False
    with suppress(StoreError, FileNotFoundError):
        asked(storage, lambda: storage.filesystem.rm_file(path))
    return True
