"""Syncs by themselves: at once where a file changed, else when a source's time has come.

    a file in a folder of the sources changes    the files of all sources are looked at, as soon as it is quiet again
    `[[sources]] every`, else `[sync] every`     that source is looked at; files, too: a network share tells no changes
    an item, or a source, was out of reach       it is tried again, later and later
    metier.toml changes                          everything is looked at, with the sources as they stand there now

Files are watched from before the first sync, so that nothing is missed while one runs.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from metier.core.errors import MetierError, SettingsError
from metier.core.intervals import seconds_of
from metier.core.settings import FILE_NAME, Settings
from metier.core.source_paths import is_glob

if TYPE_CHECKING:
    from metier.ingestion.work import SyncReport
    from metier.runtime import Runtime

log = logging.getLogger(__name__)
_TICK = 500  # milliseconds between two looks at the clock
_PATIENCE = 10  # times as long as it should be quiet, after which a sync begins although it is not
_SOONEST, _LATEST = 15.0, 3600.0  # seconds until a sync that did not come about is tried again
Sync = Callable[[Collection[str] | None], "SyncReport | None"]  # None: it did not come about, which is told already
Hear = Callable[["SyncReport | MetierError"], None]


@dataclass(slots=True)
class Schedule:
    """When sources are looked at; times are of `time.monotonic`. `due`: of each source by its name. `again`: when all
    are, because something failed, None = nothing did."""

    settings: Settings
    due: dict[str, float] = field(default_factory=dict)
    again: float | None = None
    failures: int = 0

    def names(self, now: float) -> list[str] | None:
        """The sources whose time has come; None = look at all of them."""
        if self.again is not None and now >= self.again:
            return None
        return [each.name for each in self.settings.sources if now >= self.due.get(each.name, 0.0)]

    def looked(self, names: Collection[str] | None, report: SyncReport | None, now: float) -> None:
        """A sync of these sources has ended. `report`: None where it failed as a whole."""
        for each in self.settings.sources:
            if names is None or each.name in names:
                self.due[each.name] = now + seconds_of(each.every or self.settings.sync.every)
        failed = report is None or bool(report.unreachable)
        if names is None or failed:
            self.failures = self.failures + 1 if failed else 0
        waits = [min(_LATEST, _SOONEST * 2 ** (self.failures - 1))] if failed else []
        if report is not None and report.next_try:
            waits.append((datetime.fromisoformat(report.next_try) - datetime.now(UTC)).total_seconds())
        self.again = now + max(1.0, min(waits)) if waits else None


def watch(runtime: Runtime, sync: Sync, stop: threading.Event, hear: Hear) -> None:
    """Until `stop` is set. `sync`: looks at these sources, None = all; `hear`: is told how each one ended. Raises
    `SettingsError` where metier.toml is wrong at the start; later, what it said before holds."""
    schedule, names = Schedule(runtime.settings), None
    while not stop.is_set():
        written, there = _stamp(runtime.folder / FILE_NAME), _roots_there(runtime)
        with closing(_changes(runtime.folder, runtime.settings, stop)) as changes:
            next(changes)  # from here on nothing is missed
            while not stop.is_set():
                if names is None or names:
                    report = _synced(sync, names, hear)
                    schedule.looked(names, report, time.monotonic())
                if next(changes):
                    names = [each.name for each in runtime.settings.sources if each.path is not None]
                else:
                    names = schedule.names(time.monotonic())
                if _stamp(runtime.folder / FILE_NAME) != written or _roots_there(runtime) != there:
                    names = None
                    break
        if not stop.is_set():
            try:
                runtime.reload_sources()
            except SettingsError as error:
                hear(error)
            schedule = Schedule(runtime.settings, schedule.due, schedule.again, schedule.failures)


def _synced(sync: Sync, names: Collection[str] | None, hear: Hear) -> SyncReport | None:
    try:
        report = sync(names)
    except MetierError as error:
        hear(error)
        return None
    if report is not None:
        hear(report)
    return report


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _roots(folder: Path, settings: Settings) -> list[Path]:
    return list(dict.fromkeys(_root(folder, each.path) for each in settings.sources if each.path is not None))


def _roots_there(runtime: Runtime) -> list[int | None]:
    """Changes where a folder came, as by a mount, or another is in its place."""
    stamps = (_stamp(root) for root in _roots(runtime.folder, runtime.settings) if root.is_dir())
    return [stamp[-1] for stamp in stamps if stamp is not None]


def _changes(folder: Path, settings: Settings, stop: threading.Event) -> Generator[bool, None, None]:
    """Whether files of the sources changed, again and again, every half second where none did."""
    there = [root for root in _roots(folder, settings) if root.exists()]
    if there:
        try:
            yield from _told_of(there, settings, stop)
        except (OSError, RuntimeError) as error:  # the system has a limit on what is watched
            log.warning(
                "Files are not watched (%s); they are looked at every %s, as [sync] every says",
                getattr(error, "strerror", None) or error, settings.sync.every,
            )  # fmt: skip
    while True:
        yield False
        stop.wait(_TICK / 1000)


def _told_of(there: list[Path], settings: Settings, stop: threading.Event) -> Iterator[bool]:
    """What the system says of changes below these."""
    from watchfiles import watch as watch_files

    def is_of_a_source(_change: object, path: str) -> bool:
        below = next((os.path.relpath(path, root) for root in there if Path(path).is_relative_to(root)), "")
        return not any(part.startswith(".") and part != "." for part in Path(below).parts)

    quiet = round(1000 * seconds_of(settings.sync.quiet))
    told = watch_files(
        *there, watch_filter=is_of_a_source, debounce=_PATIENCE * quiet, step=quiet, stop_event=stop,
        rust_timeout=_TICK, yield_on_timeout=True, ignore_permission_denied=True,
    )  # fmt: skip
    yield from (bool(changes) for changes in told)


def _root(folder: Path, path: str) -> Path:
    """What is watched of a source: of a glob, what stands before its first wildcard."""
    whole = Path(os.path.abspath(folder / Path(path).expanduser()))
    parts = whole.parts
    first = next((place for place, part in enumerate(parts) if is_glob(part)), len(parts))
    return whole if whole.exists() else Path(*parts[:first])
