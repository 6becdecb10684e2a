"""Indexes of one address on object storage, which many machines read and one at a time writes to.

    leases/…           who may write, and which folder is in use
    1796009600000…/    an index: its tables, and the small files beside them; named by when it was begun

No lock tells who reads on which machine. So a folder that went out of use is kept for an hour, and so are LanceDB's
versions of a table: whoever began to read before goes on, and looks again much sooner.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from metier.core.errors import SettingsError, StoreError
from metier.core.object_storage import SCHEMES, ObjectStorage
from metier.core.storage_settings import check_expert
from metier.store.lance.files import StoreFiles
from metier.store.lance.import_lancedb import import_lancedb
from metier.store.lance.leases import HeldLease, Lease, LeaseLog, take
from metier.store.lance.object_files import ObjectFiles, asked

_KEPT = 3600.0  # seconds for which a folder that went out of use may be read
_PATIENCE = 2.0  # seconds to wait for another writer
_LOOK_AGAIN = 5.0  # seconds between two looks at who wrote


class SharedGenerations:
    """See `metier.store.lance.generations.Generations`. `cache`: a folder of this machine for what is mapped into
    memory; `expert`: whose indexes these are, "" where nobody says. Raises `SettingsError`, `StoreError`."""

    is_shared = True

    def __init__(self, address: str, auth_env: str | None, cache: Path, expert: str = "") -> None:
        scheme = address.partition("://")[0]
        if scheme not in (*SCHEMES, "file"):
            known = ", ".join(f"{each}://" for each in SCHEMES)
            raise SettingsError(
                "is no place for a store",
                where=address,
                hint=f"There are postgresql://user@host/database, object storage ({known}) and folders (file://).",
            )
        self._storage, self._cache = ObjectStorage(address, auth_env, StoreError), cache
        self._log, self._expert = LeaseLog(self._storage), expert
        self._session: Any = import_lancedb().Session()
        self._seen = ""  # state of the log as of which this store was read
        self._looked: tuple[float, str] = (-_LOOK_AGAIN, "")
        self._taking = threading.Lock()
        self._held: HeldLease | None = None
        self._users = 0
        self._built: set[str] = set()

    @property
    def address(self) -> str:
        return self._storage.address

    def enter(self) -> tuple[StoreFiles, Callable[[], None]]:
        lease = self._latest()
        self._seen = lease.state
        return self._files(lease.folder), _nothing_held

    def begin(self) -> tuple[StoreFiles, Callable[[], None]]:
        self._latest()
        name = _new_name()
        self._built.add(name)
        return self._files(name), _nothing_held

    def again(self, files: StoreFiles) -> tuple[StoreFiles, Callable[[], None]]:
        return self._files(_name(files)), _nothing_held

    def publish(self, files: StoreFiles) -> None:
        with self.writing():
            if self._held is not None:
                self._held.publish(_name(files))
            self._built.discard(_name(files))
            self.clear()

    def clear(self, *, at_once: bool = False) -> None:
        """Remove indexes that went out of use, and what a killed rebuild left, an hour after, or now. Whoever may
        write calls this."""
        if self._held is None:
            return
        lease, now = self._held.lease, time.time()
        found = asked(self._storage, lambda: self._storage.filesystem.ls(self._storage.path, detail=False))
        for path in found:
            name = path.rstrip("/").rsplit("/", 1)[-1]
            if not name.isdigit() or name == lease.folder or name in self._built:
                continue
            if at_once or now - lease.retired.get(name, int(name) / 1e9) > _KEPT:
                self._remove(path)

    def _remove(self, path: str) -> None:
        with suppress(FileNotFoundError):
            asked(self._storage, lambda: self._storage.filesystem.rm(path, recursive=True))

    def written(self) -> str:
        """Another text when somebody began or ended to write; looked at every few seconds."""
        at, state = self._looked
        if time.monotonic() - at >= _LOOK_AGAIN:
            state = self._latest().state
            self._looked = (time.monotonic(), state)
        return state

    @contextmanager
    def writing(self) -> Iterator[bool]:
        """Whether another has written since this store was read. Raises `InputError` where another writes, `StoreError`
        where this process has lost its lease."""
        with self._taking:
            is_behind = False
            if self._held is None:
                self._held, before = take(self._log, _PATIENCE, self.address)
                is_behind = before.state != self._seen or not before.is_over
                if not before.is_over:
                    self._fence(before)
            self._users += 1
            held = self._held
        try:
            held.check()
            yield is_behind
        finally:
            with self._taking:
                self._users -= 1
                if not self._users:
                    held.end()
                    self._seen, self._held = held.lease.state, None

    def _fence(self, lost: Lease) -> None:
        """Let no commit of whoever held the lease that was lost stand that has not yet been made."""
        files = self._files(lost.folder)
        try:
            database = files.connect()
            for name in database.list_tables().tables:
                table = database.open_table(name)
                table.checkout(table.version)
                table.restore()
        except BaseException as error:
            if self._held is not None:
                self._held.end(is_clean=False)
                self._held = None
            if isinstance(error, OSError | RuntimeError | ValueError):
                raise files.problem(error) from None
            raise

    def _latest(self) -> Lease:
        """The lease in force; the first one, with the name of a folder to come, where there is none."""
        while (found := self._log.latest()) is None:
            first = Lease(1, _new_name(), renewed=time.time(), expert=self._expert)
            if self._log.add(first) and self._log.add(replace(first, renewed=0.0)):
                raise StoreError(
                    "does not honour conditional writes (If-None-Match), by which writers exclude each other",
                    where=self.address,
                    hint='Use storage that does, or [store] backend = "postgres".',
                )
        check_expert(found.expert, self._expert, "store", self.address)
        return found

    def _files(self, name: str) -> ObjectFiles:
        return ObjectFiles(self._storage, name, self._cache, self._session)


def _nothing_held() -> None:
    pass


def _new_name() -> str:
    return str(time.time_ns())


def _name(files: StoreFiles) -> str:
    if not isinstance(files, ObjectFiles):
        raise StoreError("is not on object storage", where=files.address)
    return files.name
