"""Syncs while questions are answered: the server's own, one at a time, and what other processes did.

Each document that is committed is found at once; nothing has to be started again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metier.core.errors import MetierError
from metier.expert import Expert
from metier.state.postgres_state import PostgresState

if TYPE_CHECKING:  # importing it takes time that a server which never syncs does not need
    from metier.ingestion.work import SyncProgress, SyncReport

log = logging.getLogger(__name__)
_LOOK_AGAIN = 1.0  # seconds between two looks at whether another process has synced
_GRACE_SECONDS = 20  # that a sync has to end in, once the server is told to stop
_UNKNOWN = "something went wrong in the server; its log says more"


@dataclass(frozen=True, slots=True)
class SyncState:
    """`progress`: None until the first item is done. `report` or `problem`: of the last one that ended here, if any."""

    is_running: bool = False
    progress: SyncProgress | None = None
    report: SyncReport | None = None
    problem: str = ""


class _Stopped(Exception):
    """The server ends; what was committed is kept, and the next sync does the rest."""


class Syncing:
    """`open` before it is used and `close` before the expert is."""

    def __init__(self, expert: Expert) -> None:
        self._expert = expert
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._state = SyncState()
        self._threads: list[threading.Thread] = []
        shared = isinstance(expert.runtime.state, PostgresState)
        self._seen = None if shared else self._written()  # what another machine synced before may be unknown here

    @property
    def state(self) -> SyncState:
        return self._state

    def open(self) -> None:
        self._begin(self._follow, "metier-follow")
        if self._expert.settings.sync.watch:
            self._begin(self._watch, "metier-watch")

    def close(self) -> None:
        """A sync that runs ends after the documents it is at; it is waited for, but not for ever."""
        self._ending.set()
        for thread in self._threads:
            thread.join(_GRACE_SECONDS)

    def start(self, *, retry: bool = False, allow_empty: bool = False) -> bool:
        """Sync in a thread, with the sources as they stand in metier.toml now. False where one runs already.
        `retry`, `allow_empty`: as in `Expert.sync`."""
        with self._lock:
            if not self._may_begin():
                return False
            self._begin(lambda: self._run(retry, allow_empty), "metier-sync")
        return True

    def _may_begin(self) -> bool:
        """Whether none runs; then one does. The caller holds the lock."""
        if self._state.is_running or self._ending.is_set():
            return False
        self._state = SyncState(is_running=True)
        return True

    def _watch(self) -> None:
        from metier.services.watching import watch

        def sync(only: Collection[str] | None) -> SyncReport | None:
            with self._lock:
                if not self._may_begin():
                    return None
            self._run(only=only)
            return self._state.report

        try:
            watch(self._expert.runtime, sync, self._ending, lambda ended: log.debug("watched: %s", ended))
        except Exception:
            log.exception("sources are not watched any more")

    def _begin(self, work: Callable[[], None], name: str) -> None:
        thread = threading.Thread(target=work, name=name, daemon=True)
        self._threads = [*filter(threading.Thread.is_alive, self._threads), thread]
        thread.start()

    def _run(self, retry: bool = False, allow_empty: bool = False, only: Collection[str] | None = None) -> None:
        ended = SyncState()
        try:
            self._expert.runtime.reload_sources()
            report = self._expert.sync(retry=retry, allow_empty=allow_empty, only=only, on_progress=self._tell)
            ended = SyncState(report=report)
            self._seen = self._written()
            self._expert.runtime.retriever.refresh()
        except _Stopped:
            pass
        except MetierError as error:
            ended = SyncState(problem=error.message)
        except Exception:
            log.exception("a sync failed")
            ended = SyncState(problem=_UNKNOWN)
        finally:
            self._state = ended

    def _tell(self, progress: SyncProgress) -> None:
        if self._ending.is_set():
            raise _Stopped
        self._state = SyncState(is_running=True, progress=progress)

    def _follow(self) -> None:
        told = ""
        while not self._ending.wait(_LOOK_AGAIN):
            if self._state.is_running:
                continue
            try:
                if (written := self._written()) != self._seen:
                    self._expert.runtime.follow()
                    self._seen = written
            except MetierError as error:
                if str(error) != told:  # an index of another embedder stays unseen until the server starts again
                    log.warning("what another process synced is not seen yet: %s", error)
                told = str(error)

    def _written(self) -> tuple[int, str]:
        """How many syncs have ended, in this process or another, and when what was known before was forgotten."""
        runtime = self._expert.runtime
        with runtime.catalog() as catalog:
            return catalog.ended(), runtime.store.written() if runtime.is_built("store") else ""
